/** The command with the real library: it learns, it resumes bit for bit, its files are enough to use what it learned. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { Random } from "faltung";
import sharp from "sharp";
import { type Ended, bundle, faltungProcess, start, temporaryFolder, until } from "./support.ts";

// Processes take their time on a busy machine.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 });

let program: string;
let cwd: string;

/** Stripes across, stripes down, or checks, in two colours by chance, with noise, of some size by chance. */
async function texture(kind: number, random: Random): Promise<Buffer> {
  const [width, height] = [random.below(20) + 24, random.below(20) + 24];
  const pitch = 3 + random.below(4);
  const first = [0, 1, 2].map(() => random.below(256));
  const second = first.map((v) => (v + 90 + random.below(60)) % 256);
  const data = Buffer.alloc(width * height * 3);
  for (let i = 0; i < data.length; i++) {
    const x = Math.floor(((i / 3) % width) / pitch) & 1;
    const y = Math.floor(i / 3 / width / pitch) & 1;
    const on = kind === 0 ? x ^ y : kind === 1 ? x : y;
    data[i] = Math.max(0, Math.min(255, (on === 1 ? first : second)[i % 3] + random.normal(0, 10)));
  }
  return sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}

beforeAll(async () => {
  program = await bundle("main");
  cwd = temporaryFolder();
  const random = new Random(5);
  for (const [kind, name] of ["checks", "columns", "rows"].entries()) {
    mkdirSync(join(cwd, "pictures", name), { recursive: true });
    for (let i = 0; i < 40; i++) writeFileSync(join(cwd, "pictures", name, `${i}.png`), await texture(kind, random));
  }
});

const faltung = (...words: string[]): Promise<Ended> => faltungProcess(program, words, cwd);
const file = (path: string): Buffer => readFileSync(join(cwd, path));

describe("the real thing", () => {
  it("learns from a folder of colour pictures, on any number of threads to the same bits", async () => {
    const { code, err } = await faltung("train", "data=pictures", "epochs=12", "name=whole", "threads=2");
    expect([code, err.split("\n").length]).toEqual([0, 13]);
    const rows = file("runs/whole/results.csv").toString().trimEnd().split("\n");
    const best = Math.max(...rows.slice(1).map((row) => Number(row.split(",")[5])));
    expect(best).toBeGreaterThan(0.9); // chance is a third
    expect((await faltung("train", "data=pictures", "epochs=12", "name=one", "threads=1")).code).toBe(0);
    expect(file("runs/one/weights/last.safetensors").equals(file("runs/whole/weights/last.safetensors"))).toBe(true);
  });

  it("resumes bit for bit after Ctrl-C, in the middle of an epoch or not", async () => {
    const running = start([process.execPath, program, "train", "data=pictures", "epochs=12", "name=r"], { cwd });
    await until(() => running.err().includes("epoch  2/12"), "the second epoch");
    await new Promise((resolve) => setTimeout(resolve, 40));
    running.child.kill("SIGINT");
    expect((await running.ended).code).toBe(130);
    expect((await faltung("train", "resume=runs/r")).code).toBe(0);
    for (const name of ["weights/last.safetensors", "weights/best.safetensors"]) {
      expect(file(`runs/r/${name}`).equals(file(`runs/whole/${name}`))).toBe(true);
    }
  });

  it("judges and predicts with nothing but the file", async () => {
    const model = "model=runs/whole/weights/best.safetensors";
    const { out } = await faltung("val", model, "json=true");
    const { top1, pictures } = JSON.parse(out) as { top1: number; pictures: number };
    expect(pictures).toBe(24);
    expect(top1).toBeGreaterThan(0.9);
    const predicted = await faltung("predict", model, "source=pictures", "top=1", "json=true");
    const rows = predicted.out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { path: string; predictions: { class: string }[] });
    const right = rows.filter(({ path, predictions }) => path.split("/")[1] === predictions[0].class).length;
    expect([rows.length, right > 108]).toEqual([120, true]);
  });

  it("stops at a loss that is no number", async () => {
    const { code, err } = await faltung(
      "train",
      "data=pictures",
      "lr0=1e30",
      "schedule=constant",
      "epochs=2",
      "name=nan",
    );
    expect(code).toBe(1);
    expect(err).toMatch(/error: fit: the loss is .* at epoch \d, step \d+ of \d+/);
    expect(err).toContain("No epoch was finished. Try a smaller lr0=, or clip=1.");
  });
});
