"""Chunks that begin inside a table know its header."""

import io
from collections.abc import Callable

import docx
import pytest

from index.document import Chunk, Parsed
from index.load import load
from index.split import split

HEADER = ("Bench", "Price per hour", "Places")
ROWS = [(f"Bench {number}", f"{number * 3} euros", str(number % 7 + 2)) for number in range(1, 60)]


def in_markdown() -> bytes:
    lines = [f"| {' | '.join(cells)} |" for cells in (HEADER, ("---",) * 3, *ROWS)]
    return "\n".join(
        ["# Hire", "", "What benches cost.", "", *lines, "", "All prices with tax.", ""]
    ).encode()


def in_html() -> bytes:
    head = "".join(f"<th>{cell}</th>" for cell in HEADER)
    rows = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in ROWS)
    return (
        f"<h1>Hire</h1><p>What benches cost.</p><table><tr>{head}</tr>{rows}</table><p>All prices with tax.</p>"
    ).encode()


def in_docx() -> bytes:
    document = docx.Document()
    document.add_heading("Hire", 1)
    document.add_paragraph("What benches cost.")
    table = document.add_table(rows=0, cols=3)
    for row in (HEADER, *ROWS):
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = text
    document.add_paragraph("All prices with tax.")
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def chunks(parsed: Parsed, max_tokens: int = 60) -> list[Chunk]:
    return split(parsed, max_tokens=max_tokens, count_tokens=lambda text: len(text.split()))


FILES = [(in_markdown, "a.md"), (in_html, "a.html"), (in_docx, "a.docx")]


@pytest.mark.parametrize(("make", "name"), FILES)
def test_a_chunk_of_later_rows_has_the_header_behind_its_headings(
    make: Callable[[], bytes], name: str
) -> None:
    parsed = load(make(), name=name)
    found = chunks(parsed)
    inside = [chunk for chunk in found if chunk.span.of(parsed.text).lstrip("| ").startswith("Bench ")][1:]
    assert len(inside) > 4
    assert {chunk.headings for chunk in inside} == {("Hire", "Bench | Price per hour | Places")}


@pytest.mark.parametrize(("make", "name"), FILES)
def test_the_text_and_what_stands_outside_the_table_are_as_before(
    make: Callable[[], bytes], name: str
) -> None:
    parsed = load(make(), name=name)
    found = chunks(parsed)
    assert parsed.text.count("Price per hour") == 1
    assert found[0].headings in ((), ("Hire",))
    around = [chunk for chunk in found if HEADER[1] in chunk.span.of(parsed.text)]
    assert len(around) == 1
    assert "Bench | Price per hour | Places" not in around[0].headings


def headings_of(text: str, name: str = "a.md", max_tokens: int = 12) -> dict[str, tuple[str, ...]]:
    """The headings of each chunk by its first line."""
    parsed = load(text.encode(), name=name)
    return {chunk.span.of(parsed.text).split("\n")[0]: chunk.headings for chunk in chunks(parsed, max_tokens)}


def table(*names: str, rows: int = 8) -> str:
    body = [f"| {' | '.join(f'{name.lower()}{row}' for name in names)} |" for row in range(rows)]
    return "\n".join([f"| {' | '.join(names)} |", f"|{'---|' * len(names)}", *body])


def test_two_tables_have_each_its_own_header() -> None:
    found = headings_of(f"{table('Alpha', 'Beta')}\n\n{table('Gamma', 'Delta')}\n")
    assert found["| alpha7 | beta7 |"] == ("Alpha | Beta",)
    assert found["| gamma7 | delta7 |"] == ("Gamma | Delta",)


def test_a_paragraph_below_a_table_has_no_header() -> None:
    found = headings_of(
        f"{table('Alpha', 'Beta')}\n\nThis stands below it | and so does this, in a paragraph.\n"
    )
    assert found["This stands below it | and so does this, in a paragraph."] == ()


def test_rows_that_name_their_columns_need_no_header() -> None:
    rows = "\n".join(f"{number},{number * 2}" for number in range(30))
    assert set(headings_of(f"first,second\n{rows}\n", "a.csv").values()) == {()}


def test_lines_with_bars_in_code_and_plain_text_are_no_table() -> None:
    lines = "\n".join(f"one{number} | two{number}" for number in range(30))
    assert set(headings_of(lines, "a.txt").values()) == {()}
    code = "\n".join(f"x{number} = a | b" for number in range(30))
    assert set(headings_of(f"import os\n\n{code}\n", "a.py").values()) == {()}


def test_a_long_header_is_cut() -> None:
    names = [f"A long name of column {number}" for number in range(20)]
    found = headings_of(table(*names), max_tokens=90)
    (header,) = found[next(line for line in found if "column 07" not in line and "column 05" in line)]
    assert len(header) == 200
