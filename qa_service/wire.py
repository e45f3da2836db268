"""What is sent over the wire: answers, passages, documents, jobs and conversations as JSON values."""

from collections.abc import Sequence
from typing import Any

from index.catalog import Collection, Counts, Document, DocumentText
from index.document import Passage, Span
from index.jobs import Delay, Job, JobItem, JobSummary
from index.once import Accepted
from index.upload import Upload
from qa_service.access.keys import Key
from qa_service.answering.answer import Answer, ClaimMade, Event, Finished, PassagesFound
from qa_service.answering.claims import Citation, address
from qa_service.answering.gate import Claim
from qa_service.answering.relevance import Relevance
from qa_service.conversations.store import Conversation, StoredTurn
from qa_service.feedback import Rated
from qa_service.saved import Verdict

JSON = dict[str, Any]


def span_json(span: Span) -> JSON:
    """A span."""
    return {"start": span.start, "end": span.end}


def passage_json(passage: Passage) -> JSON:
    """A passage."""
    return {
        "rank": passage.rank,
        "score": passage.score,
        "chunk_id": passage.chunk_id,
        "document_id": passage.document_id,
        "title": passage.title,
        "source": passage.source,
        "span": span_json(passage.span),
        "text": passage.text,
        "headings": list(passage.headings),
        **({passage.locator: passage.page} if passage.page else {}),
        "url": address(passage.document_id, passage.span),
    }


def citation_json(citation: Citation) -> JSON:
    """A citation; in its document's text, `text[start:end] == quote`."""
    return {
        "number": citation.number,
        "document_id": citation.document_id,
        "title": citation.title,
        "source": citation.source,
        "chunk_id": citation.chunk_id,
        "span": span_json(citation.span),
        "quote": citation.quote,
        **({citation.locator: citation.page} if citation.page else {}),
        "url": citation.url,
    }


def claim_json(claim: Claim) -> JSON:
    """A claim with the numbers of its citations."""
    if not isinstance(claim, Claim):
        raise TypeError(f"{claim!r} is no claim: only what the gate has made is sent")
    support = claim.support
    return {
        "text": claim.text,
        "citations": [citation.number for citation in claim.citations],
        "support": {
            "verdict": support.verdict,
            "method": support.method,
            **({"score": support.score} if support.score is not None else {}),
        },
        **({"side": claim.side} if claim.side else {}),
    }


def relevance_json(relevance: Relevance) -> JSON:
    """What was made of the passages before anybody wrote."""
    return {"score": relevance.score, "threshold": relevance.threshold, "method": relevance.method}


def answer_json(answer: Answer) -> JSON:
    """A whole answer."""
    return {
        "id": answer.id,
        "query": answer.query,
        "status": answer.status,
        **({"reason": answer.reason} if answer.reason else {}),
        **({"failure": answer.failure} if answer.failure else {}),
        "text": answer.text,
        "claims": [claim_json(claim) for claim in answer.claims],
        "citations": [citation_json(citation) for citation in answer.citations],
        "missing": list(answer.missing),
        "passages": [passage_json(passage) for passage in answer.passages],
        "model": answer.model,
        "usage": {
            "prompt_tokens": answer.usage.prompt_tokens,
            "completion_tokens": answer.usage.completion_tokens,
            "cost_usd": answer.usage.cost_usd,
        },
        "timings_ms": {
            "retrieve": answer.timings.retrieve,
            "first_claim": answer.timings.first_claim,
            "total": answer.timings.total,
        },
        "debug": {
            "dropped": dict(answer.dropped),
            "prompts": dict(answer.prompts),
            **({"unverified": answer.unverified} if answer.unverified else {}),
            **({"relevance": relevance_json(answer.relevance)} if answer.relevance else {}),
        },
    }


def event_json(event: Event) -> tuple[str, JSON]:
    """The name and the data of an answer's event in a stream."""
    match event:
        case PassagesFound():
            passages = [passage_json(passage) for passage in event.passages]
            return "retrieval", {"query": event.query, "passages": passages}
        case ClaimMade():
            # A claim stands alone in a stream, so it brings its citations whole.
            cited = [citation_json(citation) for citation in event.claim.citations]
            return "claim", {**claim_json(event.claim), "citations": cited}
        case Finished():
            return "done", answer_json(event.answer)


def document_json(document: Document, *, origin: bool) -> JSON:
    """A document as it is listed; `origin`, the folder that it comes from, is the owner's own business."""
    error = {"code": document.error_code, "message": document.error_message} if document.error_code else None
    return {
        "id": document.id,
        "title": document.title,
        "source": document.source,
        **({"origin": document.origin} if origin else {}),
        "status": document.status,
        "metadata": dict(document.metadata),
        "format": document.format,
        "sha256": document.raw_sha256,
        "characters": document.characters,
        "chunks": document.chunks,
        **({"repairs": dict(document.repairs)} if document.repairs else {}),
        "created_at": document.created_at,
        "updated_at": document.updated_at,
        **({"error": error} if error else {}),
    }


def text_json(document: DocumentText, span: Span) -> JSON:
    """A stretch of a document's canonical text, and the hash of the whole."""
    return {
        "document_id": document.document_id,
        "title": document.title,
        "source": document.source,
        "sha256": document.sha256,
        "characters": len(document.text),
        "start": span.start,
        "end": span.end,
        "text": span.of(document.text),
    }


def acknowledged_json(accepted: Accepted, uploads: Sequence[Upload]) -> JSON:
    """What is said of uploads that are on disk and wait to be indexed; nothing of it changes later."""
    return {
        "job_id": accepted.job_id,
        "documents": [
            {"id": document_id, "title": upload.title or upload.name, "status": "queued"}
            for document_id, upload in zip(accepted.document_ids, uploads, strict=True)
        ],
    }


def job_summary_json(job: JobSummary) -> JSON:
    """A job as it is listed."""
    return {
        "id": job.id,
        "collection": job.collection,
        "kind": job.kind,
        "status": job.status,
        "created_at": job.created_at,
        "counts": dict(job.counts),
    }


def job_json(job: Job, delay: Delay | None) -> JSON:
    """A job with its documents, or with how far its collection is; `delay` says why it waits, where it does."""
    items = [_item_json(item) for item in job.items]
    return {
        "id": job.id,
        "collection": job.collection,
        "kind": job.kind,
        "status": job.status,
        "created_at": job.created_at,
        **({"delay": _delay_json(delay)} if delay and job.status == "running" else {}),
        **({"documents": items} if job.kind == "index" else {"documents": [], "reindexing": items[0]}),
    }


def _delay_json(delay: Delay) -> JSON:
    return {"code": delay.error.code, "message": delay.error.public, "retry_seconds": delay.seconds}


def _item_json(item: JobItem) -> JSON:
    error = {"code": item.error_code, "message": item.error_message} if item.error_code else None
    waits = item.status == "queued"
    document = {"id": item.document_id, "name": item.name, "source": item.source}
    return {
        **(document if item.document_id else {}),
        "status": item.status,
        **({"stage": item.stage} if waits else {}),
        **({"embedded": item.embedded} if waits and item.chunks else {}),
        **({"chunks": item.chunks} if item.chunks else {}),
        **({"error": error} if error else {}),
    }


def conversation_json(conversation: Conversation) -> JSON:
    """A conversation as it is listed."""
    return {
        "id": conversation.id,
        "title": conversation.title,
        "turns": conversation.turns,
        "created_at": conversation.created_at,
        "updated_at": conversation.updated_at,
    }


def export_json(conversation: Conversation, turns: Sequence[StoredTurn]) -> JSON:
    """A whole conversation: its turns with the answers as they were sent."""
    return {
        **conversation_json(conversation),
        "turns": [
            {
                "question": turn.question,
                "query": turn.query,
                "created_at": turn.created_at,
                "answer": turn.answer,
            }
            for turn in turns
        ],
    }


def rated_json(rated: Rated) -> JSON:
    """An answer with what was said of it."""
    return {
        "answer_id": rated.answer_id,
        "created_at": rated.created_at,
        "rating": rated.rating,
        "reason": rated.reason,
        "corrected": rated.corrected,
        "collection": rated.collection,
        "status": rated.status,
        "question": rated.question,
        "query": rated.query,
        "answer": rated.said,
        "cited": list(rated.cited),
    }


def collection_json(collection: Collection, counts: Counts) -> JSON:
    """A collection with how much it holds."""
    return {
        "name": collection.name,
        "documents": counts.documents,
        "chunks": counts.chunks,
        "embedding_model": collection.embedding_model,
        "created_at": collection.created_at,
    }


def verdict_json(verdict: Verdict) -> JSON:
    """What has become of a saved citation."""
    return {
        "status": verdict.status,
        **({"moved_to": span_json(verdict.moved_to)} if verdict.moved_to else {}),
        **({"sha256": verdict.sha256} if verdict.sha256 else {}),
    }


def key_json(key: Key) -> JSON:
    """A key without its text, as it is listed; null stands for all collections, and for no end."""
    rights = key.rights
    return {
        "id": key.id,
        "name": key.name,
        "kind": rights.kind,
        "scopes": list(rights.scopes),
        "collections": None if rights.collections is None else list(rights.collections),
        "origins": list(rights.origins),
        "created_at": key.created_at,
        "expires_at": rights.expires_at,
    }
