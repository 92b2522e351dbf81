import { linkSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { FormatError, Random, Tensor, type TrainingState, lenet5, manualSeed, writeSafetensors } from "faltung";
import { temporaryFolder } from "../../test/support.ts";
import { UserError } from "../command/errors.ts";
import { makeFolder, removeLeftovers, writeAtomically } from "./atomic.ts";
import { type ModelFile, readModel, writeModel } from "./model-file.ts";
import { previousName, readSealed, writeSealed } from "./sealed.ts";
import { type RunRecord, readTraining, writeTraining } from "./training-file.ts";

const text = (path: string): string => readFileSync(path, "utf8");

describe("writeAtomically", () => {
  it("replaces a file and leaves nothing else behind", async () => {
    const folder = temporaryFolder();
    const path = join(folder, "a.txt");
    await writeAtomically(path, "one");
    await writeAtomically(path, [Buffer.from("tw"), Buffer.from("o")]);
    expect(text(path)).toBe("two");
    expect(readdirSync(folder)).toEqual(["a.txt"]);
  });

  it("says what is in the way, and leaves the old file whole", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "file"), "");
    await expect(writeAtomically(join(folder, "missing", "a"), "x")).rejects.toThrow(
      "a cannot be written: there is no such file or folder.",
    );
    await expect(writeAtomically(join(folder, "file", "a"), "x")).rejects.toThrow(
      "a part of the path is a file, not a folder",
    );
    await expect(makeFolder(join(folder, "file", "deep"))).rejects.toThrow(UserError);
    await expect(makeFolder("/proc/faltung/deep")).rejects.toThrow(UserError);
    mkdirSync(join(folder, "taken"));
    await expect(writeAtomically(join(folder, "taken"), "x")).rejects.toThrow("it is a folder");
    expect(readdirSync(folder).sort()).toEqual(["file", "taken"]);
  });

  it("removes what killed writers left, and not what living ones are writing", async () => {
    const folder = temporaryFolder();
    const dead = 2 ** 22 + 1; // above Linux's largest process number
    for (const name of [`a.bin.${dead}-0.tmp`, `a.bin.${process.pid}-9.tmp`, `b.bin.${dead}-0.tmp`, "a.bin"]) {
      writeFileSync(join(folder, name), "");
    }
    await removeLeftovers(join(folder, "a.bin"));
    expect(readdirSync(folder).sort()).toEqual(["a.bin", `a.bin.${process.pid}-9.tmp`, `b.bin.${dead}-0.tmp`].sort());
  });
});

describe("sealed files", () => {
  const tensors = { w: Tensor.from([1, 2, 3]), b: Tensor.scalar(4) };

  it("notice every single changed byte", async () => {
    const folder = temporaryFolder();
    const path = join(folder, "a.safetensors");
    await writeSealed(path, tensors, { "faltung.version": "1", note: "hello" });
    const whole = readFileSync(path);
    expect((await readSealed(path)).metadata.get("note")).toBe("hello");
    const unnoticed: number[] = [];
    for (let i = 0; i < whole.length; i++) {
      const broken = Buffer.from(whole);
      broken[i] ^= 1;
      writeFileSync(path, broken);
      const error: unknown = await readSealed(path).then(
        () => undefined,
        (e: unknown) => e,
      );
      if (!(error instanceof FormatError)) unnoticed.push(i);
    }
    expect(unnoticed).toEqual([]);
  });

  it("notice where they are cut", async () => {
    const folder = temporaryFolder();
    const path = join(folder, "a.safetensors");
    await writeSealed(path, tensors, {});
    const whole = readFileSync(path);
    for (let length = 0; length < whole.length; length += 7) {
      writeFileSync(path, whole.subarray(0, length));
      await expect(readSealed(path)).rejects.toThrow(FormatError);
    }
  });

  it("keep the one before, if asked", async () => {
    const folder = temporaryFolder();
    const path = join(folder, "last.state.safetensors");
    for (const n of ["1", "2", "3"]) await writeSealed(path, tensors, { n }, { keepPrevious: true });
    expect((await readSealed(path)).metadata.get("n")).toBe("3");
    expect((await readSealed(previousName(path))).metadata.get("n")).toBe("2");
    expect(readdirSync(folder).sort()).toEqual(["last.state.previous.safetensors", "last.state.safetensors"]);
  });
});

describe("keeping the one before", () => {
  it("leaves nothing behind where both names lead to one file, as after a kill between two renames", async () => {
    const folder = temporaryFolder();
    const path = join(folder, "a.safetensors");
    const write = (n: string): Promise<void> =>
      writeSealed(path, { w: Tensor.scalar(1) }, { n }, { keepPrevious: true });
    await write("1");
    linkSync(path, previousName(path));
    await write("2");
    expect(readdirSync(folder).sort()).toEqual(["a.previous.safetensors", "a.safetensors"]);
    expect((await readSealed(previousName(path))).metadata.get("n")).toBe("1");
  });
});

describe("model files", () => {
  const file = (): ModelFile => {
    manualSeed(3);
    return {
      module: lenet5(1, 4, 28),
      preprocessing: { channels: 1, height: 28, width: 28, mean: [0.13], std: [0.3] },
      classes: ["cat", "dog", "한국어", 'a"b'],
      notes: { model: "lenet5", data: "pets", val: 0, seed: 0, epoch: 2, top1: 0.9 },
    };
  };

  it("come back whole: network, weights, preprocessing, classes", async () => {
    const path = join(temporaryFolder(), "m.safetensors");
    const written = file();
    await writeModel(path, written);
    const read = await readModel(path);
    expect({ ...read, module: 0 }).toEqual({ ...written, module: 0 });
    expect(read.module.spec()).toEqual(written.module.spec());
    const [a, b] = [read.module.stateDict(), written.module.stateDict()];
    expect(Object.keys(a)).toEqual(Object.keys(b));
    for (const key of Object.keys(a)) expect(a[key].data).toEqual(b[key].data);
  });

  it("are refused where something that predictions need is missing or wrong", async () => {
    const path = join(temporaryFolder(), "m.safetensors");
    const good = {
      "faltung.version": "1",
      "faltung.architecture": '{"type":"Linear","args":[2,2]}',
      "faltung.preprocessing": '{"channels":1,"height":1,"width":2,"mean":[0],"std":[1]}',
      "faltung.classes": '["a","b"]',
      "faltung.notes": "{}",
    };
    const weights: [string, Tensor][] = [
      ["weight", Tensor.zeros([2, 2])],
      ["bias", Tensor.zeros([2])],
    ];
    const write = (change: Record<string, string>, tensors = weights): Promise<void> =>
      writeSealed(path, Object.fromEntries(tensors), { ...good, ...change });
    await write({});
    expect((await readModel(path)).module.parameterCount).toBe(6);
    const rows: [Record<string, string>, string][] = [
      [{ "faltung.version": "2" }, "it is of version 2; this release reads version 1"],
      [{ "faltung.architecture": "{" }, "architecture is not JSON"],
      [{ "faltung.architecture": '{"type":"Evil","args":[]}' }, '"Evil"'],
      [{ "faltung.architecture": '{"type":"__proto__","args":[]}' }, "__proto__"],
      [{ "faltung.classes": "[]" }, "not a list of names"],
      [{ "faltung.classes": "[1]" }, "not a list of names"],
      [{ "faltung.preprocessing": "[]" }, "does not say channels"],
      [
        { "faltung.preprocessing": '{"channels":1,"height":1e9,"width":2,"mean":[0],"std":[1]}' },
        "does not say channels",
      ],
      [
        { "faltung.preprocessing": '{"channels":3,"height":1,"width":2,"mean":[0],"std":[1]}' },
        "does not say channels",
      ],
    ];
    for (const [change, message] of rows) {
      await write(change);
      await expect(readModel(path)).rejects.toThrow(message);
    }
    await write({}, [
      ["weight", Tensor.zeros([3, 2])],
      ["bias", Tensor.zeros([2])],
    ]);
    await expect(readModel(path)).rejects.toThrow("weight: the file has [3, 2], the module [2, 2]");
    writeFileSync(path, writeSafetensors(weights, { ...good, "faltung.digest": "sha256:00" }));
    await expect(readModel(path)).rejects.toThrow("the file is damaged");
    writeFileSync(path, writeSafetensors(weights));
    await expect(readModel(path)).rejects.toThrow("holds weights without the network they belong to");
    await expect(readModel(join(path, "x"))).rejects.toThrow("a part of the path is a file");
  });
});

describe("training files", () => {
  const state: TrainingState = {
    tensors: { "model.w": Tensor.from([1, 2]), "random.counter": Tensor.scalar(7, "int32") },
    progress: { epoch: 1, step: 3, totalSteps: 9, lossSum: 0.1 + 0.2, correct: 4, seen: 12 },
    schedule: { best: 0.3 },
    recipe: { batch: 4 },
  };
  const run: RunRecord = {
    options: { epochs: 3 },
    architecture: "{}",
    preprocessing: { channels: 1, height: 2, width: 2, mean: [1 / 3], std: [0.1] },
    classes: ["a", "b"],
    fingerprint: "x",
    history: [],
  };

  it("come back bit for bit", async () => {
    const path = join(temporaryFolder(), "s.safetensors");
    const random = new Random(1);
    const tensors = {
      ...state.tensors,
      "model.v": new Tensor(
        Float32Array.from({ length: 50 }, () => random.normal()),
        [50],
      ),
    };
    await writeTraining(path, { state: { ...state, tensors }, run });
    const read = await readTraining(path, () => expect.unreachable());
    expect(read).toEqual({ state: { ...state, tensors }, run });
  });

  it("fall back to the one before, and say so", async () => {
    const path = join(temporaryFolder(), "s.safetensors");
    await writeTraining(path, { state, run });
    await writeTraining(path, { state: { ...state, progress: { ...state.progress, step: 4 } }, run });
    writeFileSync(path, readFileSync(path).subarray(0, -5));
    const said: string[] = [];
    const read = await readTraining(path, (words) => said.push(words));
    expect(read.state.progress.step).toBe(3);
    expect(said).toEqual([
      expect.stringMatching(/it is cut short\. Going on from the checkpoint before it, .*s\.previous\.safetensors\.$/),
    ]);
  });

  it("say so when there is nothing to go on from", async () => {
    const path = join(temporaryFolder(), "s.safetensors");
    await expect(readTraining(path, () => {})).rejects.toThrow("there is no run to resume");
    writeFileSync(path, writeSafetensors([]));
    await expect(readTraining(path, () => {})).rejects.toThrow("it is not the state of a run");
  });
});
