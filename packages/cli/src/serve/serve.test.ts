/** The server over loopback, with a network of a known speed in place of a real one. */
import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import sharp from "sharp";
import { type ServeOptions, type Serving, startServer } from "./server.ts";

const SIZE = 8;
const open: Serving[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((serving) => serving.stop()));
});

/** Bright pictures are "white", dark ones "black". A network that is `held` does not finish a run until it is released. */
async function start(options: Partial<ServeOptions> & { readonly held?: boolean } = {}): Promise<{
  readonly serving: Serving;
  /** Pictures of each run that has begun. */
  readonly runs: number[];
  /** Lets the network run, where it is `held`. */
  readonly release: () => void;
  readonly faults: unknown[];
  post(body: Uint8Array<ArrayBuffer> | string, type?: string, query?: string): Promise<Response>;
  get(path: string, init?: RequestInit): Promise<Response>;
}> {
  const { held = false, ...rest } = options;
  let release = (): void => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  if (!held) release();
  const runs: number[] = [];
  const faults: unknown[] = [];
  const serving = await startServer({
    host: "127.0.0.1",
    port: 0,
    classes: ["black", "white"],
    geometry: { channels: 1, height: SIZE, width: SIZE },
    run: async (images, count) => {
      runs.push(count);
      await released;
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
    timeoutMs: 20_000,
    onFault: (error) => faults.push(error),
    ...rest,
  });
  open.push(serving);
  const get = (path: string, init?: RequestInit): Promise<Response> => fetch(new URL(path, serving.url), init);
  return {
    serving,
    runs,
    release,
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

/** Waits until a gauge reads what it should. */
async function reads(
  get: (path: string) => Promise<Response>,
  gauge: string,
  wanted: (value: number) => boolean,
): Promise<void> {
  for (;;) {
    const text = await (await get("metrics")).text();
    if (wanted(Number(new RegExp(`^${gauge} (\\d+)$`, "m").exec(text)?.[1]))) return;
  }
}

/** What comes back for bytes as they are, until the server closes. */
function raw({ url }: Serving, bytes: readonly (string | Uint8Array)[], { end = false } = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: Number(new URL(url).port), host: "127.0.0.1", allowHalfOpen: true });
    let text = "";
    socket.on("data", (data) => (text += data.toString()));
    socket.on("end", () => socket.end());
    socket.on("close", () => resolve(text));
    socket.on("error", reject);
    for (const part of bytes) socket.write(part);
    if (end) socket.end();
  });
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
    const { post, get, runs, release } = await start({ held: true });
    const levels = Array.from({ length: 9 }, (_, i) => (i % 2 === 0 ? 255 : 0));
    const pictures = await Promise.all(levels.map((level) => gray(level)));
    const first = post(pictures[0], "image/png", "?top=1");
    await reads(get, "faltung_pictures_waiting", (n) => n === 0 && runs.length === 1);
    const others = pictures.slice(1).map((picture) => post(picture, "image/png", "?top=1"));
    await reads(get, "faltung_pictures_waiting", (n) => n === 8);
    release();
    const answers = await Promise.all([first, ...others].map(async (response) => (await response).json()));
    expect(answers.map((a) => (a as { results: { class: string }[][] }).results[0][0].class)).toEqual(
      levels.map((level) => (level === 255 ? "white" : "black")),
    );
    expect(runs).toEqual([1, 4, 4]);
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
    const head = "POST /predict HTTP/1.1\r\nhost: a\r\ncontent-type: image/png\r\ntransfer-encoding: chunked\r\n\r\n";
    expect(await raw(serving, [head, `5dc0\r\n${"x".repeat(0x5dc0)}\r\n`])).toMatch(/^HTTP\/1\.1 413 /);
  });

  it("a body that does not come", async () => {
    const { serving } = await start({ timeoutMs: 100 });
    const head = "POST /predict HTTP/1.1\r\nhost: a\r\ncontent-type: image/png\r\ncontent-length: 100\r\n\r\n";
    expect(await raw(serving, [head, "ab"])).toMatch(/^HTTP\/1\.1 503 [\s\S]*"code":"timeout"/);
  });

  it("a request that does not come, soon after its time", async () => {
    const { serving } = await start({ timeoutMs: 100 });
    expect(await raw(serving, ["POST /predict HTT"])).toMatch(/^HTTP\/1\.1 408 /);
  }, 15_000); // unless told otherwise, Node looks every 30 s

  it("a compressed body", async () => {
    const { get } = await start();
    const headers = { "content-type": "image/png", "content-encoding": "gzip" };
    const response = await get("predict", { method: "POST", body: gzipSync(await gray(9)), headers });
    expect([response.status, await response.text()]).toEqual([415, expect.stringContaining("compressed")]);
  });

  it("other addresses and methods", async () => {
    const { get } = await start();
    expect((await get("etc/passwd")).status).toBe(404);
    expect((await get("../../etc/passwd")).status).toBe(404);
    for (const [path, method, allowed] of [
      ["predict", "GET", "POST"],
      ["healthz", "DELETE", "GET, HEAD"],
    ]) {
      const response = await get(path, { method });
      expect([response.status, response.headers.get("allow")]).toEqual([405, allowed]);
    }
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

  it("who waits too long, when that time is over", async () => {
    const { post, get, runs, release } = await start({ held: true, batch: 1, timeoutMs: 1500 });
    const picture = await gray(9);
    const first = post(picture);
    await reads(get, "faltung_requests_in_progress", () => runs.length === 1); // else another could be the one that is held
    const others = [post(picture), post(picture)];
    expect((await Promise.all(others)).map(({ status }) => status)).toEqual([503, 503]); // while the network is held
    release();
    await first;
  });

  it("who comes while others fill the server, also with pictures of requests that were refused", async () => {
    const { post, get, release } = await start({ held: true, queue: 1 });
    const images = [await gray(255), Buffer.from("no picture")].map(base64);
    const mixed = post(JSON.stringify({ images }), "application/json");
    await reads(get, "faltung_requests_in_progress", (n) => n === 1);
    const response = await post(await gray(9));
    expect([response.status, response.headers.get("retry-after")]).toEqual([429, "1"]);
    release();
    expect((await mixed).status).toBe(422);
    expect((await post(await gray(9))).status).toBe(200);
  });
});

it("answers who has closed their half of the connection", async () => {
  const { serving } = await start();
  const picture = await gray(255);
  const head = `POST /predict?top=1 HTTP/1.1\r\nhost: a\r\ncontent-type: image/png\r\ncontent-length: ${picture.length}\r\n\r\n`;
  expect(await raw(serving, [head, picture], { end: true })).toMatch(/^HTTP\/1\.1 200 [\s\S]*"class":"white"/);
  expect(await raw(serving, [head, picture.subarray(9)], { end: true })).toMatch(/^HTTP\/1\.1 400 /);
});

it("stops when it has finished what it accepted", async () => {
  const { serving, post, get, release } = await start({ held: true, batch: 2 });
  const picture = await gray(255);
  const accepted = Array.from({ length: 6 }, () => post(picture));
  await reads(get, "faltung_requests_in_progress", (n) => n === 6);
  const stopped = serving.stop();
  release();
  const answers = await Promise.all(accepted);
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200]);
  await stopped;
  await expect(post(picture)).rejects.toThrow("fetch failed");
});

it("takes as many requests as it may, refuses the others at once, and keeps its memory", async () => {
  const { post, get, release } = await start({ held: true, queue: 12 });
  const picture = await gray(255);
  const before = process.memoryUsage.rss();
  const taken = Array.from({ length: 12 }, () => post(picture));
  await reads(get, "faltung_requests_in_progress", (n) => n === 12);
  const shed = await Promise.all(Array.from({ length: 100 }, () => post(picture)));
  expect(new Set(shed.map(({ status }) => status))).toEqual(new Set([429])); // while the network is held
  release();
  expect((await Promise.all(taken)).map(({ status }) => status)).toEqual(taken.map(() => 200));
  expect(process.memoryUsage.rss() - before).toBeLessThan(150e6);
  expect((await get("healthz")).status).toBe(200);
}, 30_000);
