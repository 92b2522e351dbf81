/** Side by side where there is room; tabs on a phone. */
import type { ComponentChildren, JSX } from "preact";
import { useId, useRef, useState } from "preact/hooks";

export interface Tab {
  readonly title: string;
  readonly content: ComponentChildren;
}

export function Tabs(props: {
  readonly label: string;
  readonly tabs: readonly Tab[];
  readonly first?: number;
}): JSX.Element {
  const { label, tabs, first = 0 } = props;
  const [chosen, setChosen] = useState(first);
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const key = (event: KeyboardEvent): void => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = (chosen + step + tabs.length) % tabs.length;
    setChosen(next);
    list.current?.querySelectorAll("button")[next]?.focus();
  };
  return (
    <div class="tabs">
      <div class="tablist" role="tablist" aria-label={label} ref={list} onKeyDown={key}>
        {tabs.map(({ title }, i) => (
          <button
            key={title}
            type="button"
            role="tab"
            id={`${id}-tab${i}`}
            aria-controls={`${id}-panel${i}`}
            aria-selected={i === chosen}
            tabIndex={i === chosen ? 0 : -1}
            onClick={() => setChosen(i)}
          >
            {title}
          </button>
        ))}
      </div>
      {tabs.map(({ title, content }, i) => (
        <div
          key={title}
          id={`${id}-panel${i}`}
          role="tabpanel"
          aria-labelledby={`${id}-tab${i}`}
          class={i === chosen ? "tabpanel chosen" : "tabpanel"}
        >
          {content}
        </div>
      ))}
    </div>
  );
}
