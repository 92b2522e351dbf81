/** Examples may write files where they stand: each runs in a folder of its own, which goes away. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Imports a module, which runs it, with an empty folder as the current one. Type annotations are no hindrance in vitest. */
export async function runInEmptyFolder(file: string): Promise<unknown> {
  const home = process.cwd();
  const folder = mkdtempSync(join(tmpdir(), "faltung-example-"));
  process.chdir(folder);
  try {
    return await import(/* @vite-ignore */ file);
  } finally {
    process.chdir(home);
    rmSync(folder, { recursive: true, force: true });
  }
}
