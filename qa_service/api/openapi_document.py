"""The API's document in OpenAPI 3.1, made of the routes, the table of operations, the models and the error tree."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from apispec import APISpec
from pydantic import TypeAdapter

import index.errors
import qa_service.errors
from qa_service.api.guard import PUBLIC, RULES, Rule
from qa_service.api.operations import EVENTS, OPERATIONS, TAGS, Operation
from qa_service.api.problems import CODES
from qa_service.openai.responses import ChatProblem
from qa_service.replies import PROBLEM_TYPE
from qa_service.telemetry.exchange import REQUEST_ID

JSON = dict[str, Any]

_REFS = "#/components/schemas/{model}"
_SITE = """\
Ask a question, get an answer from your own documents in which every sentence carries a citation, and every
citation points at stored text: `text[start:end] == quote`.

Requests and replies are JSON in UTF-8, times are Unix times or durations in milliseconds, and offsets are Unicode code
points, `[start, end)`. A field that is not known is an error. Errors are problem documents (RFC 9457) with a stable
`code`; `Retry-After` says when to come again, where that is known.

On loopback the service is open to its own machine until a key is made; then, and wherever other machines can reach
it, requests bring one: `Authorization: Bearer sk_…`. What a key does not reach looks absent. Agents find the same
answers and searches as tools of the Model Context Protocol at `/mcp`.
"""
_HTTP = {
    "method_not_allowed": "The address does not take that method.",
    "request_too_large": "The request is larger than this service takes, or a form has too many parts.",
    "unsupported_media_type": "The request's Content-Type is not the one that is taken here.",
    "http_error": "The request is off in another way; the status says more.",
}


@dataclass(frozen=True, slots=True)
class Route:
    """An address with a method, and the endpoint that answers there; parameters stand in braces."""

    path: str
    method: str
    endpoint: str


@dataclass(frozen=True, slots=True)
class Code:
    """What an error's code stands for, and the status of a request that it fails."""

    code: str
    status: int
    meaning: str


def codes() -> dict[str, Code]:
    """Every code of the product's error tree and of the server itself, by its name."""
    found: dict[str, Code] = {}
    for error in _tree(index.errors.QAError):
        meaning = (error.__doc__ or "").partition("\n\n")[0]
        found[error.code] = Code(error.code, error.status, " ".join(meaning.split()))
    of_server = {**{code: status for status, code in CODES.items()}, "http_error": 400}
    return {code: Code(code, of_server[code], meaning) for code, meaning in _HTTP.items()} | found


def document(routes: Iterable[Route]) -> JSON:
    """The whole document. Raises `KeyError` where a route stands in no operation, or an operation names no code."""
    spec = APISpec(
        title="QA service",
        version=version("qa-service"),
        openapi_version="3.1.0",
        info={"description": _SITE, "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
        servers=[{"url": "/"}],
    )
    for tag, description in TAGS.items():
        spec.tag({"name": tag, "description": description})
    for name, scheme in _SCHEMES.items():
        spec.components.security_scheme(name, scheme)
    schemas = _Schemas()
    by_path: defaultdict[str, JSON] = defaultdict(dict)
    order = {endpoint: at for at, endpoint in enumerate(OPERATIONS)}
    for route in sorted(routes, key=lambda each: order[each.endpoint]):
        by_path[route.path][route.method.lower()] = _operation(route, OPERATIONS[route.endpoint], schemas)
    for path, operations in by_path.items():
        spec.path(path=path, operations=operations)
    for name, schema in sorted(schemas.all().items()):
        spec.components.schema(name, schema)
    for name, header in _HEADERS.items():
        spec.components.header(name, header)
    found: JSON = spec.to_dict()
    return found


def shown(rule: str) -> str:
    """A rule of Flask as a path of the document: `/v1/documents/{id}` for `/v1/documents/<document_id>`."""
    return re.sub(r"<(?:path:)?(?:[a-z]+_)?(\w+)>", r"{\1}", rule)


_SCHEMES: Mapping[str, JSON] = {
    "secret_key": {
        "type": "http",
        "scheme": "bearer",
        "description": "A secret key, `sk_…`, with some of the scopes `ask`, `search`, `write`, `admin` and `metrics`.",
    },
    "publishable_key": {
        "type": "http",
        "scheme": "bearer",
        "description": "A key that stands in a page, `pk_…`, or a session token made from it, `st_…`: it may only "
        "ask, in the collections that it names, from pages of the origins that it names.",
    },
    "document_link": {
        "type": "http",
        "scheme": "bearer",
        "description": "The token, `dl_…`, of a link that came with a citation: it lets one document be read.",
    },
}

_HEADERS: Mapping[str, JSON] = {
    REQUEST_ID: {
        "description": "The id of the request in the log: the one that it came with, where that can be one.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
    },
    "Retry-After": {
        "description": "After how many seconds to come again.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "WWW-Authenticate": {"description": "How to authenticate.", "schema": {"type": "string"}},
}

_PROBLEM: JSON = {
    "type": "object",
    "description": "An error (RFC 9457). `code` is for programs and stable, `detail` is for people.",
    "properties": {
        "type": {"const": "about:blank"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "code": {"$ref": "#/components/schemas/Code"},
        "detail": {"type": "string"},
    },
    "required": ["type", "title", "status", "code", "detail"],
    "additionalProperties": False,
}


class _Schemas:
    """The schemas of the models, each once."""

    def __init__(self) -> None:
        self._found: JSON = {}

    def ref(self, model: Any) -> JSON:
        """A reference to a model's schema."""
        adapter: TypeAdapter[Any] = TypeAdapter(model)
        schema = adapter.json_schema(ref_template=_REFS)
        name = str(schema["title"])
        self._found |= schema.pop("$defs", {})
        if "$ref" not in schema:
            self._found[name] = schema
        return {"$ref": _REFS.format(model=name)}

    def all(self) -> JSON:
        """The schemas by name, with those of errors."""
        told = codes()
        described = {
            "type": "string",
            "enum": [*told],
            "description": "What is wrong.",
            "x-codes": {
                each.code: {"status": each.status, "meaning": each.meaning} for each in told.values()
            },
        }
        return {name: _tidy(schema) for name, schema in self._found.items()} | {
            "Problem": _PROBLEM,
            "Code": described,
        }


def _operation(route: Route, operation: Operation, schemas: _Schemas) -> JSON:
    found: JSON = {
        "operationId": route.endpoint.replace(".", "_"),
        "tags": [operation.tag],
        "summary": operation.summary,
        **({"description": operation.description} if operation.description else {}),
        "parameters": [
            *_path_parameters(route.path),
            *_query_parameters(operation),
            *_header_parameters(operation),
        ],
        **({"requestBody": _body(operation, schemas)} if operation.body else {}),
        "responses": {
            status: {**each, "headers": {**each.get("headers", {}), REQUEST_ID: _header(REQUEST_ID)}}
            for status, each in sorted(_responses(operation, schemas).items())
        },
        "security": _security(RULES.get(route.endpoint)) if route.endpoint not in PUBLIC else [],
    }
    return found


def _header(name: str) -> JSON:
    return {"$ref": f"#/components/headers/{name}"}


def _path_parameters(path: str) -> Iterator[JSON]:
    for name in re.findall(r"{(\w+)}", path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def _query_parameters(operation: Operation) -> Iterator[JSON]:
    if operation.query is None:
        return
    for name, schema in operation.query.model_json_schema()["properties"].items():
        plain = _tidy(schema)
        kinds = [each for each in plain.pop("anyOf", []) if each != {"type": "null"}]
        if plain.get("default", ...) is None:
            del plain["default"]
        yield {"name": name, "in": "query", "schema": plain | (kinds[0] if kinds else {})}


def _header_parameters(operation: Operation) -> Iterator[JSON]:
    for name, description in operation.headers.items():
        schema = {"type": "string", "pattern": "^[!-~]{1,255}$"}
        yield {"name": name, "in": "header", "description": description, "schema": schema}


def _body(operation: Operation, schemas: _Schemas) -> JSON:
    example = {"example": operation.example} if operation.example else {}
    content: JSON = {"application/json": {"schema": schemas.ref(operation.body), **example}}
    if operation.form:
        content["multipart/form-data"] = {"schema": operation.form}
    return {"required": operation.body_required, "content": content}


def _responses(operation: Operation, schemas: _Schemas) -> dict[str, JSON]:
    found: dict[str, JSON] = {str(operation.status): _good(operation, schemas)}
    for status, model in operation.other.items():
        found[str(status)] = {
            "description": (model.__doc__ or "").strip(),
            "content": {"application/json": {"schema": schemas.ref(model)}},
        }
    by_status: defaultdict[int, list[Code]] = defaultdict(list)
    for code in _spelt_out(operation.errors):
        by_status[code.status].append(code)
    for status, told in by_status.items():
        found[str(status)] = _problem(status, told, operation, schemas)
    return found


def _good(operation: Operation, schemas: _Schemas) -> JSON:
    content: JSON = {media: {"schema": {}} for media in operation.media}
    description = "Done; there is no body."
    if operation.reply is not None:
        description = " ".join((operation.reply.__doc__ or "").split())
        content["application/json"] = {"schema": schemas.ref(operation.reply)}
    if operation.events:
        content[EVENTS] = {"schema": {"anyOf": [*_events(operation, schemas)]}}
    if operation.media:
        description = (
            "The document." if operation.media == ("application/json",) else "The page, or the file."
        )
    return {"description": description, **({"content": content} if content else {})}


def _events(operation: Operation, schemas: _Schemas) -> Iterator[JSON]:
    """What each event of a stream may be: before OpenAPI 3.2 the schema of a stream describes its events."""
    problem = {"$ref": _REFS.format(model="Problem")}
    if operation.shape == "problem":
        told = {name: schemas.ref(model) for name, model in operation.events.items()}
        for name, schema in {**told, "error": problem}.items():
            yield _event({"contentMediaType": "application/json", "contentSchema": schema}, name)
        return
    for model in (*operation.events.values(), ChatProblem):
        yield _event({"contentMediaType": "application/json", "contentSchema": schemas.ref(model)})
    yield _event({"const": "[DONE]"})


def _event(data: JSON, name: str | None = None) -> JSON:
    """An event with such data, and a name or none."""
    named: JSON = {"event": {"const": name}} if name else {}
    properties = {**named, "data": {"type": "string", **data}}
    return {"type": "object", "properties": properties, "required": [*properties]}


def _problem(status: int, told: list[Code], operation: Operation, schemas: _Schemas) -> JSON:
    names = [each.code for each in told]
    problem = {"allOf": [{"$ref": "#/components/schemas/Problem"}, {"properties": {"code": {"enum": names}}}]}
    content: JSON = {PROBLEM_TYPE: {"schema": problem}}
    if operation.shape == "openai":
        asked = ["model_not_found" if each == "not_found" else each for each in names]
        ours = {"properties": {"error": {"properties": {"code": {"enum": asked}}}}}
        content["application/json"] = {"schema": {"allOf": [schemas.ref(ChatProblem), ours]}}
        if status != 503:  # which the process itself says while it comes up and goes down
            del content[PROBLEM_TYPE]
    headers = {
        **({"Retry-After": _header("Retry-After")} if status in (429, 503) else {}),
        **({"WWW-Authenticate": _header("WWW-Authenticate")} if status == 401 else {}),
    }
    return {
        "description": "\n".join(f"- `{each.code}`: {each.meaning}" for each in told),
        "content": content,
        **({"headers": headers} if headers else {}),
    }


def _security(rule: Rule | None) -> list[JSON]:
    """Each entry is enough by itself; the list of a secret key holds the scope that it has to have."""
    if rule is None:
        return [{"secret_key": []}]
    found: list[JSON] = [{"secret_key": [scope]} for scope in sorted(rule.scopes)]
    if rule.publishable:
        found.append({"publishable_key": []})
    if rule.link:
        found.append({"document_link": []})
    return found


def _spelt_out(names: Iterable[str]) -> list[Code]:
    """The codes of these names, and those that are made more precise of them."""
    told = codes()
    found = dict.fromkeys(names)
    for error in _tree(index.errors.QAError):
        if error.code in found and error.code != index.errors.QAError.code and error.code not in _ALONE:
            found |= dict.fromkeys(each.code for each in _tree(error))
    return [told[name] for name in found]


_ALONE = ("catalog_unusable",)
"""Codes that do not stand for those below them: these are of the start, or named where they can happen."""


def _tree(error: type[index.errors.QAError]) -> Iterator[type[index.errors.QAError]]:
    if error.__module__ in (index.errors.__name__, qa_service.errors.__name__):
        yield error
        for each in error.__subclasses__():
            yield from _tree(each)


def _tidy(schema: Any) -> Any:
    """Without the titles that pydantic makes of the names, and with doc strings on one line."""
    if isinstance(schema, list):
        return [_tidy(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {
        name: {key: _tidy(value) for key, value in each.items()} if name == "properties" else _tidy(each)
        for name, each in schema.items()
        if not (name == "title" and isinstance(each, str))
    }
    if isinstance(told := found.get("description"), str):
        found["description"] = " ".join(told.split())
    return found
