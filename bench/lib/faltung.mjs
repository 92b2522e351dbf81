/** Faltung as it is built: `packages/faltung/dist`, or another build by FALTUNG_DIST (to compare two versions). */
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export const BENCH = dirname(dirname(fileURLToPath(import.meta.url)));
export const ROOT = dirname(BENCH);
export const DIST = process.env["FALTUNG_DIST"] ?? join(ROOT, "packages/faltung/dist");

/** A module of the library, the inner ones included. @param {string} path */
export const faltung = (path = "index.js") => import(pathToFileURL(join(DIST, path)).href);
