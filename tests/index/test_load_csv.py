import csv
import io
from collections.abc import Iterable

import pytest

from index.errors import DocumentTooLarge, EmptyDocument
from index.load import Limits, load
from index.load.child import ChildLoader
from index.split import split


def lines(data: bytes, name: str = "a.csv") -> list[str]:
    parsed = load(data, name=name)
    assert parsed.format == "csv"
    return parsed.text.split("\n")


def written(rows: Iterable[Iterable[object]], **dialect: str) -> bytes:
    file = io.StringIO()
    csv.writer(file, **dialect).writerows(rows)  # type: ignore[arg-type]
    return file.getvalue().encode()


def wide(columns: int) -> bytes:
    return b",".join(b"c%d" % number for number in range(columns)) + b"\n" + b"1," * (columns - 1) + b"2\n"


def test_each_value_stands_behind_the_name_of_its_column() -> None:
    assert lines(b"id,name,price\n1,Ann,3.50\n2,Bob,\n") == [
        "id | name | price",
        "id: 1 | name: Ann | price: 3.50",
        "id: 2 | name: Bob",
    ]


def test_row_300_is_cut_with_the_names_of_its_columns() -> None:
    data = written([["station", "depth", "salinity"], *([f"S{n}", n, n * 2] for n in range(1, 501))])
    parsed = load(data, name="a.csv")
    chunks = split(parsed, count_tokens=lambda text: len(text.split()))
    chunk = next(chunk for chunk in chunks if "S300 " in chunk.span.of(parsed.text))
    quotes = [sentence.of(parsed.text) for sentence in chunk.sentences]
    assert "station: S300 | depth: 300 | salinity: 600" in quotes


def test_the_header_shares_a_block_with_the_first_row() -> None:
    parsed = load(b"id,name\n1,Ann\n2,Bob\n", name="a.csv")
    assert [block.of(parsed.text) for block in parsed.blocks] == [
        "id | name\nid: 1 | name: Ann",
        "id: 2 | name: Bob",
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1251"])
def test_delimiters_and_encodings_are_detected(delimiter: str, encoding: str) -> None:
    text = (
        delimiter.join(("город", "население"))
        + "\r\n"
        + delimiter.join(("Санкт-Петербург", "5600000"))
        + "\r\n"
    )
    assert lines(text.encode(encoding))[1] == "город: Санкт-Петербург | население: 5600000"


def test_quoted_fields_hold_delimiters_quotes_and_line_ends() -> None:
    data = written([["name", "note"], ["Ann, Dr.", 'said "no"\nand left'], ["Bob", "5"]])
    assert lines(data)[1] == 'name: Ann, Dr. | note: said "no" and left'


def test_commas_in_numbers_do_not_part_what_semicolons_part() -> None:
    assert lines(b"what;price\nbread;3,50\nmilk;1,20\n")[1:] == [
        "what: bread | price: 3,50",
        "what: milk | price: 1,20",
    ]


def test_the_line_that_declares_the_delimiter_is_heeded() -> None:
    assert lines(b"sep=;\na;b\nx,y,z;2\n") == ["a | b", "a: x,y,z | b: 2"]


def test_a_first_row_with_numbers_names_no_columns() -> None:
    assert lines(b"1,Ann,3\n2,Bob,4\n") == ["1 | Ann | 3", "2 | Bob | 4"]


def test_years_may_name_columns() -> None:
    assert lines(b"region,2023,2024\nNorth,12,15\n")[1] == "region: North | 2023: 12 | 2024: 15"


def test_ragged_rows_keep_all_their_cells() -> None:
    assert lines(b"a,b\n1,2,3\n4\n")[1:] == ["a: 1 | b: 2 | 3", "a: 4"]


def test_formulas_stay_text() -> None:
    assert lines(b"name,note\n=1+1,@SUM(A1)\n")[1] == "name: =1+1 | note: @SUM(A1)"


def test_a_quote_that_is_never_closed_costs_no_row() -> None:
    rows = b"".join(b"%d,plain\n" % number for number in range(200))
    assert len(lines(b'id,note\n7,"open\n' + rows)) == 202


def test_a_wide_row_is_parted_into_lines_that_begin_with_its_first_cell() -> None:
    parsed = load(written([["id", *(f"column {n}" for n in range(500))], ["X7", *range(500)]]), name="a.csv")
    rows = [line for line in parsed.text.split("\n") if line.startswith("id: X7")]
    assert len(rows) > 1
    assert all(len(row) < 2200 for row in rows)
    assert "column 499: 499" in rows[-1]


def test_a_header_of_a_million_columns_is_refused_and_one_of_a_hundred_thousand_is_parted() -> None:
    with ChildLoader() as child:
        with pytest.raises(DocumentTooLarge, match=r"'wide.csv' holds more than 20,000,000 characters"):
            child(wide(1_000_000), name="wide.csv")
        parsed = child(wide(100_000), name="wide.csv")
    assert max(block.end - block.start for block in parsed.blocks) < 4500


def test_names_that_swell_the_text_over_the_limit_are_refused() -> None:
    data = written([["n" * 90, "m" * 90], *([1, 2] for _ in range(100))])
    with pytest.raises(DocumentTooLarge, match=r"'a.csv' holds more than 5,000 characters"):
        load(data, name="a.csv", limits=Limits(max_text_chars=5000))


def test_empty_fields_are_no_text() -> None:
    with pytest.raises(EmptyDocument):
        load(b",,,\n,,,\n", name="a.csv")


def test_a_field_without_end_is_within_the_limits() -> None:
    assert load(b"a,b\n1," + b"x" * 2_000_000 + b"\n", name="a.csv").format == "csv"
