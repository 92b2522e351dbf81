/**
 * Colours by role: one hue for the input, one for the filter, one for the output, in every figure. The hues are near
 * those of Okabe & Ito 2008, which stay apart for colour-blind eyes; "print" needs no colour at all.
 */

export type Theme = "light" | "dark" | "print";

export interface Palette {
  readonly theme: Theme;
  readonly background: string;
  /** Panels and empty cells. */
  readonly surface: string;
  readonly ink: string;
  readonly muted: string;
  /** Lines that only order the space. */
  readonly faint: string;
  readonly input: string;
  readonly filter: string;
  readonly output: string;
  /** Bias and other fourth things. */
  readonly extra: string;
  /** Channels in order; the first three are red, green, blue. */
  readonly channels: readonly string[];
  /** Ends of the diverging scale. */
  readonly negative: string;
  readonly positive: string;
}

export const PALETTES: Readonly<Record<Theme, Palette>> = {
  light: {
    theme: "light",
    background: "#ffffff",
    surface: "#f7f8fa",
    ink: "#1b1f2a",
    muted: "#5c6474",
    faint: "#d5d9e0",
    input: "#0b6bb0",
    filter: "#c04e08",
    output: "#00795b",
    extra: "#8a4f9e",
    channels: ["#cc3340", "#26863c", "#2f62cf", "#8a6d00", "#8a4f9e", "#00808a"],
    negative: "#7b3fa0",
    positive: "#d17a00",
  },
  dark: {
    theme: "dark",
    background: "#14171d",
    surface: "#1c2028",
    ink: "#eceff4",
    muted: "#a3acba",
    faint: "#3a414d",
    input: "#5db4f5",
    filter: "#ff9a52",
    output: "#3fd0a4",
    extra: "#d3a0e6",
    channels: ["#ff7b84", "#62cf7c", "#86a9ff", "#e2c04a", "#d3a0e6", "#4fd0da"],
    negative: "#c08be6",
    positive: "#ffb347",
  },
  print: {
    theme: "print",
    background: "#ffffff",
    surface: "#ffffff",
    ink: "#000000",
    muted: "#444444",
    faint: "#bdbdbd",
    input: "#6b6b6b",
    filter: "#000000",
    output: "#2a2a2a",
    extra: "#5a5a5a",
    channels: ["#333333", "#555555", "#707070", "#444444", "#666666", "#747474"],
    negative: "#8a8a8a",
    positive: "#1a1a1a",
  },
};

function channels(hex: string): [number, number, number] {
  const n = Number.parseInt(hex.slice(1), 16);
  return [n >> 16, (n >> 8) & 255, n & 255];
}

/** `amount` of b in a, in sRGB. */
export function mix(a: string, b: string, amount: number): string {
  const p = channels(a);
  const q = channels(b);
  return `#${p
    .map((v, i) =>
      Math.round(v + (q[i] - v) * amount)
        .toString(16)
        .padStart(2, "0"),
    )
    .join("")}`;
}

/** A hue laid thinly over the background: 0 is the background, 1 the hue. */
export function tint(p: Palette, hue: string, amount: number): string {
  return mix(p.background, hue, p.theme === "dark" ? 0.05 + 0.95 * amount : amount);
}

/** WCAG 2 relative luminance. */
export function luminance(hex: string): number {
  const [r, g, b] = channels(hex).map((v) => {
    const c = v / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** WCAG 2 contrast, 1 to 21. */
export function contrast(a: string, b: string): number {
  const [low, high] = [luminance(a), luminance(b)].toSorted((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

/** Ink that can be read on a fill: black or white, whichever stands out more; that is always at least 4.58 : 1. */
export function inkOn(fill: string): string {
  return contrast(fill, "#000000") >= contrast(fill, "#ffffff") ? "#000000" : "#ffffff";
}

/** The diverging scale: `value` from −limit to limit, zero is the surface. */
export function diverging(p: Palette, value: number, limit: number): string {
  const amount = limit > 0 ? Math.min(Math.abs(value) / limit, 1) : 0;
  return mix(p.surface, value < 0 ? p.negative : p.positive, 0.85 * amount);
}
