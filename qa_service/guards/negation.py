"""Does a claim deny what its cited text affirms, or affirm what it denies?

Both texts are cut into clauses, and in each the words that a negation governs are found: in English and
Russian the content words behind it (`did not attack`), in German, whose `nicht` may stand at the end, the
whole clause. A word that is denied on one side is looked up in the clauses of the other that resemble the
claim most: it is a fault when none of them denies it. So `did not attack but withdrew` carries `withdrew`. A
negation in other words (`groundless`, `failed to`, `unknown`) counts as one wherever it can excuse. Where the
denied word is missing on the other side nothing is concluded, and opposites (`higher`, `lower`) are not seen.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from index.language import Language, is_function_word
from index.terms import content_terms
from qa_service.guards.fault import Fault

_CUE = re.compile(
    r"\b(?:not|never|no|without|neither|nor|cannot|none|nobody|nothing|nowhere|hardly|scarcely|\w+n't"
    r"|(?:fail|failed|fails|failing|refus(?:e|ed|es|ing)|declined|unable|unwilling|neglected) to"
    r"|nicht|nie|niemals|ohne|kein(?:e[rsnm]?)?|weder|niemand|nichts|keinerlei"
    r"|не|нет|без|ни|нельзя|(?:отказал(?:ся|ась|ись)))\b",
    re.IGNORECASE,
)
# These read like negations and deny nothing, or nothing that can be compared.
_IDIOM = re.compile(
    r"\b(?:not only|not just|not merely|not least|not to mention|if not|or not|no doubt|no later than"
    r"|no sooner"
    r"|no (?:fewer|less|more) than|not (?:less|more|fewer) than|nothing but|no\.? ?(?=\d)"
    r"|without (?:a )?doubt|not without"
    r"|nicht nur|nicht zuletzt|nicht (?:mehr|weniger) als|ohne zweifel|nicht ohne|ohne dass"
    r"|не только|не (?:менее|более|меньше|больше)(?: чем)?|не просто|не без)\b|^(?:no|nein|нет)(?=[,:.]|$)"
    r"|(?-i:\bNo\.)",
    re.IGNORECASE,
)
_UNTIL = re.compile(r"\b(?:until|till|before|bis|vor|erst|до|пока|раньше)\b", re.IGNORECASE)
_SOFT = re.compile(
    r"\b(?:fail|refus|declin|den(?:y|ie)|reject|lack|absen|unable|impossib|false|fake|fabricat|groundless"
    r"|baseless|forge|myth"
    r"|prevent|avoid|exclud|except|prohibit|forb|ban(?:s|ned)?\b|stop|ceas|missing|few\b|little\b|rare"
    r"|seldom|barely|hard to"
    r"|difficult|instead|rather than|unlike|contrary|disprov|doubt|abandon|too \w+ to|ungl|unmog|unmög"
    r"|verweiger|ablehn|lehnt"
    r"|scheiter|mangel|fehl|selten|kaum|falsch|verhinder|statt|weiger|leugn|bestreit|bestritt"
    r"|отказ|отсутств|невозможн|недост|ложн|вместо|едва|редко|отверг|отриц|предотврат|запре|вряд|никто"
    r"|никогда|ничего|лишен)",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"(?<=[.!?;])\s+|\n+")
_CLAUSE_END = re.compile(
    r"[:()\[\]]+|,|\s-\s|\s(?=(?:but|whereas|while|although|which|who|that|because|since|sondern|aber"
    r"|während|obwohl|weil|dass|однако|хотя|который|которая|которые|которое|что|а|но)\s)",
    re.IGNORECASE,
)
_ASIDE = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_LIST_GOES_ON = re.compile(r"(?:or|nor|oder|noch|или|ни)\b", re.IGNORECASE)
_LIST_ITEM_WORDS = 3
_GOVERNED = 2
_CUES = 5
_PREFIXES = ("un", "in", "im", "ir", "il", "non", "dis", "не")
_PREFIXED_LETTERS = 5
_KEPT = 40  # clauses with one word that are compared: a hostile text may repeat it for ever
_FEWEST_SHARED = 2


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause of a text with its content terms and what is denied in it.

    `governed` are the first terms behind each negation, `denied` all behind any; `wide` says that they are
    the whole clause. `until` is for words that bound a time, `hanging` a negation that governs nothing in its
    own clause.
    """

    text: str
    terms: frozenset[str]
    governed: tuple[tuple[str, ...], ...]
    wide: bool
    denied: frozenset[str]
    until: bool
    hanging: str

    def denies(self, term: str) -> bool:
        """Whether the clause may deny this term: by a negation before it, in other words, or by a prefix."""
        return term in self.denied or self.softly or self.has_opposite(term)

    def has_opposite(self, term: str) -> bool:
        """Whether the clause has the term with a prefix that denies it."""
        root = term[: min(_PREFIXED_LETTERS, max(3, len(term) - 1))]  # stems of the two may end differently
        opposites = tuple(prefix + root for prefix in _PREFIXES)
        return any(each.startswith(opposites) for each in self.terms)

    @property
    def softly(self) -> bool:
        """Whether it denies in other words: `groundless`, `refused`."""
        return _SOFT.search(self.text) is not None


def clauses(text: str, language: Language) -> list[Clause]:
    """The clauses of a cleaned text, in order."""
    found: list[Clause] = []
    for sentence in _SENTENCE_END.split(text):
        denied_before = False
        hanging = ""
        aside = _ASIDE.findall(sentence)
        for part in [*_CLAUSE_END.split(_ASIDE.sub(" ", sentence)), *aside]:
            if not part or part.isspace():
                continue
            clause = _clause(part.strip(), language, cue=hanging, goes_on=denied_before)
            found.append(clause)
            denied_before = bool(clause.denied)
            hanging = clause.hanging
    return found


def _clause(text: str, language: Language, *, cue: str, goes_on: bool) -> Clause:
    """The clause of a text; `cue` is a negation left over before it: `did not, however, attack`."""
    plain = _IDIOM.sub(" ", f"{cue} {text}".strip())
    cues = list(_CUE.finditer(plain))[:_CUES]
    terms = _terms(plain, language)
    wide = language == "de"
    if wide:
        behind = [terms] if cues else []
        governed = tuple(behind)
    else:
        behind = [_terms(plain[cue.end() :], language) for cue in cues]
        governed = tuple(
            tuple(some[: len(some) - len(later)][:_GOVERNED]) for some, later in pairwise([*behind, []])
        )
    denied = {term for some in governed for term in some}.union(*behind)
    if goes_on and (_LIST_GOES_ON.match(text) is not None or text.count(" ") < _LIST_ITEM_WORDS):
        denied.update(terms)
    return Clause(
        text,
        frozenset(terms),
        governed,
        wide,
        frozenset(denied),
        _UNTIL.search(plain) is not None,
        cues[-1][0] if cues and not wide and not governed[-1] else "",
    )


def _terms(text: str, language: Language) -> tuple[str, ...]:
    """The content terms; those that are words of another language to `content_terms` (`die`) are left out."""
    terms = content_terms(text)
    return tuple(terms) if language != "de" else tuple(term for term in terms if not is_function_word(term))


def faults(claim: Sequence[Clause], cited: Sequence[Clause]) -> Iterator[Fault]:
    """The denials that the claim adds to its cited text or takes from it."""
    by_term: dict[str, list[Clause]] = {}
    for clause in cited:
        for term in clause.terms:
            kept = by_term.setdefault(term, [])
            if len(kept) < _KEPT:
                kept.append(clause)
    for clause in claim:
        if _adds(clause, by_term) or _removes(clause, by_term):
            yield Fault("negation", clause.text)


def _nearest(term: str, clause: Clause, by_term: dict[str, list[Clause]]) -> list[Clause]:
    """The cited clauses with this term that share most terms with the claim's clause."""
    having = by_term.get(term, [])
    shared = [len(each.terms & clause.terms) for each in having]
    most = max(shared, default=0)
    return [each for each, count in zip(having, shared, strict=True) if count == most]


def _adds(clause: Clause, by_term: dict[str, list[Clause]]) -> bool:
    """Whether the clause denies what the cited clauses most like it affirm."""
    for governed in clause.governed:
        candidates = (
            term
            for term in governed
            if not clause.wide or any(_alike(each, clause) for each in by_term.get(term, ()))
        )
        term, near = next(
            ((term, near) for term in candidates if (near := _nearest(term, clause, by_term))), ("", [])
        )
        if not near or any(each.denies(term) or any(map(each.has_opposite, governed)) for each in near):
            continue
        if not clause.until or any(each.until for each in near):  # `did not end until May` is `ended in May`
            return True
    return False


def _removes(clause: Clause, by_term: dict[str, list[Clause]]) -> bool:
    """Whether the clause affirms what the cited clauses most like it deny."""
    if clause.softly:
        return False
    for term in clause.terms:
        near = _nearest(term, clause, by_term)
        if (
            not near
            or clause.denies(term)
            or not all(_governs(each, term) and not each.until for each in near)
        ):
            continue
        if all(_alike(each, clause) for each in near):
            return True
    return False


def _alike(cited: Clause, claim: Clause) -> bool:
    """Whether two clauses speak of the same: they share half of their terms where all of one is denied."""
    shared = len(cited.terms & claim.terms)
    if cited.wide or claim.wide:
        return 2 * shared >= max(len(cited.terms), len(claim.terms), 2 * _FEWEST_SHARED)
    return shared >= min(_FEWEST_SHARED, len(cited.terms))


def _governs(clause: Clause, term: str) -> bool:
    if clause.wide:
        return bool(clause.governed)
    return any(governed and governed[0] == term for governed in clause.governed)
