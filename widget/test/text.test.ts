import { expect, test } from "vitest";
import { h } from "../src/dom";
import { formatted, indexAt } from "../src/text";

function html(text: string): string {
  return h("p", {}, ...formatted(text)).innerHTML;
}

test("places are counted in code points", () => {
  expect(indexAt("a🦭b", 2)).toBe(3);
  expect(indexAt("a🦭b", 9)).toBe(4);
});

test("strong and code are elements, and all else is text", () => {
  expect(html("a **b** `c` *d* <i>e</i> [f](g)")).toBe(
    "a <strong>b</strong> <code>c</code> *d* &lt;i&gt;e&lt;/i&gt; [f](g)",
  );
});

test("signs that open nothing stay", () => {
  expect(html("2 ** 3 `")).toBe("2 ** 3 `");
});

test("no text is lost", () => {
  for (const text of ["**", "****", "**a*b**", "``", "`a``b`", "**a**b**c", "`**a`**"]) {
    const shown = h("p", {}, ...formatted(text)).textContent;
    expect(shown!.replace(/[*`]/g, "")).toBe(text.replace(/[*`]/g, ""));
  }
});

test.each(["*", "**", "`", "``*", "**a*", "`a", "**a** ", "***`"])("20,000 characters of %j take no time", (sign) => {
  const text = sign.repeat(20_000).slice(0, 20_000);
  const start = performance.now();
  formatted(text);
  expect(performance.now() - start).toBeLessThan(100);
});

test("more marks on a letter than any language has are left out", () => {
  expect(h("p", {}, `e${"\u0301".repeat(5000)}x`).textContent).toBe(`e${"\u0301".repeat(9)}x`);
});
