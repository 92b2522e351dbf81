import { render } from "preact";
import { LabApp } from "./app.tsx";
import { isolate } from "./isolation.ts";

const root = document.querySelector("#app");
if (root) render(<LabApp />, root);
void isolate();
