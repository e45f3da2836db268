"""Whether HTML is nested so deeply that parsing it would take minutes or gigabytes."""

import re

_TAG = re.compile(r"<(?:(!--)|(/?)([a-zA-Z][^\s/>]*))")
_RAW = frozenset(("script", "style", "textarea", "title", "xmp"))
_NEVER_NEST = frozenset(
    (
        *("area", "base", "br", "col", "dd", "dt", "embed", "hr", "img", "input", "li", "link", "meta"),
        *("option", "p", "param", "source", "tbody", "td", "tfoot", "th", "thead", "tr", "wbr"),
    )
)
# Those that a parser opens again in every block for as long as they are not closed.
_FORMATTING = frozenset(
    ("a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u")
)
_MOST_STEPS = 1_000_000_000  # open elements looked through, summed over all tags: about two seconds
_MOST_REOPENED = 20_000_000  # elements made, at about 100 bytes each


def is_overgrown(html: str) -> bool:
    """Whether parsing `html` by the rules of HTML 5 is out of proportion to its length.

    By those rules an opening tag may look through all open elements, and a block opens all unclosed
    formatting again: each is quadratic. The bounds are on (elements open at once) * (tags).
    """
    tags = depth = deepest = formatting = most_formatting = position = 0
    lowered = html.lower()
    while tag := _TAG.search(lowered, position):
        position = tag.end()
        comment, closing, name = tag.groups()
        if comment or (name in _RAW and not closing):
            end = lowered.find("-->" if comment else f"</{name}", position)
            position = end if end >= 0 else len(lowered)
            continue
        tags += 1
        step = -1 if closing else 1
        if name in _FORMATTING:
            formatting = max(0, formatting + step)
            most_formatting = max(most_formatting, formatting)
        elif name not in _NEVER_NEST:
            depth = max(0, depth + step)
            deepest = max(deepest, depth)
    return (deepest + most_formatting) * tags > _MOST_STEPS or most_formatting * tags > _MOST_REOPENED
