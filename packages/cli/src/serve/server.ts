/** The HTTP server of `faltung serve`: what comes in is limited in size, number and time, and answered in a sentence. */
import { type IncomingMessage, type Server, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { topK } from "faltung";
import type { Geometry } from "../data/bundle.ts";
import { PictureError, decodeBytes } from "../data/decode.ts";
import { toGray } from "../data/image-folder.ts";
import { type BatcherOptions, createBatcher } from "./batcher.ts";
import { createMetrics } from "./metrics.ts";
import { openApi } from "./openapi.ts";
import { PAGE, PAGE_POLICY } from "./page.ts";
import { Problem } from "./problem.ts";

export interface ServeOptions {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly classes: readonly string[];
  readonly geometry: Geometry;
  readonly run: BatcherOptions["run"];
  readonly batch: number;
  /** Requests that are in the server at once; one more is refused. */
  readonly queue: number;
  /** Bytes of a body. */
  readonly bodyBytes: number;
  /** Bytes of all bodies that are held at once. */
  readonly heldBytes: number;
  /** Pixels of a picture. */
  readonly pixels: number;
  readonly timeoutMs: number;
  /** Told of faults that are our own. */
  readonly onFault: (error: unknown) => void;
}

export interface Serving {
  readonly url: string;
  /** Takes no more, finishes what it has taken, and ends. */
  stop(): Promise<void>;
}

/** Decoding takes far more memory than what comes out of it. */
const DECODERS = 4;
/** Connections, besides those that are served, that are told why they are refused. */
const REFUSABLE = 1024;
/** How long a refused body may still come. */
const LINGER_MS = 1000;
/** How often it is looked whether a request takes too long to come. */
const CHECK_MS = 1000;
const READ = ["GET", "HEAD"];
/** The addresses and their methods. */
const ROUTES: Readonly<Record<string, readonly string[]>> = {
  "/": READ,
  "/predict": ["POST"],
  "/healthz": READ,
  "/metrics": READ,
  "/openapi.json": READ,
};

export async function startServer(options: ServeOptions): Promise<Serving> {
  const { classes, geometry, timeoutMs } = options;
  const metrics = createMetrics();
  const bytes = geometry.channels * geometry.height * geometry.width;
  const batcher = createBatcher({ ...options, bytes, onBatch: metrics.batch });
  const decoding = turnstile(DECODERS);
  const description = JSON.stringify(openApi(options));
  let [inside, held, stopping] = [0, 0, false];

  const decode = (file: Uint8Array, deadline: number): Promise<Uint8Array> =>
    decoding(async () => {
      if (performance.now() > deadline) throw new Problem("timeout", `no decoder was free within ${timeoutMs} ms.`);
      try {
        const { pixels } = await decodeBytes(file, geometry, options.pixels);
        if (geometry.channels === 3) return pixels;
        const gray = new Uint8Array(bytes);
        toGray(pixels, gray);
        return gray;
      } catch (error) {
        if (!(error instanceof PictureError)) throw error;
        const large = /claims more than/.test(error.message);
        throw new Problem(large ? "picture_too_large" : "unreadable_picture", `the picture: ${error.message}.`);
      }
    });

  const predict = async (request: IncomingMessage, url: URL): Promise<string> => {
    if (stopping) throw new Problem("stopping", "the server is stopping.");
    const top = Number(url.searchParams.get("top") ?? Math.min(5, classes.length));
    if (!(Number.isInteger(top) && top >= 1)) throw new Problem("bad_request", "top must be a whole number from 1 on.");
    if ((request.headers["content-encoding"] ?? "identity") !== "identity") {
      throw new Problem("unsupported_media_type", "the body is compressed (content-encoding); send it as it is.");
    }
    const size = Number(request.headers["content-length"] ?? options.bodyBytes);
    if (size > options.bodyBytes) throw new Problem("body_too_large", `the body may have ${options.bodyBytes} bytes.`);
    if (inside >= options.queue || held + size > options.heldBytes) {
      throw new Problem("too_many_requests", "too many requests are being answered; try again in a moment.");
    }
    inside++;
    held += size;
    try {
      const deadline = performance.now() + timeoutMs;
      const body = await readBody(request, options.bodyBytes, timeoutMs);
      const files = filesOf(request, body, options.batch);
      // Where one is refused, the others are waited for all the same: what they cost is counted until it ends.
      const runs = await Promise.allSettled(
        files.map(async (file) => batcher.submit(await decode(file, deadline), deadline)),
      );
      const rows = runs.map((run) => {
        if (run.status === "rejected") throw run.reason;
        return run.value;
      });
      const results = rows.map((row) => topK(row, top).map((c) => ({ class: classes[c], probability: row[c] })));
      return JSON.stringify({ results });
    } finally {
      inside--;
      held -= size;
    }
  };

  const gauges = (): Record<string, number> => ({
    faltung_requests_in_progress: inside,
    faltung_pictures_waiting: batcher.waiting,
    faltung_body_bytes_held: held,
    process_resident_memory_bytes: process.memoryUsage.rss(),
  });

  const answer = async (request: IncomingMessage, url: URL): Promise<readonly [type: string, body: string]> => {
    if (!(url.pathname in ROUTES)) throw new Problem("not_found", `there are ${Object.keys(ROUTES).join(", ")}.`);
    const methods = ROUTES[url.pathname];
    if (!methods.includes(request.method ?? "")) {
      throw new Problem("method_not_allowed", `${url.pathname} takes ${methods.join(" and ")}.`);
    }
    switch (url.pathname) {
      case "/predict":
        return ["application/json", await predict(request, url)];
      case "/healthz":
        if (stopping) throw new Problem("stopping", "the server is stopping.");
        return ["application/json", '{"status":"ok"}'];
      case "/metrics":
        return ["text/plain; version=0.0.4; charset=utf-8", metrics.text(gauges())];
      case "/openapi.json":
        return ["application/json", description];
      default:
        return ["text/html; charset=utf-8", PAGE];
    }
  };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const started = performance.now();
    const url = urlOf(request);
    let [status, type, body] = [200, "application/json", ""];
    try {
      [type, body] = await answer(request, url);
    } catch (error) {
      if (!(error instanceof Problem)) options.onFault(error);
      const problem = error instanceof Problem ? error : new Problem("internal", "a fault of the server's own.");
      status = problem.status;
      body = JSON.stringify({ error: { code: problem.code, message: problem.message } });
      if (status === 429 || status === 503) response.setHeader("Retry-After", "1");
      if (status === 405) response.setHeader("Allow", ROUTES[url.pathname].join(", "));
      if (problem.code !== "timeout") await discard(request, 4 * options.bodyBytes);
    }
    metrics.request(url.pathname in ROUTES ? url.pathname : "other", status, (performance.now() - started) / 1000);
    // What was not read to its end cannot be followed by another request.
    if (stopping || !request.complete) response.setHeader("Connection", "close");
    response.writeHead(status, {
      "Content-Type": type,
      "Content-Length": Buffer.byteLength(body),
      "X-Content-Type-Options": "nosniff",
      "Cache-Control": "no-store",
      ...(url.pathname === "/" ? { "Content-Security-Policy": PAGE_POLICY } : {}),
    });
    response.end(request.method === "HEAD" ? undefined : body);
  };

  const server = createServer(
    { connectionsCheckingInterval: Math.min(timeoutMs, CHECK_MS) },
    (request, response) => void handle(request, response),
  );
  // Who has sent all and closed that half of the connection (`nc -N`) still gets an answer. Not in Node's documents.
  Object.assign(server, { httpAllowHalfOpen: true });
  server.headersTimeout = timeoutMs;
  server.requestTimeout = 2 * timeoutMs;
  server.keepAliveTimeout = 5000;
  server.maxConnections = options.queue + REFUSABLE; // beyond these a connection is closed without a word
  await listen(server, options);
  const { address, family, port } = server.address() as AddressInfo;
  return {
    url: `http://${family === "IPv6" ? `[${address}]` : address}:${port}/`,
    stop: () => {
      stopping = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      // Who has not sent a request by then was not accepted.
      const late = setTimeout(() => server.closeAllConnections(), 2 * timeoutMs);
      return closed.finally(() => clearTimeout(late));
    },
  };
}

function listen(server: Server, { port, host }: Pick<ServeOptions, "port" | "host">): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** The whole body. @throws Problem if it is larger than that, or does not come in time */
function readBody(request: IncomingMessage, most: number, timeoutMs: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const fail = (problem: Problem): void => {
      clearTimeout(timer);
      request.pause();
      reject(problem);
    };
    const timer = setTimeout(
      () => fail(new Problem("timeout", `the body did not come within ${timeoutMs} ms.`)),
      timeoutMs,
    );
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > most) return fail(new Problem("body_too_large", `the body may have ${most} bytes.`));
      chunks.push(chunk);
    });
    request.on("end", () => {
      clearTimeout(timer);
      resolve(Buffer.concat(chunks));
    });
    const cut = (): void => fail(new Problem("bad_request", "the body was cut off."));
    request.on("error", cut);
    request.on("close", cut); // after "end" it changes nothing
  });
}

/**
 * Reads on without keeping anything, within bounds: who is cut off while sending sees a broken connection in place of
 * the answer.
 */
function discard(request: IncomingMessage, most: number): Promise<void> {
  if (request.complete || request.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    let size = 0;
    const timer = setTimeout(resolve, LINGER_MS);
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    request.removeAllListeners("data");
    request.on("data", (chunk: Buffer) => (size += chunk.length) > most && done());
    request.on("end", done);
    request.on("close", done);
    request.resume();
  });
}

/** The picture files in a body. @throws Problem */
function filesOf(request: IncomingMessage, body: Buffer, most: number): readonly Uint8Array[] {
  const type = (request.headers["content-type"] ?? "").split(";")[0].trim().toLowerCase();
  if (type.startsWith("image/") || type === "application/octet-stream") return [body];
  if (type !== "application/json") {
    throw new Problem("unsupported_media_type", "send image/*, application/octet-stream or application/json.");
  }
  const wanted = new Problem("bad_request", `expected {"images": ["base64", …]}, 1 to ${most} of them.`);
  let value: unknown;
  try {
    value = JSON.parse(body.toString("utf8"));
  } catch {
    throw wanted;
  }
  const images: unknown = typeof value === "object" && value !== null && "images" in value ? value.images : undefined;
  if (!Array.isArray(images) || images.length === 0 || images.length > most) throw wanted;
  return images.map((text: unknown) => {
    if (typeof text !== "string" || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw wanted;
    return Buffer.from(text, "base64");
  });
}

/** At most so many at a time; the others wait their turn. */
function turnstile(limit: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let free = limit;
  return async (work) => {
    if (free === 0) await new Promise<void>((resolve) => waiting.push(resolve));
    else free--;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
    }
  };
}

function urlOf({ url = "/" }: IncomingMessage): URL {
  try {
    return new URL(`http://localhost${url.startsWith("/") ? url : "/bad"}`);
  } catch {
    return new URL("http://localhost/bad");
  }
}
