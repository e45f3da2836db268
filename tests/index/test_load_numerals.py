import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.load.numerals import Numerals, numeral


@pytest.mark.parametrize(
    ("number", "kind", "text"),
    [
        (3, "decimal", "3"),
        (3, "lower-letter", "c"),
        (26, "upper-letter", "Z"),
        (27, "lower-letter", "aa"),
        (702, "lower-letter", "zz"),
        (1994, "lower-roman", "mcmxciv"),
        (4, "upper-roman", "IV"),
    ],
)
def test_a_number_is_written_in_its_kind(number: int, kind: Numerals, text: str) -> None:
    assert numeral(number, kind) == text


@given(
    st.one_of(st.integers(max_value=0), st.integers(min_value=4000)),
    st.sampled_from(["lower-letter", "upper-letter", "lower-roman", "upper-roman"]),
)
def test_what_a_kind_has_no_sign_for_is_written_in_digits(number: int, kind: Numerals) -> None:
    assert numeral(number, kind) == str(number)


@given(st.integers(1, 3999))
def test_roman_numbers_differ_and_have_no_sign_four_times(number: int) -> None:
    roman = numeral(number, "upper-roman")
    assert roman != numeral(number + 1, "upper-roman")
    assert all(sign * 4 not in roman for sign in "IVXLCD")
