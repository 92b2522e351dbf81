import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GALLERY } from "./gallery.ts";
import { FIGURES, fromArguments, fromQuery, open, toQuery, valuesThatFit } from "./index.ts";

describe("an address of the lab", () => {
  it.each([
    ["https://x.org/lab/#/learn/padding-stride?stride=2&lang=ko", { padding: "1", stride: "2", lang: "ko" }, "conv2d"],
    ["https://x.org/lab/#/learn/pooling", {}, "pool"],
    ["#/learn/dilation-groups?figure=channels&groups=3&filters=3", { groups: "3" }, "channels"],
    ["https://x.org/lab/#/learn/channels?step=3&palette=print&size=500", { theme: "print", width: "500" }, "channels"],
    ["https://x.org/lab/#/?lang=ko", { f: "box" }, "continuous"],
  ])("%s", (address, options, figure) => {
    const spec = fromQuery(address);
    expect(spec).toMatchObject({ ...options, figure });
    expect(open(spec).figure).toBe(figure);
  });
  it("of a page without a figure is refused", () => {
    expect(() => fromQuery("https://x.org/lab/#/learn/experiment")).toThrow(/names no figure/);
  });
});

describe("addresses", () => {
  it.each(Object.entries(GALLERY))("%s comes back from its own address", (_, query) => {
    const picture = open(fromQuery(query));
    const again = open(fromQuery(`https://example.org/learn/?${toQuery(picture)}#top`));
    expect(toQuery(again)).toBe(toQuery(picture));
    expect(again.scene(again.still)).toEqual(picture.scene(picture.still));
  });
  it("leave out defaults, and are readable", () => {
    const picture = open({
      figure: "conv2d",
      stride: 2,
      padding: "1:2,0",
      input: "5x5",
      weights: "1,0,-1/2,0,-2/1,0,-1",
    });
    expect(toQuery(picture)).toBe("figure=conv2d&stride=2&padding=1:2,0&weights=1,0,-1/2,0,-2/1,0,-1");
  });
  it("are read from a hash as well", () => {
    expect(fromQuery("https://example.org/#figure=pool&op=average")).toEqual({ figure: "pool", op: "average" });
    expect(() => fromQuery("https://example.org/")).toThrow(/names no figure/);
  });
  it("of random options open or are refused with a message, and nothing else", () => {
    const key = fc.constantFrom(...FIGURES.flatMap((f) => Object.keys(f.fields)), "nonsense");
    const value = fc.oneof(
      fc.string(),
      fc.integer().map(String),
      fc.constantFrom("5x5", "1,2", "same", "-1", "1e9", "points:0,0"),
    );
    fc.assert(
      fc.property(fc.constantFrom(...FIGURES), fc.dictionary(key, value, { maxKeys: 3 }), (figure, options) => {
        try {
          const picture = open({ ...options, figure: figure.name });
          expect(picture.scene(picture.still).width).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toHaveProperty("code");
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("errors", () => {
  it.each([
    [{ figure: "conv2" }, /no figure "conv2". Did you mean "conv2d"\?/],
    [{ figure: "conv2d", strid: 2 }, /conv2d has no option "strid". Did you mean "stride"\?/],
    [{ figure: "conv2d", stride: 0 }, /stride=0: give a whole number from 1 to 8/],
    [{ figure: "conv2d", stride: 2, padding: "same" }, /"same" needs stride 1/],
    [{ figure: "conv2d", input: 2 }, /the kernel spans 3 cells/],
    [{ figure: "conv2d", padding: 5, mode: "reflect" }, /reflect padding/],
    [{ figure: "conv2d", weights: "1,,2" }, /weights=1,,2: give numbers/],
    [{ figure: "conv2d", weights: "1,2/3" }, /rows of one length/],
    [{ figure: "conv2d", step: 9 }, /step=9: this conv2d has steps 0 to 8/],
    [{ figure: "channels", groups: 2 }, /groups=2: it must divide both the 3 channels/],
    [{ figure: "channels", values: "1" }, /values has 1 plane/],
    [{ figure: "transposed", outputpadding: 2 }, /smaller than stride/],
    [{ figure: "transposed", view: "gather", padding: 3, input: 5 }, /Pad less/],
    [{ figure: "pool", padding: 2 }, /half/],
    [{ figure: "receptive", layers: "3,x" }, /"x" is not a layer/],
    [{ figure: "architecture", net: "1x8x8/cov 3 3" }, /Did you mean "conv"/],
    [{ figure: "architecture", net: "1x8x8/linear 10" }, /put flatten or gap/],
    [{ figure: "continuous", f: "bx" }, /Did you mean "box"/],
    [{ figure: "continuous", f: "points:1,0/0,0" }, /x never going back/],
    [{ figure: "discrete", a: "1,2/3,4" }, /one row of numbers/],
  ])("%j", (spec, message) => {
    expect(() => open(spec)).toThrow(message);
  });
});

describe("command-line words", () => {
  it("may be key=value or --key value", () => {
    expect(fromArguments(["conv2d", "input=5x5", "--stride", "2", "--padding=1", "flip"])).toEqual({
      figure: "conv2d",
      input: "5x5",
      stride: "2",
      padding: "1",
      flip: "1",
    });
    expect(() => fromArguments(["input=5x5"])).toThrow(/Name the figure first/);
  });
});

describe("controls", () => {
  it("are offered only what opens", () => {
    expect(valuesThatFit({ figure: "conv2d", input: 4, kernel: 3 }, "dilation")).toEqual(["1"]);
    expect(valuesThatFit({ figure: "channels", channels: 6, filters: 4 }, "groups")).toEqual(["1", "2"]);
    expect(valuesThatFit({ figure: "pool", kernel: 3 }, "padding")).toEqual(["0", "1"]);
    expect(valuesThatFit({ figure: "conv2d" }, "flip")).toEqual(["0", "1"]);
  });
});
