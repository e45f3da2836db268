"""Does the service answer what the documents hold, and decline what they don't? By its typed status.

After Song et al.: Measuring and Enhancing Trustworthiness of LLMs in RAG through Grounded Attributions and
Learning to Refuse (arXiv 2409.11242). With a = answered and A = answerable, over the questions of a run: each
measure looks at one cell of one record, so that the mean over the records where it is defined is the share
over the run.

Undefined where the service tells no status, and for examples to which either is right (`answerable` is None).
A `partial` answer is an answer.
"""

from eval.metrics.measurement import UNDEFINED, Measurement, yes_or_no
from eval.metrics.words import says
from eval.records import Record


def abstention_precision(record: Record) -> Measurement:
    """#(not a, not A) / #(not a): of the abstentions, how many are right."""
    if record.example.answerable is None or not record.answer.abstained:
        return UNDEFINED
    return yes_or_no(not record.example.answerable)


def abstention_recall(record: Record) -> Measurement:
    """#(not a, not A) / #(not A): of the questions without an answer, how many are declined."""
    if record.example.answerable is not False or record.answer.abstained is None:
        return UNDEFINED
    return yes_or_no(record.answer.abstained)


def answer_precision(record: Record) -> Measurement:
    """#(a, A) / #a: of the answers, how many are to questions that have one."""
    if record.example.answerable is None or record.answer.abstained is not False:
        return UNDEFINED
    return yes_or_no(record.example.answerable)


def answer_recall(record: Record) -> Measurement:
    """#(a, A) / #A: of the questions with an answer, how many are answered."""
    if not record.example.answerable or record.answer.abstained is None:
        return UNDEFINED
    return yes_or_no(not record.answer.abstained)


def right_without_documents(record: Record) -> Measurement:
    """Right answers to questions without an answer in the documents / such questions; should be 0.

    Right: every short answer is said, though the documents hold none (the parametric answers of the paper
    above). Undefined where the example gives no short answer to compare with.
    """
    example = record.example
    if example.answerable is not False or not example.short_answers:
        return UNDEFINED
    text = record.answer.text
    return yes_or_no(all(any(says(text, alias) for alias in aliases) for aliases in example.short_answers))
