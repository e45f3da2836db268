"""The tokeniser of multilingual-e5-small: SentencePiece's unigram model.

A text becomes the sequence of vocabulary pieces whose log-probabilities have the greatest sum (Kudo, 2018,
"Subword Regularization", section 3.2; found with Viterbi's algorithm). No piece reaches across a space, so
each word is split by itself and the splits of frequent words are remembered.

It is written here because the library `tokenizers` takes 290 MB of memory and a second for this vocabulary.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import chain

from index.embed.text import encodable

SPACE = "\N{LOWER ONE EIGHTH BLOCK}"
"""Stands for the space before a word in the vocabulary's pieces."""

VOCABULARY_KEY = "vocabulary"
"""The entry of a model's metadata that holds its vocabulary as JSON."""

_UNKNOWN_PENALTY = 10.0
"""How much less likely an unknown character is than the least likely piece, as in SentencePiece."""

_REMEMBERED_WORDS = 1 << 15
_LONGEST_REMEMBERED_WORD = 32

_WORD = re.compile(f"{SPACE}?[^{SPACE}]+|{SPACE}")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What the tokeniser knows. A piece's id is its place in `pieces`.

    `scores` are natural logarithms of probabilities; a control piece (`<s>`, `<pad>`, ...) has 0 and is never
    found in a text, so that no document can write one. `replacements` normalise single code points.
    """

    pieces: Sequence[str]
    scores: Sequence[float]
    replacements: Mapping[int, str]
    begin: int
    end: int
    unknown: int

    def to_json(self) -> str:
        """The vocabulary as JSON."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "Vocabulary":
        """The vocabulary that `to_json` wrote."""
        values = json.loads(text)
        values["replacements"] = {int(point): to for point, to in values["replacements"].items()}
        return cls(**values)


class Tokenizer:
    """Splits texts into the ids of vocabulary pieces; may be used from several threads."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._replacements = vocabulary.replacements
        self._scores = vocabulary.scores
        self._ids = {
            piece: number for number, piece in enumerate(vocabulary.pieces) if vocabulary.scores[number] < 0
        }
        self._unknown = vocabulary.unknown
        self._unknown_score = min(vocabulary.scores) - _UNKNOWN_PENALTY
        self._longest = max(map(len, self._ids))
        self._remembered = lru_cache(maxsize=_REMEMBERED_WORDS)(self._split_word)

    def encode(self, text: str) -> list[int]:
        """The ids of the text's pieces, without the marks of begin and end.

        Takes time in proportion to the text's length, whatever it holds.
        """
        return list(chain.from_iterable(map(self._word, _WORD.findall(self._normalise(text)))))

    def _normalise(self, text: str) -> str:
        text = encodable(text).translate(self._replacements)
        text = re.sub(" {2,}", " ", text)
        return (text if text.startswith((" ", SPACE)) else f" {text}").replace(" ", SPACE)

    def _word(self, word: str) -> tuple[int, ...]:
        return self._remembered(word) if len(word) <= _LONGEST_REMEMBERED_WORD else self._split_word(word)

    def _split_word(self, word: str) -> tuple[int, ...]:
        # best[end] is the greatest score of any split of word[:end]; last[end] is that split's last piece
        ids, scores, size = self._ids, self._scores, len(word)
        best = [0.0] + [float("-inf")] * size
        last = [(0, 0)] * (size + 1)
        for start in range(size):
            score = best[start] + self._unknown_score
            if score > best[start + 1]:
                best[start + 1], last[start + 1] = score, (start, self._unknown)
            for end in range(start + 1, min(start + self._longest, size) + 1):
                number = ids.get(word[start:end])
                if number is not None and (score := best[start] + scores[number]) > best[end]:
                    best[end], last[end] = score, (start, number)
        return self._read_back(last)

    def _read_back(self, last: list[tuple[int, int]]) -> tuple[int, ...]:
        split: list[int] = []
        end = len(last) - 1
        while end > 0:
            end, number = last[end]
            # a run of unknown characters is one token, as the model was trained
            if not (number == self._unknown and split and split[-1] == self._unknown):
                split.append(number)
        return tuple(reversed(split))
