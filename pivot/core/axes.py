"""The scales of charts: which stretch of numbers is shown, and where its marks are."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pivot.core.points import Chart

_MARKS = 5


@dataclass(frozen=True, slots=True)
class Span:
    """The numbers from `low` to `high`, which differ."""

    low: float
    high: float

    def part(self, value: float) -> float:
        """Where a number lies: 0 at `low`, 1 at `high`."""
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True, slots=True)
class Axes:
    """The scales of one chart, or of several that are to be compared.

    Attributes:
        names: of all series; the place of one there decides its colour.
        categories: the words along the axis to the right; empty where it has numbers.
    """

    x: Span
    y: Span
    names: tuple[str, ...]
    categories: tuple[str, ...] = ()


def axes_of(charts: Sequence[Chart]) -> Axes:
    """Scales on which all points of some charts have a place."""
    names = tuple(dict.fromkeys(series.name for chart in charts for series in chart.series))
    categories = tuple(dict.fromkeys(word for chart in charts for word in chart.categories))
    points = [point for chart in charts for series in chart.series for point in series.points]
    heights = [y for _, y in points if not math.isnan(y)]
    if any(chart.kind == "bar" for chart in charts):
        heights.append(0.0)
    y = _rounded(_span(heights))
    if categories:
        return Axes(Span(-0.5, len(categories) - 0.5), y, names, categories)
    across = [x for x, _ in points]
    if any(chart.kind == "bar" for chart in charts):
        return Axes(Span(min(across, default=0.0) - 0.5, max(across, default=0.0) + 0.5), y, names)
    return Axes(_span(across), y, names)


def marks(span: Span) -> list[float]:
    """Some round numbers inside of a span."""
    step = _step(span)
    first = math.ceil(span.low / step - 1e-9)
    last = math.floor(span.high / step + 1e-9)
    return [round(number * step, 12) if step > 1e-9 else number * step for number in range(first, last + 1)]


def _span(values: Iterable[float]) -> Span:
    found = list(values)
    if not found:
        return Span(0.0, 1.0)
    low, high = min(found), max(found)
    if high - low > 1e-12 * max(abs(low), abs(high)) and math.isfinite(high - low):
        return Span(low, high)
    room = abs(low) / 2 or 1.0
    return Span(low - room, low + room)


def _rounded(span: Span) -> Span:
    """The span from mark to mark."""
    step = _step(span)
    return Span(math.floor(span.low / step + 1e-9) * step, math.ceil(span.high / step - 1e-9) * step)


def _step(span: Span) -> float:
    rough = (span.high - span.low) / _MARKS
    power = 10.0 ** math.floor(math.log10(rough))
    return next((power * factor for factor in (1, 2, 5) if power * factor >= rough), power * 10)
