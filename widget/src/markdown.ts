/** An answer as Markdown, with its sources. */

import type { Cited, Turn } from "./model";

/** The question, the claims with the numbers of their citations, and the sources with their quotes. */
export function asMarkdown(turn: Turn, addressOf: (citation: Cited) => string): string {
  const cited = new Map(turn.claims.flatMap((claim) => claim.citations).map((citation) => [citation.number, citation]));
  const claims = turn.claims.map(({ text, citations }) =>
    [plain(text), ...citations.map(({ number }) => `[${number}]`)].join(" "),
  );
  const sources = [...cited.values()].map((citation) => {
    const name = plain(citation.title) + (citation.page ? `, p. ${citation.page}` : "");
    return `${citation.number}. [${name}](<${addressOf(citation)}>): “${plain(citation.quote)}”`;
  });
  return [`**${plain(turn.question)}**`, ...claims, sources.join("\n")].join("\n\n");
}

/** A text on one line, in which nothing is markup any more: pasted elsewhere, it must not load or link anything. */
function plain(text: string): string {
  return text.trim().replace(/\s+/g, " ").replace(/[\\`*_[\]<>#|~!&:@]/g, "\\$&");
}
