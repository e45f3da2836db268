/** A question with its answer, as it grows in the panel. */

import { addressOf, type Card, type Surroundings } from "./card";
import { h, icon, iconButton, words } from "./dom";
import { COPY, STATES } from "./icons";
import { asMarkdown } from "./markdown";
import type { Said, Turn } from "./model";
import { webAddress } from "./places";
import { ratingButtons, type Rating } from "./rating";
import type { Name } from "./strings";
import { formatted } from "./text";

/** What a view has to know of its widget, and what its buttons do. */
export interface Hooks extends Surroundings, Rating {
  readonly again: (turn: Turn) => void;
}

export interface View {
  readonly element: HTMLElement;
  /** Draw what has changed. */
  update(): void;
}

/** The reasons that have words of their own. */
const REASONS: Record<string, Name> = {
  empty_index: "noPassage",
  no_relevant_passage: "noPassage",
  unverifiable: "unverifiable",
  incomplete: "broken",
  broken: "broken",
  unreachable: "unreachable",
};

/** The ends after which a question can be asked again. */
const UNFINISHED = ["error", "incomplete", "stopped"];

let made = 0;

export function viewOf(turn: Turn, card: Card, hooks: Hooks): View {
  const { say } = hooks;
  made += 1;
  const id = `question-${made}`;
  const state = h("p", { class: "state" });
  const claims = h("div", { class: "claims" });
  const rest = h("div", { class: "rest" });
  const element = h(
    "article",
    { part: "turn", "aria-labelledby": id },
    words("h3", { id, part: "question" }, turn.question),
    h("div", { class: "answer" }, state, claims, rest),
  );
  /** The claims on the page as JSON: what is the same stays, with its focus and selection. */
  let shown: string[] = [];

  function drawClaims(): void {
    const wanted = turn.claims.map((claim) => JSON.stringify(claim));
    if (shown.some((json, at) => json !== wanted[at])) {
      claims.replaceChildren();
      shown = [];
    }
    for (const claim of turn.claims.slice(shown.length)) placeOf(claim).append(drawn(claim));
    shown = wanted;
  }

  function drawn(claim: Said): HTMLElement {
    const citations = claim.citations.flatMap((citation) => [" ", card.buttonOf(citation, claim)]);
    return h("p", { part: "claim" }, words("span", {}, ...formatted(claim.text)), ...citations);
  }

  /** Where a claim goes: in a conflict, under the title of the document that it cites, or to the answer. */
  function placeOf({ side, citations: [first] }: Said): HTMLElement {
    if (side !== "a" && side !== "b") return claims;
    const last = claims.lastElementChild;
    const sides = last?.matches(".sides") ? last : claims.appendChild(h("div", { class: "sides" }));
    const name = first?.title ?? side;
    return (
      [...sides.querySelectorAll<HTMLElement>("section")].find((each) => each.ariaLabel === name) ??
      sides.appendChild(h("section", { "data-side": side, "aria-label": name }, words("h4", {}, name)))
    );
  }

  function ending(): Node[] {
    const { reason = "", detail, missing = [], near = [] } = turn;
    const why = REASONS[reason];
    return [
      why && h("p", {}, say(why)),
      detail && words("p", {}, detail),
      ...listed(say("missing"), missing.map((text) => words("li", {}, text))),
      ...listed(say("nearest"), near.map(({ title, page, url }) => {
        const href = `${webAddress(url, hooks.api) ?? hooks.api}`;
        return h("li", {}, words("a", { href, target: "_blank", rel: "noreferrer" }, title), page ? ` · ${say("page", page)}` : null);
      })),
      actions(),
    ].filter((part) => !!part) as Node[];
  }

  function actions(): HTMLElement {
    const note = h("span", { class: "quiet" });
    const tell = (name: Name): void => {
      note.textContent = say(name);
      hooks.announce(note.textContent);
    };
    const copy = (): void => {
      copyText(asMarkdown(turn, (citation) => addressOf(citation, hooks)));
      tell("copied");
    };
    return h(
      "div",
      { class: "row", part: "actions" },
      UNFINISHED.includes(turn.state) && h("button", { type: "button", click: () => hooks.again(turn) }, say("retry")),
      turn.claims.length > 0 && iconButton(say("copy"), COPY, { click: copy }),
      ...(turn.id ? ratingButtons(turn, hooks, rest, () => tell("unreachable")) : []),
      note,
    );
  }

  function update(): void {
    const isBusy = turn.state === "busy";
    element.dataset.state = turn.state;
    element.ariaBusy = `${isBusy}`;
    state.replaceChildren(icon(STATES[turn.state] ?? ""), say(isBusy ? "writing" : turn.state));
    drawClaims();
    if (!isBusy) rest.replaceChildren(...ending());
  }

  update();
  return { element, update };
}

function listed(title: string, items: HTMLElement[]): HTMLElement[] {
  return items.length ? [h("h4", {}, title), h("ul", {}, ...items)] : [];
}

/** Put a text on the clipboard, also where the page is no secure context. */
function copyText(text: string): void {
  const write = (event: ClipboardEvent): void => {
    event.clipboardData!.setData("text/plain", text);
    event.preventDefault();
  };
  addEventListener("copy", write, { capture: true, once: true });
  document.execCommand("copy");
}
