"""Which words of a claim are names: capitals read with the habits of each language in mind."""

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from index.language import Language, is_function_word
from qa_service.guards import spelling
from qa_service.guards.numerals import numeral, roman
from qa_service.guards.text import Word, vocabulary

_TITLES = vocabulary("""
    mr mrs ms miss dr prof professor sir lord lady president general marshal colonel captain major
    lieutenant admiral commander ambassador minister king queen emperor prince princess pope bishop herr
    herrn frau doktor prasident marschall oberst hauptmann konig kaiser господин госпожа генерал
    маршал президент король source quelle источник passage
    """)
_PRONOUNS = vocabulary("""
    i sie ihr ihre ihrem ihren ihrer ihnen
    """)
# Words that often open a sentence and are no names, where their ending doesn't tell.
_OPENERS = vocabulary("""
    all also although another any around as because before behind below beside besides between beyond
    both but each either every everyone everything except few fewer first former further hence here how
    however if instead its just last late later least less like many more most much my near neither
    never nevertheless next no nobody none nor nothing now nowadays often once one only other others our
    out outside over part perhaps quite rather same second several since so some someone something
    sometimes soon still such then there therefore these third this those though three through
    throughout thus today together tomorrow too toward towards two under unlike until up upon us very we
    well what whatever when whenever where whereas whether which while who whoever whole whom whose why
    within without yes yesterday yet you your according despite during following given regarding about
    above across after again against along amid among early high low old young new big small large great
    good bad poor free full half long short official military political economic public private war
    peace work trade food water money power love life death time people men women children both evidence
    research government oil gas coal land art music history science news data может если когда также
    однако поэтому затем потом после этого этот эта эти это такой сам сама там тут здесь где как что кто
    все всего его ее её их они она оно мы вы но и а в на по из за для при под над без до от об обо со к
    у о не ни только даже лишь уже еще ещё именно хотя чтобы потому так тогда сейчас сегодня вчера позже
    позднее раньше далее
    """)
_COMMON_ENDING = re.compile(
    r".+(?:ing|ed|ly|tions?|sions?|ments?|ness|ity|ities|ances?|ences?|isms?|ships?|ages?|ures?|ists?|ers"
    r"|ors|ees|ics|ies"
    r"|[^s']s|ful|less|able|ible|ous|ive|ward|wards|wise|self|selves|body|thing)"
)
_VERB = re.compile(
    r"(?:was|were|is|are|had|has|have|did|does|would|will|could|can|might|may|must|said|says|told|gave|took"
    r"|made|became"
    r"|began|led|held|went|came|saw|knew|wrote|won|lost|fought|fell|left|sent|met|put|set|got|ran|found"
    r"|thought|kept|brought"
    r"|[a-z]{3,}ed)"
)
_CONTRACTED = vocabulary("""
    it's that's there's here's what's who's let's he's she's one's today's how's where's
    """)
_RUSSIAN_SURNAME = re.compile(
    r".{2,}(?:ов|ев|ин|ын|скии|цкии|ова|ева|ина|ская|цкая|енко|швили|дзе|ян|юк|чук)"
)
_RUSSIAN_PAST = re.compile(r".{2,}л(?:а|ся|ась)?")

_GERMAN_NOUN = re.compile(
    r".+(?:ung|ungen|heit|heiten|keit|keiten|schaft|schaften|tion|tionen|tat|taten|ismus|nis|nisse|nissen"
    r"|ling|tum|chen|lein"
    r"|ei|eien|ion|ionen|ment|mente|anz|enz|ik|iker|eur|or|oren|en|er|ern|el|e|e[rsn]|enten?|isten?|[aeou]s)"
)
# Nouns that often stand without an article, also as the last part of a compound.
_GERMAN_BARE = re.compile(
    r".*(?:angst|wasser|zeit|geld|krieg|frieden|druck|protest|mangel|not|recht|arbeit|kraft|macht|grund"
    r"|anspruch|verdacht|stand"
    r"|einsatz|kauf|anlass|teil|tod|haus|bord|bezug|sicht|schutz|bau|werk|stoff|rat|wahl|fall|gang|zug"
    r"|schrift|schluss|weg|wert"
    r"|raum|ort|hand|hass|neid|stolz|mut|platz|amt|recht|dienst|handel|markt|preis|lohn|licht|luft|feuer|eis"
    r"|holz|stahl|gas|kohle"
    r"|leid|gluck|spiel|sport|fleisch|brot|milch|salz|gold|silber|eisen|papier"
    r"|land(?<!russland)(?<!deutschland)(?<!finnland))"
)
_GERMAN_MEASURE = vocabulary("""
    prozent million millionen milliarde milliarden tonnen kilo kilogramm gramm liter meter kilometer
    hektar euro dollar rubel mark stuck dutzend tausende hunderte anfang mitte ende jahr jahre tage uhr
    grad
    """)
_GERMAN_DETERMINER = re.compile(
    r"(?:d(?:er|ie|as|en|em|es)|(?:[dsm]|k)?ein(?:e[rsnm]?)?|ihre?[rsnm]?|unsere?[rsnm]?|euer|eure[rsnm]?"
    r"|dies(?:e[rsnm]?)?|jen(?:e[rsnm]?)|jede[rsnm]?|all(?:e[rsnm]?)?|viele?[rsnm]?|wenige?[rsn]?|mehr"
    r"|manche?[rsnm]?"
    r"|solche?[rsnm]?|welche[rsnm]?|beide[rsn]?|im|am|zu[mr]|vom|beim|ins|ans|aufs|furs|ubers|einige[rn]?"
    r"|mehrere[rn]?|kaum"
    r"|sowie|und|oder|fur|ohne|durch|gegen|mit|zu|als|wie|auf|an|unter|uber|\w{3,}(?:e[rsnm]|e))"
)


def names(found: Sequence[Word], language: Language, lower: AbstractSet[str]) -> list[Word]:
    """The words of a claim that name somebody or something.

    `lower` are the folded words that the texts around write in lower case: these are no names when they
    merely open a sentence. English, Russian and others capitalise names alone; only the first word of a
    sentence is in doubt, and is taken for a name by what follows it. In German a capital tells nothing: a
    word is taken for a name when no article or adjective stands before it, as before almost every noun in the
    singular, and it isn't formed like a noun.
    """
    chosen = []
    for index, word in enumerate(found):
        before = found[index - 1] if index else None
        after = found[index + 1] if index + 1 < len(found) else None
        if not is_candidate(word, language):
            continue
        if _is_acronym(word) or _is_name(word, before, after, language, lower):
            chosen.append(word)
    return chosen


def is_candidate(word: Word, language: Language) -> bool:
    """Whether a word is written like a name and is not one of the words that always are."""
    inner = any(letter.isupper() for letter in word.text[1:])
    if not (word.capital or inner) or word.fold in _TITLES or word.fold in _PRONOUNS:
        return False
    if word.opens and (is_function_word(word.fold) or word.fold in _OPENERS or word.fold in _CONTRACTED):
        return False
    if word.capital and not inner and is_function_word(word.fold) and len(word.text) > 1:
        return False
    return roman(word.text) is None and (numeral(word.fold, language) is None or not word.opens)


def stands_for_name(word: Word, language: Language) -> bool:
    """Whether a word may be a name in the place of another one; looser than `names`."""
    if not is_candidate(word, language):
        return False
    return language != "de" or not (_GERMAN_NOUN.fullmatch(word.fold) or word.fold in _GERMAN_MEASURE)


def _is_acronym(word: Word) -> bool:
    return len(word.text) > 1 and sum(letter.isupper() for letter in word.text) > 1


def _is_name(
    word: Word, before: Word | None, after: Word | None, language: Language, lower: AbstractSet[str]
) -> bool:
    if language == "de":
        return _is_german_name(word, before, lower)
    if not word.opens:
        return True
    if word.fold in lower or after is None:
        return False
    if "'s" in word.text or spelling.tells_a_people(word.fold):
        return True
    if language == "ru":
        return bool(_RUSSIAN_SURNAME.fullmatch(word.fold) and _RUSSIAN_PAST.fullmatch(after.fold))
    if _COMMON_ENDING.fullmatch(word.fold):
        return False
    return (after.capital and not after.opens) or _VERB.fullmatch(after.fold) is not None


def _is_german_name(word: Word, before: Word | None, lower: AbstractSet[str]) -> bool:
    if word.opens or before is None or word.fold in lower or word.fold in _GERMAN_MEASURE:
        return False
    if _GERMAN_NOUN.fullmatch(word.fold) or _GERMAN_BARE.fullmatch(word.fold):
        return False
    if before.capital and not before.opens:
        return before.fold not in _GERMAN_MEASURE
    return _GERMAN_DETERMINER.fullmatch(before.fold) is None
