/** Runs the command as a process, from its sources. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "rolldown";
import sharp from "sharp";

const removeAtExit: string[] = [];
process.on("exit", () => removeAtExit.forEach((path) => rmSync(path, { recursive: true, force: true })));

const PACKAGE = fileURLToPath(new URL("..", import.meta.url));

/**
 * Bundles the command, or one of the programs beside this file, so that Node can run it, and says where it is. What npm installs stays
 * outside of the bundle.
 */
export async function bundle(name: "fake-main" | "kill-writer" | "main"): Promise<string> {
  const file = join(PACKAGE, ".cache", `${name}-${process.pid}.mjs`); // one level down, as dist/ is: it reads ../package.json
  mkdirSync(join(PACKAGE, ".cache"), { recursive: true });
  await build({
    input: join(PACKAGE, name === "main" ? "src" : "test", `${name}.ts`),
    platform: "node",
    external: ["sharp", "commander", "yaml", "tinyglobby", /^@resvg\//],
    resolve: { conditionNames: ["@faltung/source", "node", "import", "default"] },
    output: { file, format: "esm", codeSplitting: false },
    logLevel: "silent",
  });
  removeAtExit.push(file);
  return file;
}

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** What came on standard error so far. */
  err(): string;
}

export function start(
  command: readonly string[],
  options: { readonly cwd: string; readonly env?: Readonly<Record<string, string>> },
): Running {
  const [program, ...words] = command;
  const env = {
    ...process.env,
    FALTUNG_CACHE: join(options.cwd, "cache"),
    NO_COLOR: undefined,
    FORCE_COLOR: undefined,
  };
  const child = spawn(program, words, { cwd: options.cwd, env: { ...env, ...options.env } });
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, out, err }));
  });
  return { child, ended, err: () => err };
}

/** An empty folder that is removed when the tests end. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "faltung-cli-"));
  removeAtExit.push(folder);
  return folder;
}

export type Color = readonly [r: number, g: number, b: number];

export const RED: Color = [200, 0, 0];
export const BLUE: Color = [0, 0, 200];

/** A folder of two classes, blue and red, of ten pictures each. */
export async function makePictures(): Promise<string> {
  const root = join(temporaryFolder(), "pictures");
  for (const [name, color] of [
    ["blue", BLUE],
    ["red", RED],
  ] as const) {
    mkdirSync(join(root, name), { recursive: true });
    for (let i = 0; i < 10; i++) writeFileSync(join(root, name, `${i}.png`), await paint(color, 16, 16));
  }
  return root;
}

/** Runs to the end. */
export function faltungProcess(program: string, words: readonly string[], cwd: string): Promise<Ended> {
  return start([process.execPath, program, ...words], { cwd }).ended;
}

/** A picture of one colour. */
export function paint(
  color: Color,
  width: number,
  height: number,
  format: "png" | "jpeg" | "webp" | "gif" = "png",
): Promise<Buffer> {
  const [r, g, b] = color;
  return sharp({ create: { width, height, channels: 3, background: { r, g, b } } })
    .toFormat(format)
    .toBuffer();
}

/** Waits until something is true. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const end = performance.now() + 90_000;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
