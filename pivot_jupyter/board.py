"""What is shown in the browser now: fed with verdicts and events, told in few messages."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from pivot.core.graph import Graph
from pivot.core.render import StageState, summary
from pivot.model.event import (
    Event,
    Outcome,
    RunFinished,
    RunStarted,
    StageFinished,
    StageProgress,
    StageRetried,
    StageStarted,
)
from pivot_jupyter.logs import Logs, log_of
from pivot_jupyter.protocol import PROTOCOL, CellView, Change, FromKernel, RunView, Snapshot, StageView
from pivot_jupyter.views import edges_of, stage_view, states_in

INTERVAL = 0.25
"""Seconds between two messages at least: more of them make a page slow, and nobody sees more."""


EVERYBODY = ""
"""Those whom `Board` tells all but logs."""


@dataclass(slots=True)
class _Running:
    started: float
    progress: StageProgress | None = None


class Board:
    """The state of a notebook's stages, and those who look at it.

    All methods may be called from any thread; `tell` is called from one thread only, the board's own.

    Args:
        version: of Pivot.
        root: of the project, absolute.
        tell: sends a message to somebody who looks, or to `EVERYBODY`.
    """

    def __init__(self, version: str, root: str, tell: Callable[[FromKernel, str], None]) -> None:
        self._version = version
        self._tell = tell
        self._logs = Logs(root)
        self._change = threading.Condition()
        self._states: dict[str, StageState] = {}
        self._running: dict[str, _Running] = {}
        self._graph = Graph(())
        self._cells: tuple[CellView, ...] = ()
        self._run: RunView | None = None
        self._problem = ""
        self._seq = 0
        self._dirty: set[str] = set()
        self._anew = False
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="pivot-board", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Tells nothing any more."""
        with self._change:
            self._closed = True
            self._change.notify_all()
        self._thread.join(timeout=5)

    def show(self, graph: Graph, states: Mapping[str, StageState], cells: Iterable[CellView]) -> None:
        """What a run would do now, in place of all that was shown."""
        with self._change:
            self._graph = graph
            self._states = dict(states)
            self._running.clear()
            self._cells = tuple(cells)
            self._problem = ""
            self._wake_anew()

    def show_nothing(self) -> None:
        """There is no stage yet."""
        with self._change:
            self._states.clear()
            self._graph, self._cells = Graph(()), ()
            self._problem = ""
            self._wake_anew()

    def show_problem(self, problem: str) -> None:
        """Why nothing can be said of the stages; those known last stay."""
        with self._change:
            self._problem = problem
            self._wake_anew()

    def lay_out(self, graph: Graph, cells: Iterable[CellView]) -> None:
        """The graph and the cells as they are now; what is known of the stages stays."""
        with self._change:
            self._graph = graph
            self._states = {name: state for name, state in self._states.items() if name in graph.order}
            self._cells = tuple(cells)
            self._wake_anew()

    def ask(self) -> None:
        """Somebody new looks: everything is told again."""
        with self._change:
            self._wake_anew()

    def shows(self, stage: str) -> bool:
        """Whether a stage is among those that are shown."""
        return stage in self._states

    @property
    def going(self) -> str:
        """The id of the run that is shown as under way; empty if there is none."""
        run = self._run
        return run.run if run is not None and run.going else ""

    def heard(self, event: Event) -> None:
        """Something happened in a run."""
        with self._change:
            self._logs.heard(event)
            match event:
                case RunStarted(run):
                    self._run = RunView(run, going=True, summary="")
                    self._anew = True  # there may be stages that nobody was told of
                case StageStarted(stage):
                    self._running[stage] = _Running(time.monotonic())
                case StageProgress(stage) if stage in self._running:
                    self._running[stage].progress = event
                    self._dirty.add(stage)
                case StageRetried(stage) if stage in self._running:
                    self._running[stage].progress = StageProgress(stage, 0, None, event.text)
                    self._dirty.add(stage)
                case StageFinished(stage):
                    self._running.pop(stage, None)
                case RunFinished(run, counts) if self.going in ("", run):  # not one beside what is shown
                    self._run = RunView(run, going=False, summary=_summary(counts))
                    self._dirty.add("")
            for stage, state in states_in(event).items():
                self._states[stage] = state
                self._dirty.add(stage)
            self._change.notify_all()

    def watch(self, who: str, stage: str) -> None:
        """Somebody looks at the log of a stage: it is told as it grows."""
        with self._change:
            self._logs.watch(who, stage)

    def leave(self, who: str) -> None:
        """Somebody looks no more."""
        with self._change:
            self._logs.leave(who)

    def _wake_anew(self) -> None:
        self._anew = True
        self._change.notify_all()

    def _work(self) -> None:
        told = 0.0
        while True:
            with self._change:
                # a running stage is told of each second, that its clock goes
                if not self._change.wait_for(self._is_due, 1.0 if self._running else None):
                    self._dirty.update(self._running)
                rest = INTERVAL - (time.monotonic() - told)
                if rest > 0 and not self._anew:
                    self._change.wait_for(lambda: self._closed or self._anew, timeout=rest)
                if self._closed:
                    return
                message = self._message() if self._anew or self._dirty else None
                grown = self._logs.take()
            told = time.monotonic()
            if message is not None:
                self._tell(message, EVERYBODY)
            for who, stage, file in grown:
                self._tell(log_of(stage, file), who)

    def _is_due(self) -> bool:
        return self._closed or self._anew or bool(self._dirty) or self._logs.fresh

    def _message(self) -> FromKernel:
        self._seq += 1
        changed, self._dirty = self._dirty, set()
        if self._anew:
            self._anew = False
            return self._snapshot()
        stages = tuple(self._view(name) for name in self._states if name in changed)
        return Change(self._seq, stages, self._run, self._summary())

    def _snapshot(self) -> Snapshot:
        return Snapshot(
            seq=self._seq,
            protocol=PROTOCOL,
            version=self._version,
            stages=tuple(map(self._view, self._states)),
            edges=edges_of(self._graph, self._states),
            cells=self._cells,
            run=self._run,
            summary=self._summary(),
            problem=self._problem,
        )

    def _view(self, name: str) -> StageView:
        state, running = self._states[name], self._running.get(name)
        if running is None:
            return stage_view(name, state)
        seconds = time.monotonic() - running.started
        return stage_view(name, replace(state, seconds=seconds), running.progress)

    def _summary(self) -> str:
        return summary(self._states.values())


def _summary(counts: Mapping[Outcome, int]) -> str:
    return ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
