"""What people see in a notebook: the card of a stage, the lines of a run, the record. Data for `display`."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

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
from pivot.model.event import Event, Notice, Outcome, StageFinished
from pivot.model.run import Run
from pivot.model.stage import Stage
from pivot_jupyter.words import as_magics

Bundle = dict[str, str]
"""Mime type → text."""

LOG_LINES = 12
"""How many of a failed stage's last lines are shown in the cell; the rest is one command away."""


def card(rows: Sequence[tuple[Stage, StageState | None, str]]) -> Bundle:
    """What is shown when stages were defined: one line for each.

    Args:
        rows: the stage, its state, and a note.
    """
    lines, cells = [], []
    for stage, state, note in rows:
        reads = ", ".join(stage.dep_paths()) or "nothing"
        writes = ", ".join(stage.out_paths()) or "nothing"
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
    return {"text/plain": record_text(graph, states), "text/html": record_html(graph, states)}


def states_of(decisions: Iterable[Decision]) -> dict[str, StageState]:
    """What a run would do, by stage."""
    return {decision.stage: state_of(decision) for decision in decisions}


def states_after(run: Run) -> dict[str, StageState]:
    """How stages ended, by name."""
    return {name: state_after(end) for name, end in run.stages.items()}


def line_of(event: Event) -> str:
    """The line that an event deserves in the cell's output; empty for most."""
    if isinstance(event, Notice):
        return f"{event.stage}: {event.text}" if event.stage else event.text
    if isinstance(event, StageFinished) and event.outcome is not Outcome.UNCHANGED:
        state = state_after(event)
        said = f"{state.icon} {state.phrase}  {event.stage}"
        return f"{said}  {event.reason}" if event.reason and event.outcome is Outcome.FAILED else said
    return ""


def failure_text(end: StageFinished, log: str) -> str:
    """A failed stage's story: its traceback, the last lines it wrote, and the way out where it is known."""
    parts = [f"--- {end.stage} failed ---", end.traceback.rstrip() or end.reason]
    tail = log.rstrip().splitlines()
    if tail:
        more = f" (last {LOG_LINES} of {len(tail)} lines; all: %pivot log {end.stage})"
        parts.append(f"log{more if len(tail) > LOG_LINES else ''}:")
        parts.extend(f"  {line}" for line in tail[-LOG_LINES:])
    if end.hint:
        parts.append(f"hint: {as_magics(end.hint)}")
    return "\n".join(parts)


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
