/** The service's HTTP interface, as far as the widget uses it. */

import type { Answer, Citation, Claim, Passage } from "../qa-chat";
import { EventParser } from "./sse";

export interface Service {
  /** The address of the service, ending in a slash. */
  readonly api: string;
  /** The collection that is asked; without one the service takes the one that the key is for. */
  readonly collection?: string | undefined;
  readonly key: () => string | null | Promise<string>;
}

/** What a service says of a question, in this order. */
export type AnswerEvent =
  | { readonly name: "retrieval"; readonly data: { readonly passages: readonly Passage[] } }
  | { readonly name: "claim"; readonly data: Omit<Claim, "citations"> & { readonly citations: readonly Citation[] } }
  | { readonly name: "done"; readonly data: Answer };

/** What was said before, as the service takes it. */
export interface Message {
  readonly role: "user" | "assistant";
  readonly text: string;
}

/** Why there is no complete answer: a problem's code (RFC 9457), or `unreachable`, `broken` or `unreadable`. */
export class Failure extends Error {
  constructor(
    readonly code: string,
    readonly status = 0,
    detail = "",
    readonly retrySeconds = 0,
  ) {
    super(detail);
  }
}

/** The service sends something every 15 seconds: after this silence nobody is there any more. */
const SILENCE_MS = 45_000;

/**
 * The events of an answer, with `done` at the end.
 *
 * `history` is what was said before, the oldest first. Throws a `Failure`, or anything where the signal was aborted.
 */
export async function* answer(
  service: Service,
  question: string,
  history: readonly Message[],
  signal: AbortSignal,
): AsyncGenerator<AnswerEvent> {
  const ended = new AbortController();
  const end = (): void => ended.abort();
  let silence = setTimeout(end, SILENCE_MS);
  let failure = "unreachable";
  signal.addEventListener("abort", end);
  try {
    const body = { question, collection: service.collection, history, stream: true };
    const response = await post(service, "answers", body, ended.signal);
    failure = "broken";
    const reader = response.body!.getReader();
    const decoder = new TextDecoder();
    const parser = new EventParser();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) throw new Failure(failure);
      clearTimeout(silence);
      silence = setTimeout(end, SILENCE_MS);
      for (const { name, data } of parser.read(decoder.decode(value, { stream: true }))) {
        const event = { name, data: JSON.parse(data) };
        if (name === "error") throw problem(event.data);
        yield event as AnswerEvent;
        if (name === "done") return;
      }
    }
  } catch (error) {
    throw error instanceof Failure ? error : new Failure(error instanceof SyntaxError ? "unreadable" : failure);
  } finally {
    clearTimeout(silence);
    end();
  }
}

/** Say whether an answer helped; false where the service does not know the answer, or no longer. */
export async function sendFeedback(
  service: Service,
  feedback: { answer_id: string; rating: string; reason?: string },
): Promise<boolean> {
  try {
    await post(service, "feedback", feedback);
  } catch (error) {
    if (error instanceof Failure && error.status === 404) return false;
    throw error;
  }
  return true;
}

async function post(service: Service, path: string, body: object, signal: AbortSignal | null = null): Promise<Response> {
  const key = await service.key();
  const response = await fetch(`${service.api}v1/${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...(key && { Authorization: `Bearer ${key}` }) },
    body: JSON.stringify(body),
    cache: "no-store",
    credentials: "omit",
    referrerPolicy: "no-referrer",
    signal,
  });
  if (response.ok) return response;
  throw problem(await response.json().catch(() => ({})), response);
}

function problem({ code, detail, status }: { code?: string; detail?: string; status?: number }, response?: Response): Failure {
  const seconds = Number(response?.headers.get("Retry-After"));
  return new Failure(code ?? "unreadable", response?.status ?? status, detail, seconds);
}
