import { expect, test } from "vitest";
import { asMarkdown } from "../src/markdown";
import type { Cited, Turn } from "../src/model";

const CITED = { number: 1, title: "Handbook", quote: "Two\nboats." } as Cited;

function turn(text: string, cited: Cited = CITED): Turn {
  const claim = { text, support: { verdict: "supported", method: "guards" }, citations: [cited] } as const;
  return { question: "How many?", state: "answered", claims: [claim, claim] };
}

test("claims are numbered and each source stands once, with its quote on one line", () => {
  expect(asMarkdown(turn("Two."), () => "https://x.example/")).toBe(
    "**How many?**\n\nTwo. [1]\n\nTwo. [1]\n\n1. [Handbook](<https://x.example/>): “Two boats.”",
  );
});

test("nothing that is pasted elsewhere loads or links there", () => {
  const evil = "![x](https://evil.example/) <img src=x> [y]: https://evil.example";
  const text = asMarkdown(turn(evil, { ...CITED, title: evil, quote: evil }), () => "https://x.example/");
  const foreign = text.replaceAll(/\\./g, "");
  expect(foreign.match(/!\[|<img|https:|\]:/g)).toEqual(["https:"]);
});
