import { render } from "preact";
import { LabApp } from "./app.tsx";
import { isolate } from "./isolation.ts";

// A file that is dropped beside its place must not replace the page, and a run with it.
for (const type of ["dragover", "drop"] as const) {
  addEventListener(type, (event) => {
    if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
  });
}

const root = document.querySelector("#app");
if (root) render(<LabApp />, root);
void isolate();
