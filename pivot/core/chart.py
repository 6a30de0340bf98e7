"""A chart as inline SVG: lines, points or bars; colours come from the page's style (``s0`` … ``s7``)."""

import math
from collections.abc import Iterator
from html import escape

from pivot.core.axes import Axes, Span, axes_of, marks
from pivot.core.label import elide, one_line
from pivot.core.points import MOST_SERIES, Chart, Series
from pivot.core.tables import number_text

WIDTH, HEIGHT = 560, 320
"""Of the picture, in pixels; it scales."""

_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 12, 48
_DOTTED = 60  # points of a line up to which each is marked
_WORDS = 16  # of an axis that are written
_WORD = 14  # columns
_DIGITS = 4


def chart_svg(chart: Chart, axes: Axes | None = None) -> str:
    """The chart as an ``<svg>`` element.

    Args:
        axes: the scales; its own by default. Charts on the same ones can be compared.
    """
    axes = axes or axes_of([chart])
    names = ", ".join(series.name for series in chart.series)
    label = escape(one_line(f"{chart.kind} chart of {names} by {chart.x}"))
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}" class="chart">',
        *_grid(axes),
        *_floor(axes, chart.x),
    ]
    place = {word: float(index) for index, word in enumerate(axes.categories)}
    for series in chart.series:
        points = _placed(series, chart, place)
        colour = series_class(series, axes)
        if chart.kind == "bar":
            parts += _bars(points, series.name, colour, axes)
        elif chart.kind == "scatter":
            parts += _dots(points, series.name, colour, axes)
        else:
            parts += _line(points, series.name, colour, axes)
    return "\n".join([*parts, "</svg>"])


def series_class(series: Series, axes: Axes) -> str:
    """The class of a series, which decides its colour: the same for one name in all charts on these axes."""
    return f"s{axes.names.index(series.name) % MOST_SERIES}"


def _placed(series: Series, chart: Chart, place: dict[str, float]) -> list[tuple[float, float]]:
    """The points, on an axis of words by the words' places there."""
    if not chart.categories:
        return list(series.points)
    return [(place[chart.categories[int(x)]], y) for x, y in series.points]


def _x(axes: Axes, value: float) -> float:
    return _LEFT + axes.x.part(value) * (WIDTH - _LEFT - _RIGHT)


def _y(axes: Axes, value: float) -> float:
    return HEIGHT - _BOTTOM - axes.y.part(value) * (HEIGHT - _TOP - _BOTTOM)


def _grid(axes: Axes) -> Iterator[str]:
    for mark in marks(axes.y):
        y = _y(axes, mark)
        yield f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text class="mark" x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{_text(mark)}</text>'


def _floor(axes: Axes, title: str) -> Iterator[str]:
    base = HEIGHT - _BOTTOM
    yield f'<line class="axis" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{base}" y2="{base}"/>'
    if axes.categories:
        every = math.ceil(len(axes.categories) / _WORDS)
        room = max(3, min(_WORD, 80 // max(1, math.ceil(len(axes.categories) / every))))
        labels = [
            (float(i), escape(elide(one_line(word), room)))
            for i, word in enumerate(axes.categories)
            if i % every == 0
        ]
    else:
        whole = marks(Span(axes.x.low, axes.x.high))
        labels = [(mark, _text(mark)) for mark in whole]
    for value, text in labels:
        x = _x(axes, value)
        yield f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{base}" y2="{base + 4}"/>'
        yield f'<text class="mark" x="{x:.1f}" y="{base + 18}" text-anchor="middle">{text}</text>'
    middle = (_LEFT + WIDTH - _RIGHT) / 2
    name = escape(elide(one_line(title), 60))
    yield f'<text class="title" x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">{name}</text>'


def _line(points: list[tuple[float, float]], name: str, colour: str, axes: Axes) -> Iterator[str]:
    path: list[str] = []
    begun = False
    for x, y in points:
        if math.isnan(y):
            begun = False
            continue
        path.append(f"{'L' if begun else 'M'}{_x(axes, x):.1f} {_y(axes, y):.1f}")
        begun = True
    yield f'<path class="line {colour}" d="{"".join(path)}"/>'
    alone = [
        point
        for i, point in enumerate(points)
        if (i == 0 or math.isnan(points[i - 1][1])) and (i + 1 == len(points) or math.isnan(points[i + 1][1]))
    ]
    yield from _dots(points if len(points) <= _DOTTED else alone, name, colour, axes)


def _dots(points: list[tuple[float, float]], name: str, colour: str, axes: Axes) -> Iterator[str]:
    for x, y in points:
        if not math.isnan(y):
            told = _told(name, x, y, axes)
            yield f'<circle class="dot {colour}" cx="{_x(axes, x):.1f}" cy="{_y(axes, y):.1f}" r="3">{told}</circle>'


def _bars(points: list[tuple[float, float]], name: str, colour: str, axes: Axes) -> Iterator[str]:
    room = 0.8 * (_x(axes, 1) - _x(axes, 0))
    width = room / len(axes.names)
    number = axes.names.index(name)
    zero = _y(axes, 0)
    for x, y in points:
        if math.isnan(y):
            continue
        left = _x(axes, x) - room / 2 + number * width
        top, bottom = sorted((_y(axes, y), zero))
        yield (
            f'<rect class="bar {colour}" x="{left:.1f}" y="{top:.1f}" width="{max(width - 1, 0.5):.1f}" '
            f'height="{bottom - top:.1f}">{_told(name, x, y, axes)}</rect>'
        )


def _told(name: str, x: float, y: float, axes: Axes) -> str:
    where = one_line(axes.categories[int(x)]) if axes.categories else number_text(x, _DIGITS)
    return f"<title>{escape(f'{where}: {one_line(name)} {number_text(y, _DIGITS)}')}</title>"


def _text(mark: float) -> str:
    return number_text(int(mark) if float(mark).is_integer() and abs(mark) < 1e6 else mark, _DIGITS)
