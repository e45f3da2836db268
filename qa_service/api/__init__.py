"""The HTTP interface: an application factory over open services."""

from flask import Flask

from qa_service.api import (
    answers,
    conversations,
    cors,
    documents,
    feedback,
    guard,
    health,
    keys,
    openai,
    pages,
    problems,
    sessions,
    widget,
)
from qa_service.api.context import Access, Context
from qa_service.api.sse import Streams

__all__ = ["Access", "Context", "Streams", "create_app"]


def create_app(context: Context) -> Flask:
    """The WSGI application; its caller opens and closes what is in `context`."""
    app = Flask("qa_service", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = context.services.settings.max_upload_mib * 2**20
    app.config["MAX_FORM_MEMORY_SIZE"] = 2**20
    app.config["MAX_FORM_PARTS"] = 1000
    app.extensions["qa"] = context
    app.json.sort_keys = False  # type: ignore[attr-defined]  # the default provider has it
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    problems.register(app)
    cors.register(app)
    guard.register(app)
    for module in (
        answers,
        conversations,
        documents,
        feedback,
        health,
        keys,
        openai,
        pages,
        sessions,
        widget,
    ):
        app.register_blueprint(module.blueprint)
    return app
