"""Sentence boundaries for text whose language is unknown or mixed.

One pass looks at each mark that may end a sentence and asks what stands before and after it. The
answers come from the tables of abbreviations and of words that start sentences; the rules for all
languages apply together, so an entry is in a table only where it does no harm in the others. In doubt
there is no cut: a citation that holds two sentences is still right, one that holds half of one is not.
Each decision looks at a bounded stretch of text, so time is linear whatever the input.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence

from index.document import Span

MAX_SENTENCE_CHARS = 800
"""The longest sentence in code points; what is longer is cut at the best softer boundary."""


def _words(table: dict[str, str]) -> frozenset[str]:
    return frozenset(word for words in table.values() for word in words.split())


# Abbreviations never end a sentence here: something that belongs to them always follows. An entry in
# lower case is also found capitalised; one with a capital is found only as written ("sen" is Turkish).
_LEADING = {
    "en": """
        Mr Mrs Ms Messrs Dr Prof Rev Hon Gov Sen Rep Gen Lt Col Maj Capt Cpt Cmdr Adm Brig Sgt Pvt St Mt Ft
        Supt Insp Amb Assoc Asst Dept vs cf viz approx e.g i.e Ph ext tel attn incl excl avg""",
    "de": """
        bzw bspw ca evtl geb gest ggf inkl exkl insb insbes sog vgl zzgl zgl z.B d.h i.d.R m.E u.U z.T o.g
        s.o s.u Dipl Ing Frhr Hl Tel Hr Hrn Fr Fam Fa Univ Hptm Mag lt gez resp abzgl einschl ausschl Durchw
        z.Hd i.A i.V""",
    "fr": "Mme Mlle Mgr MM p.ex env tél",
    "es": "Sr Sra Srta Sres Dra Ud Uds Lic Gral Cnel Mons Avda aprox p.ej",
    "it": "sig sigg dott avv geom p.es",
    "nl": "prof dr bijv dhr mevr drs o.a t.a.v tst",
    "pl": "np tzn tj ul św ks hab inż mgr płk wew",
    "cs": "např tzv tzn nám sv",
    "nordic": "t.ex bl.a dvs s.k f.eks esim tlf ankn puh",
    "hu": "pl ún kb",
    "tr": "bkz örn Doç Yrd",
    "el": "π.χ δηλ βλ τηλ εσωτ",
    "ru": """
        т.е т.к т.н т.н.з т.ч напр ул пл просп св тов акад проф доц инж ген полк лейт адм гр тел внутр доб
        моб вкл прибл зам зав""",
    "uk": "вул див напр ім просп дод",
}

# Abbreviations of these end a sentence unless a number follows.
_BEFORE_NUMBER = {
    "en": """
        no nos nr pp vol vols ch chap sec sect art fig figs eq tab app para ver op ex Jan Feb Mar Apr Jun
        Jul Aug Sep Sept Oct Nov Dec fax mob ph rm bldg ref""",
    "de": "abb abs anm bd bde bl kap rn rdnr tz ziff str hs jg mind zi",
    "romance": "núm pág págs cap pag pagg séc éd bât int",
    "slavic": """
        str nr poz rozdz pok lok ok кн вып рис табл гл стр ст разд прим сб кв оф корп каб комн эт ок факс
        буд""",
    "other": "kl klo blz afb mell dah αρ σελ",
}

# Abbreviations of these end a sentence only when a word follows that starts one.
_TRAILING = {
    "en": """
        etc inc ltd co corp bros jr sr al ed eds ibid cit esq est dept min max sec hrs mi lb lbs oz ft Ya Yu
        Ye Yo Zh Kh Ts Ch Sh Ju Ja Iu Ia Th""",
    "de": """
        usw chr hrsg hg mio mrd std sek jh jhdt jhs ff str allg bes ehem ev kath verh zit Aufl""",
    "romance": "ecc EE UU tél Cía",
    "other": "enz itd itp atd osv stb vb yy м.м",
    "ru": "гг вв руб коп тыс млн млрд экз изд ред сост соч собр см ср им пер пр обл г.г",
}

# Dotted forms that do end a sentence before any capital, though they look like initials.
_CLOSING = frozenset({"т.д", "т.п", "др"})

# After a number these are measured in, and no initials: "24.6 m. Dives were called off".
_UNITS = _words(
    {"latin": "mm cm m km ml l g kg t s min h ha kW kWh MWh", "cyrillic": "мм см м км мл л кг т сек мин ч га"}
)

# Words that start sentences and are no part of a name ("Von", "La" and "Los" would be).
_STARTERS = {
    "en": """
        The A An He She It They We You I This That These Those There Here His Her Its Their Our My Your But
        And Or So If When While Where What Who Why How After Before During In On At By For From With Without
        As Although Though However Moreover Furthermore Nevertheless Meanwhile Then Thus Therefore Later Now
        Not No Yes One Some Many Most Several All Both Each Every Since Because Under According Another Also
        Once Until Such To Only Soon Despite Unlike Among Between Through Two Three Four Five Six Seven Eight
        Nine Ten Everything Everyone Everybody Nothing Nobody Anything Anyone Somebody Someone""",
    "de": """
        Der Die Das Dem Den Des Ein Eine Einen Einem Einer Er Sie Es Wir Ihr Ich Man Dies Diese Dieser
        Dieses Im Am Auf Aus Bei Beim Bis Durch Für Mit Nach Seit Über Unter Um Vor Zu Zum Zur Als Dann Doch
        Aber Und Oder Denn Wenn Weil Wie Wo Was Wer Warum Auch Nur Noch Nun Jedoch Dabei Damit Danach Daher
        Dort Hier Sein Seine Ihre Kein Keine Nicht Alle Viele Einige Beide Trotz Während Zwischen Später
        Heute""",
    "fr": """
        Il Elle Ils Elles On Ce Cette Ces Un Une Nous Vous Mais Et Dans Pour Avec Sur Si Quand Après
        Cependant""",
    "es": "Una En Pero Se Su Sus Este Esta Estos Con Por Para Como Cuando Después Sin También",
    "ru": """
        Он Она Оно Они Мы Вы Я Ты Это Этот Эта Эти Тот В Во На По С Со К Ко О Об От До Из У За Под Над При
        После Перед Для Без Через Но А И Или Если Когда Где Как Что Чтобы Почему Кто Так Также Тогда Теперь
        Там Тут Здесь Потом Затем Поэтому Однако Хотя Все Всё Его Её Ее Их Наш Не Ни Нет Да Уже Ещё Еще
        Только Даже Именно Между Среди Вскоре Позже""",
    "uk": "Він Вона Вони Це Але Та Якщо Коли Після Потім Тому Проте Його Цей",
    "el": "Ο Η Το Οι Τα Αυτό Αυτός Αυτή Και Αλλά Όταν Στο Στη Στην Μετά",
}


_LEADING_WORDS = _words(_LEADING)
_BEFORE_NUMBER_WORDS = _words(_BEFORE_NUMBER)
_TRAILING_WORDS = _words(_TRAILING)
_STARTER_WORDS = _words(_STARTERS)

# After these, a number with a full stop is an ordinal: "im 19. Jahrhundert", "die 3. Armee".
_ORDINAL_CUES = _words(
    {
        "de": """
            der die das dem den des im am zum zur vom beim ins ein eine einem einen einer seit bis ab und
            jeder jede jedes ihr ihre sein seine"""
    }
)
# Months that a day's ordinal stands before: "8. August 1945".
_MONTHS = _words(
    {
        "de": "Januar Jänner Februar März April Mai Juni Juli August September Oktober November Dezember",
        "en": "January February March May June July October December",
        "short": "Jan Feb Apr Aug Sept Okt Nov Dez",
    }
)

_QUOTES = "\"'“”‘’„‚«»‹›"
_OPENERS = _QUOTES + "([{¿¡*_—–-「『（“‘《〈【"
_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_GREEK_LOWER = "α-ωά-ώἀ-ᾷ"

# A full stop and its like need white space after them. Quotes and brackets that are glued to the mark
# close; a footnote's number or sign that is glued to it belongs to the sentence that it ends.
_SOFT_END = rf"""
    (?<![.!?…])
    (?P<mark> \.(?:[ \u00a0]\.){{2,3}} | [.!?…‼⁇⁈⁉‽]++ | (?<=[{_GREEK_LOWER}]{{2}}); )
    (?P<close> [{re.escape(_QUOTES)})\]}}*_]*+ (?:\s»(?=\s|\Z))? )
    (?: (?P<note> [{_SUPERSCRIPTS}]++ | [†‡]++ ) \s*+
      | (?P<number> \d{{1,3}} (?:[,–-]\d{{1,3}}){{0,4}} )? (?:\[[^\[\]\n]{{1,20}}\]){{0,8}} \s++ )
"""
# These marks need no white space after them, so only what can't open a quotation counts as closing.
_HARD_END = r"""
    (?P<hard> (?: [。！？｡।॥؟۔።፧။។៕։] | ．(?![0-9A-Za-z０-９Ａ-Ｚａ-ｚ]) )++ )
    (?P<shut> [」』）】》〉〕｝］”’)\]"»]*+ ) \s*+
"""
_END = re.compile(f"{_SOFT_END}|{_HARD_END}", re.VERBOSE)
# What either of them begins with: looking for one of these first takes a third of the time.
_MARK = re.compile("[.!?…‼⁇⁈⁉‽;。！？｡।॥؟۔።፧။។៕։．]")

_OPENING = re.compile(rf"[{re.escape(_OPENERS)}\s]{{0,12}}")
_WORD = re.compile(r"[^\W\d_]{1,24}")
_ENUMERATOR = re.compile(r"[\W_]*(?:\d{1,3}|[^\W\d_]|[ivxlc]{1,6}|[IVXLC]{1,6})(?:\.\d{1,3})*")
_ROMAN = re.compile(r"[IVXLCM]+\b")
_YEAR = re.compile(r"1\d{3}|20\d{2}")
_NUMBER = re.compile(r"[+(−–#-]{0,2}\d|[№§]")
_MEASURED = re.compile(r"\S*\d")
_DOTTED = re.compile(r"[^\W\d_]{1,2}(?:\.-?[^\W\d_]{1,2})*")
# "2006. С. 23": what follows belongs to a reference that stands before it.
_PAGE_REFERENCE = re.compile(r"(?:[СсТтЧSsPp]|pp|[Сс]тр|[Вв]ып|[Vv]ol|N[or]|Bd)\.\s?\d")
_LONE_NOTE = re.compile(r"[\[(]\d{1,3}[\])]\Z")

_LOOK_BACK_CHARS = 32
_SHORT_PIECE_CHARS = 16

# From best to worst. Full stops come first: text in lower case has no other sign of a sentence's end.
_SOFTER_BOUNDARIES = (
    re.compile(r"[.!?](?=\s)|\n\s*\n"),
    re.compile(r"\n|[;:](?=\s)|[；：]"),
    re.compile(r"[,،](?=\s)|[、，|\t–—]"),
    re.compile(r"\s"),
    re.compile(r"[!-/:-@\[-`{-~]"),
)
_GRAPHEME_LIMIT = 32


def sentences(text: str, blocks: Sequence[Span]) -> list[Span]:
    """The sentences of `text`, each inside one of `blocks`, in order and without overlap.

    Spans have no white space at either end and together cover every other character of the blocks. A line
    break inside a block counts as a space. Text without marks (Thai) is one sentence to a block. What is
    longer than `MAX_SENTENCE_CHARS` is cut at a full stop, line break, semicolon, comma or space, in this
    order of preference, and inside what is drawn as one character only where that has dozens of marks.
    """
    return [
        piece
        for block in blocks
        for sentence in _joined(text, _marked(text, block))
        for piece in _limited(text, sentence)
    ]


def _marked(text: str, block: Span) -> Iterator[Span]:
    """The stretches of `block` between the marks that end sentences."""
    start, end = _stripped(text, block.start, block.end)
    for match in _ends(text, start, end):
        following = match.end()
        if following >= end:
            break
        if match["hard"]:
            cut = match.end("shut")
            ends = _ends_at_hard_mark(text, match, following, end)
        else:
            cut = len(match.group().rstrip()) + match.start()
            ends = _ends_at_soft_mark(text, start, match, following, end)
        if ends:
            yield Span(start, cut)
            start = following
    if start < end:
        yield Span(start, end)


def _ends(text: str, start: int, end: int) -> Iterator[re.Match[str]]:
    """What `_END.finditer` gives."""
    while mark := _MARK.search(text, start, end):
        match = _END.match(text, mark.start(), end)
        if match:
            yield match
        start = match.end() if match else mark.end()


def _joined(text: str, pieces: Iterator[Span]) -> Iterator[Span]:
    """`pieces`, where one without a letter or digit is joined to the one before, the first to the next."""
    held: Span | None = None
    speaks = False
    for piece in pieces:
        piece_speaks = any(map(str.isalnum, piece.of(text)))
        if held is None or (piece_speaks and speaks):
            if held is not None:
                yield held
            held, speaks = piece, piece_speaks
        else:
            held, speaks = Span(held.start, piece.end), speaks or piece_speaks
    if held is not None:
        yield held


def _limited(text: str, sentence: Span) -> Iterator[Span]:
    """`sentence` in pieces of at most `MAX_SENTENCE_CHARS`."""
    start, end = sentence.start, sentence.end
    while end - start > MAX_SENTENCE_CHARS:
        # The last piece keeps a quarter of the limit, so that no scrap is left over.
        high = min(start + MAX_SENTENCE_CHARS, end - MAX_SENTENCE_CHARS // 4)
        cut = _softer_cut(text, (start + high) // 2, high)
        yield Span(*_stripped(text, start, cut))
        start, _ = _stripped(text, cut, end)
    if start < end:
        yield Span(start, end)


def _softer_cut(text: str, low: int, high: int) -> int:
    for boundary in _SOFTER_BOUNDARIES:
        cuts = [match.end() for match in boundary.finditer(text, low, high)]
        if cuts and not _is_joined(text, cuts[-1]):
            return cuts[-1]
    for cut in range(high, max(low, high - _GRAPHEME_LIMIT), -1):
        if not _is_joined(text, cut):
            return cut
    return high


def _is_joined(text: str, at: int) -> bool:
    """Whether the character at `at` is drawn together with the one before it."""
    before, after = text[at - 1], text[at]
    return (
        unicodedata.category(after)[0] == "M"
        or "\u200d" in (before, after)
        or "\U0001f3fb" <= after <= "\U0001f3ff"
        or "\u1160" <= after <= "\u11ff"
        or ("\ud800" <= before <= "\udbff" and "\udc00" <= after <= "\udfff")
    )


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[end - 1].isspace():
        end -= 1
    while start < end and text[start].isspace():
        start += 1
    return start, end


def _ends_at_hard_mark(text: str, match: re.Match[str], following: int, end: int) -> bool:
    if _goes_on(text, following, end):
        return False
    spaced = match.end("shut") < following
    # 「行くの？」と聞いた: the sentence goes on after a quotation unless something new opens.
    return spaced or not match["shut"] or text[following] in "「『（“‘《〈【"


def _ends_at_soft_mark(text: str, start: int, match: re.Match[str], following: int, end: int) -> bool:
    mark = match["mark"]
    at = match.start()
    if _goes_on(text, following, end) or _is_opening(text, start, at):
        return False
    if at > start and text[at - 1] in "([" and match["close"][:1] in {")", "]"}:
        return False
    if mark != ".":
        return "!" in mark or "?" in mark or mark == ";" or not text[following].isdigit()
    tokens = text[max(start, at - _LOOK_BACK_CHARS) : at].split()
    word = tokens[-1].lstrip(_OPENERS) if tokens and not text[at - 1].isspace() else ""
    if match["number"]:
        return _is_before_footnote(word, match["close"], text, following)
    if word.isdigit():
        return not _is_ordinal(word, tokens, text, following)
    if len(word) > 1 and _ROMAN.fullmatch(word) and len(tokens) > 1 and tokens[-2].lower() in _ORDINAL_CUES:
        return _starts_sentence(text, following)
    return _ends_after_word(word, tokens, text, following)


def _goes_on(text: str, following: int, end: int) -> bool:
    """Whether what follows can't begin a sentence."""
    letter = _first_letter(text, following)
    if letter >= end:
        return True
    char = text[letter]
    # Georgian letters are lower case to Unicode, but Georgian has no capitals in running text.
    if char.islower() and not "\u10d0" <= char <= "\u10ff":
        return True
    return (
        char in ",;:.!?)]}%&=+/<>|"
        or (end - following <= 5 and _LONE_NOTE.match(text, following, end) is not None)
        or _PAGE_REFERENCE.match(text, following, end) is not None
    )


def _is_opening(text: str, start: int, at: int) -> bool:
    """Whether all that stands before the mark is the number of a list item, or nothing."""
    if at - start > _SHORT_PIECE_CHARS:
        return False
    return _ENUMERATOR.fullmatch(text, start, at) is not None or not any(map(str.isalnum, text[start:at]))


def _is_before_footnote(word: str, close: str, text: str, following: int) -> bool:
    """Whether digits that are glued to the full stop after `word` are a footnote's number."""
    if close or word.endswith((")", "]", *_QUOTES)):
        return True
    if _YEAR.fullmatch(word):
        return _starts_sentence(text, following)
    letters = word.replace("-", "").replace("’", "").replace("'", "")
    return len(letters) > 1 and letters.isalpha() and not _is_abbreviation(word)


def _is_ordinal(number: str, tokens: list[str], text: str, following: int) -> bool:
    if len(number) > 3:
        return False
    if len(tokens) > 1 and tokens[-2].lower() in _ORDINAL_CUES and not _starts_sentence(text, following):
        return True
    month = _WORD.match(text, following)
    return len(number) < 3 and (text[following].isdigit() or (month is not None and month.group() in _MONTHS))


def _ends_after_word(word: str, tokens: list[str], text: str, following: int) -> bool:
    word = _with_letters_before(word, tokens)
    if _in(word, _LEADING_WORDS):
        return False
    if word in _CLOSING:
        return True
    if word in _UNITS and len(tokens) > 1 and _MEASURED.fullmatch(tokens[-2]):
        return True
    is_number = (_NUMBER.match(text, following) or _ROMAN.match(text, following)) is not None
    if is_number and (_in(word, _BEFORE_NUMBER_WORDS) or word.endswith("str")):  # "Hauptstr. 5"
        return False
    if _in(word, _TRAILING_WORDS) or (_DOTTED.fullmatch(word) and (len(word) == 1 or "." in word)):
        return _starts_sentence(text, following)
    return True


def _with_letters_before(word: str, tokens: list[str]) -> str:
    """`word` with the single letters that stand before it: "B" of "z. B." becomes "z.B"."""
    if len(word) != 1:
        return word
    for token in tokens[-2:-5:-1]:
        letter = token.lstrip(_OPENERS)
        if len(letter) != 2 or letter[1] != "." or not letter[0].isalpha():
            break
        word = letter + word
    return word


def _is_abbreviation(word: str) -> bool:
    return any(_in(word, table) for table in (_LEADING_WORDS, _BEFORE_NUMBER_WORDS, _TRAILING_WORDS))


def _in(word: str, table: frozenset[str]) -> bool:
    return word in table or word[:1].lower() + word[1:] in table


def _first_letter(text: str, following: int) -> int:
    match = _OPENING.match(text, following)
    return match.end() if match else following


def _starts_sentence(text: str, following: int) -> bool:
    """Whether a word follows that starts sentences and is not itself an initial ("А. С. Пушкин")."""
    word = _WORD.match(text, _first_letter(text, following))
    return word is not None and word.group() in _STARTER_WORDS and text[word.end() : word.end() + 1] != "."
