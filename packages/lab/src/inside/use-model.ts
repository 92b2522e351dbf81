/** The models that can be looked into: the last one of Train, one from a file, and the one that comes with the lab. */
import { useEffect, useState } from "preact/hooks";
import { changeQuery } from "../address.ts";
import { useApp } from "../app-context.ts";
import { readShipped } from "../data.ts";
import type { PlainModel } from "../train/messages.ts";
import { KEYS, keep, load } from "../train/store.ts";
import type { Found } from "../ui/files.ts";
import { readModelFile } from "./model-file.ts";
import { I } from "./words.ts";

export type Source = "train" | "file" | "lenet5";

export interface NamedModel {
  readonly name: string;
  readonly model: PlainModel;
}

export interface Models {
  readonly sources: Readonly<Partial<Record<Source, NamedModel>>>;
  readonly source: Source;
  /** undefined while it is loaded. */
  readonly model: PlainModel | undefined;
  readonly problem: string | undefined;
  /** Opens a file, or the best model of a run folder. */
  open(found: readonly Found[]): Promise<void>;
}

/** Of a run folder or anything else that holds models, the file to open. */
function modelAmong(found: readonly Found[]): File | undefined {
  const files = found.map((f) => f.file).filter((file) => file.name.endsWith(".safetensors"));
  const named = (name: string): File | undefined => files.find((file) => file.name === name);
  const alone = found.length === 1 && found[0].folder === "" ? found[0].file : undefined;
  return named("best.safetensors") ?? named("last.safetensors") ?? files[0] ?? alone;
}

const words = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export function useModels(): Models {
  const { address, t } = useApp();
  const [sources, setSources] = useState<Models["sources"]>();
  const [problem, setProblem] = useState<string>();
  useEffect(() => {
    const look = async (): Promise<void> => {
      const [train, file] = [await load<PlainModel>(KEYS.model), await load<NamedModel>(KEYS.opened)];
      setSources({ ...(train && { train: { name: "train", model: train } }), ...(file && { file }) });
    };
    void look();
  }, []);
  const asked = address.query["model"];
  const isThere = (source: Source): boolean => source === "lenet5" || sources?.[source] !== undefined;
  const source =
    (["train", "file", "lenet5"] as const).find((s) => s === asked && isThere(s)) ??
    (["train", "file"] as const).find(isThere) ??
    "lenet5";
  useEffect(() => {
    if (sources === undefined || source !== "lenet5" || sources.lenet5 !== undefined) return;
    const read = async (): Promise<NamedModel> => {
      const model = readModelFile(await readShipped("lenet5.safetensors"), "lenet5.safetensors");
      return { name: "LeNet-5", model };
    };
    read().then(
      (lenet5) => setSources((now) => ({ ...now, lenet5 })),
      (error: unknown) => setProblem(words(error)),
    );
  }, [sources, source]);
  const open = async (found: readonly Found[]): Promise<void> => {
    const file = modelAmong(found);
    if (file === undefined) return setProblem(t(I.noModelInFolder));
    try {
      const model = readModelFile(new Uint8Array(await file.arrayBuffer()), file.name);
      const opened: NamedModel = { name: file.name, model };
      setSources((now) => ({ ...now, file: opened }));
      setProblem(undefined);
      changeQuery({ ...NOTHING_CHOSEN, model: "file" });
      await keep({ [KEYS.opened]: opened });
    } catch (error) {
      setProblem(words(error));
    }
  };
  return { sources: sources ?? {}, source, model: sources?.[source]?.model, problem, open };
}

/** What the address says about one model means nothing for another. */
export const NOTHING_CHOSEN = {
  sample: undefined,
  class: undefined,
  cam: undefined,
  unit: undefined,
  cell: undefined,
} as const;
