"""One example of a run as lines to read: what was asked, said, cited and wanted."""

from collections.abc import Iterator
from textwrap import shorten, wrap

from eval.errors import RunError
from eval.example import Example
from eval.records import Answer, Record
from eval.run import Run
from eval.scores import Scored

_WIDTH = 100


def example_lines(run: Run, scored: Scored, identifier: str, *, passages: bool = False) -> list[str]:
    """The lines; raises `RunError` where the run has no such example."""
    example = run.examples.get(identifier)
    if example is None:
        near = ", ".join(list(run.examples)[:3])
        raise RunError(f"{run.folder} has no example {identifier!r}: its ids are like {near}")
    lines = [f"{example.id}  {example.kind}  {example.language}", f"? {example.question}", ""]
    if why := run.failures.get(identifier):
        lines += [f"no answer: {why}", ""]
    record = run.records.get(identifier)
    if record:
        lines += [*_answer(record), ""]
    lines += [*_wanted(example), ""]
    if record:
        lines += [*_passages(record.answer, in_full=passages), ""]
    if recorded := run.recorded.get(identifier):
        lines += ["stream: " + "  ".join(f"{each.name} {each.ms:.0f} ms" for each in recorded.events), ""]
    return [*lines, *_scores(scored, identifier)]


def listed(run: Run) -> Iterator[str]:
    """A line for each example: its id, what the answer was, and the question."""
    width = max(map(len, run.examples), default=0)
    for identifier, example in run.examples.items():
        record = run.records.get(identifier)
        status = (record.answer.status or "answered") if record else "no answer"
        question = shorten(example.question, max(20, _WIDTH - width - 13), placeholder="…")
        yield f"{identifier:{width}}  {status:9}  {question}"


def _answer(record: Record) -> Iterator[str]:
    answer = record.answer
    yield f"answer: {answer.status or 'no status told'}{f' ({answer.reason})' if answer.reason else ''}"
    for claim in answer.claims:
        side = f" (side {claim.side})" if claim.side else ""
        yield from _wrapped(
            f"{claim.text}{side} {' '.join(f'[{number}]' for number in claim.citations)}", "  "
        )
    for citation in answer.citations:
        valid = "" if record.is_valid(citation) else "  NOT VALID"
        place = f" {citation.span.start}-{citation.span.end}" if citation.span else ""
        yield f"  [{citation.number}] {citation.source}{place}{valid}"
        yield from _wrapped(f"“{' '.join((citation.quote or '').split())}”", "      ")


def _wanted(example: Example) -> Iterator[str]:
    told = {True: "answerable", False: "not answerable", None: "to be answered or declined"}
    yield f"wanted: {told[example.answerable]}"
    if example.answer:
        yield from _wrapped(example.answer, "  ")
    for nugget in example.nuggets:
        yield f"  {'vital' if nugget.vital else 'okay'}: {nugget.text}"
    for statement in example.must_not:
        yield f"  must not say: {statement}"
    for each in example.evidence:
        yield from _wrapped(f"{each.document}: “{' '.join(each.quote.split())}”", "  ")


def _passages(answer: Answer, *, in_full: bool) -> Iterator[str]:
    yield f"passages: {len(answer.passages)}"
    for passage in answer.passages:
        yield f"  {passage.rank}. {passage.source}"
        if in_full:
            yield from _wrapped(passage.text, "     ")
        else:
            yield f"     {shorten(passage.text, _WIDTH, placeholder=' …')}"


def _scores(scored: Scored, identifier: str) -> Iterator[str]:
    measured = {
        name: each for name, each in scored.scores.get(identifier, {}).items() if each.value is not None
    }
    yield "scores:" if measured else "scores: none; qa-eval score makes them"
    for name, each in measured.items():
        parts = f"  {each.numerator:g}/{each.denominator:g}" if each.denominator not in (0, 1) else ""
        yield f"  {name:<28}{each.value:.3f}{parts}"


def _wrapped(text: str, indent: str) -> list[str]:
    return wrap(" ".join(text.split()), _WIDTH, initial_indent=indent, subsequent_indent=indent)
