import base64
import gzip
import hashlib
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from qa_service.api import widget

FILE = Path(widget.__file__).parents[1] / "static" / "widget.js"
LIMIT = 14_000


@pytest.fixture
def client() -> FlaskClient:
    app = Flask("qa_service", static_folder=None)
    app.register_blueprint(widget.blueprint)
    return app.test_client()


def test_the_script_is_the_committed_file(client: FlaskClient) -> None:
    response = client.get("/widget.js")
    assert response.data == FILE.read_bytes()
    assert response.content_type == "text/javascript; charset=utf-8"


def test_pages_of_every_origin_may_load_the_script(client: FlaskClient) -> None:
    headers = client.get("/widget.js", headers={"Origin": "https://elsewhere.example"}).headers
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert headers["Cross-Origin-Resource-Policy"] == "cross-origin"


def test_the_compressed_script_is_the_same_and_within_its_limit(client: FlaskClient) -> None:
    response = client.get("/widget.js", headers={"Accept-Encoding": "br, gzip"})
    assert response.headers["Content-Encoding"] == "gzip"
    assert response.headers["Vary"] == "Accept-Encoding"
    assert gzip.decompress(response.data) == FILE.read_bytes()
    assert len(response.data) <= LIMIT


def test_a_client_that_refuses_gzip_gets_the_plain_script(client: FlaskClient) -> None:
    response = client.get("/widget.js", headers={"Accept-Encoding": "gzip;q=0"})
    assert "Content-Encoding" not in response.headers


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_a_script_that_the_client_has_is_not_sent_again(client: FlaskClient, encoding: str) -> None:
    tag = client.get("/widget.js", headers={"Accept-Encoding": encoding}).headers["ETag"]
    again = client.get("/widget.js", headers={"Accept-Encoding": encoding, "If-None-Match": tag})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == tag


def test_plain_and_compressed_have_tags_of_their_own(client: FlaskClient) -> None:
    tags = {
        client.get("/widget.js", headers={"Accept-Encoding": each}).headers["ETag"] for each in ("gzip", "")
    }
    assert len(tags) == 2


def test_the_integrity_is_that_of_the_file(client: FlaskClient) -> None:
    digest = base64.b64encode(hashlib.sha384(FILE.read_bytes()).digest()).decode()
    described = client.get("/widget.json").get_json()
    assert described["integrity"] == f"sha384-{digest}"
    assert f'integrity="sha384-{digest}"' in described["tag"]
    assert 'src="http://localhost/widget.js"' in described["tag"]
