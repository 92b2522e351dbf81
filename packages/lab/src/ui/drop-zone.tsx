/** Where files may be dropped, or chosen by buttons that speak the page's language. */
import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import { type Found, chosenFiles, droppedFiles } from "./files.ts";
import "../rooms.css";

export interface FileButtonProps {
  readonly label: string;
  readonly accept?: string;
  /** A whole folder instead of a file. */
  readonly folder?: boolean;
  readonly disabled?: boolean;
  /** The input's `data-file`, by which tests find it. */
  readonly name: string;
  /** Gets at least one file. */
  readonly take: (found: readonly Found[]) => void;
}

export function FileButton({ label, accept, folder = false, disabled, name, take }: FileButtonProps): JSX.Element {
  return (
    <label class="file">
      <input
        type="file"
        class="hidden"
        accept={accept}
        disabled={disabled}
        data-file={name}
        ref={(element) => {
          if (folder) element?.setAttribute("webkitdirectory", "");
        }}
        onChange={(event) => {
          const found = chosenFiles(event.currentTarget);
          if (found.length > 0) take(found);
        }}
      />
      {label}
    </label>
  );
}

export function DropZone({
  take,
  name,
  children,
}: {
  readonly take: (found: readonly Found[]) => void;
  readonly name: string;
  readonly children: ComponentChildren;
}): JSX.Element {
  const [over, setOver] = useState(false);
  return (
    <div
      class={over ? "drop over" : "drop"}
      data-drop={name}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        void droppedFiles(event).then((found) => found.length > 0 && take(found));
      }}
    >
      {children}
    </div>
  );
}
