"""How one name may be spelled: transliterated, inflected, as the people of a place, as an acronym."""

import re
from functools import lru_cache

_CYRILLIC = str.maketrans(
    {
        "а": "a", "б": "b", "в": "v", "г": "g", "ґ": "g", "д": "d", "е": "e", "є": "ie", "ж": "zh", "з": "z",
        "и": "i", "і": "i", "й": "i", "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r",
        "с": "s", "т": "t", "у": "u", "ф": "f", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "",
        "ы": "i", "ь": "", "э": "e", "ю": "iu", "я": "ia",
    }
)  # fmt: skip
# One letter for each sound that transliterations write differently; earlier rules first.
_SOUNDS = (
    (re.compile("schtsch|shtch|shch|stsch|sch|sh"), "s"),
    (re.compile("tsch|tch|ch|kh"), "h"),
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
_RUSSIAN_ENDINGS = (
    "ского", "скому", "ого", "его", "ому", "ему", "ыми", "ими", "ами", "ями", "ах", "ях", "ам", "ям", "ом", "ем",
    "ым", "им", "ой", "ей", "ою", "ею", "ыи", "ии", "ая", "яя", "ое", "ее", "ые", "ие", "ую", "юю", "ых", "их",
    "а", "я", "о", "е", "у", "ю", "ы", "и", "ь",
)  # fmt: skip
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
    """A skeleton that is the same for the usual transliterations of a folded name (Lyushkov, Liushkov, Люшков)."""
    word = word.translate(_CYRILLIC)
    for pattern, letter in _SOUNDS:
        word = pattern.sub(letter, word)
    return word


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
    """Keys of a folded word that may be an adjective or a noun for the people of a place (Japanese, Italians)."""
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
