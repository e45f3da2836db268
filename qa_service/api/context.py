"""What the application's views stand on."""

from dataclasses import dataclass

from flask import current_app

from qa_service.api.sse import Streams
from qa_service.services import Services
from qa_service.uploads.worker import Worker


@dataclass(frozen=True, slots=True)
class Access:
    """Who may call: whoever shows a key, or `token`, which is the owner's own.

    Where `is_local`, so that only this machine can reach the service, everybody may until a key is made.
    """

    is_local: bool = True
    token: str | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """The services, the worker that indexes their uploads, the answers under way, and who may call."""

    services: Services
    worker: Worker
    streams: Streams
    access: Access


def context() -> Context:
    """The context of the application that handles the current request."""
    found: Context = current_app.extensions["qa"]
    return found


def services() -> Services:
    """The services of the application that handles the current request."""
    return context().services
