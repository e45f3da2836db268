/** The service's HTTP interface, as far as these pages use it. */

import { askForKey, currentKey, forgetKey } from "./key.js";
import { events } from "./sse.js";

/** The service sends something every 15 seconds: after this silence nobody is there any more. */
const SILENCE_MS = 60_000;

/** What the service says is wrong. */
export class Problem extends Error {
  constructor({ status, code, detail, title }) {
    super(detail || title || `The service answered with status ${status}.`);
    this.status = status;
    this.code = code;
  }
}

/** The answer's stream ended before the answer did. */
export class Incomplete extends Error {}

/**
 * The events of an answer, `{name, data}`: `retrieval`, `claim`s, and `done` at the end.
 *
 * Throws `Problem`, `Incomplete`, or the `AbortError` of the signal.
 */
export async function* answer(question, signal) {
  const response = await request("/v1/answers", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ question, stream: true }),
    signal,
  });
  if (!response.headers.get("Content-Type")?.startsWith("text/event-stream")) throw await problemIn(response);
  for await (const { name, data } of events(chunks(response.body, signal))) {
    const value = JSON.parse(data);
    if (name === "error") throw new Problem(value);
    yield { name, data: value };
    if (name === "done") return;
  }
  throw new Incomplete("the connection ended before the answer was finished");
}

/** The first documents, at most a thousand: `{documents, next}`. */
export function documents() {
  return json("/v1/documents?limit=1000");
}

/** What is known of one document. */
export function documentOf(id) {
  return json(`/v1/documents/${encodeURIComponent(id)}`);
}

/** A document's canonical text, or the stretch `[start, end)` of it; offsets are Unicode code points. */
export function textOf(id, { start, end } = {}) {
  const range = end === undefined ? "" : `?start=${start}&end=${end}`;
  return json(`/v1/documents/${encodeURIComponent(id)}/text${range}`);
}

/** The address of the page that shows a document, with a span of it marked. */
export function pageOf(id, span) {
  return `/documents/${encodeURIComponent(id)}${span ? `?start=${span.start}&end=${span.end}` : ""}`;
}

async function json(path) {
  const response = await request(path);
  return response.json();
}

/** The token in this page's address, which lets its document be read without a key; null without one, or a valid one. */
let link = new URLSearchParams(location.search).get("link");

async function request(path, options = {}) {
  let refusal = null;
  for (;;) {
    const shown = link;
    const key = shown || currentKey();
    const headers = new Headers(options.headers);
    if (key) headers.set("Authorization", `Bearer ${key}`);
    const response = await reach(path, { ...options, headers });
    if (response.ok) return response;
    const problem = await problemIn(response);
    if (response.status !== 401) throw problem;
    if (shown) {
      link = null;
      if (!currentKey()) throw new Problem({ ...problem, detail: "This link has had its time. Ask again where you found it." });
    } else if (key) {
      // A service that has no keys refuses every key: without one it may answer.
      forgetKey(key);
      refusal = problem.message;
    } else {
      await askForKey(refusal ?? problem.message, options.signal);
      refusal = null;
    }
  }
}

async function reach(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Problem({ status: 0, code: "unreachable", detail: "The service can't be reached. Is it running?" });
  }
}

async function problemIn(response) {
  const type = response.headers.get("Content-Type") ?? "";
  if (type.startsWith("application/problem+json")) return new Problem(await response.json());
  return new Problem({
    status: response.status,
    code: "unexpected_reply",
    detail: `Something other than this service replied, with status ${response.status}.`,
  });
}

async function* chunks(body, signal) {
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await heard(reader.read());
      if (done) return;
      yield value;
    }
  } catch (error) {
    if (signal.aborted || error instanceof Incomplete) throw error;
    throw new Incomplete("the connection broke before the answer was finished");
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** What a read gives, or an error after too long a silence. */
function heard(read) {
  let timer;
  const silence = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Incomplete("the service fell silent")), SILENCE_MS);
  });
  return Promise.race([read, silence]).finally(() => clearTimeout(timer));
}
