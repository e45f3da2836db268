"""The language of a text, by script and function words: enough to know whether words can be compared."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Literal, get_args

Language = Literal["en", "de", "ru", "latin", "other", "unknown"]

LANGUAGES: tuple[Language, ...] = get_args(Language)

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")

_STOPWORDS: dict[Language, str] = {
    "en": """
        the of and to in is was that it for on as with by he his are were from at an be this had not or
        have which but they their she her its who been after also when into than did does has would
        could said says
    """,
    "de": """
        der die das und ist war den dem des ein eine einen einem einer eines zu mit von auf für nicht
        sich auch als bei nach im am wurde wurden sind waren hat hatte aus er sie es wie oder aber über
        vor zum zur durch dass werden haben kein keine ihre ihr sein seine
    """,
    "latin": """
        le les une des est du dans que qui pour sur avec au aux el los las una del por con para il della
        di che per non sono het een van zijn niet el
    """,
}
_LANGUAGE_OF = {word: name for name, words in reversed(_STOPWORDS.items()) for word in words.split()}
_LANGUAGE_SAMPLE = 120


def is_function_word(word: str) -> bool:
    """Whether a lower-case word is one of the commonest of its language, such as an article."""
    return word in _LANGUAGE_OF


def language(text: str) -> Language:
    """The language of a text, by script and function words.

    `latin` is another language in Latin letters, `other` one in another script (Cyrillic is read as Russian),
    and `unknown` a text in Latin letters that is too short to tell.
    """
    beginning = text[:4000]
    if beginning.isascii():
        return _in_latin_letters(_WORD.findall(beginning.lower())[:_LANGUAGE_SAMPLE])
    sample = _WORD.findall(beginning)[:_LANGUAGE_SAMPLE]
    cyrillic = sum(len(word) for word in sample if "\u0400" <= word[0] <= "\u04ff")
    latin = sum(len(word) for word in sample if word[0] < "\u0250")
    others = sum(len(word) for word in sample) - cyrillic - latin
    if others > max(cyrillic, latin):
        return "other"
    if cyrillic > latin:
        return "ru"
    return _in_latin_letters([word.lower() for word in sample])


def _in_latin_letters(words: Sequence[str]) -> Language:
    """The language that most of the function words among `words`, in lower case, are of."""
    counts = Counter(_LANGUAGE_OF[word] for word in words if word in _LANGUAGE_OF)
    return counts.most_common(1)[0][0] if counts else "unknown"


def comparable(claim: Language, evidence: Language) -> bool:
    """Whether the words of both can be compared; `unknown` goes with any language in Latin letters."""
    if "unknown" in (claim, evidence):
        return not {"ru", "other"} & {claim, evidence}
    return claim == evidence
