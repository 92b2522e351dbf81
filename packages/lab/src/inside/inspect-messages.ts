/** What the page asks of the worker that looks inside models. Plain data only. */
import type { PlainModel } from "../train/messages.ts";

export interface InspectRequest {
  readonly id: number;
  readonly model: PlainModel;
  /** The picture's bytes, planar [C, H, W]. */
  readonly picture: Uint8Array;
  /** The class that Grad-CAM and saliency explain; absent: the likeliest. */
  readonly target?: number;
  /** The layer that Grad-CAM looks at; absent: the last map. */
  readonly layer?: string;
}

export interface InspectedMap {
  readonly name: string;
  readonly type: string;
  /** [1, C, H, W] or [1, features]. */
  readonly shape: readonly number[];
  readonly data: Float32Array;
  /** For a layer of convolution, its weights [O, I, k, k], bias and geometry. */
  readonly conv?: {
    readonly weight: Float32Array;
    readonly weightShape: readonly number[];
    readonly bias: Float32Array | null;
    readonly stride: number;
    readonly padding: number;
    readonly groups: number;
  };
  /** By spatial dimension: size, jump and start of the receptive field; null: everything. */
  readonly field: readonly { readonly size: number; readonly jump: number; readonly start: number }[] | null;
}

export interface Inspection {
  readonly id: number;
  /** Normalised input, [C, H, W]. */
  readonly input: Float32Array;
  readonly probabilities: readonly number[];
  readonly target: number;
  readonly maps: readonly InspectedMap[];
  readonly saliency: Float32Array;
  readonly cam: {
    readonly layer: string;
    readonly rows: number;
    readonly cols: number;
    readonly data: Float32Array;
  } | null;
  readonly problem?: undefined;
}

export interface ActivatingRequest {
  readonly id: number;
  readonly model: PlainModel;
  readonly activating: { readonly layer: string; readonly count: number };
  /** Pictures, planar bytes, one after the other. */
  readonly pictures: Uint8Array;
}

export interface ActivatingAnswer {
  readonly id: number;
  /** For every channel, the pictures' numbers, values and places. */
  readonly channels: readonly (readonly {
    readonly picture: number;
    readonly value: number;
    readonly at: readonly number[];
  }[])[];
}

export interface InspectProblem {
  readonly id: number;
  readonly problem: string;
}
