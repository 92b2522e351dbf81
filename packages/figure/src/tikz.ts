/** A scene as TikZ, for papers. Any scene can be written; Korean text needs `\usepackage{kotex}`. */
import type { Paint, Run, Scene, SceneNode, Text } from "./scene.ts";
import { n2 } from "./svg.ts";

const SYMBOLS: Readonly<Record<string, string>> = {
  "−": "$-$",
  "×": "$\\times$",
  "·": "$\\cdot$",
  "∗": "$*$",
  "⋆": "$\\star$",
  "→": "$\\rightarrow$",
  "∞": "$\\infty$",
  Σ: "$\\Sigma$",
  "∫": "$\\int$",
  τ: "$\\tau$",
  "≠": "$\\neq$",
  "≤": "$\\leq$",
  "≈": "$\\approx$",
  "∂": "$\\partial$",
  "\u00a0": "~",
  "°": "$^\\circ$",
  "…": "\\ldots{}",
  "“": "``",
  "”": "''",
  "\u2003": "\\quad{}",
};

function tex(s: string): string {
  return s.replace(/[\\{}$&#%_^~−×·∗⋆→∞Σ∫τ≠≤≈∂°…“”\u00a0\u2003]/g, (c) => {
    if (c === "\\") return "\\textbackslash{}";
    if (c === "^" || c === "~") return `\\${c}{}`;
    return SYMBOLS[c] ?? `\\${c}`;
  });
}

/** Scene units to points. */
const SCALE = 0.75;

export function toTikz(scene: Scene): string {
  const colours = new Map<string, string>();
  const colour = (hex: string): string => {
    const known = colours.get(hex);
    if (known !== undefined) return known;
    const name = `faltung${String.fromCharCode(97 + Math.floor(colours.size / 26), 97 + (colours.size % 26))}`;
    colours.set(hex, name);
    return name;
  };
  const options = (p: Paint): string => {
    const list: string[] = [];
    if (p.fill !== undefined) list.push(`fill=${colour(p.fill)}`);
    if (p.stroke !== undefined) {
      list.push(`draw=${colour(p.stroke)}`, `line width=${n2((p.strokeWidth ?? 1) * SCALE)}pt`);
      if (p.dash) list.push(`dash pattern=on ${n2(p.dash[0] * SCALE)}pt off ${n2(p.dash[1] * SCALE)}pt`);
    }
    if (p.opacity !== undefined && p.opacity !== 1) list.push(`opacity=${n2(p.opacity)}`);
    return list.join(", ");
  };
  const run = (r: Run): string => {
    let s =
      r.shift === undefined ? tex(r.text) : `$${r.shift === "sub" ? "_" : "^"}{\\mbox{\\scriptsize ${tex(r.text)}}}$`;
    if (r.math) s = `\\textit{${s}}`;
    if (r.bold) s = `\\textbf{${s}}`;
    return r.fill === undefined ? s : `\\textcolor{${colour(r.fill)}}{${s}}`;
  };
  const label = (t: Text): string => {
    const anchor = { start: "base west", middle: "base", end: "base east" }[t.anchor];
    const size = t.size * SCALE;
    const font = `\\fontsize{${n2(size)}}{${n2(size * 1.2)}}\\selectfont${t.bold ? "\\bfseries" : ""}`;
    const body = t.runs.map(run).join("");
    const style = `anchor=${anchor}, inner sep=0pt, text=${colour(t.fill)}, font=${font}`;
    return `\\node[${style}] at (${n2(t.x)},${n2(t.y)}) {${body}};`;
  };
  const draw = (node: SceneNode): string[] => {
    switch (node.kind) {
      case "group":
        return node.children.flatMap(draw);
      case "text":
        return node.runs.every((r) => r.text.trim() === "") ? [] : [label(node)];
      case "rect": {
        const round = node.r ? `, rounded corners=${n2(node.r * SCALE)}pt` : "";
        const [from, to] = [`(${n2(node.x)},${n2(node.y)})`, `(${n2(node.x + node.w)},${n2(node.y + node.h)})`];
        return [`\\path[${options(node)}${round}] ${from} rectangle ${to};`];
      }
      case "circle":
        return [`\\path[${options(node)}] (${n2(node.x)},${n2(node.y)}) circle[radius=${n2(node.r * SCALE)}pt];`];
      case "path": {
        const d = node.d.map((step) => {
          switch (step[0]) {
            case "M":
              return `(${n2(step[1])},${n2(step[2])})`;
            case "L":
              return `-- (${n2(step[1])},${n2(step[2])})`;
            case "Q":
              return `.. controls (${n2(step[1])},${n2(step[2])}) .. (${n2(step[3])},${n2(step[4])})`;
            case "Z":
              return "-- cycle";
          }
        });
        return [`\\path[${options(node)}] ${d.join(" ")};`];
      }
    }
  };
  const body = scene.layers.flatMap((l) => l.nodes.flatMap(draw));
  const definitions = [...colours].map(([hex, name]) => `\\definecolor{${name}}{HTML}{${hex.slice(1).toUpperCase()}}`);
  return [
    `% ${scene.title.replaceAll("\n", " ")}`,
    `% ${scene.description.replaceAll("\n", " ")}`,
    "% \\usepackage{tikz}, and \\usepackage{kotex} for Korean",
    ...definitions,
    `\\begin{tikzpicture}[x=${SCALE}pt, y=-${SCALE}pt, font=\\sffamily]`,
    ...body,
    "\\end{tikzpicture}",
    "",
  ].join("\n");
}
