"""Are the powers of ten of a claim in the cited text?

Elsewhere a superscript is taken for the mark of a footnote. Behind a ten it is an exponent more often, so `10⁶` in a
claim must be in the cited text as it is.
"""

import re
from collections.abc import Iterator

from qa_service.guards.fault import Fault

_POWER = re.compile(r"(?<![\d.,])10[⁺⁻]?[⁰¹²³⁴-⁹]+")


def faults(claim: str, cited: str) -> Iterator[Fault]:
    """The powers of ten of a claim that the cited text doesn't give; both before they are cleaned."""
    given = set(_POWER.findall(cited))
    for power in dict.fromkeys(_POWER.findall(claim)):
        if power not in given:
            yield Fault("number", power)
