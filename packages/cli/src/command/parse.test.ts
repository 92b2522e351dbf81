import { describe, expect, it } from "vitest";
import { type Listed, defineCommand } from "./command.ts";
import { UsageError } from "./errors.ts";
import { auto, autoWhole, choice, fileName, flag, number, text, whole } from "./option.ts";
import { type Parsed, parseCommandLine } from "./parse.ts";
import { distance, nearest } from "./suggest.ts";

const train = defineCommand({
  description: "Trains.",
  examples: [["train epochs=3", "three epochs"]],
  options: {
    data: text({ default: "mnist", help: "what to train on" }),
    name: fileName({ default: "train", help: "of the folder" }),
    epochs: whole({ default: 5, min: 1, help: "how often" }),
    lr0: auto({ min: 0, help: "learning rate" }),
    imgsz: autoWhole({ min: 1, help: "side" }),
    val: number({ default: 0, min: 0, max: 0.9, help: "share" }),
    optimizer: choice(["SGD", "AdamW"], { default: "SGD", help: "rule" }),
    skip_bad: flag({ default: false, help: "leave out" }),
    json: flag({ default: false, help: "for programs" }),
  },
  headings: { optimizer: "How" },
  run: async () => 0,
});
const val = defineCommand({ examples: [], options: {}, run: async () => 0 });

const commands: readonly Listed[] = [
  { name: "train", summary: "train a network", load: async () => train },
  { name: "val", summary: "judge", load: async () => val },
];
const parse = (...words: string[]): Promise<Parsed> => parseCommandLine(words, commands, "1.2.3", 100);
const LONG: Listed = {
  name: "train",
  summary: "train a network",
  load: async () =>
    defineCommand({
      description: "Trains a network on pictures. ".repeat(10),
      examples: [],
      options: { data: text({ default: "mnist", help: "what to train on, word by word, ".repeat(20) }) },
      run: async () => 0,
    }),
};
const values = async (...words: string[]): Promise<Readonly<Record<string, unknown>>> => {
  const parsed = await parse("train", ...words);
  if (parsed.kind !== "table") throw new Error("no values");
  return parsed.values;
};

describe("options", () => {
  it("have their defaults", async () => {
    expect(await values()).toEqual({
      data: "mnist",
      name: "train",
      epochs: 5,
      lr0: undefined,
      imgsz: undefined,
      val: 0,
      optimizer: "SGD",
      skip_bad: false,
      json: false,
    });
  });

  it("may be written in every usual way", async () => {
    for (const words of [["epochs=10"], ["--epochs", "10"], ["--epochs=10"]])
      expect((await values(...words))["epochs"]).toBe(10);
    for (const words of [["skip_bad=true"], ["--skip_bad"], ["--skip-bad"], ["skip-bad=yes"], ["--skip-bad=on"]]) {
      expect((await values(...words))["skip_bad"]).toBe(true);
    }
    expect(await values("--json", "epochs=2")).toMatchObject({ json: true, epochs: 2 });
    expect((await values("optimizer=adamw"))["optimizer"]).toBe("AdamW");
    expect((await values("lr0=1e-3"))["lr0"]).toBe(0.001);
    expect((await values("lr0=auto"))["lr0"]).toBeUndefined();
    expect((await values("data=a=b/c d"))["data"]).toBe("a=b/c d");
    expect((await values("--data", "-x"))["data"]).toBe("-x");
    expect((await values("epochs=2", "epochs=3"))["epochs"]).toBe(3);
  });

  it("know which of them were given", async () => {
    const parsed = await parse("train", "epochs=5", "--skip-bad");
    expect(parsed.kind === "table" && [...parsed.given]).toEqual(["epochs", "skip_bad"]);
  });

  it.each([
    [["epoch=3"], 'faltung train has no option "epoch". Did you mean "epochs"? See: faltung train --help'],
    [["--epoch", "3"], 'no option "epoch". Did you mean "epochs"?'],
    [["lr=1"], 'no option "lr". Did you mean "lr0"?'],
    [["optim=SGD"], 'Did you mean "optimizer"?'],
    [["zzzz=1"], 'faltung train has no option "zzzz". See: faltung train --help'],
    [["constructor=1"], 'no option "constructor"'],
    [["epochs=0"], "epochs=0: expected a whole number ≥ 1."],
    [["epochs=2.5"], "epochs=2.5: expected a whole number ≥ 1."],
    [["epochs="], "epochs=: expected a whole number ≥ 1."],
    [["epochs=ten"], "epochs=ten: expected a whole number ≥ 1."],
    [["epochs=1e400"], "expected a whole number"],
    [["val=0.95"], "val=0.95: expected a number from 0 to 0.9."],
    [["lr0=NaN"], "lr0=NaN: expected a number ≥ 0."],
    [["lr0=-1"], "lr0=-1: expected a number ≥ 0."],
    [["imgsz=x"], "imgsz=x: expected a whole number ≥ 1."],
    [["optimizer=adam"], 'optimizer=adam: expected one of SGD, AdamW. Did you mean "AdamW"?'],
    [["skip_bad=maybe"], "skip_bad=maybe: expected true or false."],
    [["--epochs"], "faltung train: --epochs needs a value. See: faltung train --help"],
    [["data="], "data= needs a value."],
    [["name="], "name=: expected a name, not a path."],
    [["name=../x"], "name=../x: expected a name, not a path."],
    [["name=.."], "name=..: expected a name, not a path."],
    [["epochs"], 'does not know what to do with "epochs"; options are written name=value, such as epochs=…'],
    [["folder"], 'does not know what to do with "folder"'],
    [["-x"], "unknown option '-x'"],
  ])("%s is refused", async (words, message) => {
    await expect(parse("train", ...words)).rejects.toThrow(UsageError);
    await expect(parse("train", ...words)).rejects.toThrow(message);
  });
});

describe("commands", () => {
  it("are suggested", async () => {
    await expect(parse("trian")).rejects.toThrow(
      'There is no command "trian". Did you mean "train"? Commands: train, val.',
    );
    await expect(parse("data=x")).rejects.toThrow('There is no command "data=x". Commands: train, val.');
  });

  it.each([[[]], [["--help"]], [["-h"]], [["help"]]])("%s lists them", async (words) => {
    const parsed = await parse(...words);
    expect(parsed.kind === "help" && parsed.text).toMatchInlineSnapshot(`
      "faltung 1.2.3: convolutional networks, trained and used from a terminal.

      Usage: faltung COMMAND [option=value …]

      Commands:
        train  train a network
        val    judge

      Options are written epochs=10 or --epochs 10. faltung COMMAND --help lists them, with examples.
      Colours and the moving progress line show on a terminal only; NO_COLOR=1 turns colours off."
    `);
  });

  it.each([[["train", "--help"]], [["help", "train"]], [["train", "epochs=3", "-h"]]])(
    "%s explains one",
    async (words) => {
      const parsed = await parse(...words);
      expect(parsed.kind === "help" && parsed.text).toMatchInlineSnapshot(`
      "faltung train: train a network

      Trains.

      Usage: faltung train [option=value …]

      Options (name=default):
        data=mnist      what to train on
        name=train      of the folder
        epochs=5        how often
        lr0=auto        learning rate
        imgsz=auto      side
        val=0           share

      How:
        optimizer=SGD   rule (SGD, AdamW)
        skip_bad=false  leave out
        json=false      for programs

      Examples:
        # three epochs
        faltung train epochs=3"
    `);
    },
  );

  it("keep to the width of the terminal", async () => {
    for (const columns of [20, 40, 60, 200]) {
      const parsed = await parseCommandLine(["train", "--help"], [LONG], "1.2.3", columns);
      const lines = parsed.kind === "help" ? parsed.text.split("\n") : [];
      const prose = lines.filter((line) => !/^(Usage|Options|Examples|faltung|  #|  faltung)/.test(line));
      expect(prose.length).toBeGreaterThan(10);
      for (const line of prose) expect(line.length).toBeLessThanOrEqual(Math.min(columns, 100));
    }
  });

  it("say their version", async () => {
    for (const word of ["--version", "-v", "version"])
      expect(await parse(word)).toEqual({ kind: "help", text: "faltung 1.2.3" });
  });
});

describe("suggestions", () => {
  it("measure insertions, deletions, replacements and swaps", async () => {
    expect(distance("", "abc")).toBe(3);
    expect(distance("kitten", "sitting")).toBe(3); // Levenshtein's own example
    expect(distance("trian", "train")).toBe(1);
    expect(distance("same", "same")).toBe(0);
  });

  it("come only where something is near", async () => {
    expect(nearest("EPOCS", ["epochs", "batch"])).toBe("epochs");
    expect(nearest("weight-decay", ["weight_decay"])).toBe("weight_decay");
    expect(nearest("xyz", ["epochs", "batch"])).toBeUndefined();
    expect(nearest("a", [])).toBeUndefined();
  });
});
