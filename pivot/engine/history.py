"""The runs that were: what the history tells of each, and which one a word means."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from pivot.core.state import past_reason
from pivot.errors import UsageError
from pivot.model.decision import Decision
from pivot.model.digest import Digest
from pivot.model.event import (
    Event,
    Outcome,
    RunFinished,
    RunStarted,
    StageDecided,
    StageFinished,
    StageStarted,
)
from pivot.paths import ProjectPath, absolute
from pivot.store.history import ask_to_stop, is_going_on, list_runs, read_events
from pivot.store.layout import Layout

LAST = "last"
"""The word for the newest run."""

_TIME = re.compile(r"(\d{8}-\d{6}-\d{6})-")
_BACK = re.compile(r"-([1-9]\d*)")
_SHORTEST = len("20260102-030405")


class RunState(StrEnum):
    """How a run ended, if it did."""

    FINISHED = "finished"
    CANCELLED = "cancelled"
    RUNNING = "running"
    KILLED = "killed"  # its process ended before the run did


@dataclass(frozen=True, slots=True)
class PastStage:
    """What became of a stage in a run.

    Attributes:
        outcome: ``None`` where it did not end: it runs still, or the run was killed.
        reason: one line: of a failed stage its message, else why it was run or restored.
        seconds: wall time; 0 where nothing ran.
        log: project path of its output, empty where nothing ran.
        record: the name of its result in the history, where it has one.
        attempts: how often it was begun; 0 where nothing ran.
    """

    stage: str
    outcome: Outcome | None
    reason: str
    seconds: float = 0.0
    log: str = ""
    traceback: str = ""
    hint: str | None = None
    record: Digest | None = None
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class PastRun:
    """What the history tells of a run.

    Attributes:
        short: the beginning of its id that no other run's id has.
        began: in UTC; ``None`` if nobody knows.
        seconds: wall time; ``None`` while it goes on, or if it was killed.
        targets: what was asked for, as written; empty where everything was.
        stages: those that it was about, in the order in which they ended; then those that did not.
        executor: where they ran: ``local``, ``dask`` or ``ray``.
    """

    id: str
    short: str
    began: datetime | None
    seconds: float | None
    state: RunState
    targets: tuple[str, ...]
    stages: tuple[PastStage, ...]
    executor: str = "local"

    def counts(self) -> Mapping[Outcome, int]:
        """How many stages had each outcome that occurred."""
        outcomes = [stage.outcome for stage in self.stages]
        return {outcome: outcomes.count(outcome) for outcome in Outcome if outcome in outcomes}


def past_runs(layout: Layout, most: int | None = None) -> tuple[PastRun, ...]:
    """The runs that the history keeps, newest first; at most so many."""
    ids = list_runs(layout)
    chosen = reversed(ids[-most:] if most else ids)
    return tuple(_past_run(layout, run, ids) for run in chosen)


def past_run(layout: Layout, word: str) -> PastRun:
    """The run that a word means.

    Raises:
        UsageError: none, or several.
    """
    ids = list_runs(layout)
    return _past_run(layout, run_meant(word, ids), ids)


def stop_runs(layout: Layout, stages: Sequence[str] = (), run: str = "") -> tuple[str, ...]:
    """Ask all runs that are going on in this project to end early; gives their short ids.

    Args:
        stages: names of those without which they are to go on; none for whole runs.
        run: a word as in `past_run`, for the one run that is meant; if it is over, nothing happens.

    Raises:
        UsageError: no run that is going on has such a stage, or there is no such run.
    """
    ids = list_runs(layout)
    meant = (run_meant(run, ids),) if run else ids
    going = {one: _chosen(layout, one) for one in meant if is_going_on(layout, one)}
    strange = [stage for stage in stages if not any(stage in chosen for chosen in going.values())]
    if strange:
        raise UsageError(
            f"no run that is going on has the stage '{strange[0]}'", "see the last runs: pivot history"
        )
    for one, chosen in going.items():
        of_it = [stage for stage in stages if stage in chosen]
        if of_it or not stages:
            ask_to_stop(layout, one, of_it)
    return tuple(short_id(one, ids) for one, chosen in going.items() if not stages or chosen & {*stages})


def _chosen(layout: Layout, run: str) -> frozenset[str]:
    """The stages of a run."""
    events = read_events(layout, run, output=False)
    return frozenset(name for event in events if isinstance(event, RunStarted) for name in event.stages)


def last_traceback(layout: Layout, stage: str) -> str:
    """The traceback of a stage's last execution, with a line's end; empty if it did not fail, or never ran.

    Args:
        stage: its key.
    """
    for run in reversed(list_runs(layout)):
        log = layout.log_file(run, stage)
        if os.path.exists(log):
            failed = (e for e in read_events(layout, run, output=False) if isinstance(e, StageFinished))
            found = [
                e.traceback for e in failed if e.log and absolute(ProjectPath(e.log), layout.root) == log
            ]
            return f"{found[0].rstrip()}\n" if found and found[0] else ""
    return ""


def run_meant(word: str, ids: Sequence[str]) -> str:
    """The one run that a word means; see `runs_meant`.

    Raises:
        UsageError: none, or several.
    """
    if not ids:
        raise UsageError("there is no run in the history yet", "run something: pivot repro")
    found = runs_meant(word, ids)
    if not found:
        raise UsageError(
            f"there is no run {word!r}", "see them: pivot history; of a stage: pivot show last STAGE"
        )
    if len(found) > 1:
        raise UsageError(f"{len(found)} runs begin with {word!r}", "write more of it: see pivot history")
    return found[0]


def runs_meant(word: str, ids: Sequence[str]) -> tuple[str, ...]:
    """The ids that a word may mean: ``last``, ``-1`` (the last), ``-2`` (the one before), or how an id begins.

    Args:
        ids: of all runs, oldest first.
    """
    back = 1 if word == LAST else int(match[1]) if (match := _BACK.fullmatch(word)) else 0
    if back:
        return (ids[-back],) if back <= len(ids) else ()
    if word in ids:
        return (word,)
    return tuple(run for run in ids if word and run.startswith(word))


def short_id(run: str, ids: Sequence[str]) -> str:
    """The beginning of a run's id that no other has; at least its date and time."""
    others = [other for other in ids if other != run]
    sizes = range(_SHORTEST, len(run))
    return next((run[:size] for size in sizes if not any(o.startswith(run[:size]) for o in others)), run)


def _past_run(layout: Layout, run: str, ids: Sequence[str]) -> PastRun:
    events = read_events(layout, run, output=False)
    end = next((event for event in events if isinstance(event, RunFinished)), None)
    if end is None:
        state = RunState.RUNNING if is_going_on(layout, run) else RunState.KILLED
    else:
        state = RunState.CANCELLED if end.cancelled else RunState.FINISHED
    start = next((event for event in events if isinstance(event, RunStarted)), None)
    return PastRun(
        id=run,
        short=short_id(run, ids),
        began=_began(layout, run),
        seconds=end.seconds if end is not None else None,
        state=state,
        targets=start.targets if start is not None else (),
        stages=_stages(events, start.stages if start is not None else (), state),
        executor=start.executor if start is not None else "local",
    )


def _stages(events: Sequence[Event], planned: Sequence[str], state: RunState) -> tuple[PastStage, ...]:
    why: dict[str, str] = {}
    logs: dict[str, str] = {}
    begun: dict[str, int] = {}
    ended: dict[str, PastStage] = {}
    for event in events:
        match event:
            case StageDecided():
                why[event.stage] = past_reason(Decision(event.stage, event.verdict, event.changes))
            case StageStarted():
                logs[event.stage] = event.log
                begun[event.stage] = event.attempt
            case StageFinished():
                reason = event.reason or (why.get(event.stage, "") if event.outcome is Outcome.RAN else "")
                ended[event.stage] = PastStage(
                    event.stage,
                    event.outcome,
                    reason,
                    event.seconds,
                    event.log,
                    event.traceback,
                    event.hint,
                    event.record,
                    begun.get(event.stage, 0),
                )

    def told(name: str) -> str:
        return why.get(name, "") if state is RunState.RUNNING else "the run was killed"

    rest = [
        PastStage(name, None, told(name), log=logs.get(name, ""), attempts=begun.get(name, 0))
        for name in planned
        if name not in ended
    ]
    return (*ended.values(), *rest)


def _began(layout: Layout, run: str) -> datetime | None:
    match = _TIME.match(run)
    if match:
        try:
            return datetime.strptime(match[1], "%Y%m%d-%H%M%S-%f").replace(tzinfo=UTC)
        except ValueError:
            pass
    try:
        return datetime.fromtimestamp(os.stat(layout.run_folder(run)).st_mtime, UTC)
    except OSError:
        return None


def log_text(root: str, end: PastStage) -> str:
    """What a stage wrote to stdout and stderr in a run; empty where it did not run."""
    if not end.log:
        return ""
    try:
        with open(absolute(ProjectPath(end.log), root), encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
