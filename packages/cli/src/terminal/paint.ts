/** Colours by ANSI codes, or none. */

export interface Paint {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  cyan(text: string): string;
  /** On a background from the 256-colour palette, with text that is legible on it. */
  on(background: number, foreground: number, text: string): string;
  readonly enabled: boolean;
}

export function painter(enabled: boolean): Paint {
  const wrap =
    (open: string, close: string) =>
    (text: string): string =>
      enabled ? `\u001b[${open}m${text}\u001b[${close}m` : text;
  return {
    enabled,
    bold: wrap("1", "22"),
    dim: wrap("2", "22"),
    red: wrap("31", "39"),
    green: wrap("32", "39"),
    yellow: wrap("33", "39"),
    cyan: wrap("36", "39"),
    on: (background, foreground, text) => wrap(`48;5;${background};38;5;${foreground}`, "0")(text),
  };
}
