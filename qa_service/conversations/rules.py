"""Follow-up questions put in full by rules, where there is no model to do it.

A question that stands alone is left as it is. One that does not is of two kinds:

    reference   a word of it stands for something said before      "Who wrote it?"
    ellipsis    it is a piece that goes into the question before   "And in winter?"

In the first, what the question before was about (its names and nouns, and the name that was given where it asked for
one) takes the place of a pronoun, or is added. The second takes the place of its like in the question before, where
there is one: a phrase with the same preposition or an article, the one name or number, a season, a day of the week;
otherwise it is added. That is no grammar, and need not be: it is searched for. English, German and Russian are known
by their function words. In other languages only questions without any content are taken for follow-ups.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

from index.document import Span
from index.language import Language, language
from index.sentences import sentences
from index.terms import content_terms
from qa_service.conversations.history import Turn, plain
from qa_service.guards import text as guarded
from qa_service.guards.name_words import names

_LONGEST = 400  # characters: a longer question stands alone, and of longer ones the beginning is carried on
_PIECE_TERMS = 4
_CARRIED_WORDS = 5
_ANSWER_NAMES = 1
_TOKEN = re.compile(r"[^\W_]+(?:[-'’.][^\W_]+)*")
_NUMBER = re.compile(r"\b\d+(?:[.,:]\d+)*\b")
_END = " \t?？!.…"


@dataclass(frozen=True, slots=True)
class _Words:
    """The function words by which a language shows that a question goes on with something.

    `opening` begins a piece. `reference` stands for what was said before, unless it is within `idle`, where it
    stands for nothing or for what comes. `whole` are words without which a question of one content word is a
    piece. A determiner shows that the noun behind it may be what a later pronoun means.
    """

    opening: re.Pattern[str]
    reference: re.Pattern[str]
    idle: re.Pattern[str]
    whole: re.Pattern[str]
    determiner: re.Pattern[str]
    joint: re.Pattern[str]
    prepositions: frozenset[str]
    who: re.Pattern[str]
    nouns: Callable[[str], list[str]]


_UNSAID = guarded.vocabulary("сколько число числа года году какого какой")
_DIRECTLY = guarded.vocabulary("""
    the a an my our your of in on at for from to by with about under is are was were do does did can could may
    might must shall should will would
    """)
_ASKED_WITH_DO = re.compile(r"\b(?:do|does|did|can|could|may|might|must|shall|should|will|would)\b")
_ENGLISH_VERB = re.compile(r"going|fed|held|kept|built|made|sold|paid|written|run|[a-z]{3,}ed")
_RUSSIAN_VERB = re.compile(
    r".{2,}(?:ит|ут|ют|ят|ется|ится|ются|ятся|ать|ять|ить|еть|ться|ает|яет|ует|ешь|ишь)|.{3,}(?:ил|ал|ел)(?:а|и|о)?"
)


def _english_nouns(text: str) -> list[str]:
    """The content words behind a determiner or a preposition, without the verb at the end."""
    tokens = _TOKEN.findall(text)
    if len(tokens) > 3 and _ASKED_WITH_DO.search(text) and tokens[-2] not in _DIRECTLY:
        tokens.pop()
    found: list[str] = []
    is_behind = False
    for before, word in pairwise(["", *tokens]):
        if word in _DIRECTLY:
            is_behind = True
        elif is_behind and content_terms(word) and (before in _DIRECTLY or not _ENGLISH_VERB.fullmatch(word)):
            found.append(word)
        else:
            is_behind = False
    return found


def _german_nouns(text: str) -> list[str]:
    """The words with a capital."""
    return [word for word in _content(text) if word[0].isupper()]


def _russian_nouns(text: str) -> list[str]:
    """The content words without those that have the ending of a verb."""
    return [word for word in _content(text) if not _RUSSIAN_VERB.fullmatch(word) and word not in _UNSAID]


def _content(text: str) -> list[str]:
    return [word for word in _TOKEN.findall(text) if content_terms(word)]


def _any(words: str) -> str:
    return rf"\b(?:{'|'.join(words.split())})\b"


_LANGUAGES: dict[Language, _Words] = {
    "en": _Words(
        opening=re.compile(
            r"(?:(?:and|but|or|so|then|also|okay|ok|well)\b[, ]*)+(?:(?:what|how) about\b|what of\b)?"
            r"|(?:what|how) about\b|what of\b"
        ),
        reference=re.compile(
            _any("he him his she her hers it its they them their theirs this these those same")
            + r"|\b(?:about|of|for|with|in|on|at|is|was|does|did|do|to|by|from|after|before|like|than) that\b"
            r"|^that\b|\bthat(?=\W*$)|(?<!is )(?<!are )(?<!was )(?<!were )\bthere(?=\W*$)"
            r"|\b(?:else|otherwise|instead)\b|\b(?:the|which|that|other|another) ones?\b"
        ),
        idle=re.compile(
            r"\bit(?=(?: [\w']+){0,3} (?:to|that|if|when|for|time) \w)|\bwhat time is it\b"
            r"|\b(?:this|these|those) (?:year|month|week|weekend|day|days|morning|evening|summer|winter|spring"
            r"|autumn|time)s?\b|\b(?:someone|something|anyone|anything|nothing|nobody|or) else\b|\bthe same time\b"
        ),
        whole=re.compile(_any("is are was were i we you me us there")),
        determiner=re.compile(_any("the a an my our your every each any some no")),
        joint=re.compile(r",|\b(?:and|or|but|if|when|while|because)\b"),
        prepositions=guarded.vocabulary(
            "in on at for from to by with during after before until since per of under over without between"
        ),
        who=re.compile(r"(?:who|which)\b"),
        nouns=_english_nouns,
    ),
    "de": _Words(
        opening=re.compile(
            r"(?:(?:und|aber|oder|also|dann|auch|okay|ok|na|ja)\b[, ]*)+"
            r"(?:(?:was ist|wie ist es|wie steht es|wie sieht es) (?:mit|bei|aus mit|aus bei)\b)?"
            r"|(?:was ist|wie ist es|wie steht es|wie sieht es) (?:mit|aus mit|aus bei)\b"
        ),
        reference=re.compile(
            _any(
                "er ihn ihm sein seine seiner seinem seinen seines sie ihr ihre ihrer ihrem ihren ihres es dies "
                "diese dieser dieses diesem diesen dort dorthin dorther davon dafür dazu daran darüber dabei "
                "danach davor daraus darin dagegen dadurch darauf sonst stattdessen ebenfalls dieselbe "
                "derselbe dasselbe denselben letztere erstere"
            )
            + r"|(?<!, )\bdamit\b"
            r"|\bdas(?=\W*$|,| (?:auch|noch|nicht|immer|genau|alles|so|für|im|in|am|bei|um|zu|mit|vor|nach)\b)"
        ),
        idle=re.compile(
            r"\bgibt es\b|\bes gibt\b|\bes(?=,? (?:wenn|dass|ob|zu)\b)|\bes(?= (?:\w+ ){1,4}zu\b)"
            r"|\bes\b(?=[^?]*, (?:wenn|dass|ob)\b)"
            r"|\bist es (?:erlaubt|möglich|verboten|wahr|richtig|nötig)\b|\bgeht es\b|\bwie spät ist es\b"
            r"|\bdiese[smnr]? (?:Jahr|Jahres|Woche|Monat|Sommer|Winter|Tage|Tagen|Mal)\b|\bsonst noch\b"
        ),
        whole=re.compile(_any("ist sind war waren ich wir man mir mich uns gibt")),
        determiner=re.compile(
            _any(
                "der die das den dem des ein eine einen einem einer eines mein meine meinen meinem meiner unser "
                "unsere unseren jede jeder jedes jeden kein keine keinen im am beim vom zum zur"
            )
        ),
        joint=re.compile(r",|\b(?:und|oder|aber|wenn|falls|weil)\b"),
        prepositions=guarded.vocabulary(
            "in im am an auf für von vom zu zum zur mit bei beim nach vor bis seit ab ohne pro über unter aus"
        ),
        who=re.compile(r"(?:we[rmn]|welche[rsnm]?)\b"),
        nouns=_german_nouns,
    ),
    "ru": _Words(
        opening=re.compile(
            r"(?:(?:а|и|но|или|ну|тогда|также|ладно)\b[, ]*)+(?:(?:что|как) (?:насчет|на счет|с|со|для)\b)?"
            r"|(?:что|как) насчет\b"
        ),
        reference=re.compile(
            _any(
                "он она оно они его ее ему ей им ими них нем ней него нее ним этот эта эти этого этой этому этим "
                "этих этом это этими там туда оттуда тогда столько"
            )
        ),
        idle=re.compile(
            r"\bв этом году\b|\bна этой неделе\b|\bэтим летом\b|\bэтой зимой\b|\bпри этом\b|\bэто правда\b"
        ),
        whole=re.compile(
            _any("есть был была были было я мы мне нам можно нельзя такой такая такое такие ли")
        ),
        determiner=re.compile(_any("каждый каждая каждое мой моя мое наш наша ваш ваша любой любая")),
        joint=re.compile(r",|\b(?:и|или|но|если|когда)\b"),
        prepositions=guarded.vocabulary(
            "в во на для за по от до с со к ко из у при без после перед под над о об про через"
        ),
        who=re.compile(r"(?:кто|кого|кому|кем)\b"),
        nouns=_russian_nouns,
    ),
}

_SEASON = """
    summer winter spring autumn fall sommer herbst frühling frühjahr летом зимой весной осенью лето зиму весну осень
    """
_DAY = """
    (?:mon|tues|wednes|thurs|fri|satur|sun)days? weekdays? weekends? wochenende wochenends
    (?:mon|diens|donners|frei|sams|sonn)tags? mittwochs? sonnabends?
    понедельник(?:ам)? вторник(?:ам)? сред[уа]м? четверг(?:ам)? пятниц[уа]м? суббот[уа]м? воскресень[еюя]м?
    выходн(?:ые|ым) будн(?:и|ям)
    """
# Words of which one takes the place of another, also without a preposition.
_ALIKE = tuple(
    re.compile(rf"(?:\b(?:{prepositions}) )?{_any(words)}", re.IGNORECASE)
    for prepositions, words in (("in the|in|during|im|zur", _SEASON), ("on|am|по|в|во", _DAY))
)


_QUESTION_WORD = re.compile(
    _any(
        """
        who whom whose what which when where why how wer wem wen wessen was welche welcher welches welchen wann wo
        woher wohin warum wieso weshalb wie wieviel womit кто кого кому кем что чего чем какой какая какое какие
        каком какую какого когда где куда откуда почему зачем как сколько
        """
    )
)
# Of the words that refer, those that a name can stand for as it is.
_PRONOUNS = guarded.vocabulary("""
    he him his she her hers it its they them their theirs er ihn ihm sein seine seiner seinem seinen seines sie
    ihr ihre ihrer ihrem ihren ihres es он она оно они его ее ему ей им ними них нем ней него нее ним
    """)


def in_full(question: str, history: Sequence[Turn]) -> str:
    """What to search for: the question itself, or one that can be understood without what was said before."""
    before, said = "", ""
    for turn in history:
        full = turn.query or _put(plain(turn.question), before, said)
        if content_terms(full):  # else there is nothing in it to go on with
            before, said = plain(full)[:_LONGEST], plain(turn.answer)[:_LONGEST]
    return _put(question, before, said)


def _put(question: str, before: str, said: str) -> str:
    if not before or len(question) > _LONGEST:
        return question
    text = _lowered(question)
    words = _words_of(text, before)
    line = " ".join(question.split())
    if words is None:
        return question if content_terms(text) else _added(line, _content(before)[-_CARRIED_WORDS:])
    piece = _piece(text, words)
    if found := _reference(text, words):
        return _named(line, found, _topic(before, said, words))
    if piece != text or _is_bare(text, words):
        if _QUESTION_WORD.search(piece) and content_terms(piece):
            return _added(line, _topic(before, said, words))
        return _in_place(piece.strip(_END), before, words)
    return question


def _words_of(text: str, before: str) -> _Words | None:
    """The function words of the question's language; one that is too short to tell has that of the talk."""
    spoken = language(text)
    # Of languages with equally many words in a text, the first counts: then the other is found from behind.
    is_open = spoken == "unknown" or spoken != language(" ".join(reversed(text.strip(_END).split())))
    return _LANGUAGES.get(language(before) if is_open else spoken)


def _lowered(question: str) -> str:
    """On one line, its first letter small, so that capitals tell names and courtesy ("Sie") from pronouns."""
    text = " ".join(question.split()).replace("ё", "е").replace("Ё", "Е").replace("’", "'")
    first = text[:1].lower()
    return (first if len(first) == 1 else text[:1]) + text[1:]  # places in it are those in the question


def _piece(text: str, words: _Words) -> str:
    """What is left of a question that goes on with "And", where that is too little to stand alone."""
    opening = words.opening.match(text)
    piece = text[opening.end() :].strip(" ,") if opening else text
    return piece if len(content_terms(piece)) <= _PIECE_TERMS else text


def _reference(text: str, words: _Words) -> re.Match[str] | None:
    """The first word that stands for what was said before, and not for something in the question itself."""
    opening = words.opening.match(text)
    begin = opening.end() if opening else 0
    open_text = words.idle.sub(lambda found: " " * len(found[0]), text)
    found = words.reference.finditer(open_text)
    return next((each for each in found if not _is_named(text[begin : each.start()], words)), None)


def _is_named(before: str, words: _Words) -> bool:
    """Whether the words before a pronoun hold what it may mean."""
    if (determiner := words.determiner.search(before)) and content_terms(before[determiner.end() :]):
        return True
    if any(token[0].isupper() for token in _TOKEN.findall(before)):
        return True
    return bool(words.joint.search(before)) and len(content_terms(before)) > 1


def _is_bare(text: str, words: _Words) -> bool:
    """Whether there is too little in a question for it to stand alone."""
    found = content_terms(text)
    if not found:
        return True
    if len(found) > 1 or words.whole.search(text):
        return False
    return not any(token[0].isupper() for token in _TOKEN.findall(text))


def _named(question: str, reference: re.Match[str], topic: Sequence[str]) -> str:
    """The question with the topic in the place of a pronoun, or behind the question where the word is none."""
    if reference[0] not in _PRONOUNS:
        return _added(question, topic)
    had = set(content_terms(question))
    name = " ".join(word for word in topic if set(content_terms(word)) - had)
    return f"{question[: reference.start()]}{name or reference[0]}{question[reference.end() :]}"


def _added(question: str, topic: Sequence[str]) -> str:
    """The question with the topic behind it, as far as it does not have it yet."""
    had = set(content_terms(question))
    return " ".join((question, *(word for word in topic if set(content_terms(word)) - had)))


def _topic(before: str, said: str, words: _Words) -> list[str]:
    """What the question before was about: its names and nouns, and, where it asked for one, the name given."""
    base = before.rstrip(_END)
    nouns = words.nouns(_lowered(base))
    named = _names(base)
    found = [
        token[0]
        for token in _TOKEN.finditer(base)
        if token[0] in nouns or any(span.start < token.end() and token.start() < span.end for span in named)
    ]
    given = _first_names(said) if words.who.match(_lowered(before)) else []
    return [*dict.fromkeys([*given, *found[:_CARRIED_WORDS]])] or _content(base)[-_CARRIED_WORDS:]


def _in_place(piece: str, before: str, words: _Words) -> str:
    """The question before, with the piece in the place of its like."""
    base = before.rstrip(_END)
    if (place := _like(piece, base, words)) is None:
        return f"{base} {piece}?"
    return f"{base[: place.start]}{piece}{base[place.end :]}?"


def _like(piece: str, base: str, words: _Words) -> Span | None:
    """Where in the question before something stands that the piece takes the place of."""
    for alike in _ALIKE:
        if alike.search(piece) and (found := alike.search(base)):
            return Span(*found.span())
    first = piece.split(" ", 1)[0]
    if first in words.prepositions:
        return _phrase(base, _TOKEN.findall(piece), lambda word: word == first)
    if words.determiner.fullmatch(first):
        return _phrase(base, _TOKEN.findall(piece), lambda word: bool(words.determiner.fullmatch(word)))
    numbers = list(_NUMBER.finditer(base))
    if _NUMBER.fullmatch(piece) and len(numbers) == 1:
        return Span(*numbers[0].span())
    named = list(_runs(_names(base)))
    if len(named) == 1 and all(token[0].isupper() for token in _TOKEN.findall(piece)):
        return named[0]
    return None


def _phrase(base: str, piece: Sequence[str], begins: Callable[[str], bool]) -> Span | None:
    """The first phrase that begins so, as many words long as the piece; a name in it is taken as a whole."""
    tokens = list(_TOKEN.finditer(base))
    start = next((at for at, token in enumerate(tokens) if begins(token[0])), None)
    if start is None:
        return None
    end = min(start + len(piece), len(tokens))
    while end < len(tokens) and tokens[end][0][0].isupper() and tokens[end - 1][0][0].isupper():
        end += 1
    return Span(tokens[start].start(), tokens[end - 1].end())


def _names(text: str) -> list[Span]:
    """The places of the names in a text."""
    found = names(guarded.words(text), language(text), frozenset())
    return [Span(each.start, each.end) for each in found]


def _runs(found: Sequence[Span]) -> Iterator[Span]:
    """Names of several words as one."""
    start = end = -1
    for span in found:
        if end >= 0 and span.start > end + 2:
            yield Span(start, end)
            start = -1
        start, end = (span.start if start < 0 else start), span.end
    if end >= 0:
        yield Span(start, end)


def _first_names(said: str) -> list[str]:
    """The names in the first sentence of the answer, if it is one and no row of a table."""
    first = next(iter(sentences(said, [Span(0, len(said))])), Span(0, 0)).of(said)
    return [] if "|" in first else [span.of(first) for span in islice(_runs(_names(first)), _ANSWER_NAMES)]
