/**
 * A run folder belongs to one process at a time: two that train there would overwrite each other's checkpoints. The lock
 * is a file that says who holds it; one whose holder is gone (killed, or the machine went down) is taken over.
 */
import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { isAlive } from "../checkpoint/atomic.ts";
import { UserError, codeOf, reason } from "../command/errors.ts";
import type { RunFolder } from "./folder.ts";

/** How often a lock that says nothing is read again. */
const PATIENCE = 10;

/** Runs something while no other process may. @throws UserError if another one trains there */
export async function withLock<T>(folder: RunFolder, run: () => Promise<T>): Promise<T> {
  const path = join(folder.path, "lock");
  const mine = `${process.pid} ${hostname()}\n`;
  await take(path, mine, folder.path);
  try {
    return await run();
  } finally {
    await rm(path, { force: true });
  }
}

async function take(path: string, mine: string, folder: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await writeFile(path, mine, { flag: "wx" });
      return;
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw new UserError(`${path} cannot be written: ${reason(error)}.`);
    }
    const found = await readFile(path, "utf8").catch(() => "");
    const holder = /^(\d+) (.+)\n$/.exec(found);
    if (holder === null && attempt <= PATIENCE) {
      await setTimeout(20); // just released, or about to be written
      continue;
    }
    if (holder !== null) refuseIfHeld(Number(holder[1]), holder[2], path, folder);
    await removeDead(path, found);
  }
}

/** Of two processes that find a dead lock, the later one must not remove the lock that the earlier one has made since. */
export async function removeDead(path: string, dead: string): Promise<void> {
  const aside = `${path}.${process.pid}`;
  try {
    await rename(path, aside);
    if ((await readFile(aside, "utf8")) !== dead) await link(aside, path);
  } catch (error) {
    if (!["ENOENT", "EEXIST"].includes(codeOf(error) ?? ""))
      throw new UserError(`${path} cannot be removed: ${reason(error)}.`);
  } finally {
    await rm(aside, { force: true });
  }
}

function refuseIfHeld(pid: number, host: string, path: string, folder: string): void {
  const here = host === hostname();
  // Our own number on it is from a process before us (numbers begin anew in a container).
  if (here && (pid === process.pid || !isAlive(pid))) return;
  throw new UserError(
    `${folder} is in use: process ${pid}${here ? "" : ` on ${host}`} trains there. ` +
      `Wait for it, or choose another name=. If it is gone, remove ${path}.`,
  );
}
