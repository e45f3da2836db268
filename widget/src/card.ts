/** The card that a citation opens: its quote in its surroundings, where it stands, and the ways there. */

import { h, icon, iconButton, words } from "./dom";
import { CLOSE, VERDICTS } from "./icons";
import type { Cited, Said } from "./model";
import { isHere, showHere, webAddress, withFragment } from "./places";
import type { Name, Say } from "./strings";

/** What a card has to know of the widget that it belongs to. */
export interface Surroundings {
  readonly say: Say;
  /** The address of the service. */
  readonly api: string;
  /** The address that sources are relative to, where they are. */
  readonly sourceBase: string | null;
  /** Called when something is shown on the page that the widget lies on. */
  readonly giveWay: () => void;
  /** Tell those who do not see it. */
  readonly announce: (words: string) => void;
}

export interface Card {
  readonly element: HTMLElement;
  /** The numbered button of a claim's citation. */
  buttonOf(citation: Cited, claim: Said): HTMLButtonElement;
}

/** The space between a card and what it must not touch, in pixels. */
const GAP = 8;

/** Where a citation can be read: on the web page that was cited, else on the service's page of the document. */
export function addressOf({ source, url, quote, before }: Cited, { api, sourceBase }: Surroundings): string {
  const page = webAddress(source, sourceBase);
  return page ? withFragment(page, quote, before) : `${webAddress(url, api) ?? api}`;
}

/** The one card of a widget; it hangs at the button that was pressed last. */
export function cardOf(around: Surroundings): Card {
  const { say, sourceBase } = around;
  let button: HTMLElement | undefined;

  const element = h("div", {
    popover: "auto",
    part: "card",
    role: "dialog",
    "aria-labelledby": "card-title",
    tabindex: -1,
    // The browser gives the focus back only as long as the content was not replaced, and late.
    beforetoggle() {
      if (element.matches(":popover-open:focus-within")) button!.focus();
    },
    toggle() {
      button!.ariaExpanded = `${element.matches(":popover-open")}`;
    },
  });

  function open(at: HTMLElement, citation: Cited, claim: Said): void {
    const wasOpen = at.ariaExpanded === "true";
    element.hidePopover();
    if (wasOpen) return;
    button = at;
    element.replaceChildren(...content(citation, claim));
    element.showPopover();
    place(element, at.getBoundingClientRect());
    const quote = element.querySelector("blockquote")!;
    quote.scrollTop = quote.querySelector("mark")!.offsetTop - GAP;
    element.focus();
  }

  function content(citation: Cited, claim: Said): Node[] {
    const { number, title, source, page, quote, before, after } = citation;
    const web = webAddress(source, sourceBase);
    const note = h("p", { class: "quiet" });
    const show = (): void => {
      if (showHere(quote)) {
        element.hidePopover();
        around.giveWay();
      } else {
        note.textContent = say("notHere");
        around.announce(note.textContent);
      }
    };
    return [
      h(
        "div",
        { class: "head" },
        words("h3", { id: "card-title" }, `${number}. ${title}`),
        iconButton(say("close"), CLOSE, { click: () => element.hidePopover() }),
      ),
      h(
        "p",
        { class: "quiet", "data-verdict": claim.support.verdict },
        verdictIcon(claim),
        say(verdictName(claim)),
        page ? ` · ${say("page", page)}` : null,
        source !== title && " · ",
        source !== title && words("bdi", {}, web?.host || source),
      ),
      words("blockquote", { tabindex: 0 }, before, h("mark", { part: "quote" }, quote), after),
      h(
        "p",
        { class: "row" },
        h("a", { href: addressOf(citation, around), target: "_blank", rel: "noreferrer" }, say("openAt")),
        web && isHere(web) && h("button", { type: "button", click: show }, say("showHere")),
      ),
      note,
    ];
  }

  return {
    element,
    buttonOf(citation, claim) {
      const { number, title, page } = citation;
      const name = `${say("source", number)}: ${title}, ${page ? `${say("page", page)}, ` : ""}${say(verdictName(claim))}`;
      const made = h(
        "button",
        {
          type: "button",
          part: "citation",
          "data-verdict": claim.support.verdict,
          "aria-label": name,
          "aria-haspopup": "dialog",
          "aria-expanded": "false",
          click: () => open(made, citation, claim),
        },
        `${number}`,
        verdictIcon(claim),
      );
      return made;
    },
  };
}

function verdictName({ support: { verdict, method } }: Said): Name {
  if (method === "verbatim") return method;
  if (verdict === "partial") return "partly";
  return /^(un)?supported$/.test(verdict) ? verdict : "unchecked";
}

function verdictIcon({ support: { verdict } }: Said): SVGElement {
  return icon(VERDICTS[verdict] ?? VERDICTS.unchecked);
}

/** Below the button where there is room, else above, and never beyond the edge of the window. */
function place(card: HTMLElement, at: DOMRect): void {
  const { offsetWidth: width, offsetHeight: height, style } = card;
  const below = at.bottom + GAP;
  const top = below + height > innerHeight ? at.top - GAP - height : below;
  style.left = `${clamped(at.left - width / 2, innerWidth - width)}px`;
  style.top = `${clamped(top, innerHeight - height)}px`;
}

function clamped(value: number, most: number): number {
  return Math.max(GAP, Math.min(value, most - GAP));
}
