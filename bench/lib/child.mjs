/**
 * A peer in a process of its own, driven by lines of JSON: commands on its standard input, replies on file descriptor 3
 * (libraries write what they like to the other two). One command at a time.
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** @typedef {{ file: string, args: readonly string[], env?: Readonly<Record<string, string | undefined>> }} Command */

export class Child {
  #process;
  /** @type {((line: string) => void) | undefined} */
  #reply;
  /** @type {((error: Error) => void) | undefined} */
  #fail;
  #noise = "";
  #ended = false;
  spawnedAt = Date.now();

  /** @param {Command} command */
  constructor({ file, args, env = {} }) {
    this.#process = spawn(file, args, {
      stdio: ["pipe", "pipe", "pipe", "pipe"],
      env: { ...process.env, ...env },
    });
    const keep = (/** @type {Buffer} */ text) => (this.#noise = (this.#noise + text).slice(-2000));
    this.#process.stdout?.on("data", keep);
    this.#process.stderr?.on("data", keep);
    this.#process.stdin?.on("error", () => undefined); // a dead peer is told by "close"
    const replies = /** @type {import("node:stream").Readable} */ (this.#process.stdio[3]);
    createInterface({ input: replies }).on("line", (line) => this.#reply?.(line));
    this.#process.on("error", (error) => this.#end(error.message));
    this.#process.on("close", (code, signal) => this.#end(`the process ended (${signal ?? code})`));
  }

  /** @param {string} why */
  #end(why) {
    this.#ended = true;
    const said =
      this.#noise
        .trim()
        .split("\n")
        .findLast((line) => /error/i.test(line)) ?? "";
    this.#fail?.(new Error(said === "" ? why : `${why}: ${said.trim()}`));
  }

  /**
   * @param {Readonly<Record<string, unknown>>} command
   * @param {number} limit seconds
   * @returns {Promise<any>} what the peer answers; rejects with its own words if it fails
   */
  ask(command, limit) {
    return new Promise((resolve, reject) => {
      if (this.#ended) return reject(new Error("the process has ended"));
      const timer = setTimeout(() => {
        this.kill();
        reject(new Error(`no result within ${limit} s`));
      }, limit * 1000);
      this.#fail = (error) => {
        clearTimeout(timer);
        reject(error);
      };
      this.#reply = (line) => {
        clearTimeout(timer);
        const answer = JSON.parse(line);
        if (answer.error === undefined) resolve(answer);
        else reject(new Error(answer.error));
      };
      this.#process.stdin?.write(`${JSON.stringify(command)}\n`);
    });
  }

  kill() {
    this.#process.kill("SIGKILL");
  }
}
