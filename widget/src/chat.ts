/** A conversation in its panel. */

import type { Answer, Passage } from "../qa-chat";
import { cardOf } from "./card";
import { memoryOf } from "./memory";
import { complete, messagesOf, restored, said, type Turn } from "./model";
import { panelOf } from "./panel";
import { answer, Failure, sendFeedback, type Service } from "./service";
import { type Language } from "./strings";
import { viewOf, type Hooks, type View } from "./view";

/** What is fixed as long as a chat lives. */
export interface Conditions {
  readonly service: Service;
  readonly language: Language;
  readonly heading: string | null;
  readonly isInline: boolean;
  readonly suggestions: readonly string[];
  readonly sourceBase: string | null;
  readonly persistence: string | null;
  readonly emit: (name: string, detail: object) => void;
}

export interface Chat {
  readonly element: HTMLElement;
  readonly isOpen: () => boolean;
  readonly open: () => void;
  readonly close: () => void;
  readonly ask: (question: string) => Promise<Answer | null>;
  readonly stop: () => void;
  readonly reset: () => void;
}

const MOST_KEPT = 20;
const SMALL = "(max-width: 30rem), (max-height: 25rem)";

/** So close to its end, in pixels, a transcript follows what is added to it. */
const NEAR_END = 60;

export function chatOf(conditions: Conditions): Chat {
  const { service, language, emit } = conditions;
  const { say } = language;
  const memory = memoryOf(`qa-chat 1 ${service.api} ${service.collection}`, conditions.persistence);
  const views = new Map<Turn, View>();
  let turns: Turn[] = [];
  let running: AbortController | null = null;

  const hooks: Hooks = {
    say,
    announce,
    api: service.api,
    sourceBase: conditions.sourceBase,
    giveWay: () => isSmall() && close(),
    again(turn) {
      turns = turns.filter((each) => each !== turn);
      views.get(turn)!.element.remove();
      field.focus();
      void ask(turn.question);
    },
    async rate(turn, reason) {
      keep();
      const rating = turn.rating!;
      emit("qa-feedback", { answerId: turn.id, rating, reason });
      return sendFeedback(service, { answer_id: turn.id!, rating, ...(reason && { reason }) });
    },
  };
  const card = cardOf(hooks);
  const panel = panelOf({
    language,
    heading: conditions.heading ?? say("title"),
    isInline: conditions.isInline,
    suggestions: conditions.suggestions,
    card: card.element,
    open,
    close,
    ask,
    stop,
    reset,
  });
  const { frame, launcher, log, welcome, field, status, alert } = panel;
  const dialog = frame instanceof HTMLDialogElement ? frame : null;

  frame.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.isComposing) return;
    // The innermost layer closes first: the browser closes an open card. The page must not close something with us.
    event.stopPropagation();
    if (!card.element.matches(":popover-open")) close();
  });
  frame.addEventListener("close", () => {
    launcher.hidden = false;
    launcher.focus();
  });

  function isSmall(): boolean {
    return matchMedia(SMALL).matches;
  }

  function isOpen(): boolean {
    return !dialog || dialog.open;
  }

  function open(): void {
    if (dialog && !dialog.open) {
      launcher.hidden = true;
      if (isSmall()) dialog.showModal();
      else dialog.show();
      toEnd();
    }
    field.focus();
  }

  function close(): void {
    dialog?.close();
  }

  function stop(): void {
    running?.abort();
  }

  function reset(): void {
    stop();
    show([]);
    keep();
    field.focus();
  }

  async function ask(question: string): Promise<Answer | null> {
    stop();
    if (!isOpen()) open();
    const turn: Turn = { question, state: "busy", claims: [] };
    const mine = new AbortController();
    running = mine;
    turns.push(turn);
    draw(turn);
    toEnd();
    panel.setBusy(true);
    announce(say("writing"));
    const outcome = await take(turn, mine.signal);
    if (running === mine) panel.setBusy(false);
    update(turn);
    return outcome;
  }

  /** Take an answer's events into a turn; the whole answer, or null where none came. */
  async function take(turn: Turn, signal: AbortSignal): Promise<Answer | null> {
    const { question } = turn;
    let passages: readonly Passage[] = [];
    try {
      for await (const { name, data } of answer(service, question, messagesOf(turns.slice(-1 - MOST_KEPT, -1)), signal)) {
        if (name === "retrieval") passages = data.passages;
        if (name === "claim") {
          turn.claims = [...turn.claims, said(data, passages)];
          update(turn);
        }
        if (name === "done") {
          complete(turn, data);
          announce(say(turn.state as "answered"));
          emit("qa-answer", { question, answer: data });
          return data;
        }
      }
    } catch (error) {
      if (signal.aborted) {
        turn.state = "stopped";
        announce(say("stopped"));
      } else {
        fail(turn, error instanceof Failure ? error : new Failure("unreadable", 0, `${error}`));
      }
    }
    return null;
  }

  function fail(turn: Turn, { code, status: httpStatus, message, retrySeconds }: Failure): void {
    const isBroken = turn.claims.length || code === "broken";
    turn.state = isBroken ? "incomplete" : "error";
    turn.reason = code;
    turn.detail = message;
    if (httpStatus === 429 || httpStatus === 503) turn.detail = say("busy", retrySeconds || 5);
    status.textContent = "";
    alert.textContent = `${say(turn.state as "error")}. ${turn.detail}`;
    emit("qa-error", { question: turn.question, code, status: httpStatus, message });
  }

  /** Put a turn at the end of the transcript. */
  function draw(turn: Turn): void {
    const view = viewOf(turn, card, hooks);
    views.set(turn, view);
    log.append(view.element);
    welcome.hidden = true;
  }

  /** Draw a turn again and remember it. */
  function update(turn: Turn): void {
    const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_END;
    views.get(turn)!.update();
    if (isAtEnd) toEnd();
    keep();
  }

  function show(those: Turn[]): void {
    turns = those;
    log.replaceChildren(welcome);
    welcome.hidden = false;
    turns.forEach(draw);
  }

  function keep(): void {
    memory.write(JSON.stringify(turns.slice(-MOST_KEPT)));
  }

  function toEnd(): void {
    log.scrollTop = log.scrollHeight;
  }

  function announce(words: string): void {
    alert.textContent = "";
    status.textContent = words;
  }

  try {
    show(restored(memory.read()));
  } catch {
    // Kept by another release, or by somebody else: it can be asked again, and the page must work.
    show([]);
  }
  return { element: panel.element, isOpen, open, close, ask, stop, reset };
}
