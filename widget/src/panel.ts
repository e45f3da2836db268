/** The panel's frame: header, transcript, status, and the form to ask from. */

import { h, icon, iconButton } from "./dom";
import { CHAT, CLOSE, FRESH, SEND, STOP } from "./icons";
import type { Language } from "./strings";

/** What the frame shows, and what its buttons do. */
export interface Wishes {
  readonly language: Language;
  readonly heading: string;
  readonly isInline: boolean;
  readonly suggestions: readonly string[];
  readonly card: HTMLElement;
  open(): void;
  close(): void;
  ask(question: string): void;
  stop(): void;
  reset(): void;
}

export interface Panel {
  readonly element: HTMLElement;
  readonly launcher: HTMLElement;
  /** What opens; where it is inline it is no dialog. */
  readonly frame: HTMLElement;
  readonly log: HTMLElement;
  readonly welcome: HTMLElement;
  readonly field: HTMLElement;
  readonly status: HTMLElement;
  readonly alert: HTMLElement;
  /** Show that an answer is being written, or no longer. */
  setBusy(isBusy: boolean): void;
}

export function panelOf(wishes: Wishes): Panel {
  const { language, heading, isInline, ask } = wishes;
  const { say } = language;
  let isBusy = false;

  const launcher = h(
    "button",
    { type: "button", part: "launcher", "aria-haspopup": "dialog", click: wishes.open },
    icon(CHAT),
    h("span", {}, heading),
  );
  const welcome = h(
    "div",
    { part: "welcome" },
    h("p", {}, say("hello")),
    ...wishes.suggestions.map((question) =>
      h("button", { type: "button", part: "suggestion", dir: "auto", click: () => ask(question) }, question),
    ),
  );
  const log = h(
    "div",
    { part: "log", role: "log", "aria-live": "off", "aria-labelledby": "title", tabindex: 0 },
    welcome,
  );
  const field = h("textarea", {
    part: "field",
    rows: 1,
    dir: "auto",
    maxlength: 4000,
    enterkeyhint: "send",
    "aria-label": say("title"),
    placeholder: say("title"),
    keydown: (event) => {
      // While an input method is composing, Enter accepts its word.
      const { key, shiftKey, isComposing } = event as KeyboardEvent;
      if (key === "Enter" && !shiftKey && !isComposing) submit(event);
    },
  });
  const send = iconButton(say("send"), SEND, { type: "submit", part: "send" });
  const stop = iconButton(say("stop"), STOP, {
    part: "send stop",
    hidden: true,
    click: (event) => {
      // The second click of a double click was meant for the button that was here before.
      if ((event as MouseEvent).detail < 2) wishes.stop();
    },
  });
  const status = h("p", { role: "status", class: "unseen" });
  const alert = h("p", { role: "alert", class: "unseen" });
  const frame = h(
    isInline ? "section" : "dialog",
    { part: "panel", "aria-labelledby": "title" },
    h(
      "div",
      { part: "header", class: "head" },
      h("h2", { id: "title" }, heading),
      iconButton(say("fresh"), FRESH, { click: wishes.reset }),
      !isInline && iconButton(say("close"), CLOSE, { click: wishes.close }),
    ),
    log,
    h("form", { part: "form", class: "row", submit }, field, send, stop),
    status,
    alert,
    wishes.card,
  );

  function submit(event: Event): void {
    event.preventDefault();
    const asked = field.value.trim();
    if (!asked || isBusy) return;
    field.value = "";
    ask(asked);
  }

  return {
    element: h("div", { class: "root", lang: language.tag, dir: language.direction }, !isInline && launcher, frame),
    launcher,
    frame,
    log,
    welcome,
    field,
    status,
    alert,
    setBusy(value) {
      isBusy = value;
      // The focus goes to the button that takes the place of the other.
      const hadFocus = send.matches(":focus") || stop.matches(":focus");
      send.hidden = value;
      stop.hidden = !value;
      if (hadFocus) (value ? stop : send).focus();
    },
  };
}
