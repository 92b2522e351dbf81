/** A scene as SVG: deterministic to the byte, self-contained, readable by a screen reader. */
import type { Paint, PathStep, Run, Scene, SceneNode, Text } from "./scene.ts";

const SANS =
  "'Source Sans 3','Inter','Segoe UI','Helvetica Neue','Liberation Sans',Arial," +
  "'Noto Sans KR','Noto Sans CJK KR','Apple SD Gothic Neo','Malgun Gothic',sans-serif";
const KOREAN = "'Noto Sans KR','Noto Sans CJK KR','Apple SD Gothic Neo','Malgun Gothic',sans-serif";
const SIGNS = "'STIX Two Math','Noto Sans Math','Cambria Math','DejaVu Sans','Segoe UI Symbol',sans-serif";
const MATH = "'STIX Two Text','Cambria Math','Noto Serif','DejaVu Serif',Georgia,serif";

/** Rounded to hundredths, without a trailing zero. */
export function n2(value: number): string {
  const r = Math.round(value * 100) / 100;
  return String(r === 0 ? 0 : r);
}

export function escapeXml(s: string): string {
  return s.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c] ?? c);
}

function paint(p: Paint): string {
  let s = ` fill="${p.fill ?? "none"}"`;
  if (p.stroke !== undefined) {
    s += ` stroke="${p.stroke}"`;
    if (p.strokeWidth !== undefined && p.strokeWidth !== 1) s += ` stroke-width="${n2(p.strokeWidth)}"`;
    if (p.dash) s += ` stroke-dasharray="${p.dash.map(n2).join(" ")}"`;
  }
  if (p.opacity !== undefined && p.opacity !== 1) s += ` opacity="${n2(p.opacity)}"`;
  return s;
}

const pathData = (d: readonly PathStep[]): string =>
  d.map(([command, ...numbers]) => command + numbers.map(n2).join(" ")).join("");

const SHIFT = { sub: 0.24, sup: -0.38 } as const;

const STAR = "⋆";

/** Stars as runs of their own: few fonts have one, and a rasteriser would set the whole text in whichever has. */
function apart(runs: readonly Run[]): Run[] {
  return runs.flatMap((run) =>
    run.text.split(/(⋆)/).flatMap((part): Run[] => (part === "" ? [] : [{ ...run, text: part }])),
  );
}

function textNode(t: Text): string {
  const isKorean = (run: Run): boolean => /[\u1100-\u11ff\u3000-\ud7ff]/.test(run.text);
  const korean = t.runs.some(isKorean) && t.runs.every((run) => isKorean(run) || run.text.trim() === "");
  const attributes =
    (korean ? ' class="k"' : "") +
    ` x="${n2(t.x)}" y="${n2(t.y)}" font-size="${n2(t.size)}" fill="${t.fill}"` +
    (t.anchor === "start" ? "" : ` text-anchor="${t.anchor}"`) +
    (t.bold ? ' font-weight="700"' : "") +
    (t.opacity !== undefined && t.opacity !== 1 ? ` opacity="${n2(t.opacity)}"` : "");
  let owed = 0; // vertical shift to undo before the next run
  const spans = apart(t.runs).map((run: Run) => {
    const shift = run.shift ? SHIFT[run.shift] * t.size : 0;
    const dy = shift - owed;
    owed = shift;
    const style =
      (run.fill === undefined ? "" : ` fill="${run.fill}"`) +
      (run.bold ? ' font-weight="700"' : "") +
      (run.text === STAR
        ? ` font-family="${SIGNS}" font-style="normal"`
        : run.math
          ? ' class="m"'
          : isKorean(run) && !korean
            ? ' class="k"'
            : "") +
      (run.shift ? ` font-size="${n2(0.7 * t.size)}"` : "") +
      (Math.abs(dy) > 1e-9 ? ` dy="${n2(dy)}"` : "");
    return style === "" ? escapeXml(run.text) : `<tspan${style}>${escapeXml(run.text)}</tspan>`;
  });
  return `<text${attributes}>${spans.join("")}</text>`;
}

/** One node; with `interactive`, groups carry `data-step` and what a screen reader says of them. */
export function nodeToSvg(node: SceneNode, interactive: boolean): string {
  switch (node.kind) {
    case "rect":
      return (
        `<rect x="${n2(node.x)}" y="${n2(node.y)}" width="${n2(node.w)}" height="${n2(node.h)}"` +
        `${node.r ? ` rx="${n2(node.r)}"` : ""}${paint(node)}/>`
      );
    case "circle":
      return `<circle cx="${n2(node.x)}" cy="${n2(node.y)}" r="${n2(node.r)}"${paint(node)}/>`;
    case "path":
      return `<path d="${pathData(node.d)}"${paint(node)}${node.stroke ? ' stroke-linejoin="round"' : ""}/>`;
    case "text":
      return textNode(node);
    case "group": {
      const inner = node.children.map((c) => nodeToSvg(c, interactive)).join("");
      const { step: at, label: says, cell: number } = node;
      if (!interactive || (at === undefined && says === undefined && number === undefined)) return inner;
      const step = at === undefined ? "" : ` data-step="${at}"`;
      const cell = number === undefined ? "" : ` data-cell="${number}"`;
      const label = says === undefined ? "" : ` role="img" aria-label="${escapeXml(says)}"`;
      return `<g${step}${cell}${label}>${inner}</g>`;
    }
  }
}

export interface SvgOptions {
  /** Width in pixels; the height follows. Default: the scene's own units. */
  readonly width?: number;
  /** For pages: `data-step` and labels on cells. Default false. */
  readonly interactive?: boolean;
}

/** The opening tag, title, description, style and background that still and animated SVG share. */
export function svgHead(scene: Scene, options: SvgOptions, style = ""): string {
  const width = options.width ?? scene.width;
  const height = (width * scene.height) / scene.width;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${n2(width)}" height="${n2(height)}" ` +
    `viewBox="0 0 ${n2(scene.width)} ${n2(scene.height)}" lang="${scene.lang}" ` +
    `role="${options.interactive ? "group" : "img"}" font-family="${SANS}">\n` +
    `<title>${escapeXml(scene.title)}</title>\n<desc>${escapeXml(scene.description)}</desc>\n` +
    `<style>text{font-variant-numeric:tabular-nums}.m{font-family:${MATH};font-style:italic}` +
    `.k{font-family:${KOREAN}}${style}</style>\n` +
    `<rect width="100%" height="100%" fill="${scene.background}"/>\n`
  );
}

/** A scene as a still SVG document. */
export function toSvg(scene: Scene, options: SvgOptions = {}): string {
  const layers = scene.layers
    .filter((l) => l.nodes.length > 0)
    .map((l) => l.nodes.map((node) => nodeToSvg(node, options.interactive ?? false)).join("\n"));
  return `${svgHead(scene, options)}${layers.join("\n")}\n</svg>\n`;
}
