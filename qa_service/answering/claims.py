"""What stands behind a claim: its citations, and how well they support it."""

from dataclasses import dataclass
from typing import Literal

from index.document import Locator, Span

Verdict = Literal["supported", "partial", "unsupported", "unchecked"]
Method = Literal["verbatim", "guards", "numbers_and_dates", "model"]


def address(document_id: str, span: Span) -> str:
    """Where a span of a document can be read, relative to the service."""
    return f"/documents/{document_id}?start={span.start}&end={span.end}"


@dataclass(frozen=True, slots=True)
class Citation:
    """From a claim to a span of a document; `quote` is the stored text of that span, cut by the server."""

    number: int
    document_id: str
    title: str
    source: str
    chunk_id: str
    span: Span
    quote: str
    page: int | None = None
    locator: Locator = "page"

    @property
    def url(self) -> str:
        """Where the quoted span can be read, relative to the service."""
        return address(self.document_id, self.span)


@dataclass(frozen=True, slots=True)
class Support:
    """How well the cited text carries a claim, and by which method that was found. Never a verdict of truth.

    `verbatim`: the claim is the cited text. `guards`: its numbers, dates, names, negations and content words
    were compared with the cited text; `score` is the share of the content words that were found, and below a
    half the verdict is `partial`. `numbers_and_dates`: only these were compared, since the claim and the text
    are in different languages, so the verdict is `partial` too. `unchecked`: the claim has no content word.
    `model`: a model gave a second opinion after the guards; only then may the verdict be `unsupported`.
    """

    verdict: Verdict
    method: Method
    score: float | None = None
