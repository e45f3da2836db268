/** A question with its answer, as it grows on the page. */

import { pageOf } from "./api.js";
import { counted, h, icon, words } from "./dom.js";
import { place, sourceButton } from "./source.js";
import { indexAt } from "./text.js";

const NEAREST = 5;
const SNIPPET = 280;

const STATES = {
  busy: { title: "Searching", icon: "M8 2.5a5.5 5.5 0 1 1-5.5 5.5" },
  answered: { title: "Answered", icon: "M2.5 8.5l3.5 3.5 7.5-8" },
  partial: { title: "Answered in part", icon: "M8 2a6 6 0 1 0 0 12V2M8 2a6 6 0 0 1 0 12" },
  conflict: { title: "The documents disagree", icon: "M6.5 3L2 8l4.5 5M9.5 3L14 8l-4.5 5" },
  abstained: { title: "Not answered", icon: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2M5 8h6" },
  error: { title: "Error", icon: "M8 2L1.5 13.5h13L8 2M8 6.5v3.5M8 11.5v.5" },
  incomplete: { title: "Not complete", icon: "M2 8h4M10 8h4M7 4.5L6 11.5M10 4.5L9 11.5" },
  stopped: { title: "Stopped", icon: "M3.5 3.5h9v9h-9z" },
};

const REASONS = {
  empty_index: "No documents are indexed yet. Add a folder with “qa index FOLDER”, then ask again.",
  no_relevant_passage: "Nothing in the documents comes close to this question.",
  not_in_passages: "The documents were searched, and what was found does not hold the answer.",
  unverifiable: "No sentence could be verified against the documents, so none is shown.",
  incomplete: "The model broke off.",
  partly_not_in_passages: "The documents hold only a part of what was asked.",
};

const METHODS = {
  verbatim: "quoted word for word",
  guards: "checked: words, names, numbers",
  numbers_and_dates: "numbers and dates checked, wording not compared",
};

let made = 0;

export class Turn {
  /** A question that is being answered. `stop` and `again` are called when the user asks for that. */
  constructor(question, { stop, again }) {
    this.question = question;
    made += 1;
    const heading = words("h2", { id: `turn-${made}`, class: "question", tabindex: "-1" }, question);
    this._again = again;
    this._state = h("p", { class: "state" });
    this._stop = h("button", { class: "plain", click: stop }, "Stop");
    this._reason = h("div", { class: "reason", hidden: true });
    this._claims = h("div", { class: "claims" });
    this._end = h("div", { class: "end" });
    this.element = h(
      "article",
      { class: "turn", "aria-labelledby": heading.id, "aria-busy": "true" },
      heading, this._state, this._reason, this._claims, this._end,
    );
    this._show("busy");
    this._state.append(this._stop);
  }

  /** The passages that the answer will be written from. */
  found(passages) {
    this._title.textContent = passages.length ? `Reading ${counted(passages.length, "passage")}` : "Searching";
  }

  /** One claim, with its citations whole. */
  add(claim) {
    const item = h("li", { class: "claim" });
    const buttons = claim.citations.map((citation) => sourceButton(citation, item));
    const sentence = h("p", { class: "sentence" }, words("span", {}, claim.text));
    for (const button of buttons) sentence.append("\u00a0", button);
    const from = [...new Set(claim.citations.map((citation) => citation.title))];
    const support = h("p", { class: "support", "data-verdict": claim.support.verdict }, supportWords(claim.support));
    for (const title of from) support.append(" · ", words("bdi", {}, title));
    item.append(sentence, support);
    this._listFor(claim.side).append(item);
  }

  /** The whole answer; returns what to announce. */
  finish(answer) {
    this._setClaims(answer);
    const sentences = counted(answer.claims.length, "sentence");
    const sources = counted(new Set(answer.citations.map((citation) => citation.document_id)).size, "document");
    const detail = answer.claims.length ? `${sentences} from ${sources}` : null;
    this._close(answer.status, detail);
    this._explain(REASONS[answer.reason] ?? answer.reason?.replaceAll("_", " "), answer.missing ?? []);
    this._end.append(...passageList(answer), colophon(answer));
    const outcome = answer.status === "answered" ? "Answer complete" : this._title.textContent;
    return [outcome, detail, this._reason.firstChild?.textContent].filter(Boolean).join(". ");
  }

  /** The end without an answer: `error`, `incomplete` or `stopped`; returns what to announce. */
  fail(state, message) {
    this._close(state, null);
    this._explain(message, []);
    if (this._claims.firstChild) this._reason.append(h("p", {}, "What is shown was checked; more may be missing."));
    this._end.append(h("p", {}, h("button", { class: "plain", click: () => this._again(this) }, "Ask again")));
    return `${this._title.textContent}. ${message}`;
  }

  _show(state, detail = null) {
    this.element.dataset.state = state;
    this._title = h("span", { class: "state-title" }, STATES[state]?.title ?? state);
    this._state.replaceChildren(icon(STATES[state]?.icon ?? ""), this._title);
    if (detail) this._state.append(h("span", { class: "quiet" }, detail));
  }

  _close(state, detail) {
    const hadFocus = document.activeElement === this._stop;
    this._show(state, detail);
    this.element.removeAttribute("aria-busy");
    if (hadFocus) this.element.querySelector("h2").focus();
  }

  _explain(reason, missing) {
    if (!reason && !missing.length) return;
    this._reason.hidden = false;
    this._reason.append(h("p", {}, reason));
    if (missing.length) {
      this._reason.append(h("p", {}, "Missing:"), h("ul", {}, ...missing.map((each) => words("li", {}, each))));
    }
  }

  /** The whole answer repeats the claims of the stream: they are drawn again only where it does not. */
  _setClaims(answer) {
    const shown = [...this._claims.querySelectorAll(".sentence > span")].map((span) => span.textContent);
    const same = shown.length === answer.claims.length && answer.claims.every((each, at) => each.text === shown[at]);
    if (same) return;
    this._claims.replaceChildren();
    const byNumber = new Map(answer.citations.map((citation) => [citation.number, citation]));
    for (const claim of answer.claims) {
      this.add({ ...claim, citations: claim.citations.map((number) => byNumber.get(number)) });
    }
  }

  /** The list that the next claim belongs to: one of the two sides of a conflict, or the answer's own. */
  _listFor(side) {
    const last = this._claims.lastElementChild;
    if (!side) {
      if (last?.matches("ol")) return last;
      const list = h("ol", { role: "list" });
      this._claims.append(list);
      return list;
    }
    if (last?.matches(".sides")) return last.querySelector(`[data-side="${side}"] ol`);
    const sides = h("div", { class: "sides" }, ...["a", "b"].map((each) => sideOf(each)));
    this._claims.append(sides);
    return sides.querySelector(`[data-side="${side}"] ol`);
  }
}

function sideOf(side) {
  const label = side === "a" ? "One side" : "The other side";
  return h(
    "section", { "data-side": side, "aria-label": label }, h("h3", {}, label), h("ol", { role: "list" }),
  );
}

function supportWords({ verdict, method }) {
  if (verdict === "unchecked") return "not checked";
  return METHODS[method] ?? `${verdict}: ${method}`;
}

function passageList({ status, passages }) {
  if (!passages.length) return [];
  const abstained = status === "abstained";
  const shown = abstained ? passages.slice(0, NEAREST) : passages;
  const title = abstained ? "The nearest passages" : `The ${counted(passages.length, "passage")} that were found`;
  const items = shown.map((passage) =>
    h(
      "li", {},
      place(passage, pageOf(passage.document_id, passage.span)),
      words("p", { class: "snippet" }, snippet(passage.text)),
    ),
  );
  return [h("details", { open: abstained }, h("summary", {}, title), h("ol", { role: "list" }, ...items))];
}

function snippet(text) {
  const line = text.replace(/\s+/g, " ").trim();
  const end = indexAt(line, SNIPPET);
  return end < line.length ? `${line.slice(0, end)}…` : line;
}

function colophon({ model, timings_ms: { total } }) {
  const writer = model === "extractive" ? "extractive: sentences quoted from the documents" : model;
  const time = total < 1000 ? `${Math.round(total)} ms` : `${(total / 1000).toFixed(1)} s`;
  return h("p", { class: "colophon" }, `${writer} · ${time}`);
}
