"""A graph in Mermaid's language, for READMEs and other pages that draw it."""

from collections.abc import Mapping

from pivot.core.graph import Graph
from pivot.core.label import one_line
from pivot.core.query import essential_edges
from pivot.core.state import StageState, state_word
from pivot.core.svg import colours


def dag_mermaid(graph: Graph, states: Mapping[str, StageState]) -> str:
    """The graph as a Mermaid flowchart, without a trailing newline; text of users is escaped."""
    ids = {name: f"s{index}" for index, name in enumerate(graph.order)}
    lines = ["flowchart LR"]
    classes: dict[str, str] = {}
    for name in graph.order:
        state = states.get(name)
        label = _escaped(one_line(name))
        if state is None:
            lines.append(f'  {ids[name]}["{label}"]')
            continue
        ground, edge, ink = colours(state.state)
        kind = state_word(state.state)[1].replace(" ", "-")
        classes[kind] = f"  classDef {kind} fill:{ground},stroke:{edge},color:{ink}"
        phrase = _escaped(one_line(state.phrase))
        lines.append(f'  {ids[name]}["{label}<br>{state.icon} {phrase}"]:::{kind}')
    lines += [f"  {ids[feeder]} --> {ids[name]}" for feeder, name in essential_edges(graph)]
    return "\n".join([*lines, *(classes[kind] for kind in sorted(classes))])


def _escaped(text: str) -> str:
    """Letters, digits and a few harmless signs as they are; all else as Mermaid's numbered characters."""
    return "".join(char if char.isalnum() or char in " _.@-" else f"#{ord(char)};" for char in text)
