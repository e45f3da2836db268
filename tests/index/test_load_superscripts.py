import pytest

from index.load.superscripts import raised, with_fractions
from index.terms import terms


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        *(
            ("6", "⁶"),
            ("-3", "⁻³"),
            ("−3", "⁻³"),
            ("2+", "²⁺"),
            ("-", "⁻"),
            ("n", "ⁿ"),
            ("i", "ⁱ"),
            ("2n", "²ⁿ"),
        ),
        *((" 2 ", " ² "), ("1,2", "¹,²"), ("2–4", "²⁻⁴"), ("(1)", "⁽¹⁾")),
    ],
)
def test_numbers_signs_n_and_i_have_superior_characters(text: str, shown: str) -> None:
    assert raised(text) == shown


@pytest.mark.parametrize("text", ["th", "TM", "2nd", "a", "*", "[1]", "in", "", " ", ",", "1" * 1000])
def test_other_superscripts_stay_as_they_are(text: str) -> None:
    assert raised(text) == text


def test_numerators_are_plain_numbers() -> None:
    assert with_fractions("¹/20 of it, 3¹⁄2 cups") == "1/20 of it, 3 1⁄2 cups"
    assert with_fractions("5 m²/3 people, 10²/5, x²/2") == "5 m²/3 people, 10²/5, x²/2"


@pytest.mark.parametrize("power", ["10⁶", "10⁻³", "10²ⁿ"])
def test_a_power_is_found_by_its_base_and_is_no_longer_number(power: str) -> None:
    assert terms(f"{power} boats")[0] == "10"
