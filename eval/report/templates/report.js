"use strict";

const $ = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const { texts, values } = JSON.parse($("#data").textContent);
const examples = all(".example");
const form = $("#filters");

// Texts are only ever made into text nodes.

const UNSEEN = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g;
const shown = (text) =>
  text.replace(UNSEEN, (one) => `⟨U+${one.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`);

function make(name, className, text) {
  const made = document.createElement(name);
  made.className = className;
  if (text !== undefined) made.textContent = shown(text);
  return made;
}

// Passages: offsets count code points, so the text is cut as an array of them.

function spans(marks) {
  return [...marks.matchAll(/([ce])(\d+)-(\d+)/g)].map(([, kind, start, end]) => ({ kind, start: +start, end: +end }));
}

function marked(text, marks) {
  const points = Array.from(text);
  const cuts = new Set([0, points.length, ...marks.flatMap(({ start, end }) => [start, end])]);
  const edges = [...cuts].sort((one, other) => one - other);
  const body = make("p", "text");
  body.dir = "auto";
  edges.slice(1).forEach((end, at) => {
    const start = edges[at];
    const kinds = new Set(marks.filter((mark) => mark.start <= start && end <= mark.end).map((mark) => mark.kind));
    const piece = points.slice(start, end).join("");
    body.append(kinds.size ? make("mark", [...kinds].join(" "), piece) : shown(piece));
  });
  return body;
}

function openPassage(passage) {
  if ($(".text", passage)) return;
  passage.append(marked(texts[passage.dataset.text], spans(passage.dataset.marks)));
}

// Streams: "@7" stands for the text of number 7, and "@@" for an "@".

function unpacked(key, value) {
  if (typeof value !== "string" || value[0] !== "@") return value;
  return value[1] === "@" ? value.slice(1) : texts[value.slice(1)];
}

function openStream(stream) {
  if ($("pre", stream)) return;
  const events = JSON.parse($(`#stream-${stream.dataset.stream}`).textContent, unpacked);
  for (const { event, at_ms: at, data } of events) {
    stream.append(make("p", "where", at === undefined ? event : `${event}, ${at} ms`));
    const body = make("pre", "", JSON.stringify(data, null, 2));
    body.tabIndex = 0;
    stream.append(body);
  }
}

document.addEventListener(
  "toggle",
  ({ target }) => {
    if (!target.open) return;
    if (target.matches(".passage")) openPassage(target);
    else if (target.matches(".stream")) openStream(target);
  },
  true, // toggle events do not bubble
);

// Filters

const searched = new Map();
function text(example) {
  if (!searched.has(example)) searched.set(example, example.textContent.toLowerCase());
  return searched.get(example);
}

function bounded(value, relation, bound) {
  if (relation === "none") return value === null;
  if (value === null) return false;
  return relation === "most" ? value <= bound : value >= bound;
}

function fits(example, at, wanted) {
  const { metric, relation, bound, text: words, ...exact } = wanted;
  if (!Object.entries(exact).every(([name, value]) => !value || example.dataset[name] === value)) return false;
  if (metric && !bounded(values[metric][at], relation, Number(bound))) return false;
  return words.toLowerCase().split(/\s+/).every((word) => text(example).includes(word));
}

function filter() {
  const wanted = Object.fromEntries(new FormData(form));
  const count = examples.filter((example, at) => !(example.hidden = !fits(example, at, wanted))).length;
  $("#count").textContent = `${count} of ${examples.length}`;
  $("#nothing").hidden = count > 0;
}

let waiting;
form.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(filter, 60);
});
form.addEventListener("reset", () => setTimeout(filter));
form.addEventListener("submit", (event) => event.preventDefault());

// Addresses: #example-… opens that example, and an example that is opened is in the address.

function follow() {
  const target = document.getElementById(location.hash.slice(1));
  if (!target?.matches(".example")) return;
  if (target.hidden) form.reset();
  target.hidden = false;
  target.open = true;
  target.scrollIntoView();
  $("summary", target).focus({ preventScroll: true });
}

addEventListener("hashchange", follow);
for (const example of examples)
  $("summary", example).addEventListener("click", () => {
    if (!example.open) history.replaceState(null, "", `#${example.id}`);
  });

// Keys

function step(by) {
  const visible = examples.filter((example) => !example.hidden);
  const current = visible.indexOf(document.activeElement?.closest(".example"));
  const next = visible[current < 0 ? 0 : Math.min(visible.length - 1, Math.max(0, current + by))];
  if (!next) return;
  $("summary", next).focus({ preventScroll: true });
  next.scrollIntoView({ block: next.open ? "start" : "nearest" });
}

const keys = {
  "/": () => form.elements.text.focus(),
  j: () => step(1),
  k: () => step(-1),
  c: () => examples.forEach((example) => (example.open = false)),
};

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches("input, select, textarea")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (!keys[event.key]) return;
  event.preventDefault();
  keys[event.key]();
});

filter();
follow();
