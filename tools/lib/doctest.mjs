/**
 * Code in prose, made into modules that can be checked and run: blocks of README.md and docs/, and the `@example`s of
 * docstrings. A block is marked on its fence: ```ts runs, ```ts no-run is only checked by the compiler,
 * ```ts fragment is neither. In an expression followed by its value, `size(3); // 9: why`, the value is checked too.
 */
import { posix } from "node:path";
import { parseSync } from "oxc-parser";

/**
 * @typedef {object} Block
 * @property {string} file from the repository's top
 * @property {number} line of its first line of code
 * @property {string} code
 * @property {"run" | "no-run" | "fragment"} mode
 *
 * @typedef {{ name: string, isType: boolean }} Exported
 */

/**
 * The fenced blocks of TypeScript in some text.
 * @param {string} file
 * @param {string} text
 * @param {number} [firstLine] the line of the file at which the text starts
 * @returns {Block[]}
 */
export function fencedBlocks(file, text, firstLine = 1) {
  /** @type {Block[]} */
  const blocks = [];
  /** @type {{ indent: string, fence: string, info: string, line: number, code: string[] } | undefined} */
  let open;
  for (const [i, row] of text.split("\n").entries()) {
    if (open) {
      if (row.trim() === open.fence) {
        const [language, mode = "run"] = open.info.split(/\s+/);
        if (language === "ts" || language === "typescript") {
          if (mode !== "run" && mode !== "no-run" && mode !== "fragment") {
            throw new Error(`${file}:${open.line - 1}: \`\`\`ts ${mode}: say run, no-run or fragment.`);
          }
          blocks.push({ file, line: open.line, code: open.code.join("\n"), mode });
        }
        open = undefined;
      } else {
        open.code.push(row.startsWith(open.indent) ? row.slice(open.indent.length) : row.trimStart());
      }
      continue;
    }
    const match = /^(\s*)(`{3,}|~{3,})\s*(.*?)\s*$/.exec(row);
    if (match) open = { indent: match[1], fence: match[2], info: match[3], line: firstLine + i + 1, code: [] };
  }
  if (open) throw new Error(`${file}:${open.line - 1}: the fence is not closed.`);
  return blocks;
}

/**
 * The `@example`s of a module's docstrings.
 * @param {string} file
 * @param {string} source
 * @returns {Block[]}
 */
export function docstringBlocks(file, source) {
  return parseSync(file, source).comments.flatMap((comment) => {
    if (comment.type !== "Block" || !comment.value.startsWith("*")) return [];
    const line = source.slice(0, comment.start).split("\n").length;
    const rows = comment.value.split("\n").map((row) => row.replace(/^\s*\* ?/, ""));
    return rows.flatMap((row, i) => {
      if (!/^@example\b/.test(row)) return [];
      const end = rows.findIndex((r, j) => j > i && /^@\w/.test(r));
      const text = rows.slice(i + 1, end < 0 ? undefined : end).join("\n");
      const blocks = fencedBlocks(file, text, line + i + 1);
      // JSDoc's other form: no fence, all of it is code.
      if (blocks.length === 0)
        return [{ file, line: line + i + 1, code: text.trimEnd(), mode: /** @type {const} */ ("run") }];
      return blocks;
    });
  });
}

/**
 * What a module exports by name, and what its `export * from "./…"` bring along.
 * @param {string} file from the repository's top
 * @param {(file: string) => string} read
 * @returns {Exported[]}
 */
export function exportsOf(file, read) {
  const entries = parseSync(file, read(file)).module.staticExports.flatMap((e) => e.entries);
  const names = entries.flatMap(({ exportName, importName, moduleRequest, isType }) => {
    if (exportName.kind === "Name" && exportName.name) return [{ name: exportName.name, isType }];
    if (importName.kind !== "AllButDefault" || !moduleRequest?.value.startsWith(".")) return [];
    return exportsOf(posix.join(posix.dirname(file), moduleRequest.value), read);
  });
  return [...new Map(names.map((e) => [e.name, e])).values()];
}

/**
 * The value that a comment begins with, if it begins with one: a number, string, list, object, true, false or null.
 * `≈` before it allows for the digits that are not written.
 * @param {string} comment
 * @returns {{ text: string, about: boolean } | undefined}
 */
export function expectedValue(comment) {
  const about = /^\s*[≈~]/.test(comment);
  const text = comment.replace(/^\s*[≈~]?\s*/, "").replace(/^−/, "-");
  const scalar = /^(-?\d[\d_]*(\.\d+)?(e[-+]?\d+)?|-?Infinity|NaN|true|false|null|undefined)(?=$|[\s,;:.)])/.exec(text);
  if (scalar) return { text: scalar[0], about };
  // The shortest beginning that is a whole literal.
  for (let i = 1; /^["'[{]/.test(text) && i < text.length; i++) {
    if (!/["'\]}]/.test(text[i])) continue;
    const literal = text.slice(0, i + 1);
    if (isLiteral(literal)) return { text: literal, about };
  }
  return undefined;
}

/** @param {string} text */
function isLiteral(text) {
  const { program, errors } = parseSync("v.ts", `(${text});`);
  const statement = program.body.at(0);
  if (errors.length > 0 || program.body.length !== 1 || statement?.type !== "ExpressionStatement") return false;
  const inner =
    statement.expression.type === "ParenthesizedExpression" ? statement.expression.expression : statement.expression;
  return inner.type === "ArrayExpression" || inner.type === "ObjectExpression" || inner.type === "Literal";
}

/**
 * The code with a call of `check` around each expression that is followed by its value; the lines stay where they are.
 * @param {string} code
 */
export function withChecks(code) {
  const { program, comments } = parseSync("example.ts", code, { sourceType: "module" });
  let out = "";
  let done = 0;
  for (const statement of program.body) {
    if (statement.type !== "ExpressionStatement") continue;
    const lineEnd = code.indexOf("\n", statement.end) < 0 ? code.length : code.indexOf("\n", statement.end);
    const comment = comments.find((c) => c.type === "Line" && c.start >= statement.end && c.start < lineEnd);
    const expected = comment && expectedValue(comment.value);
    if (!expected) continue;
    const { expression } = statement;
    // console.log(x); // 3  means that x is 3.
    const logged =
      expression.type === "CallExpression" &&
      code.slice(expression.callee.start, expression.callee.end) === "console.log" &&
      expression.arguments.length === 1;
    const { start, end } = logged ? expression.arguments[0] : expression;
    out += `${code.slice(done, statement.start)}$check(${code.slice(start, end)}, ${expected.text}, ${expected.about});`;
    done = statement.end;
  }
  return out + code.slice(done);
}

/**
 * The module that a block becomes. Names it uses without importing them come from the public API, or else from the
 * module in whose docstring the block stands. The block's first line is the module's second.
 * @param {Block} block
 * @param {object} world
 * @param {string} world.folder where the module will be, from the repository's top
 * @param {readonly { from: string, names: readonly Exported[] }[]} world.sources in order of preference; `from` is a
 *   package's name, or a path from the repository's top
 */
export function toModule({ file, code }, { folder, sources }) {
  const { program, module, errors } = parseSync("example.ts", code, { sourceType: "module" });
  if (errors.length > 0) throw new Error(`${file}: ${errors[0].message}\n${code}`);
  const taken = new Set(module.staticImports.flatMap((i) => i.entries.map((e) => e.localName.value)));
  for (const statement of program.body) {
    const declaration = statement.type === "ExportNamedDeclaration" ? statement.declaration : statement;
    if (!declaration) continue;
    if (declaration.type === "VariableDeclaration") {
      // Patterns too: every word on the left, which is more than enough.
      for (const { id } of declaration.declarations) {
        for (const word of code.slice(id.start, id.typeAnnotation?.start ?? id.end).match(/[\w$]+/g) ?? [])
          taken.add(word);
      }
    } else if ("id" in declaration && declaration.id && "name" in declaration.id) {
      taken.add(declaration.id.name);
    }
  }
  const words = new Set(code.match(/[\w$]+/g));
  let head = "";
  for (const { from, names } of sources) {
    const used = names.filter(({ name }) => words.has(name) && !taken.has(name));
    for (const { name } of used) taken.add(name);
    const specifier = from.includes(".") ? posix.relative(folder, from) : from;
    const list = used.map(({ name, isType }) => (isType ? `type ${name}` : name)).join(", ");
    if (used.length > 0) head += `import { ${list} } from "${specifier}"; `;
  }
  const helper = posix.relative(folder, "tools/lib/check.mjs");
  const body = withChecks(code);
  if (body !== code) head += `import { check as $check } from "${helper}"; `;
  return `${head}export {};\n${body}\n`;
}
