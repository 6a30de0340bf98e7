"""A graph as lines of text: one line a stage, a lane at the left for each whose readers are still to come."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pivot.core.graph import Graph
from pivot.core.label import cells, cut, elide, one_line, pad
from pivot.core.query import essential_edges
from pivot.core.state import StageState

_WIDEST_NAME = 32
_MOST_LANES = 12


def dag_text(graph: Graph, states: Mapping[str, StageState], width: int = 80) -> str:
    """The graph as text, top to bottom, no line wider than ``width`` columns, without a trailing newline.

    A stage's line leads down from those whose lanes join the line above it; a lane that is crossed is not
    joined. Graphs too broad for lanes name the stages that each one reads from instead.
    """
    edges = essential_edges(graph)
    rows = _Rows.drawn(graph, edges)
    broadest = max((len(row.lanes) for row in rows), default=0)
    if broadest > 2 * _MOST_LANES:
        return "\n".join(_listed(graph, edges, states, width))
    name_width = min(max((cells(one_line(name)) for name in graph.order), default=0), _WIDEST_NAME)
    lines = []
    for row in rows:
        if row.stage is None:
            lines.append(row.lanes.rstrip())
            continue
        state = states.get(row.stage)
        lanes = row.lanes[: row.column] + (state.icon if state else "•") + row.lanes[row.column + 1 :]
        lines.append(_line(pad(lanes, broadest), row.stage, state, name_width, width))
    return "\n".join(lines)


def _line(lanes: str, name: str, state: StageState | None, name_width: int, width: int) -> str:
    line = f"{lanes} {pad(elide(one_line(name), name_width), name_width)}"
    if state is not None:
        line += f"  {one_line(state.phrase)}"
        if state.reason:
            line += f" ({one_line(state.reason)})"
    return cut(line.rstrip(), width)


def _listed(
    graph: Graph, edges: tuple[tuple[str, str], ...], states: Mapping[str, StageState], width: int
) -> list[str]:
    feeders: dict[str, list[str]] = {name: [] for name in graph.order}
    for feeder, name in edges:
        feeders[name].append(elide(one_line(feeder), _WIDEST_NAME))
    name_width = min(max(cells(one_line(name)) for name in graph.order), _WIDEST_NAME)
    lines = []
    for name in graph.order:
        state = states.get(name)
        lines.append(_line(state.icon if state else "•", name, state, name_width, width))
        if feeders[name]:
            more = f" and {len(feeders[name]) - 3} more" if len(feeders[name]) > 3 else ""
            lines.append(cut(f"  ← {', '.join(feeders[name][:3])}{more}", width))
    return lines


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of lanes: of a stage that stands in ``column``, or of the joints above one."""

    lanes: str
    stage: str | None = None
    column: int = 0


@dataclass(slots=True)
class _Rows:
    """Draws the lanes. ``lanes`` holds, for each, the stage it comes from, or ``None`` while it is free."""

    readers: dict[str, int]  # edges still to be drawn, by stage
    lanes: list[str | None] = field(default_factory=list)
    rows: list[_Row] = field(default_factory=list)

    @classmethod
    def drawn(cls, graph: Graph, edges: tuple[tuple[str, str], ...]) -> list[_Row]:
        feeders: dict[str, list[str]] = {name: [] for name in graph.order}
        readers: dict[str, list[str]] = {name: [] for name in graph.order}
        for feeder, name in edges:
            feeders[name].append(feeder)
            readers[feeder].append(name)
        drawing = cls({name: len(below) for name, below in readers.items()})
        for name in _deep_first(graph, feeders, readers):
            drawing.add(name, feeders[name])
        return drawing.rows

    def add(self, name: str, feeders: list[str]) -> None:
        sources = sorted(self.lanes.index(feeder) for feeder in feeders)
        for feeder in feeders:
            self.readers[feeder] -= 1
        ending = [column for column in sources if not self.readers[self.lanes[column] or ""]]
        target = ending[0] if ending else self._free_column()
        if sources:
            self.rows.append(_Row(self._joints(sources, ending, target)))
        for column in ending:
            self.lanes[column] = None
        self.lanes[target] = name
        self._trim()
        self.rows.append(_Row(" ".join("│" if lane else " " for lane in self.lanes), name, 2 * target))
        if not self.readers[name]:
            self.lanes[target] = None
            self._trim()

    def _trim(self) -> None:
        while self.lanes and self.lanes[-1] is None:
            self.lanes.pop()

    def _free_column(self) -> int:
        if None not in self.lanes:
            self.lanes.append(None)
        return self.lanes.index(None)

    def _joints(self, sources: list[int], ending: list[int], target: int) -> str:
        """The line above a stage: from the lanes it reads, along to its own column."""
        first, last = min(*sources, target), max(*sources, target)
        line = []
        for column, lane in enumerate(self.lanes):
            left, right = first < column <= last, first <= column < last
            joins = column in sources or column == target
            up = column in sources
            down = column == target or (lane is not None and column not in ending)
            if joins:
                line.append(_JOINTS[left, right, up, down])
            else:
                line.append("│" if lane else "─" if left else " ")
            line.append("─" if right else " ")
        return "".join(line)


_JOINTS = {
    # left, right, up, down
    (False, False, True, True): "│",
    (False, True, True, True): "├",
    (True, False, True, True): "┤",
    (True, True, True, True): "┼",
    (False, True, False, True): "╭",
    (True, False, False, True): "╮",
    (True, True, False, True): "┬",
    (False, True, True, False): "╰",
    (True, False, True, False): "╯",
    (True, True, True, False): "┴",
}


def _deep_first(graph: Graph, feeders: dict[str, list[str]], readers: dict[str, list[str]]) -> list[str]:
    """A topological order that goes on where it just was, which keeps the lanes few."""
    awaited = {name: len(above) for name, above in feeders.items()}
    stack = [name for name in reversed(graph.order) if not awaited[name]]
    order = []
    while stack:
        name = stack.pop()
        order.append(name)
        opened = []
        for reader in readers[name]:
            awaited[reader] -= 1
            if not awaited[reader]:
                opened.append(reader)
        stack.extend(reversed(opened))
    return order
