"""What a guard reports: one piece of a claim that the cited text does not carry."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["number", "date", "name", "negation", "overlap"]

_MESSAGES: dict[Kind, str] = {
    "number": "The cited text does not give the number “{}”.",
    "date": "The cited text does not give the date or time “{}”.",
    "name": "The cited text does not name “{}” there.",
    "negation": "The claim and the cited text disagree on whether “{}” is denied.",
    "overlap": "The cited text says hardly anything of what the claim says: “{}”.",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One piece of a claim, as the claim writes it, that the cited text does not carry."""

    kind: Kind
    text: str

    @property
    def message(self) -> str:
        """One sentence that tells a model what to mend."""
        return _MESSAGES[self.kind].format(self.text)
