/** Contrast of all pairs of colours that lie on each other; axe-core can't tell where layers overlap. */

import css from "part:style";
import { expect, test } from "vitest";

const TEXT = ["ink", "quiet", "accent", "good", "warn", "bad"].flatMap((colour) => [[colour, "paper"], [colour, "raised"]]);
const PAIRS: [string, string, number][] = [
  ...TEXT.map(([over, under]): [string, string, number] => [over!, under!, 4.5]),
  ["ink", "mark", 4.5],
  ["on-accent", "accent", 4.5],
  ["control", "paper", 3],
];

function colour(name: string, scheme: number): string {
  const found = new RegExp(`--qa-${name}:\\s*light-dark\\((#\\w+),\\s*(#\\w+)\\)`).exec(css);
  return found![scheme + 1]!;
}

/** https://www.w3.org/TR/WCAG22/#dfn-relative-luminance */
function luminance(hex: string): number {
  const digits = hex.length === 4 ? [...hex.slice(1)].map((digit) => digit + digit) : hex.slice(1).match(/../g)!;
  const [red, green, blue] = digits.map((pair) => {
    const value = parseInt(pair, 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
}

test.each([["light", 0], ["dark", 1]] as const)("every pair of the %s theme has its contrast", (_name, scheme) => {
  for (const [over, under, least] of PAIRS) {
    const [dim, bright] = [luminance(colour(over, scheme)), luminance(colour(under, scheme))].sort((a, b) => a - b);
    expect((bright! + 0.05) / (dim! + 0.05), `${over} on ${under}`).toBeGreaterThanOrEqual(least);
  }
});
