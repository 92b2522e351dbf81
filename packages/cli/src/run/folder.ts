/** The folder of a run: `runs/train`, `runs/train2`, … and what lies in it. */
import { mkdir, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { UserError, codeOf, reason } from "../command/errors.ts";
import { makeFolder } from "../checkpoint/atomic.ts";

export interface RunFolder {
  readonly path: string;
  readonly args: string;
  readonly results: string;
  readonly curves: string;
  readonly confusion: string;
  /** A few pictures of the data, to try the network on. */
  readonly examples: string;
  readonly best: string;
  readonly last: string;
  /** All that resuming needs. */
  readonly state: string;
}

export function runFolder(path: string): RunFolder {
  return {
    path,
    args: join(path, "args.yaml"),
    results: join(path, "results.csv"),
    curves: join(path, "results.svg"),
    confusion: join(path, "confusion_matrix.svg"),
    examples: join(path, "examples"),
    best: join(path, "weights", "best.safetensors"),
    last: join(path, "weights", "last.safetensors"),
    state: join(path, "weights", "last.state.safetensors"),
  };
}

/**
 * Makes the folder of a new run. Making it claims the name: two runs started together get two folders.
 * @param existing whether a folder that is there already may be used
 * @throws UserError if it cannot be made
 */
export async function claimRunFolder(project: string, name: string, existing: boolean): Promise<RunFolder> {
  await makeFolder(project);
  for (let n = 1; ; n++) {
    const path = join(project, n === 1 ? name : `${name}${n}`);
    try {
      await mkdir(path);
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw new UserError(`The folder ${path} cannot be made: ${reason(error)}.`);
      if (!existing) continue;
      if (!(await stat(path)).isDirectory()) throw new UserError(`${path} is a file; choose another name=.`);
    }
    await makeFolder(join(path, "weights"));
    return runFolder(path);
  }
}

/** Where run folders go unless told otherwise. */
export const PROJECT = "runs";

/**
 * The best weights of the newest run: what `model=` means where it is not given.
 * @throws UserError if there is none
 */
export async function newestModel(project: string = PROJECT): Promise<string> {
  const names = await readdir(project).catch(() => []);
  const found: { path: string; time: number }[] = [];
  for (const name of names) {
    const path = runFolder(join(project, name)).best;
    const stats = await stat(path).catch(() => undefined);
    if (stats?.isFile() === true) found.push({ path, time: stats.mtimeMs });
  }
  const newest = found.sort((a, b) => b.time - a.time)[0];
  if (newest !== undefined) return newest.path;
  throw new UserError(
    `There is no trained network in ${project}/ here. Train one with: faltung train. Or give model=FILE.safetensors`,
  );
}
