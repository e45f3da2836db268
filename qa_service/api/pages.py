"""The page to ask from, and its files."""

from pathlib import Path

from flask import Blueprint, Response, send_from_directory

blueprint = Blueprint("pages", __name__)

_FOLDER = Path(__file__).parents[1] / "static"


@blueprint.get("/")
def index() -> Response:
    """The page to ask from."""
    return send_from_directory(_FOLDER, "index.html")


@blueprint.get("/static/<path:name>")
def static(name: str) -> Response:
    """A file of the page."""
    return send_from_directory(_FOLDER, name)


@blueprint.get("/documents/<document_id>")
def document(document_id: str) -> Response:
    """The page with a document's text, where a citation's `url` leads."""
    del document_id  # the page's script reads it from the address
    return send_from_directory(_FOLDER, "document.html")
