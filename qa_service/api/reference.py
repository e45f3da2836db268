"""The API's document, for programs and as a page for people."""

import json
import re
from functools import cache

from flask import Blueprint, Response, current_app, render_template, request
from markupsafe import Markup, escape

from qa_service.api.openapi_document import JSON, Route, document, shown
from qa_service.api.operations import OPERATIONS
from qa_service.api.reference_page import errors, objects, sections

blueprint = Blueprint("reference", __name__)

_UNLISTED = ("HEAD", "OPTIONS")
_CODE = re.compile(r"`([^`]+)`")


@blueprint.get("/openapi.json")
def openapi() -> Response:
    """The document in OpenAPI 3.1."""
    return Response(_text(_routes()), content_type="application/json")


@blueprint.get("/docs")
def page() -> str:
    """The document as a page, without scripts."""
    found = _document(_routes())
    return render_template(
        "reference.html",
        info=found["info"],
        sections=sections(found, site=request.host_url),
        objects=objects(found),
        errors=errors(found),
    )


@blueprint.app_template_filter()
def prose(text: str) -> Markup:
    """Words in which what stands between backticks is code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped


def _routes() -> frozenset[Route]:
    return frozenset(
        Route(shown(rule.rule), method, rule.endpoint)
        for rule in current_app.url_map.iter_rules()
        for method in rule.methods or ()
        if rule.endpoint in OPERATIONS and method not in _UNLISTED
    )


@cache
def _document(routes: frozenset[Route]) -> JSON:
    return document(routes)


@cache
def _text(routes: frozenset[Route]) -> str:
    return json.dumps(_document(routes), ensure_ascii=False)
