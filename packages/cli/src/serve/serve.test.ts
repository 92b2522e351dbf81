/** The server over loopback, with a network of a known speed in place of a real one. */
import { connect } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import sharp from "sharp";
import { type ServeOptions, type Serving, startServer } from "./server.ts";

const SIZE = 8;
const open: Serving[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((serving) => serving.stop()));
});

/** Bright pictures are "white", dark ones "black"; each run takes `runMs`. */
async function start(options: Partial<ServeOptions> & { readonly runMs?: number } = {}): Promise<{
  readonly serving: Serving;
  readonly runs: number[];
  readonly faults: unknown[];
  post(body: Uint8Array<ArrayBuffer> | string, type?: string, query?: string): Promise<Response>;
  get(path: string, init?: RequestInit): Promise<Response>;
}> {
  const { runMs = 0, ...rest } = options;
  const runs: number[] = [];
  const faults: unknown[] = [];
  const serving = await startServer({
    host: "127.0.0.1",
    port: 0,
    classes: ["black", "white"],
    geometry: { channels: 1, height: SIZE, width: SIZE },
    run: async (images, count) => {
      runs.push(count);
      if (runMs > 0) await new Promise((resolve) => setTimeout(resolve, runMs));
      return Float32Array.from({ length: 2 * count }, (_, i) => {
        const white = images[(i >> 1) * SIZE * SIZE] / 255;
        return i % 2 === 1 ? white : 1 - white;
      });
    },
    batch: 4,
    queue: 16,
    bodyBytes: 20_000,
    heldBytes: 1e6,
    pixels: 10_000,
    timeoutMs: 2000,
    onFault: (error) => faults.push(error),
    ...rest,
  });
  open.push(serving);
  const get = (path: string, init?: RequestInit): Promise<Response> => fetch(new URL(path, serving.url), init);
  return {
    serving,
    runs,
    faults,
    get,
    post: (body, type = "image/png", query = "") =>
      get(`predict${query}`, { method: "POST", body, headers: { "content-type": type } }),
  };
}

async function gray(level: number, side = 12): Promise<Uint8Array<ArrayBuffer>> {
  const background = { r: level, g: level, b: level };
  return new Uint8Array(
    await sharp({ create: { width: side, height: side, channels: 3, background } })
      .png()
      .toBuffer(),
  );
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

describe("answers", () => {
  it("what is in a picture sent raw", async () => {
    const { post } = await start();
    const response = await post(await gray(255));
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/json"]);
    expect(await response.json()).toEqual({
      results: [
        [
          { class: "white", probability: 1 },
          { class: "black", probability: 0 },
        ],
      ],
    });
    expect(await (await post(await gray(0), "application/octet-stream", "?top=1")).json()).toEqual({
      results: [[{ class: "black", probability: 1 }]],
    });
  });

  it("what is in several pictures sent as JSON, in order", async () => {
    const { post } = await start();
    const images = await Promise.all([0, 255, 0].map(async (level) => base64(await gray(level))));
    const response = await post(JSON.stringify({ images }), "application/json; charset=utf-8", "?top=1");
    const { results } = (await response.json()) as { results: { class: string }[][] };
    expect(results.map(([best]) => best.class)).toEqual(["black", "white", "black"]);
  });

  it("requests that arrive together in common runs", async () => {
    const { post, runs } = await start({ runMs: 50 });
    const levels = Array.from({ length: 9 }, (_, i) => (i % 2 === 0 ? 255 : 0));
    const pictures = await Promise.all(levels.map((level) => gray(level)));
    const answers = await Promise.all(
      pictures.map(async (picture) => (await post(picture, "image/png", "?top=1")).json()),
    );
    expect(answers.map((a) => (a as { results: { class: string }[][] }).results[0][0].class)).toEqual(
      levels.map((level) => (level === 255 ? "white" : "black")),
    );
    expect(runs.reduce((a, b) => a + b, 0)).toBe(9);
    expect(runs.length).toBeLessThan(7);
    expect(Math.max(...runs)).toBeGreaterThan(1);
  });

  it("health, metrics, the interface and a page", async () => {
    const { get, post } = await start();
    await post(await gray(1));
    await post("x", "text/plain");
    expect(await (await get("healthz")).json()).toEqual({ status: "ok" });
    const text = await (await get("metrics")).text();
    expect(text).toContain('faltung_requests_total{route="/predict",status="200"} 1\n');
    expect(text).toContain('faltung_requests_total{route="/predict",status="415"} 1\n');
    expect(text).toMatch(/^faltung_batch_pictures_bucket\{le="1"\} 1$/m);
    expect(text).toMatch(/^process_resident_memory_bytes \d+$/m);
    for (const line of text.trimEnd().split("\n")) {
      expect(line).toMatch(/^(# (HELP|TYPE) \w+ .+|\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? -?[\d.e+-]+)$/);
    }
    const description = (await (await get("openapi.json")).json()) as {
      openapi: string;
      paths: Record<string, unknown>;
    };
    expect(description.openapi).toBe("3.1.0");
    expect(Object.keys(description.paths)).toEqual(["/predict", "/healthz", "/metrics", "/openapi.json"]);
    const page = await get("");
    expect(page.headers.get("content-security-policy")).toMatch(/^default-src 'none'; script-src 'sha256-/);
    expect(await page.text()).toMatch(/^<!doctype html>/);
  });
});

describe("refuses in a sentence that names no path", () => {
  it.each<[string, number, string, () => Promise<[Uint8Array<ArrayBuffer> | string, string?, string?]>]>([
    ["a large body", 413, "body_too_large", async () => [new Uint8Array(20_001)]],
    ["a large picture", 413, "picture_too_large", async () => [await gray(9, 101)]],
    ["no picture", 422, "unreadable_picture", async () => ["no picture"]],
    [
      "an SVG",
      422,
      "unreadable_picture",
      async () => ["<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>"],
    ],
    ["nothing", 422, "unreadable_picture", async () => [""]],
    ["half a picture", 422, "unreadable_picture", async () => [(await gray(9)).slice(0, 60)]],
    ["another type", 415, "unsupported_media_type", async () => ["a", "text/plain"]],
    ["no JSON", 400, "bad_request", async () => ["{", "application/json"]],
    ["no images", 400, "bad_request", async () => ["{}", "application/json"]],
    [
      "too many images",
      400,
      "bad_request",
      async () => [JSON.stringify({ images: ["", "", "", "", ""] }), "application/json"],
    ],
    ["no base64", 400, "bad_request", async () => ['{"images":["*"]}', "application/json"]],
    ["half a class", 400, "bad_request", async () => [await gray(9), "image/png", "?top=0.5"]],
  ])("%s: %i", async (_what, status, code, request) => {
    const { post, faults } = await start();
    const response = await post(...(await request()));
    const body = (await response.json()) as { error: { code: string; message: string } };
    expect([response.status, body.error.code]).toEqual([status, code]);
    expect(body.error.message).toMatch(/\.$/);
    expect(body.error.message).not.toMatch(/\/(tmp|work|home|usr|root)\b|node_modules|\.ts\b/);
    expect(faults).toEqual([]);
  });

  it("a body that grows beyond the limit without saying how long it is", async () => {
    const { serving } = await start();
    const { port } = new URL(serving.url);
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(port), "127.0.0.1");
      let text = "";
      socket.on("data", (data) => (text += data.toString()));
      socket.on("close", () => resolve(text));
      socket.on("error", reject);
      socket.write(
        "POST /predict HTTP/1.1\r\nhost: a\r\ncontent-type: image/png\r\ntransfer-encoding: chunked\r\n\r\n",
      );
      socket.write(`5dc0\r\n${"x".repeat(0x5dc0)}\r\n`);
    });
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  });

  it("a body that does not come", async () => {
    const { serving } = await start({ timeoutMs: 100 });
    const { port } = new URL(serving.url);
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(port), "127.0.0.1");
      let text = "";
      socket.on("data", (data) => (text += data.toString()));
      socket.on("close", () => resolve(text));
      socket.on("error", reject);
      socket.write("POST /predict HTTP/1.1\r\nhost: a\r\ncontent-type: image/png\r\ncontent-length: 100\r\n\r\nab");
    });
    expect(answer).toMatch(/^HTTP\/1\.1 503 [\s\S]*"code":"timeout"/);
  });

  it("other addresses and methods", async () => {
    const { get } = await start();
    expect((await get("etc/passwd")).status).toBe(404);
    expect((await get("../../etc/passwd")).status).toBe(404);
    expect((await get("predict")).status).toBe(405);
    expect((await get("healthz", { method: "DELETE" })).status).toBe(405);
  });

  it("its own faults, which it tells to its owner alone", async () => {
    const { post, faults } = await start({
      run: () => {
        throw new Error("broken at /work/secret.ts");
      },
    });
    const response = await post(await gray(9));
    expect([response.status, await response.json()]).toEqual([
      500,
      { error: { code: "internal", message: "a fault of the server's own." } },
    ]);
    expect(String(faults[0])).toContain("secret");
  });

  it("who waits too long", async () => {
    const { post } = await start({ runMs: 300, batch: 1, timeoutMs: 200 });
    const picture = await gray(9);
    const statuses = await Promise.all([1, 2, 3].map(async () => (await post(picture)).status));
    expect(statuses.sort()).toEqual([200, 503, 503]);
  });
});

it("stops when it has finished what it accepted", async () => {
  const { serving, post, runs } = await start({ runMs: 200, batch: 2 });
  const picture = await gray(255);
  const accepted = Array.from({ length: 6 }, () => post(picture));
  while (runs.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await new Promise((resolve) => setTimeout(resolve, 50)); // all are in
  const stopped = serving.stop();
  const answers = await Promise.all(accepted);
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200]);
  await stopped;
  await expect(post(picture)).rejects.toThrow("fetch failed");
});

it("at twice the rate that it can bear it sheds, and answers the rest in time", async () => {
  const timeoutMs = 1000;
  const { post, get } = await start({ runMs: 40, batch: 4, queue: 12, timeoutMs }); // 100 pictures a second
  const picture = await gray(255);
  for (let i = 0; i < 4; i++) await post(picture);
  const before = process.memoryUsage.rss();
  const sent: Promise<{ status: number; ms: number; retry: string | null }>[] = [];
  const started = performance.now();
  for (let i = 0; i < 300; i++) {
    const due = started + i * 5; // 200 a second
    const wait = due - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    const at = performance.now();
    sent.push(
      post(picture).then(async (response) => {
        await response.arrayBuffer();
        return { status: response.status, ms: performance.now() - at, retry: response.headers.get("retry-after") };
      }),
    );
  }
  const answers = await Promise.all(sent);
  const seconds = (performance.now() - started) / 1000;
  const served = answers.filter(({ status }) => status === 200);
  const shed = answers.filter(({ status }) => status === 429);
  expect(served.length + shed.length).toBe(300);
  expect(shed.length).toBeGreaterThan(30);
  expect(shed.every(({ retry }) => retry === "1")).toBe(true);
  expect(served.length / seconds).toBeGreaterThan(25); // of 100, on a machine that does other things too
  expect(Math.max(...served.map(({ ms }) => ms))).toBeLessThan(2 * timeoutMs);
  expect(process.memoryUsage.rss() - before).toBeLessThan(150e6);
  expect((await get("healthz")).status).toBe(200);
  expect((await post(picture)).status).toBe(200);
}, 30_000);
