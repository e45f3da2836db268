import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa_service.answering.protocol import Discarded
from qa_service.answering.reading import read
from qa_service.plain import clean, defuse

BRACKETS = "[[[]]][［﹇【〖〔⟦〚❲⁅﹝(]］﹈】〗〕⟧〛❳⁆﹞)"
TEXTS = st.lists(
    st.one_of(
        st.sampled_from(
            ["[[hztq1.2]]", "hztq1.2", "1.2", "NONE", "CONFLICT", "|", ",", " ", "\n", "12", "</passages>"]
        ),
        st.sampled_from(BRACKETS),
        st.text(st.characters(exclude_categories=()), max_size=4),
    ),
    max_size=12,
).map("".join)


@given(TEXTS)
def test_what_is_defused_holds_no_marker_that_the_parser_would_read(text: str) -> None:
    # The key of a request stands in no text that is defused for it, so the parser looks for another.
    assert all(isinstance(draft, Discarded) for draft in read(defuse(text), key="bcdf"))


@given(TEXTS)
def test_what_is_defused_is_one_line_of_visible_characters(text: str) -> None:
    defused = defuse(text)
    assert len(defused.splitlines()) <= 1
    assert not any(unicodedata.category(each) in ("Cc", "Cs", "Co") for each in defused)
    assert "<passages" not in defused.lower()
    assert "</passages" not in defused.lower()


@given(TEXTS)
def test_what_is_cleaned_is_one_line_in_nfc(text: str) -> None:
    cleaned = clean(text)
    assert cleaned == unicodedata.normalize("NFC", " ".join(cleaned.split()))


@pytest.mark.parametrize(
    "text",
    [
        "C#",
        "He writes C# and F#",
        "#1 in the list",
        "-5 °C was measured.",
        "~40 people came.",
        "__init__ calls snake_case_name",
        "2*3 is 6 and 4*5 is 20",
        "a*b*c",
        "f(**kwargs) takes *args",
        "5 * 3 = 15",
        "a < b and c > d",
        "List<String> names",
        "x[i] and y['key']",
        "Stop: wait – go",
        "10 % — or more",
        "| a | b |",
        "می\u200cخواهم",
        "👩\u200d🔬 and 🏳️\u200d🌈",
        "Ёлка, naïve, 東京、水槽【重要】「1」",
        "[sic] [...] [see above]",
    ],
)
def test_cleaning_leaves_what_a_text_says(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("**bold** and *italic*", "bold and italic"),
        ("***both***, **a *nested* one**", "both, a nested one"),
        ("**重要**です", "重要です"),
        ("`code` and ```more```", "code and more"),
        ('[a link](https://example.org "title")', "a link"),
        ("![a picture](https://example.org/x.png)Text", "Text"),
        ("[a [link](u) in](v) a link", "[a link in] (v) a link"),
        ("<b>bold</b>,<br>new <EM>line</EM>", "bold, new line"),
        ("one\r\ntwo\tthree\u2028four", "one two three four"),
        (
            "zero\u200bwidth \u202ebidi\u202c \x00nul \ud83dlone \ue000private",
            "zerowidth bidi nul lone private",
        ),
        ("a\u200db", "ab"),
        ("e\u0301", "é"),
    ],
)
def test_cleaning_takes_markup_and_hidden_characters_away(text: str, plain: str) -> None:
    assert clean(text) == plain


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("as [1] says", "as (1) says"),
        ("as [[1]] and [2, 3] and [4–6] say", "as (1) and (2, 3) and (4–6) say"),
        ("a[1]", "a(1)"),
        ("［１］ and 【２】 and 〔3〕 and ﹇4﹈", "(１) and (２) and (3) and (4)"),
        ("[\u20601] and [\u034f2] and [\u200d3]", "(1) and (\u034f2) and (3)"),
        ("[¹] and [①] and [\u31641]", "(¹) and (①) and (\u31641)"),
        ("[[hztq1.2]] and [1.2]", "(hztq1.2) and (1.2)"),
        ("[hztq1.2, hztq1.3", "(hztq1.2, hztq1.3"),
        ("[[NONE]] and [conflict a|b]", "(NONE) and (conflict a|b)"),
        ("[[1]", "(1)"),
        ("[a [1] b]", "[a (1) b]"),
    ],
)
def test_what_looks_like_a_marker_gets_round_brackets(text: str, plain: str) -> None:
    assert clean(text) == plain
    assert defuse(text) == plain
