/**
 * A function as text, folded from its decoded bytes: one statement a line, operands before lanes and offsets as in the
 * builder, instructions under the names of the text format. Kernel generators are snapshot-tested by it.
 */
import { decodeBody, type Instruction } from "./decode.ts";
import { AssemblyError } from "./expr.ts";
import type { Func, Local } from "./function.ts";
import type { ModuleBuilder } from "./module.ts";

interface Line {
  readonly indent: number;
  text: string;
}

/** An open block: its first line, and whether a branch names it. */
interface Frame {
  readonly line: Line | null;
  label: string;
}

/**
 * Prints a function of the module.
 *
 * @example
 * const m = new ModuleBuilder();
 * const twice = m.func({ name: "twice", params: ["i32"], results: ["i32"] }, (f, x) => f.return(i32.mul(x, 2)));
 * printFunc(m, twice); // "func twice(p0: i32) -> i32 {\n  return i32.mul(p0, 2)\n}\n"
 */
export function printFunc(m: ModuleBuilder, func: Func): string {
  const body = m.bodies[func.index];
  if (!body) throw new AssemblyError(`${func.name} has no body`);
  const { code, locals } = body;
  const { instructions } = decodeBody(code);
  const names = uniqueNames(locals);
  const declare = (from: number, to: number): string =>
    locals
      .slice(from, to)
      .map((local, i) => `${names[from + i]}: ${local.type}`)
      .join(", ");
  const { length: arity } = func.params;
  const head: Line = {
    indent: 0,
    text: `func ${func.name}(${declare(0, arity)})${func.results.length > 0 ? ` -> ${func.results.join(", ")}` : ""}`,
  };
  const lines: Line[] = [head];
  const frames: Frame[] = [{ line: head, label: "" }];
  const stack: string[] = [];

  const say = (text: string): Line => {
    const line = { indent: frames.length, text };
    lines.push(line);
    return line;
  };
  const pop = (count: number): string[] => stack.splice(stack.length - Math.min(count, stack.length));
  const label = (depth: number): string => {
    const at = frames.length - 1 - depth;
    const frame = frames[at];
    if (!frame) return `@?${depth}`;
    return (frame.label ||= ` @${at}`).trim();
  };
  const give = (text: string, result: boolean): void => {
    if (result) stack.push(text);
    else say(text);
  };

  for (let from = arity; from < locals.length; from += 8)
    say(`local ${declare(from, Math.min(from + 8, locals.length))}`);
  for (const ins of instructions) {
    const { op, index } = ins;
    switch (op.name) {
      case "block":
      case "loop":
      case "if":
        frames.push({ line: say(op.name === "if" ? `if ${pop(1)[0]}` : op.name), label: "" });
        break;
      case "else":
        lines.push({ indent: frames.length - 1, text: "} else {" });
        break;
      case "end": {
        const frame = frames.pop();
        if (frame?.line) frame.line.text += `${frame.label} {`;
        lines.push({ indent: frames.length, text: "}" });
        break;
      }
      case "br":
        say(`br ${label(index)}`);
        break;
      case "br_if":
        say(`br_if ${label(index)}, ${pop(1)[0]}`);
        break;
      case "br_table":
        say(`br_table [${ins.targets.map(label).join(", ")}], ${pop(1)[0]}`);
        break;
      case "return":
        say(`return ${pop(func.results.length).join(", ")}`.trim());
        break;
      case "drop":
        say(`drop ${pop(1)[0]}`);
        break;
      case "call": {
        const callee = m.funcs[index];
        give(`${callee.name}(${pop(callee.params.length).join(", ")})`, callee.results.length > 0);
        break;
      }
      case "local.get":
        stack.push(names[index] ?? `local${index}`);
        break;
      case "local.set":
        say(`${names[index]} = ${pop(1)[0]}`);
        break;
      case "local.tee":
        stack.push(`(${names[index]} = ${pop(1)[0]})`);
        break;
      case "global.get":
        stack.push(`global${index}`);
        break;
      case "global.set":
        say(`global${index} = ${pop(1)[0]}`);
        break;
      default:
        give(printPlain(ins, pop(op.operands.length)), op.result !== "void");
    }
  }
  return lines.map(({ indent, text }) => `${"  ".repeat(indent)}${text}\n`).join("");
}

/** Two locals may share a name; then the later ones get their index. */
function uniqueNames(locals: readonly Local[]): string[] {
  const seen = new Set<string>();
  return locals.map(({ name, index }) => {
    const unique = seen.has(name) ? `${name}.${index}` : name;
    seen.add(unique);
    return unique;
  });
}

function printPlain({ op, offset, lane, constant }: Instruction, args: readonly string[]): string {
  if (op.immediate === "const") return printConstant(op.result, constant);
  const immediates: string[] = [];
  if (op.immediate === "lane" || op.immediate === "memlane") immediates.push(String(lane));
  if (offset !== 0) immediates.push(`+${offset}`);
  if (op.immediate === "shuffle" && constant instanceof Uint8Array) immediates.push(`[${constant.join(" ")}]`);
  const [first, ...rest] = args;
  // As in the builder: replace_lane(vector, lane, value), but load32_lane(ptr, vector, lane, offset).
  const list = op.immediate === "lane" ? [first, ...immediates, ...rest] : [...args, ...immediates];
  return `${op.name}(${list.join(", ")})`;
}

function printConstant(type: string, constant: Instruction["constant"]): string {
  if (constant instanceof Uint8Array) return printVector(constant);
  if (type === "f32") return shortest(Number(constant));
  return Object.is(constant, -0) ? "-0" : String(constant);
}

/** The fewest digits that give the same float32. */
function shortest(value: number): string {
  if (Object.is(value, -0)) return "-0";
  for (let digits = 1; digits < 9; digits++) {
    const text = Number(value.toPrecision(digits));
    if (Math.fround(text) === value) return String(text);
  }
  return String(value);
}

/** A vector is taken for floats when every lane is zero or of a likely size, else for integers. */
function printVector(bytes: Uint8Array): string {
  const { buffer } = bytes.slice();
  const floats = Array.from(new Float32Array(buffer));
  const likely = floats.every((x) => Object.is(x, 0) || (Math.abs(x) > 1e-12 && Math.abs(x) < 1e12));
  const lanes = likely ? floats.map(shortest) : Array.from(new Int32Array(buffer), String);
  const same = lanes.every((lane) => lane === lanes[0]);
  return `${likely ? "f32x4" : "i32x4"}.const(${same ? lanes[0] : lanes.join(", ")})`;
}
