/** The service worker: cross-origin isolation where the server does not give it, and offline use. */

const TRIED = "faltung-lab-isolation";

/**
 * Registers the service worker. If isolation is missing, loads the page once more as soon as the worker can answer for
 * it; then has everything kept for offline use. Where it can't be had (plain http, an old browser, a private window),
 * the lab works on one thread and says so.
 */
export async function isolate(): Promise<void> {
  if (!("serviceWorker" in navigator) || import.meta.env.DEV) return;
  try {
    await navigator.serviceWorker.register("./sw.js");
    const { active } = await navigator.serviceWorker.ready;
    if (!globalThis.crossOriginIsolated && sessionStorage.getItem(TRIED) === null) {
      sessionStorage.setItem(TRIED, "1"); // once: a browser may know no isolation at all
      location.reload();
      return;
    }
    active?.postMessage("keep");
  } catch {
    // Storage or workers are refused: everything but threads and offline use still works.
  }
}
