"""Chunks: whole sentences, exact spans, sections, headings, pages."""

import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.document import Chunk, Heading, Parsed, Span
from index.sentences import sentences
from index.split import split


def words(text: str) -> int:
    return len(text.split())


def document(*lines: str, pages: tuple[int, ...] = ()) -> Parsed:
    """A document of one block a line; "# Title" is a heading of level 1, "## Title" of level 2."""
    text = "\n".join(lines)
    blocks, headings, at = [], [], 0
    for line in lines:
        span = Span(at, at + len(line))
        if line:
            blocks.append(span)
        if line.startswith("#"):
            marks, title = line.split(" ", 1)
            headings.append(Heading(len(marks), title, span))
        at += len(line) + 1
    return Parsed(text, "markdown", pages=pages, headings=tuple(headings), blocks=tuple(blocks))


def texts(parsed: Parsed, max_tokens: int) -> list[str]:
    return [chunk.span.of(parsed.text) for chunk in split(parsed, max_tokens=max_tokens, count_tokens=words)]


def test_a_short_document_is_one_chunk() -> None:
    parsed = document("One two. Three four.")
    assert split(parsed, count_tokens=words) == [
        Chunk(0, Span(0, 20), (Span(0, 8), Span(9, 20)), headings=(), page=None),
    ]


def test_a_document_without_blocks_has_no_chunks() -> None:
    assert split(Parsed("", "text"), count_tokens=words) == []


def test_a_document_of_one_word_is_one_chunk() -> None:
    assert texts(document("Word"), 160) == ["Word"]


def test_chunks_are_whole_sentences_up_to_the_limit() -> None:
    assert texts(document("A one two. B one two. C one two. D one two."), 6) == [
        "A one two. B one two.",
        "C one two. D one two.",
    ]


def test_a_sentence_over_the_limit_is_a_chunk_of_its_own() -> None:
    assert texts(document("Aa bb. One two three four five six seven. Cc dd."), 4) == [
        "Aa bb.",
        "One two three four five six seven.",
        "Cc dd.",
    ]


def test_a_chunk_ends_at_the_end_of_a_block_where_it_can() -> None:
    assert texts(document("One two three.", "Four five. Six seven."), 6) == [
        "One two three.",
        "Four five. Six seven.",
    ]


def test_repeated_paragraphs_get_their_own_spans() -> None:
    parsed = document(*["Same old words. Same old words."] * 5)
    chunks = split(parsed, max_tokens=6, count_tokens=words)
    assert [chunk.span.start for chunk in chunks] == [0, 32, 64, 96, 128]
    assert {chunk.span.of(parsed.text) for chunk in chunks} == {"Same old words. Same old words."}


def test_a_chunk_does_not_cross_into_the_next_section() -> None:
    assert texts(document("# A", "One two three.", "# B", "Four five six."), 20) == [
        "# A\nOne two three.",
        "# B\nFour five six.",
    ]


def test_tiny_sections_share_a_chunk() -> None:
    assert texts(document("# A", "One.", "# B", "Two.", "# C", "Three."), 40) == [
        "# A\nOne.\n# B\nTwo.\n# C\nThree."
    ]


def test_a_tiny_last_section_goes_with_the_one_before() -> None:
    assert texts(document("# A", "One two three four five six.", "# B", "End."), 20) == [
        "# A\nOne two three four five six.\n# B\nEnd."
    ]


def test_deep_headings_do_not_end_a_chunk() -> None:
    parsed = document("#### A", "One two three.", "#### B", "Four five six.")
    assert texts(parsed, 20) == [parsed.text]


def test_a_heading_stays_with_the_text_under_it() -> None:
    assert texts(document("One two three four five.", "#### Head", "Six seven eight."), 8) == [
        "One two three four five.",
        "#### Head\nSix seven eight.",
    ]


def test_headings_in_a_row_stay_with_the_text_under_them() -> None:
    parsed = document("One two three four five six.", "# A", "## B", "Seven eight nine.", pages=(0,))
    assert texts(parsed, 10) == ["One two three four five six.", "# A\n## B\nSeven eight nine."]


def test_a_heading_stays_with_a_sentence_that_is_over_the_limit() -> None:
    parsed = document("# Head", "One two three four five six.")
    assert texts(parsed, 4) == [parsed.text]


def test_a_heading_at_the_end_is_kept() -> None:
    assert texts(document("One two three.", "# Head"), 3) == ["One two three.", "# Head"]


def test_headings_hold_the_path_above_the_first_sentence() -> None:
    parsed = document("# A", "## B", "One two.", "Three four.", "## C", "Five six.", "# D", "Seven eight.")
    chunks = split(parsed, max_tokens=6, count_tokens=words)
    assert [(chunk.span.of(parsed.text), chunk.headings) for chunk in chunks] == [
        ("# A\n## B\nOne two.", ()),
        ("Three four.", ("A", "B")),
        ("## C\nFive six.", ("A",)),
        ("# D\nSeven eight.", ()),
    ]


def test_the_page_is_the_one_on_which_the_chunk_starts() -> None:
    parsed = document("One two.", "Three four.", "Five six.", pages=(0, 9, 18))
    chunks = split(parsed, max_tokens=4, count_tokens=words)
    assert [(chunk.ordinal, chunk.page) for chunk in chunks] == [(0, 1), (1, 3)]


def test_each_sentence_is_counted_once() -> None:
    counted: list[str] = []

    def count(text: str) -> int:
        counted.append(text)
        return words(text)

    split(document("One two. Three four.", "Five six."), max_tokens=2, count_tokens=count)
    assert counted == ["One two. ", "Three four.\n", "Five six."]


def test_a_limit_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="max_tokens is 0"):
        split(document("One."), max_tokens=0, count_tokens=words)


@pytest.mark.parametrize(
    "parsed",
    [
        document("x" * 900_000),
        document("Word. Next one. " * 20_000 + "End."),
        document(*["row"] * 50_000),
        document(*["# Head"] * 20_000),
    ],
    ids=["one line", "sentences", "rows", "headings"],
)
def test_large_documents_take_linear_time(parsed: Parsed) -> None:
    start = time.thread_time()
    chunks = split(parsed, count_tokens=len)
    assert time.thread_time() - start < 5
    assert sum(len(chunk.sentences) for chunk in chunks) == len(sentences(parsed.text, parsed.blocks))


def test_importing_the_module_does_not_import_llama_index() -> None:
    code = "import sys, index.split; sys.exit('llama_index' in sys.modules)"
    assert (
        subprocess.run(
            [sys.executable, "-c", code], check=False, env={"PYTHONPATH": ":".join(sys.path)}
        ).returncode
        == 0
    )


LINES = st.lists(
    st.sampled_from(
        [
            "# A",
            "## B",
            "#### D",
            "Same words.",
            "One two three. Four five! Six.",
            "Eins z. B. zwei. Drei.",
            "  ",
            "",
            "猫。犬。",
            "A long sentence without an end that goes on and on for many words",
        ]
    ),
    max_size=25,
)


@given(LINES, st.integers(1, 30))
def test_every_sentence_is_in_exactly_one_chunk_and_spans_are_exact(
    lines: list[str], max_tokens: int
) -> None:
    parsed = document(*(line if line.strip() else "" for line in lines))
    chunks = split(parsed, max_tokens=max_tokens, count_tokens=words)
    assert [sentence for chunk in chunks for sentence in chunk.sentences] == sentences(
        parsed.text, parsed.blocks
    )
    for ordinal, chunk in enumerate(chunks):
        assert chunk.ordinal == ordinal
        assert chunk.span == Span(chunk.sentences[0].start, chunk.sentences[-1].end)
        assert chunk.span.of(parsed.text) == chunk.span.of(parsed.text).strip() != ""


@given(LINES, st.integers(1, 30))
def test_the_limit_holds_unless_one_sentence_is_over_it(lines: list[str], max_tokens: int) -> None:
    parsed = document(*(line if line.strip() else "" for line in lines))
    for chunk in split(parsed, max_tokens=max_tokens, count_tokens=words):
        longest = max(words(sentence.of(parsed.text)) for sentence in chunk.sentences)
        assert words(chunk.span.of(parsed.text)) <= max_tokens or longest > max_tokens
