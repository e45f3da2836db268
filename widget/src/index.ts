/** The file that a page loads: it defines the `qa-chat` element. */

import { QAChat, redraw } from "./element";
import { add, type Name } from "./strings";

export { QAChat };

/** Add a language, or replace words of one; elements on the page are drawn again. */
export function addLanguage(tag: string, strings: Partial<Record<Name, string>>): void {
  add(tag, strings);
  redraw();
}

// The script may be on a page twice: the first one stays.
if (!customElements.get("qa-chat")) customElements.define("qa-chat", QAChat);
