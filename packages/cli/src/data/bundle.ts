/** What `data=` leads to: pictures for training and for judging, and a word about where they came from. */
import type { Dataset } from "faltung";

export interface DataBundle {
  /** For people: "MNIST, 60,000 + 10,000 pictures of 28×28, gray, 10 classes". */
  readonly description: string;
  readonly classes: readonly string[];
  readonly train: Dataset;
  /** Judged after every epoch. */
  readonly validation: Dataset;
  /** Where `validation` came from, in words: "the test pictures", "20% of the training pictures, by seed 0". */
  readonly validationSource: string;
  /** The data's part for a last judgement, if it has one. It is `validation` too where nothing else is. */
  readonly test?: Dataset;
  /** How pictures became what the data sets hold, so that others can be treated alike. */
  readonly geometry: Geometry;
  /** Whether left-right mirrored pictures still mean the same, as far as one can know. */
  readonly mirrorable: boolean;
  /** Pictures that were left out, and why. */
  readonly skipped: readonly BadPicture[];
}

/** Size and colour of the pictures that a network takes. */
export interface Geometry {
  readonly channels: 1 | 3;
  readonly height: number;
  readonly width: number;
}

export interface BadPicture {
  readonly path: string;
  readonly reason: string;
}

export interface DataOptions {
  /** `mnist`, `fashion`, or a folder. */
  readonly data: string;
  /** Side of the pictures in pixels; 0: decided from the data. */
  readonly imgsz: number;
  /** Share of the training pictures to judge by where the data has no part for it; 0: only where it must. */
  readonly val: number;
  readonly seed: number;
  /** Leave out pictures that cannot be read. */
  readonly skipBad: boolean;
  /** Keep decoded pictures on disk. */
  readonly cache: boolean;
  /** Take exactly this geometry, and these classes: what a trained model expects. */
  readonly expected?: { readonly geometry: Geometry; readonly classes?: readonly string[] };
  readonly signal?: AbortSignal;
  /** Called while pictures are being decoded. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Called with what the user should know but need not act on. */
  readonly onNote?: (text: string) => void;
}
