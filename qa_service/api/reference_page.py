"""The API's document as a page shows it: sections of operations, their fields, objects and errors."""

import json
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

JSON = dict[str, Any]

_CONTENT = "application/json"
_KEYS = {
    "publishable_key": "a publishable key, or a session token made from one",
    "document_link": "the link to the document",
}
_LIMITS = (
    ("minLength", "maxLength", "characters"),
    ("minimum", "maximum", ""),
    ("minItems", "maxItems", "items"),
)


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of words, which leads to a place of the page where it has an anchor."""

    text: str
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """A row of a table of fields."""

    name: str
    kind: tuple[Part, ...]
    is_required: bool
    meaning: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What may come back with a status: of which media type or codes, and what it is."""

    status: str
    parts: tuple[Part, ...]
    meaning: str


@dataclass(frozen=True, slots=True)
class Shown:
    """An operation as it is shown; `example` is a command that can be copied."""

    anchor: str
    method: str
    path: str
    summary: str
    description: str
    access: str
    fields: tuple[tuple[str, tuple[Field, ...]], ...]
    replies: tuple[Reply, ...]
    example: str


@dataclass(frozen=True, slots=True)
class Section:
    """The operations that belong together."""

    name: str
    description: str
    operations: tuple[Shown, ...]


@dataclass(frozen=True, slots=True)
class Object:
    """A schema as it is shown: its fields, or what it is where it has none."""

    name: str
    meaning: str
    fields: tuple[Field, ...]


def sections(document: JSON, *, site: str) -> list[Section]:
    """The operations by tag; `site` is the address that examples begin with."""
    found = [
        (operation["tags"][0], _shown(path, method, operation, document, site))
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    return [
        Section(tag["name"], tag["description"], tuple(each for name, each in found if name == tag["name"]))
        for tag in document["tags"]
    ]


def objects(document: JSON) -> list[Object]:
    """The schemas by name, but for the error's code, which has a table of its own."""
    return [
        Object(name, schema.get("description", ""), tuple(_fields(schema)))
        for name, schema in document["components"]["schemas"].items()
        if name != "Code"
    ]


def errors(document: JSON) -> list[tuple[str, int, str]]:
    """Code, status and meaning of every error, by status."""
    told = document["components"]["schemas"]["Code"]["x-codes"]
    rows = [(code, each["status"], each["meaning"]) for code, each in told.items()]
    return sorted(rows, key=lambda row: (row[1], row[0]))


def _shown(path: str, method: str, operation: JSON, document: JSON, site: str) -> Shown:
    return Shown(
        anchor=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        description=operation.get("description", ""),
        access=_access(operation["security"]),
        fields=tuple(_requests(operation, document)),
        replies=tuple(_replies(operation)),
        example=_curl(path, method.upper(), operation, site),
    )


def _access(security: list[JSON]) -> str:
    if not security:
        return "Needs no key."
    scopes = [scope for each in security for scope in each.get("secret_key", [])]
    ways = [f"a secret key with the scope {' or '.join(f'`{scope}`' for scope in scopes)}"]
    ways += [words for name, words in _KEYS.items() if any(name in each for each in security)]
    return f"Needs {', or '.join(ways)}."


def _requests(operation: JSON, document: JSON) -> Iterator[tuple[str, tuple[Field, ...]]]:
    for place, title in (("path", "In the path"), ("query", "In the query"), ("header", "In the headers")):
        rows = tuple(
            Field(
                each["name"],
                tuple(_kind(each["schema"])),
                each.get("required", False),
                _meaning(
                    each["schema"] | ({"description": each["description"]} if "description" in each else {})
                ),
            )
            for each in operation["parameters"]
            if each["in"] == place
        )
        if rows:
            yield title, rows
    titles = {_CONTENT: "In the body, as JSON", "multipart/form-data": "Or in the body, as a form"}
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        if rows := tuple(_fields(_resolved(content["schema"], document))):
            yield titles[media], rows


def _replies(operation: JSON) -> Iterator[Reply]:
    for status, response in operation["responses"].items():
        content = response.get("content", {})
        if told := _codes(content):
            yield Reply(status, tuple(_joined(([Part(code, f"error-{code}")] for code in told), ", ")), "")
            continue
        if not content:
            yield Reply(status, (), response["description"])
        for media, each in content.items():
            if media == "text/event-stream":
                yield Reply(
                    status, tuple(_joined(map(_event, each["schema"]["anyOf"]), ", ")), f"as `{media}`"
                )
            elif "$ref" in each["schema"]:
                yield Reply(status, tuple(_kind(each["schema"])), "")
            else:
                yield Reply(status, (), f"`{media}`")


def _event(schema: JSON) -> Iterator[Part]:
    named, data = schema["properties"].get("event"), schema["properties"]["data"]
    yield Part(f"{named['const']}: " if named else "")
    yield from _kind(data.get("contentSchema", data))


def _codes(content: JSON) -> list[str]:
    """The codes that an error's schema allows."""
    for media in content.values():
        for schema in media["schema"].get("allOf", []):
            found = schema.get("properties", {})
            found = found.get("error", {}).get("properties", found)
            if "code" in found:
                return list(found["code"]["enum"])
    return []


def _fields(schema: JSON) -> Iterator[Field]:
    required = schema.get("required", [])
    for name, each in schema.get("properties", {}).items():
        yield Field(name, tuple(_kind(each)), name in required, _meaning(each))


def _kind(schema: JSON) -> Iterator[Part]:
    """What a value is, in words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        yield Part(name, "errors" if name == "Code" else f"object-{name}")
    elif "anyOf" in schema:
        yield from _joined(map(_kind, schema["anyOf"]), " or ")
    elif "enum" in schema:
        yield Part(" or ".join(json.dumps(each) for each in schema["enum"]))
    elif "const" in schema:
        yield Part(json.dumps(schema["const"]))
    elif schema.get("type") == "array":
        yield Part("list of ")
        yield from _kind(schema.get("items", {}))
    elif isinstance(schema.get("additionalProperties"), dict):
        yield Part("object of ")
        yield from _kind(schema["additionalProperties"])
    else:
        yield Part("file" if schema.get("format") == "binary" else str(schema.get("type", "anything")))


def _joined(kinds: Iterable[Iterable[Part]], between: str) -> Iterator[Part]:
    for at, kind in enumerate(kinds):
        yield from [Part(between)] if at else []
        yield from kind


def _meaning(schema: JSON) -> str:
    """What is said of a value, its limits and its default."""
    limits = [
        _limit(plain.get(least), plain.get(most), unit)
        for plain in (schema, *schema.get("anyOf", []))
        for least, most, unit in _LIMITS
    ]
    default = f"{json.dumps(schema['default'])} by default" if schema.get("default") is not None else ""
    told = "; ".join(filter(None, [*limits, default]))
    return " ".join(filter(None, [schema.get("description", ""), f"({told})" if told else ""]))


def _limit(least: int | None, most: int | None, unit: str) -> str:
    if most is None:
        return ("not empty" if unit and least == 1 else f"{least} or more") if least else ""
    if unit and least in (None, 0, 1):
        return f"up to {most:,} {unit}{', not empty' if least else ''}"
    return f"{least or 0:,} to {most:,} {unit}".rstrip()


def _resolved(schema: JSON, document: JSON) -> JSON:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: JSON = document["components"]["schemas"][name] if name else schema
    return found


def _curl(path: str, method: str, operation: JSON, site: str) -> str:
    words = [] if method == "GET" else ["-X", method]
    words.append(f"{site.rstrip('/')}{path}")
    if operation["security"]:
        words += ["-H", "Authorization: Bearer sk_…"]
    if (body := operation.get("requestBody")) and "example" in body["content"][_CONTENT]:
        example = body["content"][_CONTENT]["example"]
        words = words[2:]  # a body says that it is a POST
        words += ["-H", f"Content-Type: {_CONTENT}", "-d", json.dumps(example, ensure_ascii=False)]
    quoted = " ".join(map(shlex.quote, words))
    return f"curl {quoted}".replace(" -H ", " \\\n  -H ").replace(" -d ", " \\\n  -d ")
