#!/usr/bin/env node
/** The `faltung` command. */
import { engine } from "./engine.ts";
import { runProcess } from "./process.ts";

await runProcess(engine);
