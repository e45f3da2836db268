import { beforeAll, expect, test } from "vitest";
import { find, isHere, webAddress, withFragment } from "../src/places";

beforeAll(() => {
  Element.prototype.checkVisibility ??= () => true; // jsdom draws nothing, so nothing is hidden
});

const PAGE = new URL("https://docs.example.com/handbook?x=1#top");

test("only addresses of the web become links", () => {
  for (const address of ["javascript:alert(1)", "data:text/html,x", "file:///etc", "handbook.md", "//", "http://"]) {
    expect(webAddress(address)).toBeNull();
  }
  expect(webAddress("a/b.md", "https://docs.example.com/")?.href).toBe("https://docs.example.com/a/b.md");
  expect(webAddress("javascript:alert(1)", "https://docs.example.com/")).toBeNull();
});

test("a page is the same with and without its index file", () => {
  expect(isHere(new URL("/index.html", location.href))).toBe(true);
  expect(isHere(new URL("/other", location.href))).toBe(false);
  expect(isHere(new URL("https://docs.example.com/"))).toBe(false);
});

function directive(quote: string, before = ""): string {
  return decodeURIComponent(withFragment(PAGE, quote, before).split("#:~:text=")[1]!);
}

test("a sentence is named whole", () => {
  const quote = "The small boat carries four people, and nobody takes it out alone.";
  expect(withFragment(PAGE, quote, "Before.")).toMatch(/^https:\/\/docs\.example\.com\/handbook\?x=1#:~:text=The%20small/);
  expect(directive(quote, "Before.")).toBe(quote);
});

test("what has a meaning in a directive is encoded", () => {
  expect(withFragment(PAGE, "well-known & so, a sentence that is not short, on it goes", "")).toContain(
    "text=well%2Dknown%20%26%20so%2C%20a",
  );
});

test("a short quote has the words before it", () => {
  expect(directive("Four people.", "The station has two boats. The small boat carries ")).toBe(
    "boats. The small boat carries-,Four people.",
  );
});

test("a long quote, or one of several paragraphs, is named by its first and last words", () => {
  const long = `One two three four five ${"six ".repeat(60)}seven eight nine ten eleven.`;
  expect(directive(long)).toBe("One two three four five,seven eight nine ten eleven.");
  expect(directive("One two three four five six.\n\nAnd then there were ten, of them all.")).toBe(
    "One two three four five,were ten, of them all.",
  );
});

test("words of a script without spaces are never cut", () => {
  const quote = `${"客人最多住十四晚而且必须提前登记".repeat(20)}。`;
  const [first] = directive(quote).split(",");
  const ends = [...new Intl.Segmenter(undefined, { granularity: "word" }).segment(quote)].map(
    ({ index, segment }) => index + segment.length,
  );
  expect(ends).toContain(first!.length);
});

test("half a pair of units is no reason to fail", () => {
  expect(() => withFragment(PAGE, "a \ud83d b", "\ud83d")).not.toThrow();
});

test("a quote is found over elements and white space", () => {
  const root = document.createElement("div");
  for (const [tag, text] of [["p", "The small\n  "], ["b", "boat"], ["p", " carries four."]] as const) {
    const element = root.appendChild(document.createElement(tag));
    element.textContent = text;
  }
  expect(find(root, "small boat carries")?.toString()).toBe("small\n  boat carries");
  expect(find(root, "large boat")).toBeNull();
  expect(find(root, " ")).toBeNull();
});
