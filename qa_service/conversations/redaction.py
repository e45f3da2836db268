"""What is taken out of an answer that is kept when a document that it was made from has been deleted."""

from collections.abc import Collection
from typing import Any

JSON = dict[str, Any]


def documents_of(answer: JSON) -> set[str]:
    """The ids of all documents that an answer, as it was sent, shows anything of."""
    return {each["document_id"] for name in ("citations", "passages") for each in answer.get(name, ())}


def without(answer: JSON, gone: Collection[str]) -> JSON:
    """An answer without anything of the documents that have `gone`.

    Their passages are left out. Where one of them was cited no claim stays, since a claim says what it cites in other
    words; the answer then is an abstention of the reason `document_deleted`.
    """
    kept = [each for each in answer.get("passages", ()) if each["document_id"] not in gone]
    # What a writer says to be missing may tell what is there instead.
    left = {**answer, "passages": kept, "missing": []}
    if not any(each["document_id"] in gone for each in answer.get("citations", ())):
        return left
    return {
        **left,
        "status": "abstained",
        "reason": "document_deleted",
        "text": "",
        "claims": [],
        "citations": [],
    }
