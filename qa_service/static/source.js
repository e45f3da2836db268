/** The card that a citation opens: the quote in its surroundings, where it stands, and the way there. */

import { documentOf, pageOf, textOf } from "./api.js";
import { h, words } from "./dom.js";
import { indexAt, laidOut } from "./text.js";

/** Code points shown on either side of a quote. */
const AROUND = 240;

let made = 0;

/** The numbered button of a citation; its card is put behind `anchor` when it is opened. */
export function sourceButton(citation, anchor) {
  const button = h("button", {
    class: "number",
    "aria-expanded": "false",
    "aria-label": `${citation.number}: source, ${[citation.title, counted(citation)].filter(Boolean).join(", ")}`,
    click: () => (card ? close() : open()),
  }, String(citation.number));
  let card = null;

  function open() {
    card = sourceCard(citation);
    card.addEventListener("keydown", closeOnEscape);
    button.setAttribute("aria-expanded", "true");
    button.setAttribute("aria-controls", card.id);
    anchor.append(card);
  }

  function close() {
    card.remove();
    card = null;
    button.setAttribute("aria-expanded", "false");
    button.removeAttribute("aria-controls");
  }

  function closeOnEscape(event) {
    if (event.key !== "Escape" || !card) return;
    button.focus();
    close();
  }

  button.addEventListener("keydown", closeOnEscape);
  return button;
}

function sourceCard(citation) {
  const quote = h("blockquote", { lang: "" }, surrounded("", citation.quote, ""));
  const note = h("p", { class: "note", hidden: true });
  made += 1;
  const card = h(
    "div",
    { class: "source", id: `source-${made}`, role: "group", "aria-label": `Source ${citation.number}` },
    place(citation),
    quote,
    note,
    h("p", {}, h("a", { href: pageOf(citation.document_id, citation.span) }, "Read it in the document")),
  );
  surroundings(citation).then(
    (content) => quote.replaceChildren(content),
    (error) => {
      note.textContent = error.message;
      note.hidden = false;
    },
  );
  return card;
}

/** The page of its document that a citation or a passage is on, in words; null where the format has none. */
function counted(cited) {
  const kind = ["page", "slide", "sheet", "line"].find((each) => cited[each]);
  return kind ? `${kind} ${cited[kind]}` : null;
}

/** Where a citation or a passage stands: title (a link, where there is an address), page, source. */
export function place(cited, href) {
  const { title, source } = cited;
  const part = counted(cited);
  return h(
    "p",
    { class: "place" },
    words(href ? "a" : "bdi", { class: "title", href }, title),
    part ? h("span", { class: "page" }, part) : null,
    source === title ? null : words("bdi", { class: "where" }, source),
  );
}

/** The quote with the text around it, as it is stored now. */
async function surroundings({ document_id, span, quote }) {
  const { characters, format } = await documentOf(document_id).catch(gone);
  const start = Math.max(0, span.start - AROUND);
  const end = Math.min(characters, span.end + AROUND);
  if (span.end > characters) throw changed();
  const { text } = await textOf(document_id, { start, end }).catch(gone);
  const from = indexAt(text, span.start - start);
  if (!text.startsWith(quote, from)) throw changed();
  const to = from + quote.length;
  const before = start > 0 ? `… ${text.slice(0, from).replace(/^\S{0,40}\s+/, "")}` : text.slice(0, from);
  const after = end < characters ? `${text.slice(to).replace(/\s+\S{0,40}$/, "")} …` : text.slice(to);
  return surrounded(before, quote, after, format);
}

function surrounded(before, quote, after, format) {
  const [from, to] = [before.length, before.length + quote.length];
  return laidOut(before + quote + after, { from, to, format }).content;
}

function gone(error) {
  throw error.status === 404 ? new Error("The document is no longer stored here; this is what it said.") : error;
}

function changed() {
  return new Error("The document has changed since this answer; this is what it said.");
}
