"""Stages, states and reasons as the browser is told of them."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

from pivot.core.explain import Explanation, places, title, values, way
from pivot.core.graph import Graph
from pivot.core.render import Progress, StageState, state_after, summary
from pivot.model.decision import Verdict
from pivot.model.event import (
    Event,
    Outcome,
    RunStarted,
    StageDecided,
    StageFinished,
    StageProgress,
    StageRetried,
    StageStarted,
)
from pivot.model.run import Run
from pivot.model.stage import Stage, StageOut
from pivot.model.tree import read_tree
from pivot.model.upstream import is_listed, shown_path
from pivot.paths import ProjectPath
from pivot_jupyter.previews import counted, human_size, preview, size_text
from pivot_jupyter.protocol import (
    PROTOCOL,
    Edge,
    Preview,
    ProgressView,
    Row,
    Snapshot,
    StageView,
    StateName,
    Why,
)

_NAMES: Mapping[Verdict | Outcome | Progress, StateName] = {
    Verdict.UNCHANGED: "cached",
    Verdict.RESTORE: "restore",
    Verdict.RUN: "run",
    Verdict.WAITS: "waits",
    Progress.QUEUED: "queued",
    Progress.RUNNING: "running",
    Outcome.RAN: "ran",
    Outcome.RESTORED: "restored",
    Outcome.UNCHANGED: "cached",
    Outcome.FAILED: "failed",
    Outcome.BLOCKED: "blocked",
    Outcome.CANCELLED: "cancelled",
}

LOG_BYTES = 20_000
"""How much of a log's end a browser is sent."""


def stage_view(name: str, state: StageState, progress: StageProgress | None = None) -> StageView:
    """A stage and its state."""
    return StageView(
        name=name,
        group=name.partition("@")[0],
        state=_NAMES[state.state],
        icon=state.icon,
        phrase=state.phrase,
        reason=state.reason,
        progress=_progress(progress) if progress else None,
        seconds=state.seconds if state.state is Progress.RUNNING else None,
    )


def _progress(said: StageProgress) -> ProgressView:
    return ProgressView(said.done, said.total, said.text, said.failed)


def states_in(event: Event) -> dict[str, StageState]:
    """The states that stages have since an event, by name."""
    match event:
        case RunStarted():
            return dict.fromkeys(event.stages, StageState(Progress.QUEUED))
        case StageDecided() if event.verdict is not Verdict.RUN:
            return {event.stage: StageState(event.verdict)}
        case StageStarted():
            return {event.stage: StageState(Progress.RUNNING)}
        case StageFinished():
            return {event.stage: state_after(event)}
    return {}


def in_cells(event: Event, told: Callable[[str], str]) -> Event:
    """An event whose lines are those of cells.

    Args:
        told: puts them into a text, by the module that ran.
    """
    if isinstance(event, StageFinished) and event.outcome is Outcome.FAILED:
        return replace(event, reason=told(event.reason), traceback=told(event.traceback))
    if isinstance(event, StageRetried):
        return replace(event, reason=told(event.reason))
    return event


def end_text(run: Run) -> tuple[Literal["success", "warning", "error"], str]:
    """How a run ended that nobody waited for: how much it matters, and a line."""
    if run.cancelled:
        return "warning", "The run was stopped"
    failed = run.with_outcome(Outcome.FAILED)
    if failed:
        return "error", "\n".join(f"stage '{name}' failed: {run.stages[name].reason}" for name in failed)
    counts = [(outcome, len(run.with_outcome(outcome))) for outcome in Outcome]
    said = ", ".join(f"{count} {outcome}" for outcome, count in counts if count)
    return "success", f"The run is over: {said}" if said else "The run is over"


def saved_view(graph: Graph, states: Mapping[str, StageState]) -> Snapshot:
    """What is kept in a notebook's file: equal for equal states, so without times and versions."""
    return Snapshot(
        seq=0,
        protocol=PROTOCOL,
        version="",
        stages=tuple(stage_view(name, replace(state, seconds=None)) for name, state in states.items()),
        edges=edges_of(graph, states),
        cells=(),
        run=None,
        summary=summary(states.values()),
        problem="",
    )


def edges_of(graph: Graph, names: Iterable[str]) -> tuple[Edge, ...]:
    """Who reads what whom writes, among some stages."""
    shown = dict.fromkeys(name for name in names if name in graph.order)
    return tuple(Edge(up, name) for name in shown for up in graph.upstream(name) if up in shown)


def whys(found: Explanation) -> tuple[Why, ...]:
    """The reasons why a stage would run."""
    stage = found.stage
    rows = []
    for detail in found.details:
        change = detail.change
        if title(change):
            said = [
                *values(change),
                *places(stage, change),
                ("Path", way(stage, detail.path)),
                ("Note", detail.note),
            ]
            told = tuple(Row(label, text) for label, text in said if text)
            rows.append(Why(title(change), told, tuple(detail.diff)))
    return tuple(rows)


def params_of(stage: Stage) -> tuple[Row, ...]:
    """The params with their values, nested ones under dotted names."""
    return tuple(_flat("", json.loads(stage.params.values))) if stage.params else ()


def _flat(prefix: str, value: object) -> Iterator[Row]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _flat(f"{prefix}.{name}" if prefix else name, inner)
    else:
        yield Row(prefix, json.dumps(value, ensure_ascii=False))


def paths_of(stage: Stage, root: str) -> tuple[tuple[Row, ...], tuple[Row, ...]]:
    """The deps and the outs, with their sizes."""
    deps = tuple(Row(shown_path(path), _size(path, root)) for path in stage.dep_paths())
    outs = tuple(Row(shown_path(path), _size(path, root)) for path in stage.out_paths())
    return deps, outs


def _size(path: ProjectPath, root: str) -> str:
    file = Path(root, path)
    if is_listed(path) and file.is_file():  # it names an object for each item
        entries = read_tree(file.read_text())
        return f"{counted(len(entries), 'item')}, {human_size(sum(entry.size for entry in entries))}"
    return size_text(file)


def previews(outs: Iterable[StageOut], root: str) -> tuple[Preview, ...]:
    """What small outputs look like: pictures, and the first lines of texts."""
    found = (preview(out.path, Path(root, out.path)) for out in outs)
    return tuple(one for one in found if one is not None)
