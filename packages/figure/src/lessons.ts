interface Lesson {
  readonly figure: string;
  readonly [option: string]: string;
}

type Slug =
  | "convolution"
  | "cross-correlation"
  | "deep-learning"
  | "channels"
  | "padding-stride"
  | "dilation-groups"
  | "transposed"
  | "pooling"
  | "receptive-field"
  | "backward"
  | "cnn";

/**
 * What each page of the lab's "Learn" shows while its address says nothing else. It stands here so that a link of the lab
 * is the same figure for the lab, the command and the web component.
 */
export const LESSONS: Readonly<Record<Slug, Lesson>> = {
  convolution: { figure: "continuous", f: "box", g: "decay" },
  "cross-correlation": { figure: "continuous", f: "box", g: "decay", kind: "correlation" },
  "deep-learning": { figure: "conv2d" },
  channels: { figure: "channels" },
  "padding-stride": { figure: "conv2d", padding: "1" },
  "dilation-groups": { figure: "conv2d", input: "7", dilation: "2" },
  transposed: { figure: "transposed" },
  pooling: { figure: "pool" },
  "receptive-field": { figure: "receptive" },
  backward: { figure: "backward" },
  cnn: { figure: "architecture" },
};
