import re
from pathlib import Path

from flask.testing import FlaskClient

from qa_service.api.problems import CODES

TEXT = (Path(__file__).parents[2] / "docs" / "http.md").read_text()


def shown(rule: str) -> str:
    """A route's path as it is documented: `/v1/documents/{id}` for `/v1/documents/<document_id>`."""
    return re.sub(r"<(?:path:)?(?:document_|job_|conversation_|collection_)?(\w+)>", r"{\1}", rule)


def test_every_route_has_its_heading_and_every_heading_its_route(reader: FlaskClient) -> None:
    routes = {
        f"{method} {shown(rule.rule)}"
        for rule in reader.application.url_map.iter_rules()
        for method in rule.methods or ()
        if method not in ("HEAD", "OPTIONS")
    }
    assert set(re.findall(r"^## ((?:GET|POST|PATCH|DELETE) \S+)$", TEXT, flags=re.MULTILINE)) == routes


def test_every_code_of_the_server_itself_is_documented() -> None:
    table = set(re.findall(r"^\| `(\w+)` \| (\d{3}) \|", TEXT, flags=re.MULTILINE))
    assert {(code, str(status)) for status, code in CODES.items()} <= table
