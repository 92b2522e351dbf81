/** What the page asks of the worker that looks inside models. Plain data only. */
import type { ConvGeometry, ReceptiveField } from "faltung/conv";
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

/** Feature maps, one after the other; the features of a linear layer are maps of one cell. */
export interface Planes {
  readonly shape: readonly [channels: number, rows: number, cols: number];
  readonly data: Float32Array;
}

/** What a layer makes. */
export interface InspectedMap extends Planes {
  readonly name: string;
  readonly type: string;
  /** For a layer that weighs its input, how: the weights are the model's `<name>.weight` and `<name>.bias`. */
  readonly geometry?: ConvGeometry | undefined;
  /** For such a layer, what it weighs. */
  readonly input?: Planes | undefined;
  /** By spatial dimension: size, jump and start of the receptive field; null: everything. */
  readonly field: readonly ReceptiveField[] | null;
}

export interface Inspection {
  readonly id: number;
  readonly probabilities: readonly number[];
  readonly target: number;
  readonly maps: readonly InspectedMap[];
  readonly saliency: Float32Array;
  /** null: no layer makes a map. */
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
