/** The key to a service that wants one: asked for once, kept for this tab, sent with each request. */

import { h, sentence } from "./dom.js";
import { forget, recall, remember } from "./memory.js";

const NAME = "qa.key";

let asking = null;

/** The key to send, or null. */
export function currentKey() {
  return recall(NAME);
}

/** Drop a key that was refused, unless another has taken its place. */
export function forgetKey(refused) {
  if (currentKey() === refused) forget(NAME);
}

/** Ask for a key; fulfilled when one is given, rejected when `signal` is aborted. Only one form is ever shown. */
export function askForKey(reason, signal) {
  asking ??= showForm(reason).finally(() => (asking = null));
  if (!signal) return asking;
  const aborted = new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
  return Promise.race([asking, aborted]);
}

function showForm(reason) {
  return new Promise((given) => {
    const field = h("input", {
      id: "key", type: "password", required: true, pattern: "[!-~]+", title: "A key has no spaces",
      autocomplete: "off", spellcheck: "false", "aria-describedby": "key-reason",
    });
    const form = h(
      "form",
      { class: "key" },
      h("label", { for: "key" }, "Key"),
      h("div", { class: "field" }, field, h("button", { class: "primary" }, "Use this key")),
      h("p", { id: "key-reason" }, sentence(reason)),
      h("p", { class: "quiet" }, "It is kept until this tab is closed."),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      remember(NAME, field.value);
      form.remove();
      document.querySelector("#question")?.focus();
      given();
    });
    document.querySelector("main").prepend(form);
    // Whoever is typing a question must not find the rest of it in the key.
    if (!document.activeElement?.value) field.focus();
  });
}
