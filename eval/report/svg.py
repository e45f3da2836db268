"""Drawing as text: elements that escape what they are given, and scales from values to places."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

_LEAST = 1e-6


def element(name: str, *children: Markup | str, **attributes: str | float) -> Markup:
    """An SVG element. `class_` is `class`, `stroke_width` is `stroke-width`; text and values are escaped.

    Colours and fonts come from classes: a page that forbids inline styles shows it.
    """
    written = Markup("").join(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), _number(value))
        for key, value in attributes.items()
    )
    body = Markup("").join(escape(child) for child in children)
    return Markup("<{0}{1}>{2}</{0}>").format(Markup(name), written, body)  # noqa: S704 - names are ours


@dataclass(frozen=True, slots=True)
class Linear:
    """From `[low, high]` to `[0, 1]`; values outside are put at the end."""

    low: float
    high: float

    def place(self, value: float) -> float:
        """Where a value lies."""
        if self.high <= self.low:
            return 0.5
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))


@dataclass(frozen=True, slots=True)
class Logarithmic:
    """From positive values in `[low, high]` to `[0, 1]`; values outside, and 0, are put at the end."""

    low: float
    high: float

    def place(self, value: float) -> float:
        """Where a value lies."""
        bounded = min(max(value, self.low), self.high)
        return math.log(bounded / self.low) / math.log(self.high / self.low)

    @property
    def ticks(self) -> list[float]:
        """1, 2 and 5 in each power of ten, both ends included where they are such a number."""
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        candidates = (digit * 10.0**power for power in range(first, last + 1) for digit in (1, 2, 5))
        return [tick for tick in candidates if self.low * 0.999 <= tick <= self.high * 1.001]

    @classmethod
    def around(cls, values: Sequence[float]) -> "Logarithmic":
        """The scale from the tick below the values to the tick above them; zeros are left out.

        What is smaller than a millionth is taken for zero.
        """
        positive = [value for value in values if value > _LEAST] or [1.0]
        low = max(step for step in _steps(min(positive)) if step <= min(positive) * (1 + 1e-9))
        high = min(step for step in _steps(max(positive)) if step >= max(positive) * (1 - 1e-9))
        return cls(low, high if high > low else low * 10)


def percent(place: float) -> str:
    """A place in `[0, 1]` as a percentage, by which drawings fit any width without distorting their marks."""
    return f"{place * 100:.2f}%"


def _steps(value: float) -> list[float]:
    power = 10.0 ** math.floor(math.log10(value))
    return [digit * power for digit in (0.5, 1, 2, 5, 10, 20)]


def _number(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.6g}"
