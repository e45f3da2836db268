"""A question with what a good answer says, must not say, and rests on."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Evidence:
    """A quote in a document that carries an answer; compared with white space folded."""

    document: str
    quote: str


@dataclass(frozen=True, slots=True)
class Nugget:
    """A fact that a good answer states; `vital` ones must be there, the others are welcome.

    A part in parentheses is an explanation that the answer may leave out.
    """

    text: str
    vital: bool = True


@dataclass(frozen=True, slots=True)
class Example:
    """A question of a dataset.

    `short_answers`: each is one thing that the answer must name, given as its aliases. `answerable`: None
    where an abstention and an answer are both right, as for a question with a false premise. `relevant`:
    grade (1 and up) by document, for the retrieval metrics; where it is empty, the documents of the evidence
    count with grade 1. `cluster` joins examples that are not independent, such as those on one document.
    """

    id: str
    question: str
    kind: str
    language: str
    answer: str = ""
    short_answers: tuple[tuple[str, ...], ...] = ()
    nuggets: tuple[Nugget, ...] = ()
    must_not: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    answerable: bool | None = True
    relevant: Mapping[str, int] = field(default_factory=dict)
    cluster: str = ""

    @property
    def grades(self) -> Mapping[str, int]:
        """The grade of each relevant document."""
        return self.relevant or {each.document: 1 for each in self.evidence}
