/** The command with a scripted training loop whose steps take STEP_MS each; everything else is real. */
import { runProcess } from "../src/process.ts";
import { fakeEngine } from "./fake-engine.ts";

await runProcess(fakeEngine({ stepMs: Number(process.env["STEP_MS"] ?? 0) }));
