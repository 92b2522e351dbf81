import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { removeDead } from "./lock.ts";

const folder = mkdtempSync(join(tmpdir(), "faltung-lock-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("removing a dead lock", () => {
  const lock = join(folder, "lock");
  const dead = "7 here\n";

  it("removes it, and nothing if it is gone already", async () => {
    writeFileSync(lock, dead);
    await removeDead(lock, dead);
    expect(existsSync(lock)).toBe(false);
    await removeDead(lock, dead);
    expect(readdirSync(folder)).toEqual([]);
  });

  it("gives back what another process has made in its place", async () => {
    writeFileSync(lock, "8 here\n");
    await removeDead(lock, dead);
    expect(readFileSync(lock, "utf8")).toBe("8 here\n");
    expect(readdirSync(folder)).toEqual(["lock"]);
  });
});
