import csv
import datetime as dt
import io
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


LABELS: dict[str, Callable[[int], str]] = {
    "years": lambda n: str(1990 + n),
    "dates": lambda n: (dt.date(2026, 1, 1) + dt.timedelta(31 * n)).isoformat(),
    "months": lambda n: f"{n % 12 + 1:02}/{2020 + n // 12}",
    "days": lambda n: f"{n % 28 + 1}.{n // 28 + 1}.2026",
    "times": lambda n: f"{n:02}:00",
    "ranges": lambda n: f"{n * 5}-{n * 5 + 4}",
    "fiscal years": lambda n: f"{2000 + n}/{n + 1:02}",
}
FEW = st.integers(2, 12)
NUMBERS = st.one_of(st.integers(-1000, 1000), st.decimals(0, 900, places=2)).map(str)


@pytest.mark.parametrize("kind", LABELS)
@given(columns=FEW, corner=st.sampled_from(["", "Line"]), values=st.lists(NUMBERS, min_size=1, max_size=30))
def test_years_dates_times_and_ranges_over_numbers_name_the_columns(
    kind: str, columns: int, corner: str, values: list[str]
) -> None:
    names = [LABELS[kind](number) for number in range(columns)]
    table = [[corner, *names], *([f"item {value}", *[value] * columns] for value in values)]
    for line, value in zip(lines(written(table))[1:], values, strict=True):
        assert line.partition(" | ")[2] == " | ".join(f"{name}: {value}" for name in names)


@pytest.mark.parametrize("kind", LABELS)
@given(columns=FEW, rows=st.integers(1, 30), corner=st.sampled_from(["Ann", ""]), data=st.data())
def test_a_first_row_of_the_same_kind_as_the_others_names_no_columns(
    kind: str, columns: int, rows: int, corner: str, data: st.DataObject
) -> None:
    numbers = st.lists(st.integers(0, 20), min_size=columns, max_size=columns)
    table = [
        [corner, *(LABELS[kind](number) for number in data.draw(numbers))],
        *([f"Ben {row}", *(LABELS[kind](number) for number in data.draw(numbers))] for row in range(rows)),
    ]
    assert lines(written(table)) == [" | ".join(filter(None, cells)) for cells in table]


@given(st.lists(st.lists(NUMBERS, min_size=3, max_size=3), min_size=1, max_size=30))
def test_rows_of_numbers_have_no_header(table: list[list[str]]) -> None:
    assert lines(written(table)) == [" | ".join(cells) for cells in table]


def test_times_may_name_the_columns_of_a_plan() -> None:
    assert lines(b"Day,08:00,09:00\nMon,free,Ann\nTue,Ann,free\n")[1] == "Day: Mon | 08:00: free | 09:00: Ann"


def test_open_ranges_may_name_columns() -> None:
    assert lines(b"Region,0-14,65+\nNorth,10,30\n")[1] == "Region: North | 0-14: 10 | 65+: 30"


def test_plain_numbers_name_no_columns() -> None:
    assert lines(b"Soap,1,2\nSalt,30,40\n") == ["Soap | 1 | 2", "Salt | 30 | 40"]


def test_a_single_date_beside_a_name_is_a_value() -> None:
    assert lines(b"Opened,2026-01-02\nBerths,40\n") == ["Opened | 2026-01-02", "Berths | 40"]


def test_years_of_birth_name_no_column() -> None:
    assert lines(b"Ann,1999\nBen,2001\n") == ["Ann | 1999", "Ben | 2001"]


TABLE = b"Region,Sales,Head,Since\nEast,5,Kim,3\nWest,6,Lee,4\n"


def test_a_line_above_the_table_that_is_half_as_wide_names_no_columns() -> None:
    text = load(b"Report 2026,Printed Monday\n" + TABLE, name="a.csv").text
    assert text.startswith(
        "Report 2026 | Printed Monday\n\nRegion | Sales | Head | Since\nRegion: East | Sales: 5 |"
    )


def test_a_narrower_line_apart_from_the_table_names_no_columns() -> None:
    text = load(b"Report,Printed,Monday\n\n" + TABLE, name="a.csv").text
    assert text.startswith("Report | Printed | Monday\n\nRegion | Sales | Head | Since\nRegion: East")


@pytest.mark.parametrize(
    "data",
    [
        b"Name,City\nAnna,Oslo,cook,x\nBen,Rome,clerk,y\nCid,Bonn,smith,z\n",  # no row differs from the others
        b"Name,Age\nAnna,5,x,2\nBen,6,y,3\nCid,7,z,4\n",  # the second row has numbers
        b"Name,Age\nAnna,unknown,x,?\nBen,6,y,3\nCid,7,z,4\n",  # it says of some that they are not known
        b"Name,Age,City\nAnna,late,x,y\nBen,6,y,3\nCid,7,z,4\n",  # the first one is not much narrower
    ],
)
def test_names_of_fewer_columns_than_there_are_stay_names(data: bytes) -> None:
    assert lines(data)[1].startswith("Name: Anna")


def test_a_blank_in_front_of_a_quote_is_no_part_of_the_field() -> None:
    assert lines(b'name, city, age\nAnn, "Oslo, NO", 3\nBob, Rome, 4\n')[1:] == [
        "name: Ann | city: Oslo, NO | age: 3",
        "name: Bob | city: Rome | age: 4",
    ]


def test_a_quote_in_front_of_part_of_a_field_is_text() -> None:
    assert lines(b'name, note\nAnn, "the boss" Smith\nBob, x\n')[1] == 'name: Ann | note: "the boss" Smith'


def test_quotes_may_be_escaped_by_a_backslash() -> None:
    data = b'name,quote\nAnn,"she said \\"hi, there\\" loudly"\nBob,"C:\\new"\n'
    assert lines(data)[1:] == ['name: Ann | quote: she said "hi, there" loudly', "name: Bob | quote: C:\\new"]


def test_a_backslash_at_the_end_of_a_quoted_field_escapes_nothing() -> None:
    assert lines(b'path,note\n"C:\\dir\\","x, y"\n')[1] == "path: C:\\dir\\ | note: x, y"


def test_commas_in_the_text_of_a_single_column_part_nothing() -> None:
    assert lines(b"Anything\nhello, world\nfine\n") == ["Anything", "", "hello, world", "", "fine"]


def test_many_titles_above_a_table_make_it_no_single_column() -> None:
    titles = b"".join(b"# note %d\n" % number for number in range(9))
    assert lines(titles + b"day,rain\nMon,3\nTue,4\n# end\n")[-2:] == ["day: Tue | rain: 4", "day: # end"]
