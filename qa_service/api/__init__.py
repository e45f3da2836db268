"""The HTTP interface: an application factory over `Services` that may still be opening."""

from flask import Flask

from qa_service.api import answers, documents, guard, health, pages, problems
from qa_service.api.state import State
from qa_service.settings import Settings

__all__ = ["State", "create_app"]


def create_app(state: State, settings: Settings) -> Flask:
    """The WSGI application.

    `state` gives it the services once they are open; until then only `/livez` and `/readyz` answer.
    """
    app = Flask("qa_service", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_upload_mib * 2**20
    app.config["MAX_FORM_MEMORY_SIZE"] = 2**20
    app.config["MAX_FORM_PARTS"] = 1000
    app.json.sort_keys = False  # type: ignore[attr-defined]  # the default provider has it
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.extensions["qa"] = state
    problems.register(app)
    guard.register(app)
    for module in (answers, documents, health, pages):
        app.register_blueprint(module.blueprint)
    return app
