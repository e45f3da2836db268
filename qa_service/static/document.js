/** The page of one document: its canonical text, with the span that the address names marked. */

import { documentOf, textOf } from "./api.js";
import { h, words } from "./dom.js";
import { indexAt, laidOut } from "./text.js";

const article = document.querySelector("#text");
const status = document.querySelector("#status");

async function show(id, wanted) {
  const [about, { text, characters }] = await Promise.all([documentOf(id), textOf(id)]);
  document.title = about.title;
  document.querySelector("#title").textContent = about.title;
  document.querySelector("#facts").append(...facts(about));
  const span = wanted && within(wanted, characters);
  const from = span ? indexAt(text, span.start) : 0;
  const to = span ? from + indexAt(text.slice(from), span.end - span.start) : 0;
  const { content, marks } = laidOut(text, { from, to, format: about.format });
  article.append(content);
  status.textContent = "";
  if (marks.length) goTo(marks[0]);
  else if (wanted) status.textContent = nowhere(characters);
}

/** The span, or null where the text has no such place. */
function within({ start, end }, characters) {
  return start < end && end <= characters ? { start, end } : null;
}

function nowhere(characters) {
  const length = characters.toLocaleString("en");
  return `The address names a place that this text of ${length} characters does not have, so nothing is marked. ` +
    "The document may have been replaced since it was cited.";
}

function goTo(mark) {
  mark.id = "quote";
  mark.tabIndex = -1;
  document.querySelector("nav").append(h("a", { href: "#quote" }, "Go to the quoted text"));
  mark.focus({ preventScroll: true });
  mark.scrollIntoView({ block: "center" });
}

function* facts({ source, title, format, characters, updated_at: updated }) {
  if (source !== title) yield fact("Source", words("bdi", {}, source));
  yield fact("Format", format);
  yield fact("Characters", characters.toLocaleString("en"));
  yield fact("Indexed", new Date(updated).toLocaleDateString(undefined, { dateStyle: "medium" }));
}

function fact(name, value) {
  return h("div", {}, h("dt", {}, name), h("dd", {}, value));
}

// Whoever came by a link has no key to ask with.
document.querySelector("nav a").hidden = new URLSearchParams(location.search).has("link");

/** The span in the address; null where it names none, and a span without a place where it can't be read. */
function asked() {
  const address = new URLSearchParams(location.search);
  if (!address.has("start") && !address.has("end")) return null;
  const [start, end] = ["start", "end"].map((name) => {
    const value = address.get(name) ?? "";
    return /^\d{1,10}$/.test(value) ? Number(value) : Number.NaN;
  });
  return { start, end };
}

const id = decodeURIComponent(location.pathname.split("/").pop());
show(id, asked()).catch((error) => {
  status.textContent = error.status === 404 ? "This document is not stored here, or no longer." : error.message;
});
