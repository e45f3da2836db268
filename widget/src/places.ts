/** Where a quote can be read: on the service's page, on a web page, on the page that the reader is on. */

const HIGHLIGHT = "qa-chat-quote";

const LONG = 200;
const SHORT = 40;
const WORDS = 5;

/** The address, if it is one of the web; nothing else ever becomes a link. */
export function webAddress(address: string, base?: string | null): URL | null {
  try {
    const url = new URL(address, base || undefined);
    return /^https?:$/.test(url.protocol) ? url : null;
  } catch {
    return null;
  }
}

/** Whether an address is that of the page we are on. */
export function isHere({ origin, pathname }: URL): boolean {
  return origin === location.origin && plain(pathname) === plain(location.pathname);
}

function plain(path: string): string {
  return path.replace(/\/(index\.html?)?$/, "");
}

/**
 * An address that leads to a quote on a web page (https://wicg.github.io/scroll-to-text-fragment/).
 *
 * A quote of several paragraphs, or a long one, is named by its first and last words, and a short one also by the
 * words before it. Words are told apart as each script does it, so a cut never falls inside of one.
 */
export function withFragment(page: URL, quote: string, before: string): string {
  const lines = quote.split("\n").map((line) => line.trim()).filter(Boolean);
  const [first = "", last = ""] = [lines[0], lines.at(-1)];
  const lead = quote.length < SHORT ? edge(before.split("\n").at(-1)!.trim(), true) : "";
  const isWhole = lines.length < 2 && first.length <= LONG;
  const parts = (isWhole ? [first] : [edge(first, false), edge(last, true)]).map(encoded);
  if (lead) parts.unshift(`${encoded(lead)}-`);
  const url = new URL(page);
  url.hash = "";
  return `${url}#:~:text=${parts.join()}`;
}

/** The first or the last words of a line. */
function edge(line: string, isEnd: boolean): string {
  const words = [...new Intl.Segmenter(undefined, { granularity: "word" }).segment(line)].filter((each) => each.isWordLike);
  const word = isEnd ? words.at(-WORDS) : words[WORDS - 1];
  if (!word) return line;
  return isEnd ? line.slice(word.index) : line.slice(0, word.index + word.segment.length);
}

function encoded(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replaceAll("-", "%2D");
}

/** Mark a quote on the page we are on and bring it into view; false where the page does not hold it. */
export function showHere(quote: string): boolean {
  const range = find(document.body, quote);
  if (!range) return false;
  if (!CSS.highlights.has(HIGHLIGHT)) {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(`::highlight(${HIGHLIGHT}){background:#fbe7a1;color:#1d2126}`);
    document.adoptedStyleSheets.push(sheet);
  }
  CSS.highlights.set(HIGHLIGHT, new Highlight(range));
  range.startContainer.parentElement!.scrollIntoView({ block: "center" });
  return true;
}

/** The quote in the visible text below an element, whatever the white space; null where it is not there. */
export function find(root: Node, quote: string): Range | null {
  const wanted = quote.replace(/\s/g, "");
  const places: [Node, number][] = [];
  let text = "";
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode as Text;
    if (!node.parentElement!.checkVisibility()) continue;
    for (const { 0: sign, index } of node.data.matchAll(/\S/g)) {
      places.push([node, index]);
      text += sign;
    }
  }
  const at = text.indexOf(wanted);
  if (!wanted || at < 0) return null;
  const range = new Range();
  const [node, offset] = places[at + wanted.length - 1]!;
  range.setStart(...places[at]!);
  range.setEnd(node, offset + 1);
  return range;
}
