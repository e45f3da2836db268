"""What a metric finds in one record: a value with what it was made of."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measurement:
    """A value, or None where the metric does not apply, with its numerator and denominator.

    The value is `numerator / denominator`, except where a metric defines it for an empty set: then both are
    0, so that they add nothing to a sum over records.
    """

    value: float | None
    numerator: float = 0.0
    denominator: float = 0.0


UNDEFINED = Measurement(None)
NOTHING = Measurement(0.0)
"""Zero for an empty set, where saying nothing must not look like an exemption."""


def ratio(numerator: float, denominator: float) -> Measurement:
    """The ratio; undefined where the denominator is 0."""
    return Measurement(numerator / denominator, numerator, denominator) if denominator else UNDEFINED


def share(hits: Iterable[bool]) -> Measurement:
    """The share of what is true; undefined where there is nothing."""
    counted = list(hits)
    return ratio(float(sum(counted)), float(len(counted)))


def yes_or_no(outcome: bool) -> Measurement:
    """1 or 0."""
    return ratio(float(outcome), 1.0)


def amount(value: float | None) -> Measurement:
    """An amount of one record, such as milliseconds; undefined where it was not told."""
    return UNDEFINED if value is None else ratio(value, 1.0)
