/** Canonical text on the page: offsets in code points, paragraphs, the marked span. */

import { h } from "./dom.js";

/** However long a text is, it becomes no more than about this many paragraphs. */
const MOST_PARAGRAPHS = 20_000;
const LONGEST_PARAGRAPH = 10_000;
const PART = 20_000;

/** The formats in which a line may end only because the page was full. */
const WRAPPED_FORMATS = new Set(["text", "markdown", "pdf"]);
const WRAPPED_LINE = 40;

const BLANK_LINE = /\n[ \t]*\n/g;
const ANOTHER = /[ \t]*\n/y;
const LIST_ITEM = /^\s*(?:[|>#*+•–—-]|\(?\w{1,3}[.)]\s)/;
const TABLE_ROW = /^\s*\|/;
const HEADING = /^#{1,6}\s/;
const SENTENCE_END = /[.!?:;…。！？]["'”’»)]*\s*$/;

/** The index in a JavaScript string, which counts UTF-16 units, of the place behind `count` code points. */
export function indexAt(text, count) {
  let index = 0;
  for (; count > 0 && index < text.length; count -= 1) index += text.codePointAt(index) > 0xffff ? 2 : 1;
  return index;
}

/**
 * A text as paragraphs, with the stretch `[from, to)` (indices) in `<mark>`s: `{content, marks}`.
 *
 * `content.textContent` is the text as it was given: what stands between two paragraphs is kept there.
 */
export function laidOut(text, { from = 0, to = 0, format = null } = {}) {
  const content = document.createDocumentFragment();
  const marks = [];
  let part = null;
  let began = 0;
  for (const { start, end, next, flows, continued } of paragraphs(text, WRAPPED_FORMATS.has(format))) {
    if (!part || start - began > PART) {
      part = h("div", { class: "part" });
      began = start;
      content.append(part);
    }
    const kinds = [kindOf(text.slice(start, end), flows), continued ? "continued" : ""];
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

/**
 * The paragraphs of a text: where each starts and ends, and where the next one starts.
 *
 * One that is `continued` stands close below the one before it; the line ends in one that `flows` are only wrapping.
 */
function* paragraphs(text, isWrapped) {
  const least = text.length / MOST_PARAGRAPHS;
  let start = 0;
  for (const blank of text.matchAll(BLANK_LINE)) {
    if (blank.index < start || blank.index - start < least) continue;
    const next = behindBlanks(text, blank.index + blank[0].length);
    yield* divided(text, { start, end: blank.index, next }, least, isWrapped);
    start = next;
  }
  if (start < text.length) yield* divided(text, { start, end: text.length, next: text.length }, least, isWrapped);
}

function behindBlanks(text, index) {
  for (;;) {
    ANOTHER.lastIndex = index;
    if (!ANOTHER.test(text)) return index;
    index = ANOTHER.lastIndex;
  }
}

/** What stands between two blank lines, divided where a line ends for good. */
function* divided(text, { start, end, next }, least, isWrapped) {
  const lines = text.slice(start, end).split("\n");
  if (isWrapped && areWrapped(lines)) {
    yield* cut(text, { start, end, next, flows: true, continued: false });
    return;
  }
  let [continued, flows, at] = [false, true, start];
  for (const [number, line] of lines.entries()) {
    at += line.length + 1;
    const isLast = number === lines.length - 1;
    if (!isLast && isWrapped && goesOn(line, lines[number + 1])) continue;
    if (!isLast && at - start < least) {
      flows = false;
      continue;
    }
    yield* cut(text, { start, end: at - 1, next: isLast ? next : at, flows, continued });
    [continued, flows, start] = [true, true, at];
  }
}

/** Whether all lines are those of one wrapped paragraph. */
function areWrapped(lines) {
  // The text around a quote begins in the middle of a line, with an ellipsis.
  const areLong = lines.slice(0, -1).every((line) => line.length >= WRAPPED_LINE || line.startsWith("…"));
  return areLong && !lines.some((line) => LIST_ITEM.test(line));
}

/** Whether a line goes on in the next one, in text where nothing else tells the paragraphs apart. */
function goesOn(line, following) {
  const isFull = line.length >= WRAPPED_LINE && !SENTENCE_END.test(line.slice(-8));
  return isFull && !TABLE_ROW.test(line) && !HEADING.test(line) && !LIST_ITEM.test(following);
}

function* cut(text, { start, end, next, flows, continued }) {
  while (end - start > LONGEST_PARAGRAPH) {
    const at = breakBefore(text, start, start + LONGEST_PARAGRAPH);
    yield { start, end: at, next: at, flows, continued };
    start = at;
    continued = true;
  }
  yield { start, end, next, flows, continued };
}

/** Where to cut a long paragraph: behind a line, else behind a word, else between two characters. */
function breakBefore(text, start, limit) {
  for (const separator of ["\n", " "]) {
    const at = text.slice(start, limit).lastIndexOf(separator);
    if (at > 0) return start + at + 1;
  }
  const isPair = text.codePointAt(limit - 1) > 0xffff;
  return isPair ? limit - 1 : limit;
}

/** How a paragraph is best set; its text stays as it is. */
function kindOf(paragraph, flows) {
  if (TABLE_ROW.test(paragraph)) return "table";
  if (!paragraph.includes("\n")) return HEADING.test(paragraph) ? "heading" : "";
  return flows ? "prose" : "";
}
