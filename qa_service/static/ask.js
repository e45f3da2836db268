/** The page to ask from. */

import { answer, Incomplete, Problem } from "./api.js";
import { showDocuments } from "./documents.js";
import { sentence } from "./dom.js";
import { forget, recall, remember } from "./memory.js";
import { Turn } from "./turn.js";

const KEPT = "qa.turns";
const MOST_KEPT = 20;

const form = document.querySelector("#ask");
const field = document.querySelector("#question");
const list = document.querySelector("#turns");
const clear = document.querySelector("#clear");
const running = new Set();

async function ask(question) {
  const stopping = new AbortController();
  const turn = show(question, () => stopping.abort());
  running.add(stopping);
  announce("Searching");
  try {
    for await (const { name, data } of answer(question, stopping.signal)) {
      if (name === "retrieval") turn.found(data.passages);
      else if (name === "claim") turn.add(data);
      else if (name === "done") {
        announce(turn.finish(data));
        keep(question, data);
      }
    }
  } catch (error) {
    announce(turn.fail(...ending(error, stopping.signal)));
    // The service wants the question changed: that needs its words back.
    if (error.status === 400 && !field.value) field.value = question;
  } finally {
    running.delete(stopping);
  }
}

function ending(error, signal) {
  if (signal.aborted) return ["stopped", "You stopped this answer."];
  if (error instanceof Incomplete) return ["incomplete", `${sentence(error.message)}.`];
  if (error instanceof Problem) return ["error", sentence(error.message)];
  // Nothing else is expected: let the browser's console have it whole.
  console.error(error);
  return ["error", "What the service sent could not be read. Reload this page: it may be older than the service."];
}

/** A new turn at the top of the page. */
function show(question, stop) {
  const turn = new Turn(question, { stop, again: askAgain });
  list.prepend(turn.element);
  clear.hidden = false;
  return turn;
}

function askAgain(turn) {
  turn.element.remove();
  field.focus();
  ask(turn.question);
}

function announce(words) {
  document.querySelector("#status").textContent = words;
}

/** Keep finished answers for this tab, so that they are still there after a look at a document. */
function keep(question, data) {
  remember(KEPT, JSON.stringify([...kept(), { question, data }].slice(-MOST_KEPT)));
}

function kept() {
  return JSON.parse(recall(KEPT) ?? "[]");
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const question = field.value.trim();
  if (!question) return;
  field.value = "";
  ask(question);
});

field.addEventListener("keydown", (event) => {
  // While an input method is composing, Enter accepts its word.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  form.requestSubmit();
});

clear.addEventListener("click", () => {
  for (const stopping of running) stopping.abort();
  forgetAnswers();
  field.focus();
});

function restore() {
  try {
    for (const { question, data } of kept()) show(question, () => {}).finish(data);
  } catch (error) {
    // Kept by a page of another release: the answers can be asked for again, the page must work.
    console.error(error);
    forgetAnswers();
  }
}

function forgetAnswers() {
  forget(KEPT);
  list.replaceChildren();
  clear.hidden = true;
}

restore();
showDocuments(document.querySelector("#documents"));

const given = new URLSearchParams(location.search).get("q")?.trim();
if (given) {
  // Asked once: a reload shows the answer and does not ask again.
  history.replaceState(null, "", location.pathname);
  ask(given);
}
