"""The HTTP interface: an application factory over open services."""

from flask import Flask

from qa_service.api import (
    agents,
    answers,
    citations,
    collections,
    conversations,
    cors,
    documents,
    exchanges,
    feedback,
    guard,
    health,
    jobs,
    keys,
    limits,
    metrics,
    openai,
    pages,
    problems,
    reference,
    sessions,
    widget,
)
from qa_service.api.context import Access, Context
from qa_service.api.sse import Streams
from qa_service.proxies import Proxies

__all__ = ["Access", "Context", "Streams", "create_app"]


def create_app(context: Context) -> Flask:
    """The WSGI application; its caller opens and closes what is in `context`."""
    app = Flask("qa_service", static_folder=None)
    settings = context.services.settings
    app.wsgi_app = Proxies(app.wsgi_app, settings.trusted_proxies)  # type: ignore[method-assign]
    app.config["MAX_CONTENT_LENGTH"] = settings.max_upload_mib * 2**20
    app.config["MAX_FORM_MEMORY_SIZE"] = 2**20
    app.config["MAX_FORM_PARTS"] = 1000
    app.extensions["qa"] = context
    app.json.sort_keys = False  # type: ignore[attr-defined]  # the default provider has it
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    exchanges.register(app, context)
    health.register(app, context)
    problems.register(app)
    cors.register(app)
    limits.before_keys(app, settings)
    guard.register(app)
    limits.behind_keys(app, settings)
    for module in (
        agents,
        answers,
        citations,
        collections,
        conversations,
        documents,
        feedback,
        health,
        jobs,
        keys,
        metrics,
        openai,
        pages,
        reference,
        sessions,
        widget,
    ):
        app.register_blueprint(module.blueprint)
    return app
