/** What --help prints, read from the same tables as the parser. */
import type { Listed, TableCommand } from "./command.ts";
import type { Option } from "./option.ts";

/** Longer lines are hard to read, on wider screens too. */
const WIDEST = 100;

export function programHelp(commands: readonly Listed[], version: string): string {
  const pad = Math.max(...commands.map(({ name }) => name.length));
  return [
    `faltung ${version}: convolutional networks, trained and used from a terminal.`,
    "",
    "Usage: faltung COMMAND [option=value …]",
    "",
    "Commands:",
    ...commands.map(({ name, summary }) => `  ${name.padEnd(pad)}  ${summary}`),
    "",
    "Options are written epochs=10 or --epochs 10. faltung COMMAND --help lists them, with examples.",
    "Colours and the moving progress line show on a terminal only; NO_COLOR=1 turns colours off.",
  ].join("\n");
}

/** @param columns width of the terminal */
export function commandHelp({ name, summary }: Listed, command: TableCommand, columns: number): string {
  const width = Math.min(WIDEST, columns);
  const rows = Object.entries(command.options).map(([key, option]) => ({
    heading: command.headings[key],
    left: label(key, option),
    right: meaning(option),
  }));
  const pad = Math.min(28, Math.floor(width / 3), Math.max(...rows.map(({ left }) => left.length)));
  const examples = command.examples.flatMap(([line, what]) => [`  # ${what}`, `  faltung ${line}`]);
  return [
    `faltung ${name}: ${summary}`,
    "",
    ...(command.description === "" ? [] : [...wrap(command.description, width), ""]),
    `Usage: faltung ${name} [option=value …]`,
    "",
    "Options (name=default):",
    ...rows.flatMap(({ heading, left, right }) => [
      ...(heading === undefined ? [] : ["", `${heading}:`]),
      ...inColumns(left, right, pad, width),
    ]),
    "",
    "Examples:",
    ...examples,
  ].join("\n");
}

function label(name: string, option: Option<unknown>): string {
  return `${name}=${option.shown ?? (option.default === undefined ? "" : String(option.default))}`;
}

function meaning(option: Option<unknown>): string {
  return option.values === undefined ? option.help : `${option.help} (${option.values.join(", ")})`;
}

function inColumns(left: string, right: string, pad: number, width: number): string[] {
  const lines = wrap(right, width - pad - 4);
  const head = left.length > pad ? [`  ${left}`] : [];
  const first = left.length > pad ? "" : left;
  return [...head, ...lines.map((line, i) => `  ${(i === 0 ? first : "").padEnd(pad)}  ${line}`)];
}

/** Breaks text at spaces. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
