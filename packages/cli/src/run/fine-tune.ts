/** A trained network as the beginning of another: the same body, and a head for the new classes. */
import { type Module, type ModuleSpec, build, manualSeed, sizeOf } from "faltung";
import type { ModelFile } from "../checkpoint/model-file.ts";
import { UserError } from "../command/errors.ts";

/**
 * The network of a file for other classes. Where their number is the same, all weights stay; else the last layer is
 * made anew.
 */
export function adaptModel(
  file: ModelFile,
  classes: readonly string[],
  seed: number,
  note: (text: string) => void,
): Module {
  const { module } = file;
  if (file.classes.length === classes.length) return module;
  manualSeed(seed);
  const spec = withClasses(module.spec(), file.classes.length, classes.length);
  if (spec === undefined) {
    throw new UserError(
      `The network has no last layer of ${file.classes.length} outputs that could be exchanged for one of ` +
        `${classes.length}. Train on data with ${file.classes.length} classes, or begin with a network by name.`,
    );
  }
  const fresh = build(spec);
  const old = module.stateDict();
  const kept = Object.entries(fresh.stateDict()).filter(([key, { shape }]) => {
    return Object.hasOwn(old, key) && old[key].shape.join() === shape.join();
  });
  fresh.loadStateDict(Object.fromEntries(kept.map(([key]) => [key, old[key]])), { strict: false });
  const numbers = kept.reduce((n, [, { shape }]) => n + sizeOf(shape), 0);
  note(
    `The network knew ${file.classes.length} classes, the pictures have ${classes.length}: ` +
      `its last layer begins anew, ${numbers} trained numbers stay.`,
  );
  return fresh;
}

/** The same architecture with another number of outputs: the last argument that is the old number of classes. */
function withClasses(spec: ModuleSpec, from: number, to: number): ModuleSpec | undefined {
  const { args } = spec;
  for (let i = args.length - 1; i >= 0; i--) {
    const arg = args[i];
    const changed = arg === from ? to : isSpec(arg) ? withClasses(arg, from, to) : undefined;
    if (changed !== undefined) return { ...spec, args: args.with(i, changed) };
  }
  return undefined;
}

function isSpec(arg: ModuleSpec["args"][number]): arg is ModuleSpec {
  return typeof arg === "object" && arg !== null && "type" in arg && "args" in arg;
}
