"""When which stage is checked and executed: a state machine, events in and commands out.

It does no I/O, reads no clock and starts nothing. Nothing but events changes its state, so a list of them is a
complete account of a run; see `pivot.core.orders`.
"""

import heapq
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from enum import Enum, auto

from pivot.core.admission import Admission, Claim, Line
from pivot.core.orders import (
    CancelRequested,
    Check,
    Command,
    Conclude,
    Decided,
    Done,
    Ended,
    Event,
    Execute,
    Gather,
    Interrupt,
    Paused,
    Recall,
    Resumed,
    Spread,
    Staffed,
)
from pivot.core.spread import Spreads
from pivot.core.urgency import urgency
from pivot.model.event import Outcome
from pivot.model.resources import Resources

_REPORTED = frozenset((Outcome.RAN, Outcome.RESTORED, Outcome.UNCHANGED, Outcome.FAILED, Outcome.CANCELLED))


class _Phase(Enum):
    WAITING = auto()  # for upstream
    CHECKING = auto()
    SETTLING = auto()  # needs no run; its end is awaited
    READY = auto()  # needs a slot, its resources and its mutexes
    RUNNING = auto()
    PAUSED = auto()  # will be ready again
    ENDED = auto()


class Scheduler:
    """Schedules stages once: greedy, longest remaining path first, within slots, resources and mutexes.

    After a failure, stages downstream are blocked; without ``keep_going`` those running finish and all others
    are cancelled. After `CancelRequested` those running are interrupted and all others are cancelled. One that
    pauses holds nothing. A stage that waits for one still at work is concluded only when that one has ended, so
    it is blocked, not cancelled, if that fails.

    Items that are known to take only a moment are handed out ahead of the slots, as many as whoever executes them
    takes (`Staffed`): else a worker would wait for the next one as long as it takes to hear of the last one's end.

    Args:
        upstream: each stage to schedule with those among them that it reads from (`Graph.among`).
        jobs: how many stages may be executed at once; at least 1. One with several cpus counts as that many.
        mutex: stage → names no two running stages may share; ``*`` excludes all others.
        resources: stage → what it takes while it runs.
        capacity: resource → how much those running may take of it together; what is not named has no limit.
        durations: stage → expected seconds, for the choice of what goes first; 1.0 where unknown.
        keep_going: whether stages that do not rest on a failed one still run.
    """

    def __init__(
        self,
        upstream: Mapping[str, Collection[str]],
        *,
        jobs: int,
        mutex: Mapping[str, Collection[str]] | None = None,
        resources: Mapping[str, Resources] | None = None,
        capacity: Mapping[str, float] | None = None,
        durations: Mapping[str, float] | None = None,
        keep_going: bool = False,
    ) -> None:
        if jobs < 1:
            raise ValueError(f"jobs must be at least 1, not {jobs}")
        self._upstream = {name: tuple(feeders) for name, feeders in upstream.items()}
        self._downstream: dict[str, list[str]] = {name: [] for name in upstream}
        for name, feeders in self._upstream.items():
            for feeder in feeders:
                self._downstream[feeder].append(name)
        self._keep_going = keep_going
        self._admission = Admission(jobs, capacity or {})
        plain, wanted, groups = Resources(), resources or {}, mutex or {}
        self._claim = {
            name: self._admission.claim(wanted.get(name, plain), groups.get(name, ())) for name in upstream
        }
        self._urgency = urgency(self._upstream, self._downstream, durations or {})
        self._phase = dict.fromkeys(upstream, _Phase.WAITING)
        self._awaited = {name: len(feeders) for name, feeders in self._upstream.items()}
        self._outcome: dict[str, Outcome] = {}
        self._cause: dict[str, str] = {}
        self._ready: dict[Claim, Line] = {}
        self._paused: set[str] = set()
        self._spreads = Spreads()
        self._stop_cause: str | None = None  # the failed stage, or "" for a person; None while all goes on
        self._cancelled = False
        self._started = False
        self._done = False

    @property
    def is_stopping(self) -> bool:
        """Whether nothing is begun any more."""
        return self._stop_cause is not None

    @property
    def stop_cause(self) -> str | None:
        """The stage that failed, so that nothing is begun any more; empty if a person wanted it; else ``None``."""
        return self._stop_cause

    def start(self) -> list[Command]:
        """The first commands. To be called once, before any event."""
        if self._started:
            raise ValueError("the scheduler was started before")
        self._started = True
        roots = [name for name, feeders in self._upstream.items() if not feeders]
        return self._finished([*self._opened(roots)])

    def handle(self, event: Event) -> list[Command]:
        """The commands that follow from an event.

        Raises:
            ValueError: the event cannot be (a stage that is not at work ended, an unknown stage).
        """
        if not self._started:
            raise ValueError(f"{event} cannot be: the scheduler has not started")
        commands: list[Command] = []
        match event:
            case Decided(stage, needs_run):
                self._require(event, stage, _Phase.CHECKING)
                self._decided(stage, needs_run, commands)
            case Ended(stage, outcome, seconds):
                self._require(event, stage, _Phase.CHECKING, _Phase.SETTLING, _Phase.RUNNING, _Phase.PAUSED)
                if outcome not in _REPORTED:
                    raise ValueError(f"{event}: only the scheduler concludes so")
                self._ended(stage, outcome, seconds, commands)
            case Paused(stage):
                self._require(event, stage, _Phase.RUNNING, _Phase.SETTLING)
                self._pause(stage, commands)
            case Resumed(stage):
                self._require(event, stage, _Phase.PAUSED)
                self._paused.discard(stage)
                self._line_up(stage)
            case Spread(stage, items, most):
                self._require(event, stage, _Phase.RUNNING)
                self._spread(stage, items, most, commands)
            case Staffed(slots, ahead):
                self._admission.take_ahead(slots, ahead)
            case CancelRequested():
                self._cancel(commands)
        self._dispatch(commands)
        return self._finished(commands)

    def _finished(self, commands: list[Command]) -> list[Command]:
        if not self._done and len(self._outcome) == len(self._phase):
            self._done = True
            commands.append(Done())
        return commands

    def _require(self, event: Event, stage: str, *phases: _Phase) -> None:
        phase = self._phase.get(stage)
        if phase not in phases:
            raise ValueError(f"{event} cannot be: the stage is {phase.name.lower() if phase else 'unknown'}")

    def _decided(self, stage: str, needs_run: bool, commands: list[Command]) -> None:
        if not needs_run:
            self._phase[stage] = _Phase.SETTLING
        elif self._stop_cause is not None:
            self._conclude(stage, Outcome.CANCELLED, self._stop_cause, commands)
        else:
            self._line_up(stage)

    def _line_up(self, stage: str) -> None:
        self._phase[stage] = _Phase.READY
        rank = (-self._urgency[stage][0], self._urgency[stage][1], stage)
        heapq.heappush(self._ready.setdefault(self._claim[stage], []), rank)

    def _pause(self, stage: str, commands: list[Command]) -> None:
        self._admission.give(stage)
        if self._stop_cause is not None:
            self._conclude(stage, Outcome.CANCELLED, self._stop_cause, commands)
        else:
            self._phase[stage] = _Phase.PAUSED
            self._paused.add(stage)

    def _spread(self, stage: str, items: tuple[str, ...], most: int | None, commands: list[Command]) -> None:
        self._admission.give(stage)
        self._phase[stage] = _Phase.SETTLING
        path, number = self._urgency[stage]
        for place, item in enumerate(items, start=1):
            self._urgency[item] = (path, number + place / (len(items) + 1))
            self._claim[item] = self._claim[stage]
        for item in self._spreads.open(stage, () if self.is_stopping else items, most):
            self._line_up(item)
        if self._spreads.close_if_over(stage):
            commands.append(Gather(stage))

    def _item_ended(self, item: str, stage: str, seconds: float | None, commands: list[Command]) -> None:
        self._admission.give(item)
        del self._phase[item]
        for name in self._spreads.end(item, seconds):
            self._line_up(name)
        if self._spreads.close_if_over(stage):
            commands.append(Gather(stage))

    def _ended(self, stage: str, outcome: Outcome, seconds: float | None, commands: list[Command]) -> None:
        whole = self._spreads.stage_of(stage)
        if whole is not None:
            self._item_ended(stage, whole, seconds, commands)
            return
        self._admission.give(stage)
        self._paused.discard(stage)
        opened = self._close(stage, outcome, "")
        if outcome is Outcome.FAILED:
            for name in self._waiting_below(stage):
                commands.append(Conclude(name, Outcome.BLOCKED, stage))
                opened += self._close(name, Outcome.BLOCKED, stage)
        self._settle(opened, commands)
        if outcome is Outcome.FAILED and not self._keep_going:
            self._stop(stage, commands)
            items = [name for name in self._admission.holders if self._spreads.stage_of(name) is not None]
            commands.extend(Recall(item) for item in items)

    def _cancel(self, commands: list[Command]) -> None:
        if self._cancelled:
            return
        self._cancelled = True
        self._stop("", commands)
        running = sorted(self._admission.holders, key=lambda name: self._urgency[name][1])
        commands.extend(Interrupt(name) for name in running)

    def _stop(self, cause: str, commands: list[Command]) -> None:
        """Start nothing more: what was ready or paused is cancelled, what waits follows as its upstream ends."""
        if self._stop_cause is None:
            self._stop_cause = cause
        names = [name for heap in self._ready.values() for _, _, name in heap]
        names += self._paused
        self._ready.clear()
        self._paused.clear()
        self._spreads.stop()
        for name in sorted(names, key=lambda name: self._urgency[name][1]):
            whole = self._spreads.stage_of(name)
            if whole is not None:
                self._item_ended(name, whole, None, commands)
                continue
            self._conclude(name, Outcome.CANCELLED, self._stop_cause, commands)

    def _conclude(self, stage: str, outcome: Outcome, cause: str, commands: list[Command]) -> None:
        commands.append(Conclude(stage, outcome, cause))
        self._settle(self._close(stage, outcome, cause), commands)

    def _close(self, stage: str, outcome: Outcome, cause: str) -> list[str]:
        """Note an end; the stages for which it was the last thing to wait for."""
        self._phase[stage] = _Phase.ENDED
        self._outcome[stage] = outcome
        self._cause[stage] = cause
        opened = []
        for name in self._downstream[stage]:
            self._awaited[name] -= 1
            if not self._awaited[name]:
                opened.append(name)
        return opened

    def _settle(self, opened: Iterable[str], commands: list[Command]) -> None:
        """Go on with stages whose upstream has all ended: check them, or cancel them and look further."""
        checks: list[str] = []
        front = deque(opened)
        while front:
            name = front.popleft()
            if self._phase[name] is not _Phase.WAITING:
                continue
            cause = self._doom(name)
            if cause is None:
                checks.append(name)
            else:
                commands.append(Conclude(name, Outcome.CANCELLED, cause))
                front.extend(self._close(name, Outcome.CANCELLED, cause))
        commands.extend(self._opened(checks))

    def _doom(self, stage: str) -> str | None:
        """Why a stage must not go on, as the cause of its cancelling; ``None`` if it may."""
        if self._stop_cause is not None:
            return self._stop_cause
        for feeder in self._upstream[stage]:
            if self._outcome[feeder] is Outcome.CANCELLED:
                return self._cause[feeder] or feeder
        return None

    def _opened(self, names: Iterable[str]) -> list[Check]:
        checks = sorted(names, key=lambda name: (-self._urgency[name][0], self._urgency[name][1]))
        for name in checks:
            self._phase[name] = _Phase.CHECKING
        return [Check(name) for name in checks]

    def _waiting_below(self, stage: str) -> list[str]:
        found: set[str] = set()
        front = [stage]
        while front:
            for name in self._downstream[front.pop()]:
                if name not in found and self._phase[name] is _Phase.WAITING:
                    found.add(name)
                    front.append(name)
        return sorted(found, key=lambda name: self._urgency[name][1])

    def _dispatch(self, commands: list[Command]) -> None:
        while (line := self._admission.choose(self._ready, self._spreads.is_brief)) is not None:
            _, _, stage = heapq.heappop(line)
            self._phase[stage] = _Phase.RUNNING
            self._admission.take(stage, self._claim[stage])
            commands.append(Execute(stage))
