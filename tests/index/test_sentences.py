"""Sentence boundaries: hand-made cases with a "|" at each cut, and properties."""

import os
import time
import unicodedata
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.document import Span
from index.sentences import MAX_SENTENCE_CHARS, sentences

ENGLISH = """
He came. |He saw. |He won.
The pact was signed in 1941. |The next year it was broken.
Was it true? |Nobody knew! |It rained.
Dr. Smith met Mr. Jones and Mrs. Brown on St. James Street.
I. Ya. Babich, Deputy Head, came. |He left.
The books of J. R. R. Tolkien sell well. |His son kept them.
Gen. A. A. Vadis and Lt. Col. D. I. Mel’nikov led the front.
Harry S. Truman spoke.
The U.S. Army moved. |It was late.
He moved to the U.S. |The army stayed.
It began at 5 p.m. |The guests were late.
It began at 5 p.m. Moscow time.
Smith et al. 2010 found it. |See Fig. 3, pp. 12-15, Vol. 2, No. 5.
"No." |He would not say more.
We paid $3.50 for 1.5 kg. |That was cheap.
Open report.v2.pdf at https://example.com/a.b?c=d.e or write to a.b@c.org. |Then use version 1.2.3 of it.
See https://example.com. |The page is short.
e.g. Apples and i.e. Pears are fruit.
Fruit (e.g. Apples) is good.
The firm Acme Inc. Boston grew. |It hired.
The firm was Acme Inc. |It grew.
Bring pens, paper, etc. |Then we start.
“Why?” he asked. |She did not know.
"Stop!" she cried, "or I go." |He stopped.
He asked, “Why?” |She left.
She said, "It's over." |"Good," he said.
He waited ... and waited.
He waited… and waited.
He waited... |Then he left.
It is strong.... |It would be good.
The text [...] The end is lost.
A gap . . . |The rest is here.
He stayed (she had left.) |They slept.
He stayed. |(She had left.) |They slept.
It was new (see p. 5). |It was good.
He signed it in Moscow.1 |To stress the importance, he stayed.
He made Rodzaevsky its head.32 |Soviet agents heard of it.
They came in 1945.17 |During the campaign they fought.
They were “agents.”33 |The trial began.
It came to Mukden (now Shenyang).5 |The army left.
It rose to 1945.17 Euro.
It ended.¹ |Another began.² |All slept.
It ended.”³⁵|In 1934 it eased.
He told it.³²|Indeed it was so.
It is known.[1][2] |The rest is not.[citation needed] |They looked.
It improved relations. (1)
The points are clear. |(1) Observe the army.
1. Official members of the missions
2.1. The next step
IV. The end
a. First letter
It was World War II. |Soviet troops came.
He was 32. |Soviet troops came.
There were 5. |The others fled.
Chapter 1 ........ 12
Really?! |Yes.
Yahoo! is a firm.
Is it (?) true? |Yes.
That is vitamin C. |The others lack it.
**He came.** |He saw.
He left. |• One thing
the rain fell. the sun came
He came.|
    He saw.
The army
    left the town.|
    It was late.
"""

GERMAN = """
Er hat z. B. Nr. 5 gekauft, siehe S. 12 und § 3 Abs. 2. |Das war gut.
Er kaufte z.B. Äpfel, d.h. Obst. |Dann ging er.
Am 8. August 1945 begann der Krieg. |Dann kam der 3. Oktober.
Im 19. Jahrhundert und am 5. Tag war Ruhe. |Der 2. Weltkrieg begann.
Am 8. 8. 1945 war es so weit.
Prof. Dr. Müller wohnt in der Hauptstr. 5. |Er ist alt.
Die Stadt fiel 44 v. Chr. an Rom. |Danach war Ruhe.
Es gab Äpfel, Birnen usw. |Die Kinder aßen.
Das kostet ca. 5 Mio. Euro bzw. Dollar.
„Kommst du?“ fragte er. |„Nein!“ |Sie ging.
Vgl. Bd. 3, Kap. 4 und Abb. 7. |Mehr steht dort.
König Ludwig der XIV. |Er lachte.
"""

RUSSIAN = """
А. С. Пушкин родился в 1799 г. в Москве, на ул. Ленина, т. е. давно. |Потом он умер.
Яблоки, груши и т. д. |Потом пришёл он.
Яблоки, груши и т.д. |Иван ушёл.
Он жил в г. Москва и т. п. |Всё.
Это был 1941 г. |Потом была война, ср. рис. 5 и табл. 3.
Жуков, Г.К. Воспоминания. |Вече, 2014.
РОССПЭН, 2006. С. 23.
— Привет! — сказал он. |— Как дела?
«Кто там?» — спросил он. |Никто не ответил.
Цена 5 тыс. руб. за шт. и 3 млн. долларов. |Он купил.
Проф. Иванов и акад. Павлов пришли. |Они спорили.
Он сказал: «Нет». |Она ушла.
Він прийшов на вул. Шевченка. |Вона пішла.
"""

ROMANCE = """
M. Dupont est venu. |Il est parti.
Où est-il ? |Il dort. |« Viens ! » |Elle rit.
« Viens ! » dit-il. |Elle rit.
¿Dónde está? |¡Aquí! |El Sr. García y la Sra. López llegaron.
Vive en EE. UU. desde 1990. |Es feliz.
Il sig. Rossi arriva. |Perché? |Non so.
Véase la pág. 5 y el núm. 3. |Fin.
"""

OTHER_SCRIPTS = """
吾輩は猫である。|名前はまだ無い。|「行くの？」と彼は聞いた。|そうだ！
「行く。」|「来る。」
他走了。|你好吗？|很好！
彼は（笑った。）そして去った。
版は１．５です．|次は２です。
الجو جميل. |هل أنت هنا؟ |نعم!
یہ کتاب ہے۔ |وہ گھر ہے۔
वह आया। |उसने देखा। |क्या हुआ? |कुछ नहीं।
Τι κάνεις; |Καλά. |Ο κ. Παπαδόπουλος ήρθε, π.χ. Χθες.
วันนี้อากาศดี ฉันไปตลาด
მოვიდა. |ნახა. |გაიმარჯვა.
Նա եկավ։ |Նա տեսավ։
그는 왔다. |그녀는 갔다. |정말? |네!
ሰላም ነው። |ደህና ነኝ።
"""

POLISH_CZECH_NORDIC_TURKISH = """
Mieszka przy ul. Długiej, tzn. Daleko. |Wraca np. Jutro.
Přišel např. Karel. |Odešel.
Han kom, t.ex. Igår. |Hon gick.
Dr. Yılmaz ve Doç. Kaya geldi. |Sonra gittiler.
Jan kwam o.a. Gisteren. |Hij ging.
"""


CONTACTS = """
Ring ext. 10 or write. |Ask K. L. Moreau, ext. 33. |Boat: R. D. Haas, ext. NOW.
Call Tel. (030) 12. |Then send a fax. |They answer by Fax. +49 30 12.
It costs 5 crowns incl. VAT, i.e. approx. Nine. |Go to rm. 12.
Kosten lt. Angebot: 12 Euro. |Es ist gez. Dr. Berg und gez. Lenz.
Вопросы: внутр. тел. 36, комната 2.09. |Дежурный: внутр. 22, каб. 12, доб. Иванова. |Он там.
Tél. 01 23, bât. 5. |Il est là.
Zadzwoń: tel. 12, wew. 3, pok. 4. |Wraca.
Means: Jan. 2.1, Feb. -0.4, Mar. −1.2. |It was cold.
The deepest led to 24.6 m. |Forty dives were called off.
It took 45 min. |Ms Reyes was free.
It rose by 5 kg. |Haas weighed it; at No. 5 G. Smith did.
Это было 5 м. |Иванов измерил.
He saw 5. S. 5.
"""


def cases(table: str) -> list[str]:
    rows: list[str] = []
    for row in table.strip("\n").split("\n"):
        if row.startswith("    "):
            rows[-1] += "\n" + row
        else:
            rows.append(row)
    return rows


ALL_CASES = [
    case
    for table in (ENGLISH, GERMAN, RUSSIAN, ROMANCE, OTHER_SCRIPTS, POLISH_CZECH_NORDIC_TURKISH, CONTACTS)
    for case in cases(table)
]


def whole(text: str) -> list[Span]:
    return [Span(0, len(text))]


def texts(text: str) -> list[str]:
    return [span.of(text) for span in sentences(text, whole(text))]


@pytest.mark.parametrize("case", ALL_CASES)
def test_text_is_cut_where_the_case_says(case: str) -> None:
    wanted = [part.strip() for part in case.split("|")]
    assert texts(case.replace("|", "")) == wanted


def test_there_are_cases_enough() -> None:
    assert len(ALL_CASES) >= 80


def test_no_sentence_crosses_a_block() -> None:
    text = "A heading\nand a paragraph without an end\nrow"
    blocks = [Span(0, 9), Span(10, 40), Span(41, 44)]
    assert sentences(text, blocks) == blocks


def test_text_between_blocks_is_in_no_sentence() -> None:
    text = "One. Two. Three."
    assert sentences(text, [Span(0, 4), Span(10, 16)]) == [Span(0, 4), Span(10, 16)]


def test_nothing_gives_no_sentences() -> None:
    assert sentences("", []) == []
    assert sentences("   ", [Span(0, 3)]) == []


def test_a_block_without_letters_is_one_sentence() -> None:
    assert texts("* * *") == ["* * *"]
    assert texts("! ? ! ...") == ["! ? ! ..."]


def test_marks_without_words_stay_with_the_sentence_before() -> None:
    assert texts("He left. *** — !") == ["He left. *** — !"]


def test_a_long_line_is_cut_at_softer_boundaries() -> None:
    text = "name, value; " * 500
    pieces = texts(text)
    assert max(map(len, pieces)) <= MAX_SENTENCE_CHARS
    assert all(piece.endswith(";") for piece in pieces)


def test_full_stops_in_lower_case_text_are_the_best_of_the_softer_boundaries() -> None:
    assert all(piece.endswith(".") for piece in texts("the rain, it fell on. " * 200))


def test_a_line_without_any_boundary_is_cut_to_the_limit() -> None:
    pieces = texts("x" * 900_000)
    assert "".join(pieces) == "x" * 900_000
    assert max(map(len, pieces)) <= MAX_SENTENCE_CHARS
    assert min(map(len, pieces)) >= MAX_SENTENCE_CHARS // 4


@pytest.mark.parametrize("grapheme", ["e\u0301\u0323", "👩\u200d🚀", "👍🏽", "\u1112\u1161\u11ab"])
def test_no_grapheme_is_cut_in_two(grapheme: str) -> None:
    for piece in texts(grapheme * 700):
        assert piece.replace(grapheme, "") == ""


def test_a_character_with_endless_marks_is_cut_all_the_same() -> None:
    assert max(map(len, texts("e" + "\u0301" * 5_000))) <= MAX_SENTENCE_CHARS


# Quadratic time for these would be minutes; the limit leaves room for a busy machine.
HOSTILE_CHARS = 200_000
HOSTILE_SECONDS = 2.0
HOSTILE = {
    "dots": ".",
    "spaced dots": ". ",
    "initials": "A. ",
    "bangs": "! ",
    "nested quotes": '."(',
    "open quotes": ". “(",
    "footnotes": "x.1,2-3 ",
    "notes": "x.[a]",
    "full-width": "「。",
    "white space": " " * 1_000 + "a.",
    "marks": "\u0301",
    "digits": "1.",
    "sentences": "Word. Next ",
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize(
    "last", ["", "x", "[" * HOSTILE_CHARS, "“" * HOSTILE_CHARS, " " * HOSTILE_CHARS + "x"]
)
def test_hostile_text_takes_linear_time(name: str, last: str) -> None:
    text = HOSTILE[name] * (HOSTILE_CHARS // len(HOSTILE[name])) + last
    start = time.thread_time()
    sentences(text, whole(text))
    assert time.thread_time() - start < HOSTILE_SECONDS


FRAGMENTS = """
He saw Dr. A. S. U.S. e.g. etc. 5. 1941. end. why? “No!” (yes.) ... … z. B. Nr. 5 т. е. г. Он был.
猫。「あ。」 आया। head.32 it.[1] ; — ! http://a.b/c?d «Да!» 👩
"""
WORDS = st.sampled_from([*FRAGMENTS.split(), "\u0301", "\u200d", "\n"])
TEXTS = st.one_of(
    st.lists(WORDS, max_size=60).map(" ".join), st.lists(WORDS, max_size=60).map("".join), st.text()
)


@st.composite
def texts_with_blocks(draw: st.DrawFn) -> tuple[str, list[Span]]:
    text = draw(TEXTS)
    edges = sorted(draw(st.lists(st.integers(0, len(text)), max_size=8)))
    blocks = []
    for start, end in zip(edges[::2], edges[1::2], strict=False):
        stripped = text[start:end].strip()
        if stripped:
            at = text.index(stripped, start)
            blocks.append(Span(at, at + len(stripped)))
    return text, blocks


@given(texts_with_blocks())
def test_sentences_cover_the_blocks_in_order_without_overlap(drawn: tuple[str, list[Span]]) -> None:
    text, blocks = drawn
    found = sentences(text, blocks)
    for sentence in found:
        assert sentence.of(text) == sentence.of(text).strip() != ""
        assert sum(block.contains(sentence) for block in blocks) == 1
        assert sentence.end - sentence.start <= MAX_SENTENCE_CHARS
    assert all(before.end <= after.start for before, after in pairwise(found))
    covered = {at for sentence in found for at in range(sentence.start, sentence.end)}
    assert all(
        at in covered or text[at].isspace() for block in blocks for at in range(block.start, block.end)
    )


@given(st.lists(WORDS, max_size=40).map(" ".join))
def test_a_sentence_is_one_sentence_by_itself(text: str) -> None:
    for sentence in texts(text):
        assert texts(sentence) == [sentence]


def data() -> Path:
    shared = os.environ.get("QA_EVAL_DATA")
    return Path(shared) if shared else Path(__file__).parents[3] / "shared" / "data"


@pytest.mark.skipif(not data().is_dir(), reason="the evaluation data is not on this machine")
def test_real_text_is_cut_after_footnote_numbers_and_not_after_initials() -> None:
    [path] = (data() / "seeds").glob("002_*.txt")
    text = unicodedata.normalize("NFC", path.read_text(encoding="utf-8"))
    found = texts(text)
    assert any(sentence.endswith("as its head.32") for sentence in found)
    assert not any(sentence.endswith((" I.", " Ya.", " S.", " A.", "Dr.")) for sentence in found)
