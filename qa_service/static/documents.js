/** The list of the documents that are searched. */

import { documents, pageOf } from "./api.js";
import { counted, h, words } from "./dom.js";

const STATUSES = { queued: "waiting to be indexed", failed: "could not be indexed" };

/** Fill `container` with the documents, or with why they can't be listed. */
export async function showDocuments(container) {
  container.replaceChildren(h("p", { class: "quiet" }, "Loading"));
  try {
    container.replaceChildren(...listed(await documents()));
  } catch (error) {
    // A service that nothing was put into has no collection yet.
    if (error.status === 404) container.replaceChildren(...listed({ documents: [], next: null }));
    else container.replaceChildren(h("p", {}, error.message), retry(container));
  }
}

function listed({ documents: found, next }) {
  if (!found.length) {
    return [h("p", {}, "None yet. Add a folder with ", h("code", {}, "qa index FOLDER"), ".")];
  }
  const ordered = [...found].sort((a, b) => a.title.localeCompare(b.title, undefined, { numeric: true }));
  const searched = counted(found.filter(({ status }) => status === "indexed").length, "document");
  const others = found.length - found.filter(({ status }) => status === "indexed").length;
  const all = others ? `${searched}, and ${others} that ${others === 1 ? "is" : "are"} not searched` : searched;
  const count = next ? `${all}; there are more: these are the first` : all;
  return [h("p", { class: "quiet" }, count), h("ul", { role: "list" }, ...ordered.map(item))];
}

function item({ id, title, source, status, error }) {
  const state = STATUSES[status];
  return h(
    "li", {},
    status === "indexed" ? words("a", { href: pageOf(id) }, title) : words("span", {}, title),
    source === title ? null : words("span", { class: "where" }, source),
    state ? h("span", { class: "note" }, error ? `${state}: ${error.message}` : state) : null,
  );
}

function retry(container) {
  return h("button", { class: "plain", click: () => showDocuments(container) }, "Try again");
}
