/** What `npm ci` demands of package-lock.json, found out before a bare clone does. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ROOT } from "./lib/run.mjs";

interface Locked {
  readonly resolved?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}
const lock: { readonly packages: Readonly<Record<string, Locked>> } = JSON.parse(
  readFileSync(join(ROOT, "package-lock.json"), "utf8"),
);

it("holds every optional package, those of other platforms included", () => {
  // npm leaves out what it can't find for some platform, and then refuses its own lock.
  const missing = Object.entries(lock.packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) => !(`node_modules/${name}` in lock.packages) && !(`${path}/node_modules/${name}` in lock.packages),
    ),
  );
  expect(missing).toEqual([]);
});

it("names no registry: everybody's own is asked", () => {
  const addresses = Object.entries(lock.packages).filter(([, { resolved }]) => resolved?.includes("://"));
  expect(addresses).toEqual([]);
});
