/** A network in whole numbers, calibrated on pictures as it sees them. */
import type { ChannelStatistics, Dataset, Module } from "faltung";
import type { DataBundle } from "../data/bundle.ts";

/** Pictures that ranges are found with: more change nothing that can be measured. */
export const CALIBRATION_PICTURES = 256;

/**
 * @param dataset pictures to calibrate with, best those that the network was trained on
 * @param options bits of an activation (see `quantize`); threads: 0 for all cores
 */
export async function quantizedOn(
  module: Module,
  dataset: Dataset,
  { mean, std }: ChannelStatistics,
  { bits, threads }: { readonly bits: 7 | 8; readonly threads: number },
): Promise<Module> {
  const [{ Tensor, batches }, { quantize }] = await Promise.all([import("faltung"), import("faltung/quantize")]);
  const [channels, height, width] = dataset.shape;
  const plane = height * width;
  const batch = Math.min(CALIBRATION_PICTURES, dataset.size);
  const pixels = new Float32Array(batch * channels * plane);
  for await (const { images } of batches(dataset, { batch, shuffle: true })) {
    for (let i = 0; i < pixels.length; i++) {
      const c = Math.floor(i / plane) % channels;
      pixels[i] = (images[i] / 255 - mean[c]) / std[c];
    }
    break;
  }
  const calibration = new Tensor(pixels, [batch, ...dataset.shape]);
  return quantize(module, calibration, { bits, ...(threads > 0 ? { threads } : {}) });
}

/** The pictures of some data to calibrate with: those to train on, if there are any. */
export function calibrationPart({ train, validation }: DataBundle): Dataset {
  return train.size > 0 ? train : validation;
}
