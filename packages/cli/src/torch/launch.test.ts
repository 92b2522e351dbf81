/** What comes from PyTorch's processes and what goes to them, without PyTorch; torch.slow.test.ts has the real one. */
import { describe, expect, it } from "vitest";
import { checkEngine } from "./engine.ts";
import { parseEvent } from "./fit.ts";
import { compactError, launchWords, withoutMark } from "./launch.ts";
import { findPython } from "./python.ts";

const cluster = { nproc: 2, nnodes: 1, nodeRank: 0, rdzv: undefined, maxRestarts: 3, threads: 0 };

describe("torchrun", () => {
  it("takes any free port of this machine, or the leading machine's", () => {
    expect(launchWords(cluster)).toContain("--rdzv_endpoint=127.0.0.1:0");
    const second = launchWords({ ...cluster, nnodes: 2, nodeRank: 1, rdzv: "first:29500" });
    expect(second).toEqual(
      expect.arrayContaining(["--nnodes=2", "--rdzv_endpoint=first:29500", "--rdzv_conf=is_host=0"]),
    );
  });

  it("marks its workers' lines, which are events or of no concern", () => {
    expect(withoutMark("[default12]:hello")).toBe("hello");
    expect(withoutMark("[1, 2]: hello")).toBe("[1, 2]: hello");
    expect(parseEvent('[default0]:{"event": "end"}')).toEqual({ event: "end" });
    expect(parseEvent("[default0]:a warning")).toBeUndefined();
    expect(parseEvent('{"event": "st')).toBeUndefined();
  });

  it("is told of in one line: the cause, not what followed from it", () => {
    const text = `[rank0]:Traceback (most recent call last):
[rank0]:  File "/x/torch/train.py", line 377, in run_epoch
[rank0]:    loss.backward()
[rank0]:RuntimeError: [pair.cc:589] Connection reset by peer
[rank1]:Traceback (most recent call last):
[rank1]:  File "/x/torch/train.py", line 370, in run_epoch
[rank1]:    logits = self.net(pixels)
[rank1]:  File "/usr/lib/torch/nn.py", line 10, in forward
[rank1]:RuntimeError: out of memory
ERROR:torch.distributed.elastic:failed (exitcode: 1)`;
    expect(compactError(text)).toBe("RuntimeError: out of memory (train.py, line 370)");
    expect(compactError("nothing of note")).toBeUndefined();
  });
});

describe("options", () => {
  const values = { engine: "torch", device: "auto", nnodes: 1, node_rank: 0, rdzv: undefined } as const;
  it.each([
    [{ ...values, engine: "local" }, ["nproc"], /nproc cannot be given without engine=torch/],
    [{ ...values, engine: "local", device: "cuda" }, [], /device=cuda needs engine=torch/],
    [{ ...values, node_rank: 1 }, [], /numbered from 0 to 0/],
    [{ ...values, nnodes: 2 }, [], /nnodes=2 needs rdzv=HOST:PORT/],
  ] as const)("%#", (given, names, message) => {
    expect(() => checkEngine(given, new Set<string>(names))).toThrow(message);
  });

  it("say how to get PyTorch where there is none", async () => {
    await expect(findPython("/no/such/python")).rejects.toThrow(
      /\/no\/such\/python: there is no such program\nGet it with: apt install python3-torch.*pip install torch/,
    );
  });
});
