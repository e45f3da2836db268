"""Terms: what makes no difference to search, and what does."""

import time
import unicodedata
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.terms import MAX_TERM_CHARS, STOPWORDS, content_terms, terms


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Stalin's armies", ["stalin", "armi"]),
        ("Stalin’s ARMY, the workers' army", ["stalin", "armi", "the", "worker", "armi"]),
        ("a 20,000-strong force", ["a", "20000", "strong", "forc"]),
        ("1,234.5 and 1.234,5", ["1234.5", "and", "1234.5"]),
        ("1,234,567 or 1.234.567", ["1234567", "or", "1234567"]),
        ("20\u00a0000 or 20\u202f000", ["20000", "or", "20000"]),
        ("3,5 is 3.5", ["3.5", "is", "3.5"]),
        ("0.125 0,125", ["0.125", "0.125"]),
        ("8.8.1945 v1.2.3", ["8.8.1945", "v1", "2.3"]),
        ("in 1945.", ["in", "1945"]),
        ("1.5kg", ["1.5", "kg"]),
        ("COVID-19, b2b, 1st", ["covid", "19", "b2b", "1st"]),
        ("R&D, foo_bar, C++", ["r", "d", "foo", "bar", "c"]),
        ("don't", ["dont"]),
        ("Mel’nikov Mel'nikov Melnikov", ["melnikov", "melnikov", "melnikov"]),
        ("l'homme d’accord qu'il", ["l", "homm", "d", "accord", "qu", "il"]),
        ("Häuser Straße STRASSE", ["hauser", "strass", "strass"]),
        ("café résumé naïve Łódź Øresund", ["cafe", "resum", "naiv", "lodz", "oresund"]),
        ("ﬁve Ⅳ ＡＢＣ", ["five", "iv", "abc"]),
        ("co\u00adoperate\ufeff", ["cooper"]),
        ("zero\u200bwidth", ["zerowidth"]),
        ("China² said.³²Indeed", ["china", "said", "inde"]),
        ("армия армией Армии", ["арм", "арм", "арм"]),
        ("Никола́й Николай", ["никола", "никола"]),
        ("ещё еще", ["ещ", "ещ"]),
        ("Ἀθῆναι ΑΘΗΝΑΙ", ["αθηναι", "αθηναι"]),
        ("Ὀδυσσεύς ΟΔΥΣΣΕΥΣ", ["οδυσσευσ", "οδυσσευσ"]),
        ("İstanbul ıslak", ["istanbul", "islak"]),
        ("我是中国人。猫", ["我是", "是中", "中国", "国人", "猫"]),
        ("カメラ ｶﾒﾗ", ["カメ", "メラ", "カメ", "メラ"]),
        ("NATOの軍", ["nato", "の軍"]),
        ("ไทย", ["ไท", "ทย"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("العَرَبِيَّة ١٢٣", ["العربية", "123"]),
        ("שָׁלוֹם שלום", ["שלום", "שלום"]),
        ("", []),
        (" — … !", []),
        ("\ud800 \x00", []),
    ],
)
def test_text_gives_the_terms(text: str, wanted: list[str]) -> None:
    assert terms(text) == wanted


def test_letters_that_differ_by_a_mark_in_cyrillic_stay_apart() -> None:
    assert terms("стройка") != terms("строика")
    assert terms("їх") != terms("іх")


def test_a_very_long_word_is_cut() -> None:
    assert terms("x" * 1_000_000) == ["x" * MAX_TERM_CHARS]


def test_content_terms_leave_out_function_words() -> None:
    assert content_terms("Who was the head of the army?") == ["head", "armi"]
    assert content_terms("Wer war der Chef von dem Heer?") == ["war", "chef", "heer"]
    assert content_terms("Кто был главой армии?") == ["глав", "арм"]


@pytest.mark.parametrize(
    "word", ["die", "dies", "war", "man", "son", "hat", "sin", "May", "US", "met", "era", "ant", "pour"]
)
def test_what_is_content_in_english_is_no_stop_word(word: str) -> None:
    assert content_terms(word) == terms(word)


def test_stop_words_are_in_the_form_of_terms() -> None:
    assert {"becaus", "он"} <= STOPWORDS
    assert all(word == word.casefold() and " " not in word for word in STOPWORDS)


def test_threads_agree() -> None:
    words = [f"running{chr(97 + i % 26)} армиями{i % 7} houses quickly" for i in range(2_000)]
    wanted = [terms(word) for word in words]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(terms, words)) == wanted


@pytest.mark.parametrize(
    "piece", ["word ", "x", "1", "1,", "a'", "l'", "'", "\u0301", "猫", "ﷺ", "1.000", "\u200b"]
)
def test_hostile_text_takes_linear_time(piece: str) -> None:
    text = piece * (300_000 // len(piece))
    start = time.thread_time()
    terms(text)
    assert time.thread_time() - start < 2


LETTERS = st.text(
    alphabet=st.sampled_from(
        "aeiouszAEIOUSZäöüÄÖÜßéèñçøłабвийёАБВИЙЁїґаєαβγάήΑΒΣσςاب猫犬ひがカ한글हि 0123456789.,'-’\u00ad\u200b²"
    )
)


@given(LETTERS)
def test_case_makes_no_difference(text: str) -> None:
    assert terms(text.upper()) == terms(text)
    assert terms(text.casefold()) == terms(text)


@given(LETTERS)
def test_composition_makes_no_difference(text: str) -> None:
    assert terms(unicodedata.normalize("NFD", text)) == terms(unicodedata.normalize("NFC", text))


@given(st.text())
def test_any_text_gives_clean_terms(text: str) -> None:
    for term in terms(text):
        assert term
        assert term == term.strip()
        assert " " not in term
        assert not any(unicodedata.category(char) == "Cf" for char in term)


@given(st.lists(LETTERS.filter(lambda line: not line.rstrip().endswith(("-", "\u2010", "\u00ad")))))
def test_lines_that_end_in_no_hyphen_are_independent(lines: list[str]) -> None:
    assert terms("\n".join(lines)) == [term for line in lines for term in terms(line)]
