/** From the words of a command line to a command and its values: `epochs=10` and `--epochs 10` are the same. */
import { Command as Commander, CommanderError, Option as CommanderOption } from "commander";
import type { Listed, RawCommand, TableCommand } from "./command.ts";
import { UsageError } from "./errors.ts";
import { commandHelp, programHelp } from "./help.ts";
import { didYouMean, nearest } from "./suggest.ts";

export type Parsed =
  | { readonly kind: "help"; readonly text: string }
  | { readonly kind: "raw"; readonly command: RawCommand; readonly words: readonly string[] }
  | {
      readonly kind: "table";
      readonly command: TableCommand;
      readonly values: Readonly<Record<string, unknown>>;
      readonly given: ReadonlySet<string>;
    };

const HELP = ["-h", "--help", "help"];
const ASSIGNMENT = /^(?:--)?([A-Za-z][\w-]*)=(.*)$/s;

/**
 * @param words the command line without the interpreter and the script
 * @param columns width of the terminal, for --help
 * @throws UsageError for anything that the table does not know
 */
export async function parseCommandLine(
  words: readonly string[],
  commands: readonly Listed[],
  version: string,
  columns: number,
): Promise<Parsed> {
  const [first, ...rest] = words;
  if (first === "--version" || first === "-v" || first === "version")
    return { kind: "help", text: `faltung ${version}` };
  const wanted = first === "help" ? rest[0] : first;
  if (wanted === undefined || HELP.includes(wanted)) return { kind: "help", text: programHelp(commands, version) };
  const listed = commands.find(({ name }) => name === wanted);
  if (listed === undefined) {
    const names = commands.map(({ name }) => name);
    throw new UsageError(`There is no command "${wanted}".${didYouMean(wanted, names)} Commands: ${names.join(", ")}.`);
  }
  const command = await listed.load();
  if (first === "help" || rest.includes("--help") || rest.includes("-h")) {
    return { kind: "help", text: command.kind === "raw" ? command.help() : commandHelp(listed, command, columns) };
  }
  if (command.kind === "raw") return { kind: "raw", command, words: rest };
  return parseOptions(listed.name, command, rest);
}

function parseOptions(command: string, table: TableCommand, words: readonly string[]): Parsed {
  const parser = new Commander(command)
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .helpOption(false)
    .allowExcessArguments();
  const values: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(table.options)) {
    values[name] = option.default;
    parser.addOption(
      new CommanderOption(option.bare === undefined ? `--${name} <value>` : `--${name} [value]`).argParser((value) => {
        values[name] = option.parse(value, name);
        return value;
      }),
    );
  }
  const given = new Set<string>();
  const spread = words.map((word) => normalise(word, command, table, given));
  try {
    parser.parse(spread, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    const [, bare] = /option '(--\w+) .*missing/.exec(error.message) ?? [];
    const what = bare === undefined ? error.message.replace(/^error: /, "") : `${bare} needs a value`;
    throw new UsageError(`faltung ${command}: ${what}. ${seeHelp(command)}`);
  }
  const [stray] = parser.args;
  if (stray !== undefined) {
    const near = nearest(stray, Object.keys(table.options));
    throw new UsageError(
      `faltung ${command} does not know what to do with "${stray}"; options are written name=value` +
        `${near === undefined ? "" : `, such as ${near}=…`}. ${seeHelp(command)}`,
    );
  }
  for (const name of given) {
    if (parser.getOptionValue(name) === true) values[name] = table.options[name].bare;
  }
  return { kind: "table", command: table, values, given };
}

/** `epochs=10`, `--epochs=10`, `--skip-bad` in the one spelling that the parser knows; other words pass. */
function normalise(word: string, command: string, { options }: TableCommand, given: Set<string>): string {
  const assignment = ASSIGNMENT.exec(word);
  if (assignment === null && !word.startsWith("--")) return word;
  const typed = assignment === null ? word.slice(2) : assignment[1];
  const name = typed.replaceAll("-", "_");
  if (!Object.hasOwn(options, name)) {
    throw new UsageError(
      `faltung ${command} has no option "${typed}".${didYouMean(name, Object.keys(options))} ${seeHelp(command)}`,
    );
  }
  given.add(name);
  return assignment === null ? `--${name}` : `--${name}=${assignment[2]}`;
}

function seeHelp(command: string): string {
  return `See: faltung ${command} --help`;
}
