import { describe, expect, it } from "vitest";
import { formatAddress, linkTo, parseAddress } from "./address.ts";

describe("the address", () => {
  it.each([
    ["#/learn/channels?stride=2&lang=ko", ["learn", "channels"], { stride: "2", lang: "ko" }],
    ["", [], {}],
    ["#/train?net=conv+16+3/relu", ["train"], { net: "conv 16 3/relu" }],
    ["#/filters?weights=-1,0,1/2,0,2", ["filters"], { weights: "-1,0,1/2,0,2" }],
  ])("%s", (hash, path, query) => {
    expect(parseAddress(hash)).toEqual({ path, query });
    if (hash !== "") expect(formatAddress({ path, query })).toBe(hash);
  });

  it("keeps what would break it", () => {
    const address = { path: ["learn", "x"], query: { net: "a&b=c#d?e+f", ü: "한글" } };
    expect(parseAddress(formatAddress(address))).toEqual(address);
  });

  it("keeps language and colours from page to page, and nothing else", () => {
    const from = { path: ["learn"], query: { lang: "ko", theme: "dark", stride: "2" } };
    expect(linkTo(from, "train")).toBe("#/train?lang=ko&theme=dark");
  });
});
