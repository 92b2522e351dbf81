/** Files from memory over http, with the two headers that make a page cross-origin isolated, or without. */
import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface Site {
  readonly url: string;
  close(): Promise<void>;
}

const TYPES: Readonly<Record<string, string>> = { html: "text/html", js: "text/javascript" };
const ISOLATION = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

export async function serve(
  files: Readonly<Record<string, string>>,
  { isolated }: { isolated: boolean },
): Promise<Site> {
  const server: Server = createServer((request, response) => {
    const name = (request.url ?? "/").slice(1) || "index.html";
    const body = files[name];
    const type = TYPES[name.split(".").at(-1) ?? ""] ?? "text/plain";
    response.writeHead(body === undefined ? 404 : 200, { "Content-Type": type, ...(isolated ? ISOLATION : {}) });
    response.end(body ?? "");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
