/** Finding a Python that has PyTorch. */
import { execFile } from "node:child_process";
import { UserError, codeOf } from "../command/errors.ts";

export interface Python {
  /** What to call. */
  readonly path: string;
  /** PyTorch's version. */
  readonly version: string;
  /** GPUs that PyTorch can use. */
  readonly gpus: number;
}

const PROBE =
  "import torch, torch.distributed as d; d.is_available() or exit('it was built without torch.distributed'); " +
  "print(torch.__version__, torch.cuda.device_count() if torch.cuda.is_available() else 0)";
/** Importing PyTorch from a cold disk takes a while. */
const PATIENCE_MS = 300_000;

/** Where to look if nobody says where. Debian's own Python has Debian's PyTorch, also where another comes first. */
export const CANDIDATES: readonly string[] = ["python3", "/usr/bin/python3", "python"];

/**
 * The first of the candidates that can import torch.
 * @param wanted `python=` or FALTUNG_PYTHON: then this one and no other
 * @throws UserError saying what is wrong with each, and how to get PyTorch
 */
export async function findPython(wanted: string | undefined, signal?: AbortSignal): Promise<Python> {
  const candidates = wanted === undefined ? CANDIDATES : [wanted];
  const tried: string[] = [];
  for (const path of candidates) {
    const found = await probe(path, signal);
    if (typeof found !== "string") return found;
    tried.push(`  ${path}: ${found}`);
  }
  throw new UserError(
    [
      wanted === undefined
        ? "engine=torch needs a Python with PyTorch; none of these has it:"
        : "engine=torch needs a Python with PyTorch; this one was named:",
      ...tried,
      "Get it with: apt install python3-torch (Debian, Ubuntu), or: pip install torch",
      "Or name another Python: python=path/to/venv/bin/python, or the variable FALTUNG_PYTHON.",
    ].join("\n"),
  );
}

/** What it is, or why it will not do. */
function probe(path: string, signal: AbortSignal | undefined): Promise<Python | string> {
  return new Promise((resolve, reject) => {
    execFile(path, ["-c", PROBE], { timeout: PATIENCE_MS, signal }, (error, stdout, stderr) => {
      if (signal?.aborted) return reject(signal.reason);
      if (error === null) {
        const [, version, gpus] = /(\S+) (\d+)\s*$/.exec(stdout) ?? [];
        return resolve(version === undefined ? "it is no Python" : { path, version, gpus: Number(gpus) });
      }
      if (codeOf(error) === "ENOENT") return resolve("there is no such program");
      resolve(stderr.trim().split("\n").at(-1) || error.message);
    });
  });
}
