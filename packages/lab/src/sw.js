/**
 * Adds the two headers that make a page cross-origin isolated: on a plain static host, which can't send them, this is
 * what lets training use every core. And keeps the whole lab for offline use. FILES and VERSION stand above, put there
 * by the build.
 *
 * The first time, nothing is fetched before the worker takes over, so that the page can be loaded again, isolated,
 * before anybody has begun to use it; the page then asks for the files to be kept. A newer version fetches everything
 * first, and takes over when no page of the older one is open: that page's scripts may be gone from the server.
 */
/* global FILES, VERSION */
const CACHE = `faltung-lab-${VERSION}`;

/**
 * Fetches what is not kept yet. The page itself comes last: a lab that is kept in part is never answered from here, so
 * that no page asks for scripts that are neither kept nor on the server any more.
 */
async function keepAll() {
  const cache = await caches.open(CACHE);
  const kept = new Set((await cache.keys()).map((request) => request.url));
  const missing = FILES.map((file) => new URL(file, self.registration.scope).href).filter((url) => !kept.has(url));
  // One at a time: what somebody waits for comes first.
  for (const url of missing) await cache.add(new Request(url, { cache: "reload" }));
}

self.addEventListener("install", (event) => {
  event.waitUntil(self.registration.active ? keepAll() : self.skipWaiting());
});

self.addEventListener("activate", (event) => {
  const old = (name) => name.startsWith("faltung-lab-") && name !== CACHE;
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter(old).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener("message", (event) => {
  // Offline or a full disk: what is kept so far stays, and the next visit asks again.
  if (event.data === "keep") event.waitUntil(keepAll().catch(() => {}));
});

/** The same response with the headers of isolation. */
function isolated(response) {
  if (response.status === 0 || response.type === "opaque") return response;
  const headers = new Headers(response.headers);
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Cross-Origin-Embedder-Policy", "require-corp");
  headers.set("Cross-Origin-Resource-Policy", "same-origin");
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}

async function answer(request) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request, { ignoreSearch: true });
  if (kept) return isolated(kept);
  try {
    return isolated(await fetch(request));
  } catch (error) {
    const page = request.mode === "navigate" ? await cache.match("./") : undefined;
    if (page) return isolated(page);
    throw error;
  }
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method === "GET" && new URL(request.url).origin === self.location.origin) {
    event.respondWith(answer(request));
  }
});
