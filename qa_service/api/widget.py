"""The chat widget's script, for pages anywhere, and the tag that brings it there."""

import base64
import hashlib
import zlib
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path

from flask import Blueprint, Response, jsonify, request, url_for

blueprint = Blueprint("widget", __name__)

_FILE = Path(__file__).parents[1] / "static" / "widget.js"

_HEADERS = {
    # Kept, but asked about each time: the file and the service that it talks to are never of two releases.
    "Cache-Control": "public, no-cache",
    # There is nothing secret in it, and a script of type module is fetched by the rules of CORS.
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Vary": "Accept-Encoding",
}


@dataclass(frozen=True, slots=True)
class _Script:
    """The file, as it is and compressed, with the integrity that a script tag can demand."""

    data: bytes
    compressed: bytes
    integrity: str


@blueprint.get("/widget.js")
def script() -> Response:
    """The widget in one file, compressed where the client takes that."""
    script = _script()
    is_compressed = request.accept_encodings.quality("gzip") > 0
    response = Response(
        script.compressed if is_compressed else script.data,
        headers=_HEADERS,
        content_type="text/javascript; charset=utf-8",
    )
    if is_compressed:
        response.headers["Content-Encoding"] = "gzip"
    response.set_etag(script.integrity + ("-gzip" if is_compressed else ""))
    response.make_conditional(request)
    return response


@blueprint.get("/widget.json")
def description() -> Response:
    """The script's integrity, and the tag that brings exactly this file to a page."""
    address = url_for("widget.script", _external=True)
    integrity = _script().integrity
    tag = f'<script type="module" src="{escape(address)}" integrity="{integrity}" crossorigin="anonymous"></script>'
    response = jsonify(integrity=integrity, tag=tag)
    response.headers.extend(
        {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
    )
    return response


@cache
def _script() -> _Script:
    data = _FILE.read_bytes()
    # Small blocks suit a file that is code in front and ten languages behind.
    compressor = zlib.compressobj(9, zlib.DEFLATED, wbits=31, memLevel=5)
    compressed = compressor.compress(data) + compressor.flush()
    digest = base64.b64encode(hashlib.sha384(data).digest()).decode()
    return _Script(data, compressed, f"sha384-{digest}")
