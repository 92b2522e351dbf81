/** `faltung serve` as a process with a real network: it answers, and stops cleanly. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { small } from "faltung";
import { expect, it } from "vitest";
import { RED, bundle, paint, start, temporaryFolder, until } from "../../test/support.ts";
import { writeModel } from "../checkpoint/model-file.ts";

it("answers with probabilities, and ends with 0 when it is told to stop", async () => {
  const cwd = temporaryFolder();
  const program = await bundle("main");
  await writeModel(join(cwd, "m.safetensors"), {
    module: small(3, 2),
    preprocessing: { channels: 3, height: 16, width: 16, mean: [0.5, 0.5, 0.5], std: [0.2, 0.2, 0.2] },
    classes: ["blue", "red"],
    notes: { model: "small", data: "pictures", val: 0.2, seed: 0, epoch: 1 },
  });
  const picture = new Uint8Array(await paint(RED, 20, 20));
  writeFileSync(join(cwd, "red.png"), picture);
  const running = start(
    [process.execPath, program, "serve", "model=m.safetensors", "port=0", "threads=1", "json=true"],
    {
      cwd,
    },
  );
  let out = "";
  running.child.stdout?.on("data", (text: string) => (out += text));
  await until(() => out.includes("\n"), "the server listens");
  const { url } = JSON.parse(out) as { url: string };
  const response = await fetch(`${url}predict`, {
    method: "POST",
    body: picture,
    headers: { "content-type": "image/png" },
  });
  const { results } = (await response.json()) as { results: { class: string; probability: number }[][] };
  expect(results[0].map((p) => p.class).sort()).toEqual(["blue", "red"]);
  expect(results[0].reduce((sum, p) => sum + p.probability, 0)).toBeCloseTo(1, 5);
  running.child.kill("SIGTERM");
  const { code, err } = await running.ended;
  expect([code, err]).toEqual([0, "Stopping: finishing what was accepted.\n"]);
}, 60_000);
