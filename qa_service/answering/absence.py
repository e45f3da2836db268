"""Is a sentence about what the documents do not hold, and nothing else?

What a writer says to be missing is the one thing that is shown without a citation, so it may not be a statement about
the world. It has to speak of the sources and deny (`The passages do not say ...`), or to keep to the question's words.
"""

import re

from index.terms import content_terms

# Words for sources, and for what sources do. Chinese and Japanese have no spaces around them.
_SOURCES = re.compile(
    r"\b(?:passages?|excerpts?|documents?|texts?|sources?|sections?|context|information|evidence"
    r"|said|stated|given|mentioned|named|told|specified|reported|recorded"
    r"|abschnitt\w*|auszüg\w*|dokument\w*|text\w*|quellen?|stellen|angaben?|informationen"
    r"|gesagt|genannt|erwähnt|angegeben"
    r"|отрыв\w*|фрагмент\w*|документ\w*|текст\w*|источник\w*|сведени\w*|данных|сказано|указан\w*|назван\w*"
    r"|extraits?|textes?|documentos?|textos?|fuentes?|pasajes?)\b"
    r"|文章|資料|文書|本文|記述|文档|文件|资料|原文",
    re.IGNORECASE,
)
_DENIAL = re.compile(
    r"\b(?:not|no|nothing|none|neither|nor|never|without|cannot|\w+n['’]t|lack(?:s|ing)?|missing"
    r"|nicht|nichts|kein\w*|weder|ohne|fehl\w*|не|нет|ни|ничего|без|отсутству\w*"
    r"|pas|aucun\w*|rien|ningún|ningun\w*|nada)\b"
    r"|ません|ない|なかった|没有|未|不",
    re.IGNORECASE,
)
_KEPT_SHARE = 0.5


def says_only_that_it_is_missing(sentence: str, question: str) -> bool:
    """Whether a sentence denies something of the sources, or has at least half of its terms from the question."""
    if _SOURCES.search(sentence) and _DENIAL.search(sentence):
        return True
    said = set(content_terms(sentence))
    return len(said & set(content_terms(question))) >= _KEPT_SHARE * len(said)
