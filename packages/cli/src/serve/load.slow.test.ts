/**
 * `faltung serve` with a network of ResNet-18's size, as a process of its own: what it can bear is measured first, then
 * twice that is offered. What it cannot do it refuses at once; the rest is answered in time, and its memory stays.
 */
import { join } from "node:path";
import { imagenetResnet, manualSeed } from "faltung";
import { expect, it } from "vitest";
import { RED, bundle, paint, start, temporaryFolder, until } from "../../test/support.ts";
import { writeModel } from "../checkpoint/model-file.ts";

const TIMEOUT_S = 8;
const QUEUE = 24;
/** What requests may add to the process: pictures that wait and what decodes them. */
const MEMORY = 150e6;

interface Answer {
  readonly status: number;
  readonly ms: number;
  readonly body: string;
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

it("at twice the rate that it can bear it sheds, keeps its memory, and answers the rest in time", async () => {
  const cwd = temporaryFolder();
  const program = await bundle("main");
  manualSeed(1);
  await writeModel(join(cwd, "m.safetensors"), {
    module: imagenetResnet([2, 2, 2, 2], 3, 10),
    preprocessing: { channels: 3, height: 64, width: 64, mean: [0.5, 0.5, 0.5], std: [0.2, 0.2, 0.2] },
    classes: Array.from({ length: 10 }, (_, i) => `class ${i}`),
    notes: { model: "resnet18", data: "pictures", val: 0.2, seed: 0, epoch: 1 },
  });
  const words = ["serve", "model=m.safetensors", "port=0", "threads=1", "json=true", "batch=4"];
  const limits = [`queue=${QUEUE}`, `timeout=${TIMEOUT_S}`];
  const running = start([process.execPath, program, ...words, ...limits], { cwd });
  let out = "";
  running.child.stdout?.on("data", (text: string) => (out += text));
  await until(() => out.includes("\n"), "the server listens");
  const { url } = JSON.parse(out) as { url: string };
  const picture = new Uint8Array(await paint(RED, 96, 96));

  const post = async (): Promise<Answer> => {
    const at = performance.now();
    const headers = { "content-type": "image/png" };
    const response = await fetch(`${url}predict?top=1`, { method: "POST", body: picture, headers });
    const body = await response.text();
    return { status: response.status, ms: performance.now() - at, body };
  };
  const resident = async (): Promise<number> => {
    const text = await (await fetch(`${url}metrics`)).text();
    return Number(/^process_resident_memory_bytes (\d+)$/m.exec(text)?.[1]);
  };
  /** Pictures a second when so many clients each wait for their answer. */
  const bearable = async (seconds: number): Promise<number> => {
    const end = performance.now() + seconds * 1000;
    let count = 0;
    const client = async (): Promise<void> => {
      while (performance.now() < end) {
        expect((await post()).status).toBe(200);
        count++;
      }
    };
    const started = performance.now();
    await Promise.all(Array.from({ length: QUEUE / 2 }, client));
    return (count / (performance.now() - started)) * 1000;
  };
  /** Sends at a rate whatever comes back. */
  const offer = async (rate: number, seconds: number): Promise<readonly Answer[]> => {
    const started = performance.now();
    const sent: Promise<Answer>[] = [];
    while (performance.now() - started < seconds * 1000) {
      const due = Math.floor(((performance.now() - started) / 1000) * rate) + 1;
      while (sent.length < due) sent.push(post());
      await sleep(2);
    }
    return Promise.all(sent);
  };

  await bearable(1); // everything has been used once
  const before = await resident();
  let rate = await bearable(3);
  let answers: readonly Answer[] = [];
  for (let round = 0; round < 4; round++) {
    answers = await offer(2 * rate, 5);
    const served = answers.filter(({ status }) => status === 200).length;
    if (served < 0.8 * answers.length) break;
    rate = (served / 5) * 2; // the machine has become faster since it was measured
  }
  const served = answers.filter(({ status }) => status === 200);
  const shed = answers.filter(({ status }) => status === 429 || status === 503);
  expect(served.length + shed.length).toBe(answers.length);
  expect(shed.length).toBeGreaterThan(0.2 * answers.length);
  expect(served.length).toBeGreaterThan(0.1 * answers.length);
  expect(Math.max(...served.map(({ ms }) => ms))).toBeLessThan(2 * TIMEOUT_S * 1000);
  for (const { body } of shed) expect(JSON.parse(body)).toMatchObject({ error: { code: expect.any(String) } });
  expect((await resident()) - before).toBeLessThan(MEMORY);
  expect((await fetch(`${url}healthz`)).status).toBe(200);

  // It is told to stop while it has work: that work is finished.
  const accepted = Array.from({ length: QUEUE / 2 }, post);
  const inProgress = async (): Promise<number> => {
    const text = await (await fetch(`${url}metrics`)).text();
    return Number(/^faltung_requests_in_progress (\d+)$/m.exec(text)?.[1]);
  };
  for (let i = 0; i < 200 && (await inProgress()) === 0; i++) await sleep(2);
  running.child.kill("SIGTERM");
  const last = await Promise.allSettled(accepted);
  const finished = last.filter((a) => a.status === "fulfilled" && a.value.status === 200);
  expect(finished.length).toBeGreaterThan(0);
  for (const answer of last) if (answer.status === "fulfilled") expect([200, 503]).toContain(answer.value.status);
  const { code, err } = await running.ended;
  expect([code, err]).toEqual([0, "Stopping: finishing what was accepted.\n"]);
}, 300_000);
