/** A sub-command: its options as a table, examples for --help, and what it does. */
import type { Engine } from "../engine.ts";
import type { Terminal } from "../terminal/terminal.ts";
import type { OptionTable, Values } from "./option.ts";

/** What a command may touch of the world. */
export interface Context {
  readonly terminal: Terminal;
  readonly engine: Engine;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** Names of the options that stood on the command line, as opposed to defaults. */
  readonly given: ReadonlySet<string>;
}

/** A command that reads its words itself: `faltung figure`, whose options depend on the figure. */
export interface RawCommand {
  readonly kind: "raw";
  readonly help: () => string;
  /** @returns the exit code */
  readonly run: (words: readonly string[], context: Omit<Context, "given">) => Promise<number>;
}

export type Command = TableCommand | RawCommand;

/** A command as it stands in the list. What it does is loaded when it is called: --help need not wait for libvips. */
export interface Listed {
  readonly name: string;
  /** One line. */
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

export interface TableCommand {
  readonly kind: "table";
  /** More for --help; may be empty. */
  readonly description: string;
  readonly examples: readonly (readonly [line: string, meaning: string])[];
  readonly options: OptionTable;
  /** What --help prints above an option: the first of a group. */
  readonly headings: Readonly<Record<string, string | undefined>>;
  /** @returns the exit code */
  readonly run: (values: Readonly<Record<string, unknown>>, context: Context) => Promise<number>;
}

/** Ties a table to a function that receives its values with their types. */
export function defineCommand<T extends OptionTable>(command: {
  readonly description?: string;
  readonly examples: readonly (readonly [line: string, meaning: string])[];
  readonly options: T;
  readonly headings?: { readonly [K in keyof T & string]?: string };
  readonly run: (values: Values<T>, context: Context) => Promise<number>;
}): TableCommand {
  // The parser fills every option of the table and nothing else, which is what Values<T> says.
  return {
    kind: "table",
    description: "",
    headings: {},
    ...command,
    run: (values, context) => command.run(values as Values<T>, context),
  };
}
