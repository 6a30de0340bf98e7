"""How Pivot's own objects look as the value of a cell; text everywhere, a table where there is HTML.

IPython is told of them, since what they are (`pivot.model`) knows nothing of how they are drawn.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from html import escape
from typing import Any

from pivot.core.graph import Graph
from pivot.core.render import StageState, record_html, record_text, state_of
from pivot.model.decision import Decision
from pivot.model.run import Run
from pivot.model.stage import Stage
from pivot_jupyter.shown import Bundle, card, states_after, summary

_FORMS: Mapping[type, Callable[[Any], Bundle]] = {
    Graph: lambda graph: {"text/plain": record_text(graph, {}), "text/html": record_html(graph, {})},
    Stage: lambda stage: card([(stage, None, "")]),
    Decision: lambda decision: _states([(decision.stage, state_of(decision))], ""),
    Run: lambda run: _states(states_after(run).items(), summary(run)),
}


def register(shell: Any) -> None:
    """Tells a shell how to show them."""
    formatter = shell.display_formatter.mimebundle_formatter
    for kind, form in _FORMS.items():
        formatter.for_type(kind, form)


def unregister(shell: Any) -> None:
    """Undoes `register`."""
    formatter = shell.display_formatter.mimebundle_formatter
    for kind in _FORMS:
        formatter.pop(kind, None)


def _states(states: Iterable[tuple[str, StageState]], caption: str) -> Bundle:
    """A line for each stage, without times: the same result looks the same."""
    lines, rows = [], []
    for name, known in states:
        state = replace(known, seconds=None)
        said = f"{state.icon} {state.phrase}"
        lines.append(f"{name}: {said}" + (f" ({state.reason})" if state.reason else ""))
        cells = "".join(
            f'<td style="text-align: left">{escape(text)}</td>' for text in (name, said, state.reason)
        )
        rows.append(f"<tr>{cells}</tr>")
    told = [*lines, *([caption] if caption else [])]
    below = f"<p>{escape(caption)}</p>" if caption else ""
    return {
        "text/plain": "\n".join(told),
        "text/html": f"<table><tbody>{''.join(rows)}</tbody></table>{below}",
    }
