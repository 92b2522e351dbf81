/** Metrics of classification, from a confusion matrix: accuracy, precision, recall, F1; and top-k from logits. */
import { DataError } from "../tensor/errors.ts";

/** `counts[actual][predicted]`: how many pictures of class `actual` were taken for class `predicted`. */
export interface ConfusionMatrix {
  readonly classes: readonly string[];
  readonly counts: readonly Uint32Array[];
}

/**
 * Counts labels against predictions.
 *
 * @throws DataError for a label or prediction that is no class.
 *
 * @example
 * ```ts
 * const m = confusionMatrix(["cat", "dog"], [0, 0, 1], [0, 1, 1]);
 * accuracy(m); // 2/3
 * ```
 */
export function confusionMatrix(
  classes: readonly string[],
  labels: ArrayLike<number>,
  predictions: ArrayLike<number>,
): ConfusionMatrix {
  if (labels.length !== predictions.length) {
    throw new DataError(`confusionMatrix: ${labels.length} labels, but ${predictions.length} predictions.`);
  }
  const counts = classes.map(() => new Uint32Array(classes.length));
  for (let i = 0; i < labels.length; i++) {
    if (!(labels[i] in counts) || !(predictions[i] in counts)) {
      throw new DataError(
        `confusionMatrix: item ${i} has label ${labels[i]} and prediction ${predictions[i]}; ` +
          `with ${classes.length} classes both lie between 0 and ${classes.length - 1}.`,
      );
    }
    counts[labels[i]][predictions[i]]++;
  }
  return { classes, counts };
}

/**
 * Share of the pictures on the diagonal, 0 to 1; NaN if there are none.
 *
 * @example
 * ```ts
 * accuracy(confusionMatrix(["cat", "dog"], [0, 0, 1, 1], [0, 1, 1, 1])); // 0.75
 * ```
 */
export function accuracy({ counts }: ConfusionMatrix): number {
  let right = 0;
  let all = 0;
  counts.forEach((row, i) => {
    right += row[i];
    for (const n of row) all += n;
  });
  return right / all;
}

export interface ClassScores {
  readonly name: string;
  /** Of those taken for this class, the share that is. 0 if none was. */
  readonly precision: number;
  /** Of those that are of this class, the share that was found. 0 if there are none. */
  readonly recall: number;
  /** Harmonic mean of both. */
  readonly f1: number;
  /** How many pictures are of this class. */
  readonly support: number;
}

/**
 * Precision, recall and F1 of every class.
 *
 * @example
 * ```ts
 * const [cat] = classScores(confusionMatrix(["cat", "dog"], [0, 0, 1, 1], [0, 1, 1, 1]));
 * cat; // { name: "cat", precision: 1, recall: 0.5, f1: 0.6666666666666666, support: 2 }
 * ```
 */
export function classScores({ classes, counts }: ConfusionMatrix): ClassScores[] {
  return classes.map((name, i) => {
    const found = counts[i][i];
    const support = counts[i].reduce((a, b) => a + b, 0);
    const taken = counts.reduce((n, row) => n + row[i], 0);
    const precision = taken === 0 ? 0 : found / taken;
    const recall = support === 0 ? 0 : found / support;
    const f1 = precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall);
    return { name, precision, recall, f1, support };
  });
}

/**
 * The unweighted mean over classes of one score: what scikit-learn calls macro average.
 *
 * @example
 * ```ts
 * const scores = classScores(confusionMatrix(["cat", "dog"], [0, 0, 1, 1], [0, 1, 1, 1]));
 * macroAverage(scores, "recall"); // 0.75
 * ```
 */
export function macroAverage(scores: readonly ClassScores[], key: "precision" | "recall" | "f1"): number {
  return scores.reduce((sum, s) => sum + s[key], 0) / scores.length;
}

/**
 * Indices of the k largest of one row of logits, the largest first; equal ones in order of index.
 *
 * @example
 * ```ts
 * topK([0.1, 0.7, 0.2], 2); // [1, 2]
 * ```
 */
export function topK(logits: ArrayLike<number>, k: number): number[] {
  return Array.from({ length: logits.length }, (_, i) => i)
    .sort((a, b) => logits[b] - logits[a] || a - b)
    .slice(0, k);
}

/** How many of `count` rows of logits [count, classes] have their label among their k largest. */
export function countTopK(logits: ArrayLike<number>, labels: ArrayLike<number>, count: number, k: number): number {
  const classes = logits.length / Math.max(1, count);
  let hits = 0;
  for (let i = 0; i < count; i++) {
    const own = logits[i * classes + labels[i]];
    let above = 0;
    for (let c = 0; c < classes; c++) {
      const z = logits[i * classes + c];
      if (z > own || (z === own && c < labels[i])) above++;
    }
    if (above < k) hits++;
  }
  return hits;
}
