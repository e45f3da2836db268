from index.load.compose import Piece
from index.load.spans import Cell, Grid, Repeats, span


def lines(*rows: list[Cell], left: int = 1000, header: int = 0) -> list[list[str]]:
    """What is in each column of `rows`, the first `header` of which are headers."""
    grid = Grid(Repeats(left))
    found = [grid.line(row, header=number < header) for number, row in enumerate(rows)]
    return [[" ".join(piece.text for piece in pieces) for pieces in line] for line in found]


def cell(text: str, rows: int = 1, columns: int = 1) -> Cell:
    return Cell([Piece(text)] if text else [], rows, columns)


def test_a_cell_that_spans_rows_is_in_each_of_them_in_its_column() -> None:
    assert lines([cell("a"), cell("b", rows=2), cell("c")], [cell("d"), cell("e")], [cell("f")]) == [
        ["a", "b", "c"],
        ["d", "b", "e"],
        ["f"],
    ]


def test_a_cell_of_a_header_is_over_each_of_its_columns_and_one_below_keeps_them_free() -> None:
    rows = [cell("a"), cell("b", columns=2)], [cell("sum", columns=2), cell("3")]
    assert lines(*rows, header=1) == [["a", "b", "b"], ["sum", "", "3"]]


def test_a_title_over_all_columns_is_there_once() -> None:
    assert lines([cell("title", columns=3)], header=1) == [["title", "", ""]]


def test_texts_that_are_no_labels_are_there_once() -> None:
    story = "word " * 100
    assert lines([cell(story, rows=2), cell("b")], [cell("c")]) == [[story, "b"], ["", "c"]]


def test_what_only_lays_the_page_out_repeats_nothing() -> None:
    grid = Grid(Repeats())
    grid.line([cell("menu", rows=3), cell("b")], header=False)
    assert grid.line([Cell([Piece("T", "heading", 1)])], header=False) == [[Piece("T", "heading", 1)]]
    assert grid.line([Cell([Piece("one"), Piece("two")])], header=False) == [[Piece("one"), Piece("two")]]


def test_nothing_reaches_further_down_once_too_much_was_repeated() -> None:
    rows = [[cell("label", rows=9), cell("b")], *([cell("x")] for _ in range(4))]
    assert [line[0] for line in lines(*rows, left=17)] == ["label", "label", "label", "", "x"]


def test_the_number_that_an_attribute_tells_is_bounded() -> None:
    assert [span(it, 100) for it in ("3", " 7x", "0", "-2", "", None, "9" * 500)] == [3, 7, 1, 1, 1, 1, 100]
