"""English number words as digits: `forty thousand` is `40000`."""

import re
from collections.abc import Iterable

_UNITS = {
    word: number
    for number, word in enumerate(
        (
            *(
                "zero",
                "one",
                "two",
                "three",
                "four",
                "five",
                "six",
                "seven",
                "eight",
                "nine",
                "ten",
                "eleven",
            ),
            *("twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
        )
    )
}
_TENS = {
    word: 10 * number
    for number, word in enumerate(
        ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"), start=2
    )
}
_SCALES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
_FIGURE = re.compile(r"\d+(?:\.\d+)?")


def with_digits(words: Iterable[str]) -> list[str]:
    """The words with each run of number words as one number; also `30 million`, also `two hundred and five`.

    `one` by itself stays: it is a pronoun more often than a number. Lower case words in, in their order.
    """
    made: list[str] = []
    run: list[str] = []
    for word in words:
        if run and not _continues(run, word):
            made += _number(run)
            run = []
        if run or word in _UNITS or word in _TENS or word in _SCALES or _FIGURE.fullmatch(word):
            run.append(word)
        else:
            made.append(word)
    return made + _number(run)


def _continues(run: list[str], word: str) -> bool:
    last = run[-1]
    if word in _SCALES:
        return True
    if word in _TENS:
        return last in _SCALES or last == "and"
    if word in _UNITS:
        return last in _SCALES or last == "and" or (last in _TENS and 0 < _UNITS[word] < 10)
    return word == "and" and last in _SCALES


def _number(run: list[str]) -> list[str]:
    tail = ["and"] if run[-1:] == ["and"] else []
    said = run[: len(run) - len(tail)]
    if len(said) == 1 and (said == ["one"] or _FIGURE.fullmatch(said[0])):
        return [*said, *tail]
    if not said:
        return tail
    total, current = 0.0, 0.0
    for word in said:
        if word in _SCALES:
            current = (current or 1.0) * _SCALES[word]
            if word != "hundred":
                total, current = total + current, 0.0
        elif word != "and":
            current += _UNITS.get(word, 0) or _TENS.get(word, 0) or (0.0 if word == "zero" else float(word))
    return [str(round(total + current)), *tail]
