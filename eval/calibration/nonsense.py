"""Questions that mean nothing: runs of keys, made-up words, marks, and stop words, drawn from a seed.

No collection holds an answer to them, and still every vector is near to something: they teach the fit what a
similarity is worth where nothing else speaks for an answer.
"""

import random
from collections.abc import Callable

from eval.example import Example

_KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю")
_ONSETS = {
    "en": "b bl br d dr f fl fr g gr k kl m n p pl r sk sn sp t tr v w z",
    "ru": "б бл бр в г гр д ж з к кр л м н п пл р с т тр х ш щ",
}
_VOWELS = {"en": "a e i o u oo ee", "ru": "а е и о у ы ю я"}
_ENDINGS = {"en": "b g k l m n p rf st x zz", "ru": "б г к л н р ст х ш ък"}
_FRAMES = {
    "en": (
        "what is {}?",
        "where is the {} kept?",
        "how long does a {} take?",
        "who may use the {}",
        "the {}",
    ),
    "de": ("Was ist {}?", "Wo liegt der {}?", "Wie lange dauert ein {}?", "Wer darf die {} benutzen?"),
    "ru": ("что такое {}?", "где лежит {}?", "сколько длится {}?", "кому можно {}?"),
}
_STOP_WORDS = "the a of and is what when where who it that der die und was wer in on to"
_MARKS = '? ! . , ; : - … * # / ( ) " 👍 🎉 → ¿'


def nonsense(count: int, *, seed: int = 0) -> tuple[Example, ...]:
    """`count` questions of all kinds by turns, none of which has an answer anywhere; the same for the same seed."""
    draw = random.Random(seed)  # noqa: S311 - a sample, no secret
    kinds: tuple[Callable[[random.Random], str], ...] = (
        _keys,
        _made_up,
        _framed,
        _made_up,
        _framed,
        _empty,
    )
    return tuple(
        Example(f"nonsense-{at:03}", kinds[at % len(kinds)](draw), "unanswerable", "und", answerable=False)
        for at in range(count)
    )


def _keys(draw: random.Random) -> str:
    """Keys that lie beside each other: `asdf qwe`."""
    row = draw.choice(_KEYS)
    parts = []
    for _ in range(draw.randint(1, 4)):
        start = draw.randrange(len(row) - 3)
        run = row[start : start + draw.randint(3, 6)]
        parts.append(run if draw.random() < 0.7 else "".join(draw.sample(row, draw.randint(3, 7))))
    return " ".join(parts)


def _made_up(draw: random.Random) -> str:
    """Words that could be some: `blarg florp`."""
    language = draw.choice(("en", "en", "ru"))
    return " ".join(_word(draw, language) for _ in range(draw.randint(1, 4)))


def _framed(draw: random.Random) -> str:
    """A made-up word in a question."""
    language = draw.choice(("en", "en", "de", "ru"))
    frame = draw.choice(_FRAMES[language])
    return frame.format(_word(draw, "ru" if language == "ru" else "en"))


def _word(draw: random.Random, language: str) -> str:
    onsets, vowels, endings = (sounds[language].split() for sounds in (_ONSETS, _VOWELS, _ENDINGS))
    syllables = (draw.choice(onsets) + draw.choice(vowels) for _ in range(draw.randint(2, 3)))
    return "".join(syllables) + draw.choice(["", *endings])


def _empty(draw: random.Random) -> str:
    """Marks, digits or stop words alone."""
    kind = draw.randrange(3)
    if kind == 0:
        return draw.choice(("", " ")).join(draw.choice(_MARKS.split()) for _ in range(draw.randint(1, 4)))
    if kind == 1:
        return str(draw.randrange(10**5, 10**8))
    return " ".join(draw.sample(_STOP_WORDS.split(), draw.randint(1, 4)))
