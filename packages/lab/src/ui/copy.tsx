import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { useApp } from "../app-context.ts";
import { W } from "../words.ts";

/** Code to read and to copy. */
export function Code({ title, code }: { readonly title: string; readonly code: string }): JSX.Element {
  const { t } = useApp();
  const [copied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(code).then(
      () => setCopied(true),
      () => setCopied(false), // refused: the text can still be selected
    );
    setTimeout(() => setCopied(false), 1500);
  };
  return (
    <figure class="code">
      <figcaption>
        <span>{title}</span>
        <button type="button" class="small" onClick={copy} aria-label={`${t(W.copy)}: ${title}`}>
          {t(copied ? W.copied : W.copy)}
        </button>
      </figcaption>
      <pre tabIndex={0}>
        <code>{code}</code>
      </pre>
    </figure>
  );
}
