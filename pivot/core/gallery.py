"""Plots as one HTML page that needs nothing else: images inside, tables drawn, in light and dark."""

import base64
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from pivot.core.axes import Axes, axes_of
from pivot.core.chart import chart_svg, series_class
from pivot.core.label import one_line
from pivot.core.points import MOST_SERIES, Chart, chart_of
from pivot.model.stage import PlotView

IMAGES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".bmp": "image/bmp",
    ".svg": "image/svg+xml",
}
"""Extension of a picture's file → its type."""

_PAGES = (".html", ".htm")
LIGHT = ("#0067b8", "#c8371f", "#2a7a3f", "#7d4fb8", "#a86200", "#00788a", "#a8327d", "#58636e")
"""Colours of the series on white."""
_DARK = ("#6cb6ff", "#ff8f7a", "#6fcf87", "#c8a4ff", "#f0b354", "#5fd0de", "#f59ad0", "#b4bec8")

_STYLE = """
:root { color-scheme: light dark; --ground: #ffffff; --card: #f6f7f9; --text: #1c2733; --soft: #5a6673;
  --rule: #d9dee4; %s }
@media (prefers-color-scheme: dark) { :root { --ground: #14181d; --card: #1d232a; --text: #e6eaee; --soft: #a3aeb9;
  --rule: #39424c; %s } }
body { margin: 0 auto; max-width: 1240px; padding: 24px; background: var(--ground); color: var(--text);
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
h1 { font-size: 22px; margin: 0 0 4px; }
h2 { font: 600 15px/1.4 ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; margin: 0;
  overflow-wrap: anywhere; }
.soft, figcaption { color: var(--soft); }
section { background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: 16px;
  margin: 20px 0; }
header { display: flex; gap: 12px; align-items: baseline; flex-wrap: wrap; margin-bottom: 12px; }
.word { font-size: 13px; padding: 1px 8px; border: 1px solid var(--rule); border-radius: 10px; color: var(--soft); }
.word.changed, .word.added, .word.removed { color: var(--text); border-color: var(--soft); }
.sides { display: grid; gap: 16px; grid-template-columns: repeat(auto-fit, minmax(min(100%%, 380px), 1fr)); }
figure { margin: 0; min-width: 0; }
figcaption { font-size: 13px; margin-bottom: 6px; }
img { max-width: 100%%; background: #ffffff; border-radius: 4px; display: block; }
iframe { width: 100%%; height: 420px; background: #ffffff; border: none; border-radius: 4px; }
.chart { width: 100%%; max-width: 720px; height: auto; display: block; }
.mark, .title { fill: var(--soft); font-size: 12px; }
.grid { stroke: var(--rule); }
.axis { stroke: var(--soft); }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 16px; margin: 6px 0 0; padding: 0;
  font-size: 13px; }
.legend span { display: inline-block; width: 12px; height: 12px; border-radius: 2px; margin-right: 6px; }
.none { border: 1px dashed var(--rule); border-radius: 4px; padding: 24px; color: var(--soft); text-align: center; }
"""


@dataclass(frozen=True, slots=True)
class PlotFile:
    """A plot on each side that is shown.

    Attributes:
        stage: which makes it.
        view: how a table is drawn.
        sides: title of a side → the file's bytes there; ``None`` where it is not to be had.
    """

    path: str
    stage: str
    view: PlotView | None
    sides: Mapping[str, bytes | None]

    @property
    def word(self) -> str:
        """``added``, ``removed``, ``changed`` or ``same`` between two sides; empty with one side."""
        if len(self.sides) < 2:
            return ""
        old, new = self.sides.values()
        if old is None or new is None:
            return "added" if new is not None else "removed" if old is not None else "missing"
        return "same" if old == new else "changed"


def gallery_html(title: str, plots: Sequence[PlotFile]) -> str:
    """The page.

    Args:
        title: what is shown: a side, or two.
        plots: those that changed are put before those that did not.
    """
    ordered = sorted(plots, key=lambda plot: plot.word == "same")
    sections = [_section(plot) for plot in ordered] or ['<p class="soft">There are no plots.</p>']
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            '<head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(one_line(title))}</title>",
            f"<style>{_style()}</style></head>",
            "<body>",
            f'<h1>Plots</h1><div class="soft">{escape(one_line(title))}</div>',
            *sections,
            "</body></html>",
            "",
        ]
    )


def _style() -> str:
    light, dark = ("; ".join(f"--s{i}: {c}" for i, c in enumerate(colours)) for colours in (LIGHT, _DARK))
    rules = [
        f".line.s{i} {{ stroke: var(--s{i}); }} .dot.s{i}, .bar.s{i} {{ fill: var(--s{i}); }} "
        f".legend .s{i} {{ background: var(--s{i}); }}"
        for i in range(MOST_SERIES)
    ]
    return _STYLE % (light, dark) + "\n".join(rules)


def _section(plot: PlotFile) -> str:
    word = f'<span class="word {plot.word}">{plot.word}</span>' if plot.word else ""
    charts, axes = charts_of(plot)
    figures = [_figure(plot, title, charts[title], axes) for title in plot.sides]
    return "\n".join(
        [
            "<section>",
            f"<header><h2>{escape(one_line(plot.path))}</h2>",
            f'<span class="soft">{escape(one_line(plot.stage))}</span>{word}</header>',
            f'<div class="sides">{"".join(figures)}</div>',
            "</section>",
        ]
    )


def charts_of(plot: PlotFile) -> tuple[dict[str, Chart | str | None], Axes | None]:
    """Title of a side → its table's chart, why there is none, or ``None`` for what is no table; the axes of all."""
    charts = {title: _chart(plot, data) for title, data in plot.sides.items()}
    drawn = [chart for chart in charts.values() if isinstance(chart, Chart)]
    axes = axes_of(drawn) if drawn and len({bool(chart.categories) for chart in drawn}) == 1 else None
    return charts, axes


def _chart(plot: PlotFile, data: bytes | None) -> Chart | str | None:
    """The chart of a table, or why there is none; ``None`` for what is no table."""
    if data is None or _extension(plot) in (*IMAGES, *_PAGES, ".pdf"):
        return None
    try:
        return chart_of(plot.path, data, plot.view)
    except ValueError as error:
        return str(error)


def _figure(plot: PlotFile, title: str, chart: Chart | str | None, axes: Axes | None) -> str:
    caption = f"<figcaption>{escape(one_line(title))}</figcaption>" if len(plot.sides) > 1 else ""
    return f"<figure>{caption}{_picture(plot, plot.sides[title], title, chart, axes)}</figure>"


def _picture(
    plot: PlotFile, data: bytes | None, title: str, chart: Chart | str | None, axes: Axes | None
) -> str:
    if data is None:
        return '<div class="none">not there</div>'
    kind = IMAGES.get(_extension(plot))
    if kind is not None:
        alt = escape(one_line(f"{plot.path}, {title}"))
        return f'<img alt="{alt}" src="{_data_uri(kind, data)}">'
    if _extension(plot) in _PAGES:
        # a page of its own that reaches nothing outside its frame
        page = escape(data.decode("utf-8", errors="replace"))
        return (
            f'<iframe title="{escape(one_line(plot.path))}" sandbox="allow-scripts" srcdoc="{page}"></iframe>'
        )
    if _extension(plot) == ".pdf":
        name = escape(posixpath.basename(plot.path))
        uri = _data_uri("application/pdf", data)
        return (
            f'<div class="none"><a download="{name}" href="{uri}">save the PDF ({len(data)} bytes)</a></div>'
        )
    if not isinstance(chart, Chart):
        return f'<div class="none">cannot be drawn: {escape(one_line(chart or ""))}</div>'
    note = f'<p class="soft">{escape(one_line(chart.note))}</p>' if chart.note else ""
    axes = axes or axes_of([chart])
    return chart_svg(chart, axes) + _legend(chart, axes) + note


def _legend(chart: Chart, axes: Axes) -> str:
    items = (
        f'<li><span class="{series_class(series, axes)}"></span>{escape(one_line(series.name))}</li>'
        for series in chart.series
    )
    return f'<ul class="legend">{"".join(items)}</ul>'


def _extension(plot: PlotFile) -> str:
    return posixpath.splitext(plot.path)[1].lower()


def _data_uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
