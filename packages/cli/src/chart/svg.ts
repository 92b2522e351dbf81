/** A few words for writing SVG as text. */

export function escapeXml(text: string): string {
  return text
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "\ufffd")
    .replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c] ?? c);
}

/** Coordinates to a hundredth of a pixel: enough for the eye, and the same on every machine. */
export function round(n: number): string {
  return String(Math.round(n * 100) / 100);
}

export type Attributes = Readonly<Record<string, string | number>>;

export function tag(name: string, attributes: Attributes, content?: string): string {
  const list = Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${typeof value === "number" ? round(value) : escapeXml(value)}"`)
    .join("");
  return content === undefined ? `<${name}${list}/>` : `<${name}${list}>${content}</${name}>`;
}

export const FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', 'Noto Sans CJK KR', sans-serif";

export function label(x: number, y: number, text: string, attributes: Attributes = {}): string {
  return tag("text", { x, y, fill: "#333", "font-size": 12, ...attributes }, escapeXml(text));
}

/** A whole picture: white ground, one font. */
export function document(width: number, height: number, title: string, body: readonly string[]): string {
  const head = { xmlns: "http://www.w3.org/2000/svg", viewBox: `0 0 ${round(width)} ${round(height)}` };
  const size = { width, height, role: "img", "aria-label": title, "font-family": FONT };
  const ground = tag("rect", { width, height, fill: "#fff" });
  return `${tag("svg", { ...head, ...size }, ["", ground, ...body, ""].join("\n"))}\n`;
}
