"""What is said beside the claims of an answer where only prose is read: that something is missing, or disputed."""

from collections.abc import Mapping

from qa_service.answering.answer import Reason

NOTES: Mapping[Reason, str] = {
    "empty_index": "There are no documents to answer from.",
    "no_relevant_passage": "The documents do not say.",
    "not_in_passages": "The documents do not say.",
    "partly_not_in_passages": "The documents do not say the rest.",
    "unverifiable": "No answer could be checked against the documents.",
    "incomplete": "The answer was cut short.",
}
"""By the reason for which an answer is not the whole."""

SIDES: Mapping[str, str] = {"a": "The documents disagree, and one says: ", "b": "Another says: "}
"""By a claim's side. Each is one sentence with the claim: alone, it would be one without a citation."""
