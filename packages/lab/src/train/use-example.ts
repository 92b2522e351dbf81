import type { Dataset } from "faltung";
import { useEffect, useState } from "preact/hooks";
import { loadDigits } from "../data.ts";
import type { OwnData, RunConfig } from "./messages.ts";

/** One picture of the test part, to watch while the network learns. */
export function useExample(config: RunConfig, own: OwnData | undefined, index: number): Uint8Array | undefined {
  const [data, setData] = useState<Dataset>();
  const [picture, setPicture] = useState<Uint8Array>();
  useEffect(() => {
    if (config.data === "own") return setData(undefined);
    let stale = false;
    loadDigits(config.data).then(
      ({ test }) => stale || setData(test),
      () => {}, // the worker needs them too, and says that they can't be had
    );
    return () => {
      stale = true;
    };
  }, [config.data]);
  useEffect(() => {
    if (config.data === "own") {
      if (!own) return;
      const size = own.shape.reduce((a, b) => a * b, 1);
      const i = (index * 7) % own.labels.length;
      return setPicture(own.images.slice(i * size, (i + 1) * size));
    }
    if (!data) return;
    const bytes = new Uint8Array(data.shape.reduce((a, b) => a * b, 1));
    void Promise.resolve(data.read((index * 7) % data.size, bytes)).then(() => setPicture(bytes));
  }, [data, own, index, config.data]);
  return picture;
}
