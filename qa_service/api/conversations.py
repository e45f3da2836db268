"""Conversations: made, listed, exported and deleted."""

from flask import Blueprint, Response, jsonify, request

from qa_service.api.context import services
from qa_service.api.empty import no_content
from qa_service.api.guard import caller
from qa_service.api.parsing import body, query
from qa_service.api.reach import linker
from qa_service.requests import ConversationsRequest, NewConversationRequest
from qa_service.wire import conversation_json, export_json

blueprint = Blueprint("conversations", __name__, url_prefix="/v1")


@blueprint.post("/conversations")
def create() -> tuple[Response, int]:
    """Begin a conversation, which questions can then name."""
    if request.get_data():
        body(NewConversationRequest)
    made = services().conversations.create(caller())
    return jsonify(id=made.id, created_at=made.created_at), 201


@blueprint.get("/conversations")
def listed() -> Response:
    """The caller's conversations, newest first; `next` is the value of `after` for the rest."""
    wanted = query(ConversationsRequest)
    found = services().conversations.list(caller(), limit=wanted.limit, before=wanted.after)
    following = found[-1].id if len(found) == wanted.limit else None
    return jsonify(conversations=[conversation_json(each) for each in found], next=following)


@blueprint.get("/conversations/<conversation_id>")
def export(conversation_id: str) -> Response:
    """A conversation with all its turns."""
    exported = export_json(*services().conversations.export(conversation_id, caller()))
    complete = linker()
    turns = [{**turn, "answer": complete(turn["answer"])} for turn in exported["turns"]]
    return jsonify({**exported, "turns": turns})


@blueprint.delete("/conversations/<conversation_id>")
def delete(conversation_id: str) -> Response:
    """Remove a conversation with all its turns."""
    services().conversations.delete(conversation_id, caller())
    return no_content()
