/** What is being typed, kept while the page around it is drawn anew: a figure that plays must not take letters away. */
import { useEffect, useState } from "preact/hooks";

export interface Draft {
  readonly value: string;
  readonly onInput: (event: { readonly currentTarget: { readonly value: string } }) => void;
  /** Back to what stands. */
  readonly forget: () => void;
}

/** @param value what stands; as soon as it changes, it is shown */
export function useDraft(value: string): Draft {
  const [typed, setTyped] = useState<string>();
  useEffect(() => setTyped(undefined), [value]);
  return {
    value: typed ?? value,
    onInput: (event) => setTyped(event.currentTarget.value),
    forget: () => setTyped(undefined),
  };
}
