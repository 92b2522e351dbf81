import { describe, expect, it } from "vitest";
import { confusionMatrix } from "faltung";
import { confusionText } from "./confusion.ts";
import { bytes, clock, compact, count, loss, percent, thousands } from "./format.ts";
import { painter } from "./paint.ts";
import { createProgress, progressLine } from "./progress.ts";
import { table } from "./table.ts";
import { createTerminal } from "./terminal.ts";
import { padStart, printable, truncate, widthOf } from "./width.ts";

interface Written {
  write(text: string): void;
  text: string;
  isTTY?: boolean;
  columns?: number;
}

function stream(tty = false, columns = 80): Written {
  const s: Written = { text: "", isTTY: tty, columns, write: (text) => void (s.text += text) };
  return s;
}

describe("terminal", () => {
  it("keeps people's lines and machines' lines apart", () => {
    for (const json of [false, true]) {
      const [out, err] = [stream(), stream()];
      const terminal = createTerminal({ out, err, json, env: {} });
      terminal.say("hello");
      terminal.emit({ event: "x", n: 1 });
      terminal.note("careful");
      expect(out.text).toBe(json ? '{"event":"x","n":1}\n' : "hello\n");
      expect(err.text).toBe("careful\n");
    }
  });

  it("colours on terminals only, and not where NO_COLOR is set", () => {
    const colour = (tty: boolean, env: Record<string, string>): boolean =>
      createTerminal({ out: stream(tty), err: stream(tty), json: false, env }).paint.enabled;
    expect(colour(true, {})).toBe(true);
    expect(colour(false, {})).toBe(false);
    expect(colour(true, { NO_COLOR: "1" })).toBe(false);
    expect(colour(true, { NO_COLOR: "" })).toBe(true);
    expect(colour(true, { TERM: "dumb" })).toBe(false);
    expect(colour(false, { FORCE_COLOR: "1" })).toBe(true);
    expect(painter(true).red("x")).toBe("\u001b[31mx\u001b[39m");
    expect(painter(false).red("x")).toBe("x");
  });
});

describe("progress line", () => {
  const state = {
    title: "epoch 2/5",
    done: 300,
    total: 938,
    elapsedMs: 1200,
    unit: "step",
    details: ["loss 0.0812", "acc 97.5%"],
  };
  const plain = (text: string): string => text;

  it("shows count, bar, time that remains, speed and numbers", () => {
    expect(progressLine(state, 120, plain)).toBe(
      "epoch 2/5  ━━━━━━━─────────────────  300/938  ETA 0:03  4.0 ms/step  loss 0.0812  acc 97.5%",
    );
  });

  it("never exceeds the window, and drops the last first", () => {
    for (let columns = 1; columns < 130; columns++)
      expect(widthOf(progressLine(state, columns, plain))).toBeLessThanOrEqual(columns);
    expect(progressLine(state, 40, plain)).toBe("epoch 2/5  300/938  ETA 0:03");
  });

  it("counts time from where a resumed epoch began", () => {
    expect(progressLine({ ...state, doneBefore: 200 }, 120, plain)).toContain("12 ms/step");
    expect(progressLine({ ...state, doneBefore: 300 }, 120, plain)).not.toContain("ETA");
  });

  it("redraws at most twenty times a second, and always the end", () => {
    const err = stream(true, 100);
    const terminal = createTerminal({ out: stream(), err, json: false, env: { NO_COLOR: "1" } });
    let time = 0;
    const progress = createProgress(terminal, () => time);
    for (time = 0; time < 1000; time++) progress.update({ ...state, done: time, total: 1001 });
    expect(err.text.split("\r").length - 1).toBe(20);
    progress.update({ ...state, done: 1001, total: 1001 });
    progress.clear();
    expect(err.text.endsWith("\r\u001b[K")).toBe(true);
    expect(err.text.split("\r").length - 1).toBe(22);
  });

  it("is silent in a pipe", () => {
    const err = stream(false);
    const progress = createProgress(createTerminal({ out: stream(), err, json: false, env: {} }));
    progress.update(state);
    progress.clear();
    expect(err.text).toBe("");
  });
});

describe("confusion matrix in text", () => {
  const matrix = confusionMatrix(["cat", "dog", "한국어"], [0, 0, 0, 1, 1, 2], [0, 0, 1, 1, 1, 0]);

  it("is aligned, whatever the script of the names", () => {
    expect(confusionText(matrix, 80, painter(false)).join("\n")).toMatchInlineSnapshot(`
      "            cat    dog 한국어   recall
         cat        2      1      ·    66.7%
         dog        ·      2      ·   100.0%
      한국어        1      ·      ·     0.0%"
    `);
    const widths = confusionText(matrix, 80, painter(false)).map(widthOf);
    expect(new Set(widths).size).toBe(1);
    const coloured = confusionText(matrix, 80, painter(true));
    expect(coloured.map(widthOf)).toEqual(widths);
    expect(coloured.join("")).toContain("\u001b[48;5;");
  });

  it("is a matrix where names and numbers are short, too", () => {
    expect(confusionText(confusionMatrix(["a", "b"], [0, 0, 1], [0, 1, 1]), 80, painter(false)).join("\n"))
      .toMatchInlineSnapshot(`
        "         a b   recall
             a   1 1    50.0%
             b   · 1   100.0%"
      `);
  });

  it("lists the worst where there is no room", () => {
    expect(confusionText(matrix, 20, painter(false))).toEqual([
      "Most often confused:",
      "      1 × cat taken for dog",
      "      1 × 한국어 taken for cat",
    ]);
  });
});

describe("words and numbers", () => {
  it("are written for people", () => {
    expect([thousands(1234567), thousands(999), compact(98_682), compact(5_530_000), compact(2e9)]).toEqual([
      "1,234,567",
      "999",
      "98,682",
      "5.53 M",
      "2.00 G",
    ]);
    expect([percent(0.99314), percent(1), percent(0.5, 0), percent(Number.NaN)]).toEqual([
      "99.31%",
      "100.00%",
      "50%",
      "–",
    ]);
    expect([loss(0.08123), loss(12345), loss(Number.NaN)]).toEqual(["0.0812", "1.23e+4", "NaN"]);
    expect([clock(7), clock(750), clock(3723), clock(Infinity), clock(59.7)]).toEqual([
      "0:07",
      "12:30",
      "1:02:03",
      "–:––",
      "1:00",
    ]);
    expect([bytes(850), bytes(55_000), bytes(1.2e6), bytes(3e9)]).toEqual(["850 B", "55.0 kB", "1.2 MB", "3.00 GB"]);
    expect([count(1, "picture"), count(1200, "class", "classes")]).toEqual(["1 picture", "1,200 classes"]);
  });

  it("have a width in cells", () => {
    expect([
      widthOf("abc"),
      widthOf("한국"),
      widthOf("e\u0301"),
      widthOf("\u001b[31mx\u001b[39m"),
      widthOf("😀"),
    ]).toEqual([3, 4, 1, 1, 2]);
    expect(truncate("abcdef", 4)).toBe("abc…");
    expect(truncate("한국어", 4)).toBe("한…");
    expect(padStart("한", 4)).toBe("  한");
    expect(
      table(
        [
          ["a", "n"],
          ["한국", "10"],
        ],
        [false, true],
      ),
    ).toEqual(["a      n", "한국  10"]);
    expect(printable("a\u001b[31m\n")).toBe("a\\u001b[31m\\u000a");
  });
});
