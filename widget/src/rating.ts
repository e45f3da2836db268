/** Whether an answer helped, and if not, what was wrong. */

import { h, iconButton } from "./dom";
import { DOWN, UP } from "./icons";
import type { Turn } from "./model";
import type { Say } from "./strings";

export interface Rating {
  readonly say: Say;
  /** Send the rating of a turn; false where the service takes none of its answer. */
  readonly rate: (turn: Turn, reason: string) => Promise<boolean>;
}

/** Two buttons; the second asks for the reason in a form at the end of `below`. `failed` is told when it can't be sent. */
export function ratingButtons(turn: Turn, { say, rate }: Rating, below: HTMLElement, failed: () => void): HTMLElement[] {
  async function send(rating: string, reason: string): Promise<void> {
    turn.rating = rating;
    mark();
    try {
      up.hidden = down.hidden = !(await rate(turn, reason));
    } catch {
      failed();
    }
  }

  function mark(): void {
    up.ariaPressed = `${turn.rating === "up"}`;
    down.ariaPressed = `${turn.rating === "down"}`;
  }

  function askWhy(): void {
    if (below.querySelector("form")) return;
    const why = say("why");
    const field = h("textarea", { dir: "auto", rows: 2, maxlength: 1000, "aria-label": why, placeholder: why });
    const submit = (event: Event): void => {
      event.preventDefault();
      down.focus();
      form.remove();
      void send("down", field.value.trim());
    };
    const form = h("form", { class: "row", submit }, field, h("button", {}, say("send")));
    below.append(form);
    field.focus();
  }

  const up = iconButton(say("good"), UP, { click: () => void send("up", "") });
  const down = iconButton(say("bad"), DOWN, { click: askWhy });
  mark();
  return [up, down];
}
