/**
 * Writes three checkpoints and kills itself before the n-th operation on a file during the third:
 * `kill-writer PATH N`. Run as a process by the tests.
 */
import fs from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { Tensor } from "faltung";
import { writeTraining } from "../src/checkpoint/training-file.ts";

const [path, wanted] = process.argv.slice(2);
let armed = false;
let operations = 0;

function before(): void {
  if (armed && ++operations === Number(wanted)) process.kill(process.pid, "SIGKILL");
}

/** Counts calls of a method. */
function watch(object: object, name: string): void {
  const original: unknown = Reflect.get(object, name);
  if (typeof original !== "function") throw new Error(`no ${name}`);
  Reflect.set(object, name, function (this: unknown, ...words: unknown[]): unknown {
    before();
    return Reflect.apply(original, this, words);
  });
}

const handle = await fs.open(path, "w");
const methods = Reflect.getPrototypeOf(handle);
if (methods === null) throw new Error("a file handle has no prototype");
for (const name of ["write", "writeFile", "sync"]) watch(methods, name);
await handle.close();
await fs.rm(path);
for (const name of ["open", "rename", "rm", "link", "readdir", "stat"]) watch(fs, name);
syncBuiltinESMExports();

for (const step of [1, 2, 3]) {
  armed = step === 3;
  await writeTraining(path, {
    state: {
      tensors: { "model.w": Tensor.full([5000], step) },
      progress: { epoch: 0, step, totalSteps: step, lossSum: 0, correct: 0, seen: 0 },
      schedule: {},
      recipe: {},
    },
    run: {
      options: {},
      architecture: "{}",
      preprocessing: { channels: 1, height: 1, width: 1, mean: [0], std: [1] },
      classes: ["a", "b"],
      fingerprint: "",
      history: [],
    },
  });
}
