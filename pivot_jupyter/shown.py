"""What people see in a notebook: the card of a stage, the lines of a run, the record. Data for `display`."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from pivot.core.explain import (
    Detail,
    Explanation,
    explain_lines,
    headline,
    places,
    title,
    values,
    way,
)
from pivot.core.graph import Graph
from pivot.core.render import StageState, counts_text, record_html, record_text, state_after, state_of
from pivot.model.decision import Decision, Verdict
from pivot.model.event import Event, Notice, Outcome, StageFinished, StageRetried
from pivot.model.run import Run
from pivot.model.stage import Stage
from pivot.model.upstream import shown_path
from pivot_jupyter.protocol import to_json
from pivot_jupyter.views import saved_view
from pivot_jupyter.words import as_magics

Bundle = dict[str, Any]
"""Mime type → text, or JSON."""

DAG = "application/vnd.pivot.dag.v1+json"
"""The graph for a front end that draws it itself, alive where it hears the kernel."""

TRACEBACK_LINES = (16, 24)
"""How many lines of a long traceback are shown: from its beginning, and to its end."""

LINE = 400
"""Characters of a line that are shown."""

LOG_LINES = 12
"""How many of a failed stage's last lines are shown in the cell; the rest is one command away."""


CardRow = tuple[Stage, StageState | None, str]
"""A stage, its state, and a note."""


def card(rows: Sequence[CardRow]) -> Bundle:
    """What is shown when stages were defined: one line for each."""
    lines, cells = [], []
    for stage, state, note in rows:
        reads = ", ".join(map(shown_path, stage.dep_paths())) or "nothing"
        writes = ", ".join(map(shown_path, stage.out_paths())) or "nothing"
        said = _said(state, note)
        lines.append(f"{stage.name}: {reads} → {writes}  {said}".rstrip())
        cells.append(
            f"<tr><td><b>{escape(stage.name)}</b></td><td>{escape(reads)} → {escape(writes)}</td>"
            f"<td>{escape(said)}</td></tr>"
        )
    return {
        "text/plain": "\n".join(lines),
        "text/html": f"<table><tbody>{''.join(cells)}</tbody></table>",
    }


def _said(state: StageState | None, note: str) -> str:
    words = f"{state.icon} {state.phrase}" if state is not None else ""
    reasons = "; ".join(text for text in (state.reason if state is not None else "", note) if text)
    return f"{words} ({reasons})" if words and reasons else words or reasons


def record(graph: Graph, states: Mapping[str, StageState]) -> Bundle:
    """The graph with its states, readable without a kernel; the same for the same states."""
    return {
        "text/plain": record_text(graph, states),
        "text/html": record_html(graph, states),
        DAG: to_json(saved_view(graph, states)),
    }


def record_below(graph: Graph, states: Mapping[str, StageState]) -> Bundle:
    """The record below a widget that shows the same: it is what stays when the kernel is gone."""
    head = "<summary>The graph as it was when the cell ran</summary>"
    return {
        "text/plain": record_text(graph, states),
        "text/html": f"<details>{head}{record_html(graph, states)}</details>",
    }


def states_of(decisions: Iterable[Decision]) -> dict[str, StageState]:
    """What a run would do, by stage."""
    return {decision.stage: state_of(decision) for decision in decisions}


def states_after(run: Run) -> dict[str, StageState]:
    """How stages ended, by name."""
    return {name: state_after(end) for name, end in run.stages.items()}


def line_of(event: Event) -> str:
    """The line that an event deserves in the cell's output; empty for most."""
    if isinstance(event, Notice | StageRetried):
        return f"{event.stage}: {event.text}" if event.stage else event.text
    if isinstance(event, StageFinished) and event.outcome is not Outcome.UNCHANGED:
        state = state_after(event)
        said = f"{state.icon} {state.phrase}  {event.stage}"
        return f"{said}  {event.reason}" if event.reason and event.outcome is Outcome.FAILED else said
    return ""


def failure_text(end: StageFinished, log: str) -> str:
    """A failed stage's story: its traceback, the last lines it wrote, and the way out where it is known."""
    parts = [f"--- {end.stage} failed ---", _shortened(end.traceback.rstrip(), end.stage) or end.reason]
    tail = log.rstrip().splitlines()
    if tail:
        more = f" (last {LOG_LINES} of {len(tail)} lines; all: %pivot log {end.stage})"
        parts.append(f"log{more if len(tail) > LOG_LINES else ''}:")
        parts.extend(f"  {_cut(line)}" for line in tail[-LOG_LINES:])
    if end.hint:
        parts.append(f"hint: {as_magics(end.hint)}")
    return "\n".join(parts)


def _shortened(traceback: str, stage: str) -> str:
    """A traceback with its middle left out, where it is long: a deep recursion, a message of many lines."""
    lines = traceback.splitlines()
    head, tail = TRACEBACK_LINES
    if len(lines) > head + tail + 1:
        left_out = len(lines) - head - tail
        lines = [*lines[:head], f"  … {left_out} lines more: %pivot log {stage}", *lines[-tail:]]
    return "\n".join(map(_cut, lines))


def _cut(line: str) -> str:
    return line if len(line) <= LINE else f"{line[:LINE]}…"


def status_text(decisions: Sequence[Decision]) -> str:
    """One line a stage, then the count."""
    width = max((len(decision.stage) for decision in decisions), default=0)
    lines = []
    for decision in decisions:
        reason = "" if decision.verdict is Verdict.UNCHANGED else headline(decision)
        state = StageState(decision.verdict, reason)
        lines.append(f"{state.icon} {state.phrase:<14} {decision.stage:<{width}}  {reason}".rstrip())
    return "\n".join([*lines, counts_text(decisions)])


def why(found: Sequence[Explanation], count: int) -> Bundle:
    """All reasons, stage by stage.

    Args:
        found: of the stages to tell of.
        count: how many stages there are.
    """
    if not found:
        said = "the stage is" if count == 1 else f"all {count} stages are"
        return {"text/plain": f"nothing would run: {said} up to date"}
    return {
        "text/plain": "\n\n".join("\n".join(explain_lines(one)) for one in found),
        "text/html": "\n".join(map(_why_html, found)),
    }


def _why_html(found: Explanation) -> str:
    state = state_of(found.decision)
    reason = f": {headline(found.decision)}" if state.reason else ""
    head = f"<p><b>{escape(found.stage.name)}</b> {escape(f'{state.icon} {state.phrase}{reason}')}</p>"
    items = [_detail_html(found.stage, detail) for detail in found.details if title(detail.change)]
    listed = f"<ul>{''.join(items)}</ul>" if items else ""
    missed = f"<p><small>Not observed: {escape(found.unseen)}</small></p>" if found.unseen else ""
    return f"{head}{listed}{missed}"


def _detail_html(stage: Stage, detail: Detail) -> str:
    change = detail.change
    rows = [*values(change), *places(stage, change), ("Path", way(stage, detail.path)), ("Note", detail.note)]
    said = "; ".join(f"{label}: {text}" for label, text in rows if text)
    diff = "\n".join(map(_diff_html, detail.diff))
    text = f'<pre style="text-align: left">{diff}</pre>' if diff else ""
    return f"<li><code>{escape(title(change))}</code><br>{escape(said)}{text}</li>"


def _diff_html(line: str) -> str:
    """A line of a diff; its colour is the theme's, its sign tells the same."""
    colour = {"+": "success", "-": "error"}.get(line[:1])
    text = escape(line)
    return f'<span style="color: var(--jp-{colour}-color1, currentcolor)">{text}</span>' if colour else text


def summary(run: Run) -> str:
    """``2 ran, 1 restored, 3 unchanged``."""
    counts = [(outcome, len(run.with_outcome(outcome))) for outcome in Outcome]
    return ", ".join(f"{count} {outcome}" for outcome, count in counts if count) or "no stages"
