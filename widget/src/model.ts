/** A conversation: what the widget keeps of the service's answers. */

import type { Answer, Citation, Claim, Passage } from "../qa-chat";
import type { Message } from "./service";
import { indexAt } from "./text";

/** The kinds of answers: the service's own, and the ends that an answer can come to without it. */
export type State = Answer["status"] | "busy" | "incomplete" | "stopped" | "error";

/** A citation with the text around its quote, where the passage that it was found in tells. */
export interface Cited extends Citation {
  readonly before: string;
  readonly after: string;
}

/** A claim with its citations whole, as it comes in a stream. */
export type Said = Omit<Claim, "citations"> & { readonly citations: readonly Cited[] };

/** A question and what has come of it. */
export interface Turn {
  readonly question: string;
  state: State;
  claims: readonly Said[];
  /** The answer's id, where it is complete. */
  id?: string;
  /** Why it is not all that was asked for, by name. */
  reason?: string | undefined;
  /** The same in words of the service's own, or in the reader's language. */
  detail?: string;
  missing?: readonly string[];
  /** The passages that came near, where the documents do not hold the answer. */
  near?: readonly Passage[];
  rating?: string;
}

const NEAREST = 3;

/** The most characters that the service takes of what was said before, in one message. */
const MOST_CHARACTERS = 20_000;

/** A claim as it came in a stream, with its citations' surroundings. */
export function said(
  claim: Omit<Claim, "citations"> & { readonly citations: readonly Citation[] },
  passages: readonly Passage[],
): Said {
  return { ...claim, citations: claim.citations.map((citation) => ({ ...citation, ...around(citation, passages) })) };
}

/** Fill a turn with a whole answer. */
export function complete(turn: Turn, { id, status, reason, missing, claims, citations, passages }: Answer): void {
  const byNumber = new Map(citations.map((citation) => [citation.number, citation]));
  Object.assign(turn, {
    id,
    state: status,
    reason,
    missing,
    claims: claims.map((claim) =>
      said({ ...claim, citations: claim.citations.flatMap((number) => byNumber.get(number) ?? []) }, passages),
    ),
    near: status === "abstained" ? passages.slice(0, NEAREST) : [],
  });
}

/** What was said in some turns: each question, and what was claimed in its answer. */
export function messagesOf(turns: readonly Turn[]): Message[] {
  return turns.flatMap(({ question, claims }): Message[] => [
    { role: "user", text: sendable(question) },
    { role: "assistant", text: sendable(claims.map(({ text }) => text).join(" ")) },
  ]);
}

/** Text as the service takes it: not too long, and without halves of characters. */
function sendable(text: string): string {
  return text.slice(0, MOST_CHARACTERS).toWellFormed();
}

/** The turns that were kept as JSON. One that was not finished then never will be. */
export function restored(json: string | null): Turn[] {
  const turns = JSON.parse(json ?? "[]") as Turn[];
  for (const turn of turns) if (turn.state === "busy") turn.state = "incomplete";
  return turns;
}

/** What stands before and after a quote, in the passage that holds it. */
function around({ document_id, span, quote }: Citation, passages: readonly Passage[]): { before: string; after: string } {
  for (const { text, span: { start }, document_id: id } of passages) {
    const from = indexAt(text, span.start - start);
    if (id === document_id && start <= span.start && text.startsWith(quote, from)) {
      return { before: text.slice(0, from), after: text.slice(from + quote.length) };
    }
  }
  return { before: "", after: "" };
}
