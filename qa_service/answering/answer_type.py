"""The type of answer that a question asks for, by its question word, and whether a text has such a thing.

Question words after Li and Roth, "Learning Question Classifiers" (COLING 2002), as far as a word tells them
surely. A text is looked at by its form alone: a year, a clock time, digits, a name.
"""

import re
from typing import Literal

AnswerType = Literal["time", "number", "person"]

_ASKED: dict[AnswerType, re.Pattern[str]] = {
    "time": re.compile(
        r"\b(?:when|(?:what|which) (?:\w+ )?(?:years?|dates?|days?|months?|time|century|decade)"
        r"|wann|(?:welche[mnrs]?|um wie ?viel) (?:jahr\w*|datum|tag\w*|monat\w*|uhr|jahrhundert\w*)"
        r"|когда|(?:как(?:ой|ая|ое|ом|ого)|котор\w+) (?:год\w*|день|дня|числ\w+|месяц\w*|дат\w+|срок\w*|век\w*|час\w*)"
        r"|во сколько)\b",
        re.IGNORECASE,
    ),
    "number": re.compile(
        r"\b(?:how (?:many|much|long|far|deep|high|tall|old|fast|often|big|large|wide|heavy|expensive)"
        r"|(?:what|which) (?:number|percent\w*|share|price|speed|depth|height|length|size|temperature|age|amount|"
        r"population|distance|proportion|fraction)"
        r"|wie ?(?:viele?[nrms]?|lange?|weit|tief|hoch|alt|schnell|oft|groß|breit|schwer|teuer)|was kostet\w*"
        r"|wieviele?|(?:welche[mnrs]?|bis zu welche[mnrs]?) (?:anzahl|prozent\w*|anteil|preis|tiefe|höhe|länge|größe)"
        r"|сколько|скольк\w+|как (?:долго|далеко|глубоко|часто|быстро|высоко)"
        r"|как(?:ой|ая|ое|ова|ов) (?:процент|доля|цена|глубин\w+|высот\w+|скорост\w+|количеств\w+|числ\w+|размер))\b",
        re.IGNORECASE,
    ),
    "person": re.compile(r"\b(?:who|whom|whose|wer|wem|wen|wessen|кто|кого|кому|кем)\b", re.IGNORECASE),
}
_MONTH = (
    r"jan(?:uar[yi]?)?|feb(?:ruar[yi]?)?|mar(?:ch)?|märz|apr(?:il)?|may|mai|june?|juni|july?|juli|aug(?:ust)?|"
    r"sept?(?:ember)?|o[ck]t(?:ober)?|nov(?:ember)?|de[cz](?:ember)?|январ\w|феврал\w|марта?е?|апрел\w|ма[яе]|"
    r"июн\w|июл\w|август\w?|сентябр\w|октябр\w|ноябр\w|декабр\w"
)
_DAY = (
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)days?|(?:mon|diens|donners|frei|sams|sonn)tags?|mittwochs?|"
    r"понедельник\w?|вторник\w?|сред[ау]|четверг\w?|пятниц\w|суббот\w|воскресень\w"
)
_TIME = re.compile(
    rf"\b(?:1\d{{3}}|20\d\d|\d{{1,2}}[:.]\d{{2}}|\d{{3,4}} ?(?:bce?|ad|v\. chr)|{_MONTH}|{_DAY}"
    r"|\d+(?:st|nd|rd|th|\.)? (?:century|centuries|jahrhundert\w*|век\w*)|\w+ (?:century|jahrhundert\w*|век\w*)"
    r"|\d+ (?:years?|months?|weeks?|days?|hours?|jahren?|monate?n?|wochen?|tagen?|stunden?|лет|год\w*|дн\w+|недел\w+)"
    r"|\d{1,2} ?(?:a\.?m|p\.?m|uhr)|midnight|noon|today|tomorrow|daily|annually|mitternacht|mittags?|täglich)\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"\d|[½¼¾]|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen"
    r"|(?:twen|thir|for|fif|six|seven|eigh|nine)ty|hundreds?|thousands?|millions?|billions?|half|once|twice|dozens?|"
    r"both|several|none|zero|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf|\w+zehn|\w+zig|hundert\w*|"
    r"tausend\w*|million\w*|hälfte|einmal|zweimal|beide|kein\w*|два|две|двух|три|тр[её]х|четыре\w*|пят\w+|шест\w+|сем\w+|"
    r"восем\w+|девят\w+|десят\w+|\w+дцать|сто|сот\w*|тысяч\w*|миллион\w*|половин\w*|однажды|дважды)\b",
    re.IGNORECASE,
)
_PERSON = re.compile(
    r"(?<!\w)[^\W\d_a-zа-яё][\w’'.-]*+ (?:(?:van|von|de|der|of|the|bin|al|du|la|di) )*(?=[^\W\d_])[A-ZÀ-ÞА-ЯЁ][\w’'-]+"
    r"|(?<=[a-zа-яё,;] )[A-ZÀ-ÞА-ЯЁ][\w’'-]+"
)


def asked_for(question: str) -> AnswerType | None:
    """The type of what a question asks for; None where its words don't tell.

    In a question of several, that of the first question word.
    """
    found = ((match.start(), kind) for kind, form in _ASKED.items() if (match := form.search(question)))
    return min(found, default=(0, None))[1]


def has(kind: AnswerType, text: str) -> bool:
    """Whether a text has anything of that form."""
    form = {"time": _TIME, "number": _NUMBER, "person": _PERSON}[kind]
    return form.search(text) is not None
