"""Where the documents disagree: is it said, with both sides, each cited? And is it said where they don't?

After Chen et al.: Benchmarking LLMs in RAG (arXiv 2309.01431) and Hou et al.: WikiContradict (arXiv
2406.13805), which ask whether both answers are given as conflicting; here the status is typed, so no text has
to be interpreted. All but `false_alarm` are for examples of kind `conflict` and undefined for others, and
where the service tells no status.
"""

from eval.metrics.measurement import UNDEFINED, Measurement, share, yes_or_no
from eval.metrics.retrieval import located
from eval.records import Citation, Record, names

KIND = "conflict"


def status_right(record: Record) -> Measurement:
    """1 where the status is `conflict`."""
    return yes_or_no(record.answer.status == "conflict") if _applies(record) else UNDEFINED


def both_sides(record: Record) -> Measurement:
    """1 where there are claims of two sides."""
    sides = {claim.side for claim in record.answer.claims if claim.side}
    return yes_or_no(len(sides) > 1) if _applies(record) else UNDEFINED


def sides_cited(record: Record) -> Measurement:
    """Pieces of evidence, each what one side says, that a valid citation points into / such pieces."""
    if not _applies(record):
        return UNDEFINED
    cited = [citation for citation in record.answer.citations if record.is_valid(citation)]
    return share(
        any(_points_into(record, citation, evidence.document, evidence.quote) for citation in cited)
        for evidence in record.example.evidence
    )


def false_alarm(record: Record) -> Measurement:
    """1 where the status is `conflict` and the documents agree; only for answerable questions."""
    if record.example.kind == KIND or not record.example.answerable or record.answer.status is None:
        return UNDEFINED
    return yes_or_no(record.answer.status == "conflict")


def _applies(record: Record) -> bool:
    return record.example.kind == KIND and record.answer.status is not None


def _points_into(record: Record, citation: Citation, document: str, quote: str) -> bool:
    if not names(citation.source, document):
        return False
    text = record.texts.get(citation.source)
    if text is not None and citation.span is not None:
        return any(span.overlaps(citation.span) for span in located(text, quote))
    folded, cited = " ".join(quote.split()), " ".join((citation.quote or "").split())
    return bool(cited) and (cited in folded or folded in cited)
