/**
 * What the commands need of the library's machinery, as one object, so that tests can put a scripted one in its place.
 * The library is loaded when it is first asked for something: --help does not wait for it.
 */
import type {
  ChannelStatistics,
  CompileOptions,
  Dataset,
  EvaluateOptions,
  Evaluation,
  Fit,
  FitOptions,
  Module,
  Shape,
} from "faltung";

export interface Engine {
  fit(model: Module, options: FitOptions): Promise<Fit>;
  evaluate(model: Module, dataset: Dataset, options: EvaluateOptions): Promise<Evaluation>;
  predictor(model: Module, options: PredictorOptions): Promise<Predictor>;
}

export interface PredictorOptions extends CompileOptions {
  /** `[channels, height, width]` */
  readonly picture: Shape;
  readonly statistics: ChannelStatistics;
  /** Pictures at a time. */
  readonly batch: number;
}

export interface Predictor {
  /**
   * Probabilities of each class, row after row.
   * @param images bytes of at most `batch` pictures
   */
  run(images: Uint8Array): Float32Array;
  close(): void;
}

export const engine: Engine = {
  fit: async (model, options) => (await import("faltung")).fit(model, options),
  evaluate: async (model, dataset, options) => (await import("faltung")).evaluateModel(model, dataset, options),
  predictor,
};

async function predictor(model: Module, options: PredictorOptions): Promise<Predictor> {
  const { compile, normalise, softmax } = await import("faltung");
  const { picture, statistics, batch } = options;
  model.eval();
  const program = await compile(
    {
      predict: {
        inputs: { images: { shape: [batch, ...picture], dtype: "uint8" } },
        fn: ({ images }) => ({ probabilities: softmax(model.forward(normalise(images, statistics)), 1) }),
      },
    },
    options,
  );
  return {
    run(images) {
      const input = program.input("predict", "images");
      input.set(images);
      program.step("predict");
      const output = program.output("predict", "probabilities");
      const rows = (images.length / input.length) * batch;
      return Float32Array.from(output.subarray(0, (output.length / batch) * rows));
    },
    close: () => program.close(),
  };
}
