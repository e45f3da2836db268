/** Types of the `qa-chat` element, for pages written in TypeScript. */

/** A half-open range `[start, end)` of Unicode code points in a document's canonical text. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** From a claim to a span of a document; `quote` is the stored text of that span. */
export interface Citation {
  readonly number: number;
  readonly document_id: string;
  readonly title: string;
  readonly source: string;
  readonly chunk_id: string;
  readonly span: Span;
  readonly quote: string;
  readonly page?: number;
  /** Where the span can be read, relative to the service. */
  readonly url: string;
}

/** How well the cited text carries a claim; `unsupported` is a model's second opinion. */
export type Verdict = "supported" | "partial" | "unsupported" | "unchecked";

/** One sentence of an answer, with the numbers of its citations. */
export interface Claim {
  readonly text: string;
  readonly citations: readonly number[];
  readonly support: { readonly verdict: Verdict; readonly method: string; readonly score?: number };
  /** Which side of a conflict it states. */
  readonly side?: "a" | "b";
}

/** A chunk of a document as it was found for a question. */
export interface Passage {
  readonly rank: number;
  readonly score: number;
  readonly chunk_id: string;
  readonly document_id: string;
  readonly title: string;
  readonly source: string;
  readonly span: Span;
  readonly text: string;
  readonly page?: number;
  /** Where the span can be read, relative to the service. */
  readonly url: string;
}

/** A whole answer, as the service sent it. */
export interface Answer {
  readonly id: string;
  /** What was searched for: the question, put in full where it follows others. */
  readonly query: string;
  readonly status: "answered" | "conflict" | "partial" | "abstained";
  readonly reason?: string;
  readonly text: string;
  readonly claims: readonly Claim[];
  readonly citations: readonly Citation[];
  readonly passages: readonly Passage[];
  readonly missing: readonly string[];
  readonly model: string;
}

/** An answer was completed. */
export type AnswerEvent = CustomEvent<{ readonly question: string; readonly answer: Answer }>;

/** A reader said whether an answer helped. */
export type FeedbackEvent = CustomEvent<{
  readonly answerId: string;
  readonly rating: "up" | "down";
  readonly reason: string;
}>;

/** A question got no complete answer; `status` is that of the HTTP response, 0 without one. */
export type ErrorEvent = CustomEvent<{
  readonly question: string;
  readonly code: string;
  readonly status: number;
  readonly message: string;
}>;

/** The words of the interface, by name; `{}` stands for a number. What is left out is English. */
export type Strings = Readonly<Partial<Record<keyof typeof import("./src/languages/en.json"), string>>>;

/** The chat widget. */
export interface QAChatElement extends HTMLElement {
  /** Gives the key for each request, instead of the attribute: such as a token that the page's own server fetched. */
  credentials: (() => string | Promise<string>) | null;
  /** Show the panel; nothing to do where it is inline. */
  open(): void;
  /** Hide the panel. */
  close(): void;
  /** Ask a question in the panel; resolves to the answer, or to null where none was completed. */
  ask(question: string): Promise<Answer | null>;
  /** Stop the answer that is being written. */
  stop(): void;
  /** Forget the conversation and begin a new one. */
  reset(): void;
}

/** Add a language, or replace strings of one; elements in that language are drawn again. */
export function addLanguage(tag: string, strings: Strings): void;

declare global {
  interface HTMLElementTagNameMap {
    "qa-chat": QAChatElement;
  }
  interface HTMLElementEventMap {
    "qa-answer": AnswerEvent;
    "qa-feedback": FeedbackEvent;
    "qa-error": ErrorEvent;
  }
}
