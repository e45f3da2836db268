import datetime as dt
import io
import logging
import zipfile

import openpyxl  # type: ignore[import-untyped]
import pytest
import xlsxwriter  # type: ignore[import-untyped]

from index.errors import DamagedDocument, DocumentTooLarge, EmptyDocument, EncryptedDocument, LoadError
from index.load import Limits, load
from index.load.child import ChildLoader
from index.split import split


def saved(book: openpyxl.Workbook) -> bytes:
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def workbook(**sheets: list[list[object]]) -> openpyxl.Workbook:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for cells in rows:
            sheet.append(cells)
    return book


def changed(data: bytes, part: str, old: str, new: str) -> bytes:
    """The package with `old` replaced in one part."""
    file = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as archive,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as out,
    ):
        for name in archive.namelist():
            text = archive.read(name).decode()
            assert name != part or old in text
            out.writestr(name, text.replace(old, new) if name == part else text)
    return file.getvalue()


def with_shared_strings() -> bytes:
    """A workbook as Excel writes it; openpyxl writes strings where they stand."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        sheet = book.add_worksheet("Stock")
        for number, cells in enumerate(STOCK):
            sheet.write_row(number, 0, cells)
    return file.getvalue()


STOCK: list[list[object]] = [["item", "count"], ["rope", 12], ["buoy", 3]]
SHEET = "xl/worksheets/sheet1.xml"


def test_sheets_are_headings_and_rows_hold_the_names_of_their_columns() -> None:
    parsed = load(
        saved(workbook(Stock=STOCK, Staff=[["name", "since"], ["Ann", dt.date(2020, 3, 1)]])), name="a.xlsx"
    )
    assert parsed.text == (
        "Stock\n\nitem | count\nitem: rope | count: 12\nitem: buoy | count: 3"
        "\n\nStaff\n\nname | since\nname: Ann | since: 2020-03-01"
    )
    assert [heading.title for heading in parsed.headings] == ["Stock", "Staff"]
    assert parsed.pages == (0, parsed.text.index("Staff"))
    assert parsed.title is None


def test_each_chunk_is_on_one_sheet_and_says_on_which() -> None:
    parsed = load(saved(workbook(One=STOCK, Two=STOCK, Three=STOCK)), name="a.xlsx")
    chunks = split(parsed, count_tokens=lambda text: len(text.split()))
    assert [(chunk.page, chunk.span.of(parsed.text).split("\n")[0]) for chunk in chunks] == [
        (1, "One"),
        (2, "Two"),
        (3, "Three"),
    ]


def test_hidden_and_empty_sheets_are_left_out_but_counted() -> None:
    book = workbook(One=STOCK, Secret=[["a", "b"], ["x", "hidden"]], Empty=[], Four=STOCK)
    book["Secret"].sheet_state = "hidden"
    parsed = load(saved(book), name="a.xlsx")
    assert "hidden" not in parsed.text
    assert "Empty" not in parsed.text
    assert parsed.pages[3] == parsed.text.index("Four")


def test_an_empty_row_parts_tables_and_a_single_cell_is_a_title() -> None:
    rows: list[list[object]] = [["Report"], [], *STOCK, [], ["port", "depth"], ["Visby", 8]]
    text = load(saved(workbook(S=rows)), name="a.xlsx").text
    assert text.endswith(
        "Report\n\nitem | count\nitem: rope | count: 12\nitem: buoy | count: 3\nport | depth\nport: Visby | depth: 8"
    )


def test_values_are_written_about_as_they_are_shown() -> None:
    book = workbook(S=[["what", "value"], ["share", 0.125], ["sum", 0.1 + 0.2], ["yes", True]])
    sheet = book["S"]
    sheet["B2"].number_format = "0.0%"
    sheet.append(["at", dt.datetime.fromisoformat("2024-05-06T07:30")])
    sheet.append(["from", dt.time(9, 15)])
    sheet.append(["for", dt.timedelta(days=1.25)])
    lines = load(saved(book), name="a.xlsx").text.split("\n")
    assert [line.rpartition("value: ")[2] for line in lines[3:]] == [
        "12.5%",
        "0.3",
        "TRUE",
        "2024-05-06 07:30",
        "09:15",
        "30:00:00",
    ]


def shown(value: object, number_format: str) -> str:
    book = workbook(S=[["what", "value"], ["it", value]])
    book["S"]["B2"].number_format = number_format
    return load(saved(book), name="a.xlsx").text.rpartition("value: ")[2]


@pytest.mark.parametrize(
    ("value", "number_format", "text"),
    [
        (12.5, '0.0"%"', "12.5"),
        (12.5, r"0.0\%", "12.5"),
        (12.5, "0.0_%", "12.5"),
        (5, '0" % of staff"', "5"),
        (5, "[$%-409]0", "5"),
        (3, "[<1]0%;0", "3"),
        (0.5, "[<1]0%;0", "50%"),
        (3, "[<1]0%", "3"),
        (7, '[>=1]0;[<0]"below";0%', "7"),
        (0.25, '[>=1]0;[<0]"below";0%', "25%"),
        (-0.5, "0%;-0", "-0.5"),
        (-0.5, "0;[Red]-0.0%", "-50%"),
        (0, "0;-0;0%", "0%"),
        (0.5, "0;-0;0%", "0.5"),
        (-0.5, "0.0%", "-50%"),
        (0.5, '"a;b"0%', "50%"),
        (5, '0;-0;0;@"%"', "5"),
    ],
)
def test_a_share_is_what_the_part_of_the_format_for_it_multiplies(
    value: float, number_format: str, text: str
) -> None:
    assert shown(value, number_format) == text


@pytest.mark.parametrize("number", [4111111111111111, 1234567890123456, -9007199254740991])
def test_whole_numbers_keep_their_digits(number: int) -> None:
    assert shown(number, "0") == str(number)


def test_a_whole_number_of_any_length_keeps_the_digits_that_are_stored() -> None:
    data = changed(saved(workbook(S=STOCK)), SHEET, "<v>12</v>", "<v>12345678901234567890</v>")
    assert "count: 12345678901234567890\n" in load(data, name="a.xlsx").text


def test_dates_name_the_columns_of_a_budget() -> None:
    rows: list[list[object]] = [
        ["Line", dt.date(2026, 1, 1), dt.date(2026, 2, 1)],
        ["Rent", 4100, 4200],
    ]
    assert load(saved(workbook(S=rows)), name="a.xlsx").text == (
        "S\n\nLine | 2026-01-01 | 2026-02-01\nLine: Rent | 2026-01-01: 4100 | 2026-02-01: 4200"
    )


def test_formulas_are_read_as_their_last_result() -> None:
    data = saved(workbook(S=[["item", "total"], ["rope", "=6*7"]]))
    stored = changed(data, SHEET, "<f>6*7</f><v></v>", "<f>6*7</f><v>42</v>")
    assert "item: rope | total: 42" in load(stored, name="a.xlsx").text


def test_merged_cells_are_read_once() -> None:
    book = workbook(S=[["item", "count"], ["rope", 12], ["rope, old", None]])
    book["S"].merge_cells("A3:B3")
    assert load(saved(book), name="a.xlsx").text.count("rope, old") == 1


FEES: list[list[object]] = [
    ["Winter harbour fees"],
    ["Berth", "Length", "Fee"],
    ["North pier", 5, 35],
    [None, 10, 70],
    [None, 15, 105],
    ["South pier", 5, 30],
]


def merged(*ranges: str, rows: list[list[object]]) -> str:
    book = workbook(S=rows)
    for cells in ranges:
        book["S"].merge_cells(cells)
    return load(saved(book), name="a.xlsx").text


def test_a_cell_that_is_merged_over_rows_is_in_each_of_them() -> None:
    assert merged("A1:C1", "A3:A5", rows=FEES) == (
        "S\n\nWinter harbour fees\n\nBerth | Length | Fee\nBerth: North pier | Length: 5 | Fee: 35\n"
        "Berth: North pier | Length: 10 | Fee: 70\nBerth: North pier | Length: 15 | Fee: 105\n"
        "Berth: South pier | Length: 5 | Fee: 30"
    )


def test_cells_merged_over_rows_and_columns_are_in_the_first_column_of_each_row() -> None:
    rows: list[list[object]] = [["a", "b", "c", "d"], ["x", None, None, "1 m"], [None, None, None, "2 m"]]
    assert merged("A2:C3", rows=rows).endswith("a: x | d: 1 m\na: x | d: 2 m")


def test_a_merged_cell_at_the_end_of_shorter_rows_is_in_them_too() -> None:
    assert merged("C2:C3", rows=[["a", "b", "c"], ["x", 1, "both"], ["y", 2]]).endswith(
        "a: y | b: 2 | c: both"
    )


def test_an_empty_row_beside_a_merged_cell_parts_no_table() -> None:
    rows: list[list[object]] = [*FEES[1:4], [], *FEES[4:]]
    assert merged("A2:A5", rows=rows).count("Berth: North pier | Length") == 3


def test_a_note_that_is_merged_over_empty_rows_is_read_once_and_parts_tables() -> None:
    rows: list[list[object]] = [*STOCK, [], ["A note over the width"], [], ["port", "depth"], ["Visby", 8]]
    text = merged("A5:B6", rows=rows)
    assert text.count("A note") == 1
    assert text.endswith("port: Visby | depth: 8")


YEARS: list[list[object]] = [
    ["Site", 2024, None, 2025, None],
    [None, "Income", "Cost", "Income", "Cost"],
    ["North", 11, 12, 13, 14],
]
NAMED = (
    "S\n\nSite | 2024 Income | 2024 Cost | 2025 Income | 2025 Cost\n"
    "Site: North | 2024 Income: 11 | 2024 Cost: 12 | 2025 Income: 13 | 2025 Cost: 14"
)


def test_a_cell_that_is_merged_over_columns_of_the_header_names_them_all() -> None:
    assert merged("B1:C1", "D1:E1", rows=YEARS) == NAMED
    assert merged("A1:A2", "B1:C1", "D1:E1", rows=YEARS) == NAMED


def test_a_header_may_have_a_cell_that_is_merged_over_its_rows_and_over_columns() -> None:
    rows: list[list[object]] = [
        ["Site", None, "2024"],
        [None, None, "Income", "Cost"],
        ["North", "a", 11, 12],
    ]
    assert merged("A1:B2", "C1:D1", rows=rows).endswith(
        "Site: North | Site: a | 2024 Income: 11 | 2024 Cost: 12"
    )


def test_a_header_of_one_row_may_have_merged_cells() -> None:
    rows: list[list[object]] = [["Site", "Contact"], ["North", "Anna", 5551234], ["South", "Ben", 5559999]]
    assert merged("B1:C1", rows=rows) == (
        "S\n\nSite | Contact\nSite: North | Contact: Anna | Contact: 5551234\n"
        "Site: South | Contact: Ben | Contact: 5559999"
    )


def test_a_row_of_text_below_a_header_with_merged_cells_is_no_header() -> None:
    rows: list[list[object]] = [
        ["Site", "Contact", None, "Deputy", None],
        ["North", "Anna", "Berg", "Anna", "Holm"],
        ["South", "Ben", "Dahl", "Eve", "Lund"],
    ]
    text = merged("B1:C1", "D1:E1", rows=rows)
    assert "Site: North | Contact: Anna | Contact: Berg | Deputy: Anna | Deputy: Holm\n" in text


def test_rows_and_columns_that_are_hidden_are_left_out_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    book = workbook(S=[["name", "secret", "pay"], ["Ann", "x1", 1], ["Bob", "x2", 2], ["Cid", "x3", 3]])
    book["S"].row_dimensions[3].hidden = True
    book["S"].column_dimensions["B"].hidden = True
    with caplog.at_level(logging.WARNING):
        parsed = load(saved(book), name="a.xlsx")
    assert parsed.text == "S\n\nname | pay\nname: Ann | pay: 1\nname: Cid | pay: 3"
    assert "'a.xlsx': what is hidden is not read: 1 rows, 1 columns" in caplog.text


def test_rows_that_a_filter_hides_are_read(caplog: pytest.LogCaptureFixture) -> None:
    book = workbook(S=[*STOCK, ["note"], ["below the filter"]])
    sheet = book["S"]
    sheet.auto_filter.ref = "A1:B3"
    sheet.row_dimensions[2].hidden = sheet.row_dimensions[4].hidden = True
    with caplog.at_level(logging.WARNING):
        text = load(saved(book), name="a.xlsx").text
    assert "item: rope | count: 12" in text
    assert "note" not in text
    assert "1 rows, 0 columns" in caplog.text


def test_rows_that_the_filter_of_a_table_hides_are_read() -> None:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        sheet = book.add_worksheet("Stock")
        sheet.add_table("A1:B3", {"data": STOCK[1:], "columns": [{"header": name} for name in STOCK[0]]})
        sheet.set_row(1, None, None, {"hidden": True})
        sheet.write_row(4, 0, ["secret", "row"])
        sheet.set_row(4, None, None, {"hidden": True})
    text = load(file.getvalue(), name="a.xlsx").text
    assert "item: rope | count: 12\nitem: buoy" in text
    assert "secret" not in text


def test_rows_and_columns_that_are_folded_away_are_read() -> None:
    book = workbook(S=STOCK)
    book["S"].row_dimensions.group(2, 2, hidden=True)
    book["S"].column_dimensions.group("B", "B", hidden=True)
    assert "item: rope | count: 12" in load(saved(book), name="a.xlsx").text


def test_merged_cells_are_read_where_they_are_seen_though_they_begin_in_what_is_hidden() -> None:
    book = workbook(S=[["a", "b", "c"], ["gone", "x", 1], [None, "y", 2], ["wide", None, 3]])
    sheet = book["S"]
    sheet.merge_cells("A2:A3")
    sheet.row_dimensions[2].hidden = True
    assert "a: gone | b: y | c: 2" in load(saved(book), name="a.xlsx").text
    sheet.merge_cells("A4:B4")
    sheet.column_dimensions["A"].hidden = True
    assert "b: wide | c: 3" in load(saved(book), name="a.xlsx").text


def test_all_columns_may_be_hidden() -> None:
    columns = '<cols><col min="1" max="16384" hidden="1"/></cols><sheetData>'
    with pytest.raises(EmptyDocument):
        load(changed(saved(workbook(S=STOCK)), SHEET, "<sheetData>", columns), name="a.xlsx")


def test_merged_cells_that_take_the_whole_sheet_take_no_memory() -> None:
    data = changed(
        saved(workbook(S=STOCK)),
        SHEET,
        "</sheetData>",
        '</sheetData><mergeCells><mergeCell ref="A1:XFD1048576"/><mergeCell ref="B2:C99"/></mergeCells>',
    )
    with ChildLoader(seconds=10) as child:
        assert len(child(data, name="a.xlsx").text) < 200


def test_formulas_without_a_stored_result_are_counted_in_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    data = saved(workbook(S=[["item", "total"], ["rope", "=6*7"], ["buoy", "=1+1"], ["none", '=""']]))
    stored = changed(data, SHEET, '<c r="B4"><f>""</f><v></v>', '<c r="B4" t="str"><f>""</f><v></v>')
    with caplog.at_level(logging.WARNING):
        load(stored, name="a.xlsx")
    assert "'a.xlsx': formulas without a stored result are not read: 2: open it in" in caplog.text


@pytest.mark.parametrize("cell", ['t="d"><v>notadate</v>', "><v>notadate</v>", 't="b"><v>notadate</v>'])
def test_a_value_that_is_not_what_it_says_is_text(cell: str) -> None:
    data = changed(saved(workbook(S=STOCK)), SHEET, 't="n"><v>12</v>', cell)
    assert "item: rope | count: notadate\nitem: buoy | count: 3" in load(data, name="a.xlsx").text


def test_a_shared_string_that_there_is_not_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    data = changed(with_shared_strings(), SHEET, "<v>2</v>", "<v>99</v>")
    with caplog.at_level(logging.WARNING):
        assert "item: buoy | count: 3" in load(data, name="a.xlsx").text
    assert "'a.xlsx': cells whose text is missing are not read: 1" in caplog.text


def test_a_workbook_with_a_password_of_the_archive_is_encrypted() -> None:
    data = bytearray(saved(workbook(S=STOCK)))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entry = archive.start_dir
    data[entry + 8] |= 1
    with pytest.raises(
        EncryptedDocument, match=r"^'a\.xlsx' is protected by a password: remove it and try again$"
    ):
        load(bytes(data), name="a.xlsx")


def test_the_title_is_that_of_the_properties() -> None:
    book = workbook(S=STOCK)
    book.properties.title = "Stock list"
    assert load(saved(book), name="a.xlsx").title == "Stock list"


def test_the_size_that_a_sheet_claims_is_not_believed() -> None:
    data = changed(saved(workbook(S=STOCK)), SHEET, 'ref="A1:B3"', 'ref="A1:XFD1048576"')
    with ChildLoader(seconds=10) as child:
        assert "item: buoy" in child(data, name="a.xlsx").text


def test_a_row_far_below_is_read_and_one_that_no_sheet_has_is_refused() -> None:
    data = saved(workbook(S=STOCK))
    assert "buoy" in load(changed(data, SHEET, '<row r="3"', '<row r="1000000"'), name="a.xlsx").text
    with ChildLoader(seconds=20) as child, pytest.raises(DocumentTooLarge, match="more cells than are read"):
        child(changed(data, SHEET, '<row r="3"', '<row r="99999999999"'), name="a.xlsx")


def test_cells_far_to_the_right_in_many_rows_are_refused() -> None:
    rows = "".join(f'<row r="{n}"><c r="XFD{n}"><v>1</v></c></row>' for n in range(4, 5000))
    data = changed(saved(workbook(S=STOCK)), SHEET, "</sheetData>", rows + "</sheetData>")
    with ChildLoader() as child, pytest.raises(LoadError):
        child(data, name="a.xlsx")


@pytest.mark.parametrize("part", [SHEET, "xl/workbook.xml", "xl/styles.xml", "xl/sharedStrings.xml"])
def test_entities_are_not_read(part: str) -> None:
    doctype = (
        '<!DOCTYPE x [<!ENTITY a "laugh"><!ENTITY b "&a;&a;&a;"><!ENTITY f SYSTEM "file:///etc/passwd">]>'
    )
    data = with_shared_strings()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        root = archive.read(part).decode().partition("?>")[2].strip().partition(">")[0]
    hostile = changed(data, part, root + ">", f"{doctype}{root}><evil>&b;&f;</evil>")
    try:
        text = load(hostile, name="a.xlsx").text
    except DamagedDocument as error:
        assert "'a.xlsx' could not be read as XLSX" in str(error)  # noqa: PT017  either is right
    else:
        assert "laugh" not in text
        assert "root" not in text


def test_shared_strings_are_read() -> None:
    assert "item: rope | count: 12" in load(with_shared_strings(), name="a.xlsx").text


def test_a_sheet_that_unpacks_to_too_much_is_refused() -> None:
    data = changed(saved(workbook(S=STOCK)), SHEET, "</sheetData>", "</sheetData>" + " " * 30_000_000)
    assert len(data) < 200_000
    with pytest.raises(DocumentTooLarge, match=r"'a.xlsx' unpacks to more than"):
        load(data, name="a.xlsx")


def test_text_over_the_limit_is_refused_before_it_fills_the_memory() -> None:
    with pytest.raises(DocumentTooLarge, match=r"'a.xlsx' holds more than 30 characters"):
        load(saved(workbook(S=STOCK)), name="a.xlsx", limits=Limits(max_text_chars=30))


def test_a_damaged_workbook_is_named() -> None:
    with pytest.raises(DamagedDocument, match=r"'a.xlsx' could not be read as XLSX"):
        load(changed(saved(workbook(S=STOCK)), SHEET, "</sheetData>", ""), name="a.xlsx")


def test_a_workbook_without_text_is_empty() -> None:
    with pytest.raises(EmptyDocument):
        load(saved(workbook(S=[])), name="a.xlsx")
