/** The command as a process of its own: signals, closed pipes, kills, full disks. */
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { previousName } from "../src/checkpoint/sealed.ts";
import { readTraining } from "../src/checkpoint/training-file.ts";
import { bundle, faltungProcess, makePictures, paint, start, temporaryFolder, until } from "./support.ts";

// Processes take their time on a busy machine.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 });

let program: string;
let pictures: string;
beforeAll(async () => {
  program = await bundle("fake-main");
  pictures = await makePictures();
});

const faltung = (words: string[], cwd: string): ReturnType<typeof faltungProcess> =>
  faltungProcess(program, words, cwd);

describe("output", () => {
  it("ends quietly when nobody reads on", async () => {
    const { code, err } = await start(
      ["bash", "-c", `"${process.execPath}" "${program}" train --help | head -1; exit \${PIPESTATUS[0]}`],
      { cwd: temporaryFolder() },
    ).ended;
    expect([code, err]).toEqual([0, ""]);
  });

  it("is one plain line an epoch in a pipe, and a moving line on a terminal", async () => {
    const cwd = temporaryFolder();
    const words = [process.execPath, program, "train", `data=${pictures}`, "model=lenet5", "epochs=2"];
    const piped = await start(words, { cwd }).ended;
    expect(piped.err.split("\n").length).toBe(3);
    expect(piped.err + piped.out).not.toContain("\u001b");
    // util-linux's script gives it a terminal
    const line = `stty cols 110; ${words.map((word) => `'${word}'`).join(" ")}`;
    const live = await start(["script", "-qec", line, "/dev/null"], {
      cwd,
      env: { STEP_MS: "30", TERM: "xterm", COLUMNS: "100" },
    }).ended;
    expect(live.code).toBe(0);
    expect(live.out).toMatch(/\repoch 1\/2 {2}.*[━─].* \d\/\d/);
    expect(live.out).toContain("\u001b[1m");
    const narrow = await start(["script", "-qec", line.replace("110", "60"), "/dev/null"], {
      cwd,
      env: { NO_COLOR: "1", TERM: "xterm" },
    }).ended;
    expect(narrow.out).toMatch(/val loss \d\.\d{4}\r\n/);
    const plain = await start(["script", "-qec", line, "/dev/null"], { cwd, env: { NO_COLOR: "1", TERM: "xterm" } })
      .ended;
    expect(plain.out.split("\u001b[").filter((part) => /^\d+m/.test(part))).toEqual([]);
  });
});

describe("Ctrl-C", () => {
  const words = ["train", "epochs=3", "batch=4", "name=r"];

  it.each(["SIGINT", "SIGTERM"] as const)("%s saves the run, says how to go on, and ends with 130", async (signal) => {
    const cwd = temporaryFolder();
    const whole = await faltung([...words.slice(0, -1), `data=${pictures}`, "model=lenet5", "name=whole"], cwd);
    expect(whole.code).toBe(0);
    const running = start([process.execPath, program, ...words, `data=${pictures}`, "model=lenet5"], {
      cwd,
      env: { STEP_MS: "40" },
    });
    await until(() => running.err().includes("epoch 1/3"), "the first epoch");
    await new Promise((resolve) => setTimeout(resolve, 60));
    running.child.kill(signal);
    const { code, err } = await running.ended;
    expect(code).toBe(130);
    expect(err).toContain("Stopped. The run is saved in runs/r; go on with\n  npx faltung train resume=runs/r");

    const resumed = await faltung(["train", "resume=runs/r"], cwd);
    expect(resumed.code).toBe(0);
    const bytes = (name: string, file: string): Buffer => readFileSync(join(cwd, "runs", name, file));
    expect(bytes("r", "results.csv").toString()).toBe(bytes("whole", "results.csv").toString());
    for (const file of ["weights/last.safetensors", "weights/best.safetensors"])
      expect(bytes("r", file)).toEqual(bytes("whole", file));
    expect((await faltung(["train", "resume=runs/r"], cwd)).out).toContain("is finished: 3 of 3 epochs");
  });

  it("twice ends at once", async () => {
    const cwd = temporaryFolder();
    const running = start([process.execPath, program, ...words, `data=${pictures}`, "model=lenet5"], {
      cwd,
      env: { STEP_MS: "3000" },
    });
    await until(() => existsSync(join(cwd, "runs/r/args.yaml")), "the run folder");
    await new Promise((resolve) => setTimeout(resolve, 300));
    running.child.kill("SIGINT");
    await new Promise((resolve) => setTimeout(resolve, 100));
    running.child.kill("SIGINT");
    expect((await running.ended).code).toBe(130);
  });
});

describe("resuming", () => {
  async function interrupted(cwd: string, data: string): Promise<void> {
    const running = start([process.execPath, program, "train", "epochs=3", "batch=4", `data=${data}`, "model=lenet5"], {
      cwd,
      env: { STEP_MS: "40" },
    });
    await until(() => running.err().includes("epoch 1/3"), "the first epoch");
    running.child.kill("SIGINT");
    await running.ended;
  }

  it("goes on from the checkpoint before where the last one is damaged", async () => {
    const cwd = temporaryFolder();
    await interrupted(cwd, pictures);
    const state = join(cwd, "runs/train/weights/last.state.safetensors");
    writeFileSync(state, readFileSync(state).subarray(0, 1000));
    const { code, err } = await faltung(["train", "resume=runs/train"], cwd);
    expect(err).toMatch(/is cut short\. Going on from the checkpoint before it/);
    expect(code).toBe(0);
    rmSync(join(cwd, "runs/train/weights/last.state.previous.safetensors"));
    writeFileSync(state, "no");
    expect((await faltung(["train", "resume=runs/train"], cwd)).err).toMatch(/error: .*2 bytes are too few/);
  });

  it("refuses other pictures", async () => {
    const cwd = temporaryFolder();
    const copy = join(cwd, "copy");
    cpSync(pictures, copy, { recursive: true });
    await interrupted(cwd, copy);
    const moved = await faltung(["train", "resume=runs/train", `data=${pictures}`], cwd);
    expect(moved.code).toBe(0); // the same pictures elsewhere
    await interrupted(cwd, copy);
    writeFileSync(join(copy, "red", "0.png"), await paint([0, 255, 0], 16, 16));
    const changed = await faltung(["train", "resume=runs/train2"], cwd);
    expect(changed.code).toBe(1);
    expect(changed.err).toContain("are not those that the run began with");
  });
});

describe("places that cannot be written", () => {
  // A tiny disk of its own for one process: a name space needs no rights outside of it.
  it("a full disk ends the run with the old checkpoint whole", async () => {
    const cwd = temporaryFolder();
    mkdirSync(join(cwd, "disk"));
    const script = [
      `mount -t tmpfs -o size=2m none disk`,
      // The first epoch fits; then somebody else fills the disk.
      `"$0" "$1" train model=lenet5 data="$2" epochs=30 batch=4 project=disk > out.txt 2> err.txt &`,
      `while ! grep -q "epoch  2/30" err.txt; do sleep 0.05; done; head -c 4000000 /dev/zero > disk/filler`,
      `wait $!; code=$?`,
      `cp -r disk/train kept; exit $code`,
    ].join("\n");
    const { code, err } = await start(
      ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, process.execPath, program, pictures],
      { cwd, env: { STEP_MS: "20" } },
    ).ended;
    expect(err).toContain("head: "); // the disk is really full
    expect(code).toBe(1);
    expect(readFileSync(join(cwd, "err.txt"), "utf8")).toMatch(
      /error: disk.train.* cannot be written: the disk is full\./,
    );
    expect(readdirSync(join(cwd, "kept", "weights")).filter((name) => name.endsWith(".tmp"))).toEqual([]);
    for (const [name, word] of [
      ["best", "val"],
      ["last", "val"],
    ]) {
      expect((await faltung([word, `model=kept/weights/${name}.safetensors`], cwd)).code).toBe(0);
    }
    expect((await faltung(["train", "resume=kept"], cwd)).code).toBe(0);
  });

  it("a limit on file size likewise", async () => {
    const cwd = temporaryFolder();
    const script = `trap '' XFSZ; ulimit -f 64; "$0" "$1" train model=lenet5 data="$2" epochs=1`;
    const { code, err } = await start(["bash", "-c", script, process.execPath, program, pictures], { cwd }).ended;
    expect(code).toBe(1);
    expect(err).toMatch(/cannot be written: the file would be larger than is allowed here\.\n$/);
  });
});

describe("kill -9 at any moment", () => {
  it("of writing a checkpoint, before each operation on a file, leaves the old one or the new one whole", async () => {
    const writer = await bundle("kill-writer");
    const cwd = temporaryFolder();
    const path = join(cwd, "last.state.safetensors");
    const seen: number[] = [];
    for (let operation = 1; ; operation++) {
      rmSync(path, { force: true });
      rmSync(previousName(path), { force: true });
      // Writes steps 1 and 2 undisturbed, then step 3, and kills itself before that operation.
      const { code } = await start([process.execPath, writer, path, String(operation)], { cwd }).ended;
      const { state } = await readTraining(path, () =>
        expect.unreachable("the last checkpoint has to be there and whole"),
      );
      seen.push(state.progress.step);
      expect(state.tensors["model.w"].data[0]).toBe(state.progress.step);
      if (code === 0) break;
      expect(code).toBeNull(); // killed
    }
    expect(seen.length).toBeGreaterThan(10);
    expect(seen.at(-1)).toBe(3);
    expect(new Set(seen)).toEqual(new Set([2, 3]));
    expect(readdirSync(cwd).filter((name) => name.endsWith(".tmp"))).toEqual([]); // the next writer cleans up
  });

  it("leaves a run that can be resumed to the very same end", async () => {
    const cwd = temporaryFolder();
    const words = ["train", "epochs=12", "batch=8", `data=${pictures}`, "model=lenet5"];
    await faltung([...words, "name=whole"], cwd);
    const first = start([process.execPath, program, ...words, "name=r"], { cwd, env: { STEP_MS: "1000" } });
    await until(() => existsSync(join(cwd, "runs/r/weights/last.state.safetensors")), "a state before the first step");
    first.child.kill("SIGKILL");
    expect((await first.ended).err).not.toContain("epoch");
    let kills = 1;
    for (let i = 0; i < 6; i++) {
      const running = start([process.execPath, program, "train", "resume=runs/r"], { cwd, env: { STEP_MS: "1" } });
      await until(() => running.err().includes("epoch ") || running.child.exitCode !== null, "an epoch");
      await new Promise((resolve) => setTimeout(resolve, (i * 11) % 30)); // somewhere in steps or writes
      running.child.kill("SIGKILL");
      const { code, err } = await running.ended;
      if (code === 0) break;
      expect(err).not.toContain("error");
      kills++;
    }
    expect(kills).toBeGreaterThan(2);
    expect((await faltung(["train", "resume=runs/r"], cwd)).code).toBe(0);
    for (const file of ["weights/last.safetensors", "weights/best.safetensors"]) {
      expect(readFileSync(join(cwd, "runs/r", file))).toEqual(readFileSync(join(cwd, "runs/whole", file)));
    }
    expect(readdirSync(join(cwd, "runs/r/weights")).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });
});
