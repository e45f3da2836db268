import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st

from index.load.canonical import canonical

any_text = st.text(st.characters(exclude_categories=()))  # lone surrogates too


@given(any_text)
@example("\u0958" + "\u0327" * 40)  # decomposes in NFC, so that a mark joins those after it
@example("\ud83d\ude00")
@example("\r\x00\n")
def test_canonical_text_is_canonical_already(text: str) -> None:
    once = canonical(text)
    assert canonical(once) == once


@given(any_text)
def test_canonical_text_is_nfc_and_encodes_and_holds_no_controls(text: str) -> None:
    result = canonical(text)
    assert unicodedata.is_normalized("NFC", result)
    assert result.encode().decode() == result
    assert not any(character < " " and character not in "\n\t" for character in result)
    assert result.splitlines() == result.removesuffix("\n").split("\n") or result in {"", "\n"}


@given(any_text, any_text)
def test_canonical_texts_stay_canonical_when_joined_by_lines(above: str, below: str) -> None:
    joined = f"{canonical(above)}\n{canonical(below)}"
    assert canonical(joined) == joined


def test_every_line_end_becomes_a_newline() -> None:
    assert canonical("a\r\nb\rc\x0cd\x85e\u2028f") == "a\nb\nc\nd\ne\nf"


def test_letters_and_their_accents_are_composed() -> None:
    assert canonical("e\u0301") == "é"


def test_nul_and_byte_order_marks_go() -> None:
    assert canonical("\ufeffa\x00b\ufeff") == "ab"


def test_halves_of_a_surrogate_pair_are_joined_and_lone_ones_replaced() -> None:
    assert canonical("\ud83d\ude00 \ud83d") == "😀 \ufffd"


def test_millions_of_combining_marks_take_no_time() -> None:
    assert canonical("a" + "\u0327\u0301" * 1_000_000).startswith("á̧")
