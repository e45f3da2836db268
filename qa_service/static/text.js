/** Canonical text on the page: offsets in code points, paragraphs, the marked span. */

import { h } from "./dom.js";

/** However long a text is, it becomes no more than about this many paragraphs. */
const MOST_PARAGRAPHS = 20_000;
const LONGEST_PARAGRAPH = 10_000;
const PART = 20_000;

const BLANK_LINE = /\n[ \t]*\n/g;
const ANOTHER = /[ \t]*\n/y;
const PROSE_LINE = 50;
const LIST_ITEM = /^\s*(?:[|>#*+•–—-]|\(?\w{1,3}[.)]\s)/;
const TABLE_ROW = /^\s*\|/;
const HEADING = /^#{1,6}\s/;

/** The index in a JavaScript string, which counts UTF-16 units, of the place behind `count` code points. */
export function indexAt(text, count) {
  let index = 0;
  for (; count > 0 && index < text.length; count -= 1) index += text.codePointAt(index) > 0xffff ? 2 : 1;
  return index;
}

/**
 * A text as paragraphs, with the stretch `[from, to)` (indices) in `<mark>`s: `{content, marks}`.
 *
 * The text of `content` is the text given, to the last blank: blank lines stand between the paragraphs.
 */
export function laidOut(text, from = 0, to = 0) {
  const content = document.createDocumentFragment();
  const marks = [];
  let part = null;
  let began = 0;
  for (const { start, end, next, continued } of paragraphs(text)) {
    if (!part || start - began > PART) {
      part = h("div", { class: "part" });
      began = start;
      content.append(part);
    }
    const kinds = [kindOf(text.slice(start, end)), continued ? "continued" : ""];
    const paragraph = h("p", { dir: "auto", class: kinds.join(" ").trim() || null });
    const [a, b] = [Math.max(start, from), Math.min(end, to)];
    if (a < b) {
      const mark = h("mark", {}, text.slice(a, b));
      marks.push(mark);
      paragraph.append(text.slice(start, a), mark, text.slice(b, end));
    } else {
      paragraph.append(text.slice(start, end));
    }
    part.append(paragraph, text.slice(end, next));
  }
  return { content, marks };
}

/** The paragraphs of a text: where each starts and ends, where the next one starts, whether it was cut in two. */
function* paragraphs(text) {
  const least = text.length / MOST_PARAGRAPHS;
  let start = 0;
  for (const blank of text.matchAll(BLANK_LINE)) {
    if (blank.index < start || blank.index - start < least) continue;
    const next = behindBlanks(text, blank.index + blank[0].length);
    yield* cut(text, start, blank.index, next);
    start = next;
  }
  if (start < text.length) yield* cut(text, start, text.length, text.length);
}

function behindBlanks(text, index) {
  for (;;) {
    ANOTHER.lastIndex = index;
    if (!ANOTHER.test(text)) return index;
    index = ANOTHER.lastIndex;
  }
}

function* cut(text, start, end, next) {
  let continued = false;
  while (end - start > LONGEST_PARAGRAPH) {
    const at = breakBefore(text, start, start + LONGEST_PARAGRAPH);
    yield { start, end: at, next: at, continued };
    start = at;
    continued = true;
  }
  yield { start, end, next, continued };
}

/** Where to cut a long paragraph: behind a line, else behind a word, else between two characters. */
function breakBefore(text, start, limit) {
  for (const separator of ["\n", " "]) {
    const at = text.lastIndexOf(separator, limit - 1);
    if (at > start) return at + 1;
  }
  const isPair = text.codePointAt(limit - 1) > 0xffff;
  return isPair ? limit - 1 : limit;
}

/** How a paragraph is best set; its text stays as it is. */
function kindOf(paragraph) {
  const lines = paragraph.split("\n");
  if (lines.every((line) => TABLE_ROW.test(line))) return "table";
  if (lines.length === 1) return HEADING.test(paragraph) ? "heading" : "";
  return isWrapped(lines) ? "prose" : "";
}

/** Whether line ends come only from the width of a page: then the text may be wrapped anew. */
function isWrapped(lines) {
  // The text around a quote begins in the middle of a line, with an ellipsis.
  const areLong = lines.slice(0, -1).every((line) => line.length >= PROSE_LINE || line.startsWith("…"));
  return areLong && !lines.some((line) => LIST_ITEM.test(line));
}
