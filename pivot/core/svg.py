"""A graph as a static SVG picture: no scripts, no fonts from elsewhere, the same bytes for the same graph."""

from collections.abc import Mapping
from html import escape

from pivot.core.graph import Graph
from pivot.core.label import cells, elide, one_line
from pivot.core.layout import Layout, lay_out
from pivot.core.query import essential_edges, layers
from pivot.core.state import Progress, StageState, State
from pivot.model.decision import Verdict
from pivot.model.event import Outcome
from pivot.model.upstream import shown_path

_WIDEST_NAME = 26  # columns
_WIDEST_PHRASE = 30
_NAME_CELL = 8.0  # pixels a column takes at most, in the fonts below
_PHRASE_CELL = 6.4
_HEIGHT = 46.0
_NAME_FONT = (
    'text-anchor="middle" font-size="13" font-weight="600" '
    "font-family=\"ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace\""
)
_PHRASE_FONT = (
    'text-anchor="middle" font-size="11.5" '
    "font-family=\"system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif\""
)

# Boxes bring their own ground, so they read alike on light and dark pages; the wires' grey shows on both.
_WIRE = "#808a97"
_PLAIN = ("#f3f5f7", "#6b7785", "#1c2733")
_COLOURS: Mapping[State, tuple[str, str, str]] = {  # ground, edge, word
    Verdict.UNCHANGED: ("#e3f5e7", "#2f8f4e", "#17602f"),
    Outcome.UNCHANGED: ("#e3f5e7", "#2f8f4e", "#17602f"),
    Verdict.RESTORE: ("#dff4f6", "#1b8796", "#0b5560"),
    Outcome.RESTORED: ("#dff4f6", "#1b8796", "#0b5560"),
    Verdict.RUN: ("#fff0da", "#d07800", "#824800"),
    Verdict.WAITS: ("#fbf6d8", "#a48a00", "#655400"),
    Progress.QUEUED: ("#eceff3", "#77828f", "#414c58"),
    Progress.RUNNING: ("#dfeaff", "#2466d1", "#123f8c"),
    Outcome.RAN: ("#d3efda", "#1d7a3c", "#0f5527"),
    Outcome.FAILED: ("#fde4e1", "#c4362b", "#8a1b13"),
    Outcome.BLOCKED: ("#f3e7f8", "#8447a1", "#5b2a74"),
    Outcome.CANCELLED: ("#e6e6e6", "#5c5c5c", "#3a3a3a"),
}


def dag_svg(graph: Graph, states: Mapping[str, StageState], widest: float = 960.0) -> str:
    """The graph as an SVG document.

    Args:
        graph: at least one stage, or the picture says that there is none.
        states: by stage; one without is drawn plain.
        widest: in pixels; a graph that is longer runs downward instead of to the right.
    """
    width = _box_width(graph, states)
    layout = lay_out(layers(graph), essential_edges(graph), (width, _HEIGHT), widest)
    wires = [_wire(points, layout.rightward) for points in layout.wires.values()]
    boxes = [_box(graph, name, states.get(name), corner, width) for name, corner in layout.boxes.items()]
    return "\n".join([*_head(layout, alt_text(graph, states)), *wires, *boxes, "</svg>", ""])


def alt_text(graph: Graph, states: Mapping[str, StageState]) -> str:
    """The picture in words: ``Pipeline of 2 stages: load cached; train will run (Never run).``"""
    if not graph.order:
        return "Pipeline without stages."
    told = []
    for name in graph.order:
        state = states.get(name)
        words = f" {state.phrase}" if state else ""
        reason = f" ({state.reason})" if state and state.reason else ""
        told.append(one_line(f"{name}{words}{reason}"))
    noun = "stage" if len(told) == 1 else "stages"
    return f"Pipeline of {len(told)} {noun}: {'; '.join(told)}."


def colours(state: State | None) -> tuple[str, str, str]:
    """The ground, edge and text colours of a state."""
    return _PLAIN if state is None else _COLOURS[state]


def _box_width(graph: Graph, states: Mapping[str, StageState]) -> float:
    widest = 0.0
    for name in graph.order:
        state = states.get(name)
        label = min(cells(one_line(name)), _WIDEST_NAME) * _NAME_CELL
        phrase = (min(cells(one_line(state.phrase)), _WIDEST_PHRASE) + 2) * _PHRASE_CELL if state else 0.0
        widest = max(widest, label, phrase)
    return round(max(widest, 60.0) + 24.0)


def _head(layout: Layout, told: str) -> list[str]:
    width, height = max(layout.width, 40.0), max(layout.height, 40.0)
    tip = f'<path d="M0.5 0.5 L7.5 4 L0.5 7.5 Z" fill="{_WIRE}"/>'
    size = f'width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}"'
    arrow = 'viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="7" markerHeight="7" orient="auto"'
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escape(told)}">',
        f'<defs><marker id="pivot-arrow" {arrow}>{tip}</marker></defs>',
    ]


def _wire(points: tuple[tuple[float, float], ...], rightward: bool) -> str:
    (x, y), *rest = points
    path = f"M{x:g} {y:g}"
    for index, (to_x, to_y) in enumerate(rest):
        if (to_y == y and rightward) or (to_x == x and not rightward) or index % 2:
            path += f" L{to_x:g} {to_y:g}"
        elif rightward:
            half = (x + to_x) / 2
            path += f" C{half:g} {y:g} {half:g} {to_y:g} {to_x:g} {to_y:g}"
        else:
            half = (y + to_y) / 2
            path += f" C{x:g} {half:g} {to_x:g} {half:g} {to_x:g} {to_y:g}"
        x, y = to_x, to_y
    return (
        f'<path d="{path}" fill="none" stroke="{_WIRE}" stroke-width="1.5" marker-end="url(#pivot-arrow)"/>'
    )


def _box(graph: Graph, name: str, state: StageState | None, corner: tuple[float, float], width: float) -> str:
    x, y = corner
    ground, edge, ink = colours(state.state if state else None)
    middle = x + width / 2
    label = escape(elide(one_line(name), _WIDEST_NAME))
    dashed = ' stroke-dasharray="4 3"' if state and state.state in (Verdict.WAITS, Progress.QUEUED) else ""
    frame = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{_HEIGHT:g}" rx="6"'
    parts = [
        f"<g><title>{escape(_tooltip(graph, name, state))}</title>",
        f'<rect {frame} fill="{ground}" stroke="{edge}" stroke-width="1.5"{dashed}/>',
        f'<text x="{middle:g}" y="{y + (20 if state else 28):g}" fill="#1c2733" {_NAME_FONT}>{label}</text>',
    ]
    if state is not None:
        phrase = escape(f"{state.icon} {elide(one_line(state.phrase), _WIDEST_PHRASE)}")
        parts.append(f'<text x="{middle:g}" y="{y + 37:g}" fill="{ink}" {_PHRASE_FONT}>{phrase}</text>')
    return "".join([*parts, "</g>"])


def _tooltip(graph: Graph, name: str, state: StageState | None) -> str:
    stage = graph.stage(name)
    told = [name]
    if state is not None:
        told.append(state.phrase + (f": {state.reason}" if state.reason else ""))
    if stage.deps:
        told.append("reads " + ", ".join(map(shown_path, stage.dep_paths())))
    if stage.outs:
        told.append("writes " + ", ".join(map(shown_path, stage.out_paths())))
    return one_line(" · ".join(told))
