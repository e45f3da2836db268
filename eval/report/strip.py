"""Dot-and-interval marks: a value, how sure it is, and what it is held against."""

from markupsafe import Markup

from eval.report.svg import Linear, element, percent
from eval.stats import Interval

SHARES = Linear(0.0, 1.0)
_HEIGHT = 22
_MIDDLE = _HEIGHT / 2


def strip(
    value: float | None,
    interval: Interval | None,
    scale: Linear = SHARES,
    *,
    against: float | None = None,
    origin: float | None = None,
    tone: str = "",
) -> Markup:
    """A mark on a line from the scale's low end to its high one, as wide as the place that it stands in.

    The dot is the value and the bar its interval; `against` is an open dot (another run), `origin` an upright
    line (all examples, or no change). `tone` is a class for its colour. It says nothing that the table around
    it does not, so it is hidden from readers of the screen.
    """
    middle = {"y1": _MIDDLE, "y2": _MIDDLE}
    marks = [element("line", x1="0%", x2="100%", class_="rail", **middle)]
    if origin is not None:
        x = percent(scale.place(origin))
        marks.append(element("line", x1=x, x2=x, y1=1, y2=_HEIGHT - 1, class_="origin"))
    if interval is not None:
        ends = {"x1": percent(scale.place(interval.low)), "x2": percent(scale.place(interval.high))}
        marks.append(element("line", class_="interval", **ends, **middle))
    if against is not None:
        marks.append(element("circle", cx=percent(scale.place(against)), cy=_MIDDLE, r=4.5, class_="against"))
    if value is not None:
        marks.append(element("circle", cx=percent(scale.place(value)), cy=_MIDDLE, r=4.5, class_="dot"))
    return element(
        "svg", *marks, class_=f"strip {tone}".strip(), width="100%", height=_HEIGHT, aria_hidden="true"
    )
