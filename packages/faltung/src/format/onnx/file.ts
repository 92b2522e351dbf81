/** Import from a file on Node, with weights that lie in files next to it. */
import { FormatError } from "../../tensor/errors.ts";
import { checkLocation } from "./external.ts";
import { importOnnx } from "./import.ts";
import { type GraphProto, readModel } from "./model.ts";
import type { OnnxModule } from "./module.ts";

/** External files that a graph names, those of its inner graphs and constants included. */
function locationsOf(graph: GraphProto): string[] {
  const tensors = [...graph.initializers];
  const inner: string[] = [];
  for (const node of graph.nodes) {
    for (const { t, g } of node.attributes.values()) {
      if (t !== undefined) tensors.push(t);
      if (g !== undefined) inner.push(...locationsOf(g));
    }
  }
  return [...tensors.flatMap((t) => (t.external === undefined ? [] : [t.external.get("location") ?? ""])), ...inner];
}

/**
 * A module from an ONNX file. Weights in files of their own are read from its folder, and from nowhere else: not by a
 * path, and not through a symbolic link.
 *
 * @throws FormatError as `importOnnx`, or if an external file is missing or lies elsewhere
 *
 * @example
 * ```ts fragment
 * const net = await readOnnx("models/detector.onnx");
 * ```
 */
export async function readOnnx(path: string): Promise<OnnxModule> {
  const { readFile, realpath } = await import("node:fs/promises");
  const { basename, dirname, join, sep } = await import("node:path");
  const bytes = await readFile(path);
  const name = basename(path);
  const files = new Map<string, Uint8Array>();
  const folder = await realpath(dirname(path));
  for (const location of new Set(locationsOf(readModel(bytes, name).graph))) {
    checkLocation(location, name);
    try {
      const real = await realpath(join(folder, location));
      if (!real.startsWith(folder + sep))
        throw new FormatError(`${name} names the external file "${location}", a link that leads out of its folder.`);
      files.set(location, await readFile(real));
    } catch (error) {
      if (error instanceof FormatError) throw error;
      throw new FormatError(`${name}: its external file "${location}" cannot be read.`, { cause: error });
    }
  }
  const external = (location: string): Uint8Array => {
    const file = files.get(location);
    if (file === undefined) throw new FormatError(`${name}: the external file "${location}" was not read.`);
    return file;
  };
  return importOnnx(bytes, { name, external });
}
