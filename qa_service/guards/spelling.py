"""How one name may be spelled: transliterated, inflected, as the people of a place, as an acronym."""

import re
from functools import lru_cache

from qa_service.guards.text import vocabulary

_CYRILLIC = str.maketrans(
    dict(zip("абвгґдезиійклмнопрстуфыэ", "abvggdeziiiklmnoprstufie", strict=True))
    | {"є": "ie", "ж": "zh", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "", "ь": ""}
    | {"ю": "iu", "я": "ia"}
)
# One letter for each sound that transliterations write differently; earlier rules first.
_SOUNDS = (
    (re.compile("schtsch|shtch|shch|stsch"), "s"),
    (re.compile("tsch|tch"), "h"),
    (re.compile("sch|sh"), "s"),
    (re.compile("ch|kh"), "h"),
    (re.compile("zh|ts|tz"), "z"),
    (re.compile("ph"), "f"),
    (re.compile("ck|[cq]"), "k"),
    (re.compile("x"), "ks"),
    (re.compile("w"), "v"),
    (re.compile("[yj]"), "i"),
    (re.compile("i+e|i+o"), "e"),
    (re.compile("ue|uu"), "u"),
    (re.compile("oe|ou"), "o"),
    (re.compile("['-]"), ""),
    (re.compile(r"(.)\1+"), r"\1"),
)
_RUSSIAN_ENDINGS = vocabulary("""
    ского скому ого его ому ему ыми ими ами ями ах ях ам ям ом ем ым им ои еи ою ею ыи ии ая яя ое ее ые ие ую
    юю ых их а я о е у ю ы и ь
    """)
# Not `historians`, `politicians`, `librarians`.
_PEOPLE_ALONE = re.compile("(?!histori|civili|guardi|.*(?:cian|arian)).{3,}(?:ese(?<!these)|ish|ians?)")
_VOWELS = re.compile("[aeiou]")
_FLEETING = re.compile("(.{2,})[ео]([кцлнр])")
_PEOPLE = re.compile(r"(?P<stem>.{4,}?)(?:ians?|eans?|ans?|ns?|ese|ish|is?|ics?|ists?|isms?)")
_PEOPLE_GERMAN = re.compile(r"(?P<stem>.{4,}?)(?:isch(?:e[rsnm]?)?|er[ns]?|erin|erinnen)")
_PEOPLE_RUSSIAN = re.compile(r"(?P<stem>.{3,}?)(?:ск[а-я]{2,3}|ец|ц[а-я]{1,3})")
_PEOPLES = (_PEOPLE, _PEOPLE_GERMAN, _PEOPLE_RUSSIAN)
_PLACE_ENDINGS = (
    "ia",
    "ien",
    "ea",
    "a",
    "y",
    "e",
    "",
    "ия",
    "ии",
    "ию",
    "иеи",
    "ея",
    "еи",
    "ею",
    "аи",
    "ая",
    "ае",
)
_ADJECTIVE = re.compile("(.+isch)e[rsnm]?")

_SAME = """
poland polish pole poles polen polnisch
france french frenchman frenchmen frankreich franzosen franzosisch
britain british briton britons uk england english englishman grossbritannien briten britisch
usa us american americans america amerikaner amerikanisch amerika
ussr soviet soviets udssr sowjetunion sowjetisch sowjets
netherlands dutch holland
germany german germans deutschland deutsch deutsche deutschen
spain spanish spaniard spaniards spanien spanisch spanier
denmark danish dane danes
sweden swedish swede swedes
finland finnish finn finns
turkey turkish turk turks
greece greek greeks
switzerland swiss
norway norwegian norwegians
ireland irish irishman
scotland scottish scot scots
wales welsh
portugal portuguese
russia russian russians russland russisch russe russen
china chinese chinesen chinesisch
thailand thai thais
czech czechs czechia
philippines filipino filipinos philippine
ссср советский советского советская советские советских советской
"""
_FAMILY = {word: line.split()[0] for line in _SAME.strip().splitlines() for word in line.split()}
_PHRASES = (
    (re.compile(r"\bsoviet union\b|\bu\.s\.s\.r\b|\bsowjetunion\b"), "ussr"),
    (re.compile(r"\bunited states(?: of america)?\b|\bu\.s\b(?:\.?a\b)?|\bvereinigten? staaten\b"), "usa"),
    (re.compile(r"\bunited kingdom\b|\bgreat britain\b|\bu\.k\b"), "uk"),
    (re.compile(r"\bunited nations\b|\bvereinten? nationen\b"), "un"),
    (re.compile(r"\beuropean union\b|\beuropäischen? union\b"), "eu"),
    (re.compile(r"\b(?:second world war|world war (?:ii|2|two)|zweite[rn]? weltkrieg\w*)\b"), "wwii"),
    (re.compile(r"\b(?:first world war|world war (?:i|1|one)|erste[rn]? weltkrieg\w*)\b"), "wwi"),
    (re.compile(r"\bсоветск\w+ союз\w*"), "ссср"),
    (re.compile(r"\bсоединенн\w+ штат\w+|\bсоединённ\w+ штат\w+"), "сша"),
)


def phrases(text: str) -> list[tuple[int, int, str]]:
    """The well-known long forms in a casefolded text, as start, end and acronym."""
    return [
        (match.start(), match.end(), short) for pattern, short in _PHRASES for match in pattern.finditer(text)
    ]


@lru_cache(maxsize=8192)
def sound(word: str) -> str:
    """A skeleton that the usual transliterations of a name share (Lyushkov, Liushkov, Люшков)."""
    word = word.translate(_CYRILLIC)
    for pattern, letter in _SOUNDS:
        word = pattern.sub(letter, word)
    return word


def tells_a_people(word: str) -> bool:
    """Whether a folded word is formed like the name of a people (Japanese, German)."""
    return word in _FAMILY or _PEOPLE_ALONE.fullmatch(word) is not None


def consonants(sound: str) -> str:
    """The consonants of a skeleton, with its first letter: what variants of a name in one language share."""
    return sound[:1] + _VOWELS.sub("", sound[1:])


@lru_cache(maxsize=8192)
def forms(word: str) -> frozenset[str]:
    """Keys of a folded word: two words that share one may be forms of one name."""
    bare = word.removesuffix("'s").rstrip("'").replace("'", "")
    stems = {bare}
    if "\u0400" <= bare[:1] <= "\u04ff":
        stems.update(
            bare[: -len(end)] for end in _RUSSIAN_ENDINGS if bare.endswith(end) and len(bare) - len(end) > 2
        )
        stems.update(f"{match[1]}{match[2]}" for stem in tuple(stems) if (match := _FLEETING.fullmatch(stem)))
        return frozenset(sound(stem) for stem in stems) | {sound(stem).rstrip("aeiou") for stem in stems}
    if len(bare) > 3 and bare.endswith("s"):
        stems.add(bare[:-1])
        if bare.endswith("es"):
            stems.add(bare[:-2])
        if bare.endswith("ies"):
            stems.add(bare[:-3] + "y")
    keys = {sound(stem) for stem in stems}
    adjective = _ADJECTIVE.fullmatch(bare)
    if family := _FAMILY.get(adjective[1] if adjective else bare):
        keys.add("=" + family)
    return frozenset(keys)


@lru_cache(maxsize=8192)
def people(word: str) -> frozenset[str]:
    """Keys of a folded word that may tell the people of a place (Japanese, Italians)."""
    bare = word.removesuffix("'s")
    found = {match["stem"] for pattern in _PEOPLES if (match := pattern.fullmatch(bare))}
    return frozenset(found | {stem.rstrip("aeiy") for stem in found if len(stem) > 4})


@lru_cache(maxsize=8192)
def place(word: str) -> frozenset[str]:
    """Keys of a folded word that may be a place whose people `people` names (Japan, Italy)."""
    bare = word.removesuffix("'s")
    return frozenset(
        bare.removesuffix(end) for end in _PLACE_ENDINGS if bare.endswith(end) and len(bare) - len(end) > 2
    )
