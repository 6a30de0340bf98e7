"""Plots within another page or a notebook: pictures that need no style and no script around them."""

import base64
import posixpath
from collections.abc import Sequence
from html import escape

from pivot.core.axes import Axes
from pivot.core.chart import HEIGHT, WIDTH, chart_svg, series_class
from pivot.core.gallery import IMAGES, LIGHT, PlotFile, charts_of
from pivot.core.label import one_line
from pivot.core.points import Chart

LARGEST = 4_000_000
"""Bytes of a picture that are put into the page; a notebook's file keeps them."""

_STYLE = """
.mark, .title { fill: #5a6673; font: 12px system-ui, "DejaVu Sans", sans-serif; }
.grid { stroke: #d9dee4; } .axis { stroke: #5a6673; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; }
"""


def inset_html(plots: Sequence[PlotFile]) -> str:
    """Figures with their captions; the sides of each next to each other. The same for the same bytes."""
    return "\n".join(map(_figure, plots)) + "\n"


def inset_text(plots: Sequence[PlotFile]) -> str:
    """A line for each plot: ``curve.csv (train): line chart of y by x``."""
    return "\n".join(_line(plot) for plot in plots)


def _figure(plot: PlotFile) -> str:
    charts, axes = charts_of(plot)
    pictures = [
        f'<div style="max-width: {WIDTH}px; flex: 1 1 280px">{_side(title, plot)}'
        f"{_picture(plot, title, charts[title], axes)}</div>"
        for title in plot.sides
    ]
    word = f", {plot.word}" if plot.word else ""
    return (
        '<figure style="margin: 0 0 12px 0">\n'
        f"<figcaption><b>{escape(one_line(plot.path))}</b> ({escape(one_line(plot.stage))}{word})</figcaption>\n"
        f'<div style="display: flex; flex-wrap: wrap; gap: 12px">{"".join(pictures)}</div>\n'
        "</figure>"
    )


def _side(title: str, plot: PlotFile) -> str:
    return f"<div><small>{escape(one_line(title))}</small></div>" if len(plot.sides) > 1 else ""


def _picture(plot: PlotFile, title: str, chart: Chart | str | None, axes: Axes | None) -> str:
    data = plot.sides[title]
    alt = escape(one_line(f"{plot.path}: {_what(plot, title, chart)}"))
    if data is None or isinstance(chart, str):
        return f"<p>{alt}</p>"
    if isinstance(chart, Chart):
        return _image(alt, "image/svg+xml", _standalone(chart, axes).encode()) + _legend(chart, axes)
    kind = IMAGES.get(_extension(plot))
    return _image(alt, kind, data) if kind is not None and len(data) <= LARGEST else f"<p>{alt}</p>"


def _image(alt: str, kind: str, data: bytes) -> str:
    uri = f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
    return f'<img alt="{alt}" src="{uri}" style="max-width: 100%; background: #ffffff">'


def _standalone(chart: Chart, axes: Axes | None) -> str:
    """The chart as a file of its own: with its style, on white."""
    colours = "".join(
        f".line.s{i} {{ stroke: {c}; }} .dot.s{i}, .bar.s{i} {{ fill: {c}; }}\n" for i, c in enumerate(LIGHT)
    )
    head, _, rest = chart_svg(chart, axes).partition(">")
    size = f'xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}"'
    ground = f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>'
    return f"{head.replace('<svg', f'<svg {size}', 1)}>\n<style>{_STYLE}{colours}</style>\n{ground}{rest}"


def _legend(chart: Chart, axes: Axes | None) -> str:
    if len(chart.series) < 2:
        return ""
    numbers = [int(series_class(series, axes).removeprefix("s")) for series in chart.series] if axes else []
    items = (
        f'<span style="color: {LIGHT[number]}">■</span> {escape(one_line(series.name))}'
        for number, series in zip(numbers or range(len(chart.series)), chart.series, strict=False)
    )
    return f"<div><small>{' &nbsp; '.join(items)}</small></div>"


def _line(plot: PlotFile) -> str:
    charts, _ = charts_of(plot)
    told = dict.fromkeys(_what(plot, title, charts[title]) for title in plot.sides)
    return f"{plot.path} ({plot.stage}{f', {plot.word}' if plot.word else ''}): {'; '.join(told)}"


def _what(plot: PlotFile, title: str, chart: Chart | str | None) -> str:
    """What a plot is, in words."""
    data = plot.sides[title]
    if data is None:
        return "not there"
    if isinstance(chart, str):
        return f"cannot be drawn: {chart}"
    if chart is not None:
        return f"{chart.kind} chart of {', '.join(series.name for series in chart.series)} by {chart.x}"
    if _extension(plot) not in IMAGES:
        return "no picture that can be shown here"
    return "picture" if len(data) <= LARGEST else f"too large to be shown here ({len(data) // 1_000_000} MB)"


def _extension(plot: PlotFile) -> str:
    return posixpath.splitext(plot.path)[1].lower()
