import json
from collections.abc import Iterator

import pytest

from index.errors import DocumentTooLarge
from index.load import Limits, load
from index.load.child import ChildLoader


def text(source: str, name: str = "a.json", *, format: str = "json") -> str:  # noqa: A002
    parsed = load(source.encode(), name=name)
    assert parsed.format == format
    return parsed.text


def test_records_are_lines_with_the_names_of_their_fields() -> None:
    source = (
        '[{"id": 1, "name": "Ann", "of": {"town": "Visby"}}, {"id": 2, "tags": ["a", "b"], "none": null}]'
    )
    assert text(source) == "id: 1 | name: Ann | of.town: Visby\nid: 2 | tags: a, b"


@pytest.mark.parametrize("source", ['[{"id": 1}, {"id": 2}]', '\ufeff {"rows": [{"id": 1}, {"id": 2}]}\n'])
def test_an_object_or_array_is_json_though_its_name_says_csv(source: str) -> None:
    assert text(source, "a.csv").endswith("id: 1\nid: 2")


@pytest.mark.parametrize("source", ['["a","b"]\n[1,2]\n', '{"a", "b"\n1,2\n', '"a"', "[" * 100_000])
def test_csv_that_only_begins_like_json_is_csv(source: str) -> None:
    text(source, "a.csv", format="csv")


@pytest.mark.parametrize("name", ["a.jsonl", "a.txt", "upload"])
def test_json_lines_are_a_list_of_records(name: str) -> None:
    assert (
        text('{"id": 1, "ok": true}\n\n{"id": 2, "ok": false}\r\n', name)
        == "id: 1 | ok: true\nid: 2 | ok: false"
    )


def test_what_an_object_holds_stands_under_a_heading_with_its_name() -> None:
    parsed = load(b'{"title": "Harbour", "depth": 8, "berths": [{"no": 1}, {"no": 2}]}', name="a.json")
    assert parsed.text == "title: Harbour | depth: 8\n\nberths\n\nno: 1\nno: 2"
    assert parsed.title == "Harbour"
    assert [heading.title for heading in parsed.headings] == ["berths"]


def test_lists_in_records_begin_with_what_names_the_record() -> None:
    source = '[{"order": 7, "items": [{"sku": "A", "n": 2}, {"sku": "B", "n": 1}]}]'
    assert text(source) == "order: 7\norder: 7 | items: sku: A | n: 2\norder: 7 | items: sku: B | n: 1"


def test_long_texts_are_blocks_by_themselves() -> None:
    source = json.dumps([{"id": 1, "body": "First line.\nSecond line."}])
    assert text(source) == "id: 1\n\nid: 1 | body: First line.\nSecond line."


def test_numbers_stay_as_they_are_written() -> None:
    digits = "1" * 10_000
    assert (
        text(f'{{"a": 1.10, "b": 1e400, "c": {digits[:200]}}}') == f"a: 1.10 | b: 1e400 | c: {digits[:200]}"
    )
    assert digits in text(f'{{"a": {digits}}}')


def test_what_is_no_number_is_kept_as_it_is_written() -> None:
    assert text('{"a": NaN, "b": -Infinity}') == "a: NaN | b: -Infinity"


def test_a_name_that_is_given_twice_keeps_both_values() -> None:
    assert text('{"a": "x", "a": "y"}') == "a: x, y"


@pytest.mark.parametrize("source", ['{"a": 1', "[1, 2", '{"a": 1} and more', "[a]"])
def test_what_is_no_json_is_plain_text(source: str) -> None:
    assert text(source, format="text") == source


@pytest.fixture(scope="module")
def child() -> Iterator[ChildLoader]:
    """A loader that gives a file ten seconds."""
    with ChildLoader(seconds=10) as child:
        yield child


@pytest.mark.parametrize("depth", [60, 100_000])
@pytest.mark.parametrize("pair", ["[]", '{"a":}'])
def test_what_is_nested_too_deeply_is_plain_text(child: ChildLoader, depth: int, pair: str) -> None:
    source = pair[:-1] * depth + "1" + pair[-1] * depth
    assert child(source.encode(), name="a.json").format == "text"


def test_text_over_the_limit_is_refused() -> None:
    with pytest.raises(DocumentTooLarge, match=r"holds more than 50 characters"):
        load(json.dumps(["x" * 100]).encode(), name="a.json", limits=Limits(max_text_chars=50))


def test_lists_in_lists_in_records_swell_no_text_without_end() -> None:
    value: object = [{"k": "x" * 200}] * 50
    for _ in range(30):
        value = [{"k": "x" * 200, "in": value}]
    with pytest.raises(DocumentTooLarge):
        load(json.dumps(value).encode(), name="a.json", limits=Limits(max_text_chars=100_000))
