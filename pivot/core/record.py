"""The static record of a graph: what stays readable in a saved notebook, without a kernel and without trust.

It holds no times: a rerun in which nothing changed gives the same bytes.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape
from textwrap import fill

from pivot.core.fold import folded
from pivot.core.graph import Graph
from pivot.core.label import one_line
from pivot.core.lanes import dag_text
from pivot.core.state import StageState, summary
from pivot.core.svg import alt_text, dag_svg


def record_html(graph: Graph, states: Mapping[str, StageState]) -> str:
    """A figure whose alt text tells the states, and a table of them; all text of users is escaped.

    Many variants of a stage are one box and one row.
    """
    caption = _caption(graph, states)
    graph, timeless = folded(graph, _timeless(states))
    picture = base64.b64encode(dag_svg(graph, timeless).encode()).decode()
    titles = ["Stage", "State"]
    if any(state.reason for state in timeless.values()):
        titles.append("Reason")
    rows = [_row("td", _cells(name, timeless.get(name))[: len(titles)]) for name in graph.order]
    body = "\n".join(rows)
    return (
        '<figure style="margin: 0">\n'
        f'<img alt="{escape(alt_text(graph, timeless))}" src="data:image/svg+xml;base64,{picture}">\n'
        f"<figcaption>{escape(caption)}</figcaption>\n"
        "</figure>\n"
        "<table>\n"
        f"<thead>{_row('th', titles)}</thead>\n"
        f"<tbody>\n{body}\n</tbody>\n"
        "</table>\n"
    )


def record_text(graph: Graph, states: Mapping[str, StageState]) -> str:
    """The same as plain text: the graph, then the counts; no line wider than 80 columns."""
    caption = fill(_caption(graph, states), 80)
    graph, timeless = folded(graph, _timeless(states))
    return f"{dag_text(graph, timeless)}\n\n{caption}" if graph.order else caption


def _timeless(states: Mapping[str, StageState]) -> dict[str, StageState]:
    return {name: replace(state, seconds=None) for name, state in states.items()}


def _caption(graph: Graph, states: Mapping[str, StageState]) -> str:
    count = len(graph.order)
    counts = summary(states[name] for name in graph.order if name in states)
    noun = f"{count} stage" if count == 1 else f"{count} stages"
    return f"{noun}: {counts}" if counts else noun


def _cells(name: str, state: StageState | None) -> list[str]:
    if state is None:
        return [one_line(name), "", ""]
    return [one_line(name), f"{state.icon} {one_line(state.phrase)}", one_line(state.reason)]


def _row(tag: str, cells: Sequence[str]) -> str:
    # front ends align tables to the right, as data frames are
    inner = (f'<{tag} style="text-align: left">{escape(cell)}</{tag}>' for cell in cells)
    return f"<tr>{''.join(inner)}</tr>"
