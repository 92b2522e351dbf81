/** Short texts with a little markup: `**strong**`, `*emphasis*`, `` `code` ``, and `{role:words}` in a role's colour. */
import type { ComponentChildren, JSX } from "preact";

const ROLES = ["input", "filter", "output", "extra"] as const;
const TOKEN = /\*\*(.+?)\*\*|\*(.+?)\*|`(.+?)`|\{(input|filter|output|extra):(.+?)\}/g;

function parse(source: string): ComponentChildren[] {
  const parts: ComponentChildren[] = [];
  let at = 0;
  for (const match of source.matchAll(TOKEN)) {
    parts.push(source.slice(at, match.index));
    const [whole, strong, emphasis, code, role, coloured] = match;
    if (strong !== undefined) parts.push(<strong>{parse(strong)}</strong>);
    else if (emphasis !== undefined) parts.push(<em>{parse(emphasis)}</em>);
    else if (code !== undefined) parts.push(<code>{code}</code>);
    else if (ROLES.some((r) => r === role)) parts.push(<span class={`role-${role}`}>{coloured}</span>);
    at = match.index + whole.length;
  }
  parts.push(source.slice(at));
  return parts;
}

export function Rich({ text }: { readonly text: string }): JSX.Element {
  return <>{parse(text)}</>;
}
