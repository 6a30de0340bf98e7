"""The runs that other processes do: what happens in them, read from their folders as these grow.

The system wakes us when a folder stirs; what counts is always the look at the files, so an event that gets lost or
comes twice does no harm.
"""

import json
import os
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from pivot.engine.attempt import Tail
from pivot.engine.progress import ProgressTail
from pivot.errors import StoreError
from pivot.model.event import (
    Event,
    Outcome,
    RunFinished,
    StageFinished,
    StageOutput,
    StageStarted,
)
from pivot.paths import ProjectPath, absolute
from pivot.store.events import event_from_json
from pivot.store.history import is_going_on, list_runs
from pivot.store.layout import Layout

STEP = 250
"""Milliseconds between two looks at most while something happens; also how soon the end is noticed."""
HEARTBEAT = 5000
"""Milliseconds after which there is a look though nothing stirred: network folders tell of no change, and nothing
tells that a process was killed."""


@dataclass(slots=True)
class _Running:
    tail: Tail
    progress: ProgressTail


@dataclass(slots=True)
class _Followed:
    """A run of another process, as far as it was read."""

    layout: Layout
    run: str
    offset: int = 0
    running: dict[str, _Running] = field(default_factory=dict)
    counts: dict[Outcome, int] = field(default_factory=dict)
    over: bool = False

    def news(self) -> list[Event]:
        """What happened since the last look."""
        goes_on = is_going_on(self.layout, self.run)  # before the look: then nothing comes after it
        found = self._read()
        for event in found:
            match event:
                case StageStarted(stage, log) if (
                    stage not in self.running
                ):  # another attempt goes on in its log
                    path = absolute(ProjectPath(log), self.layout.root)
                    self.running[stage] = _Running(Tail(path), ProgressTail(stage, path))
                case StageFinished(stage, outcome):
                    self.running.pop(stage, None)
                    self.counts[outcome] = self.counts.get(outcome, 0) + 1
                case RunFinished():
                    self.over = True
        if self.offset and not goes_on and not self.over:  # killed; with nothing written yet, it only begins
            self.over = True
            return [*found, RunFinished(self.run, self.counts, 0.0, cancelled=True)]
        for stage, running in self.running.items():
            if text := running.tail.read():
                found.append(StageOutput(stage, text))
            if standing := running.progress.newest():
                found.append(standing)
        return found

    def _read(self) -> list[Event]:
        try:
            with open(self.layout.events_file(self.run), "rb") as file:
                file.seek(self.offset)
                data = file.read()
        except OSError:
            return []
        whole = data[: data.rfind(b"\n") + 1]
        self.offset += len(whole)
        found = []
        for line in whole.splitlines():
            try:
                found.append(event_from_json(json.loads(line)))
            except ValueError:  # of a newer Pivot
                continue
        return found


def follow(
    layout: Layout, is_ours: Callable[[str], bool], heard: Callable[[str, Event], None], over: threading.Event
) -> None:
    """Tells what happens in runs of other processes, those that are under way first, until `over` is set.

    Args:
        is_ours: whether a run is one of this process, which is not followed.
        heard: takes a run and each event of it, in the order in which they happened.
    """
    known = {run for run in _runs(layout) if not is_going_on(layout, run)}
    followed: dict[str, _Followed] = {}
    while not over.is_set():
        folders = _folders(layout, followed)
        with ExitStack() as stack:
            notify = _alarm(folders, stack)
            while not over.is_set():
                # the alarm is set: what came before it shows in this look, what comes after it rings
                for run in _runs(layout):
                    if run not in known and not is_ours(run):
                        followed[run] = _Followed(layout, run)
                    known.add(run)
                _tell(followed, heard)
                if _folders(layout, followed) != folders:
                    break
                _sleep(notify, over)


def _tell(followed: dict[str, _Followed], heard: Callable[[str, Event], None]) -> None:
    for run, one in tuple(followed.items()):
        for event in one.news():
            heard(run, event)
        if one.over:
            del followed[run]


def _runs(layout: Layout) -> tuple[str, ...]:
    try:
        return list_runs(layout)
    except StoreError:  # whoever needs them says so
        return ()


def _folders(layout: Layout, followed: dict[str, _Followed]) -> frozenset[str]:
    """Where something will show: the folder of all runs, or that in which it will be made; and those of the runs."""
    runs = layout.runs
    while not os.path.isdir(runs) and runs != layout.root:
        runs = os.path.dirname(runs)
    return frozenset([runs, *map(layout.run_folder, followed)])


def _alarm(folders: frozenset[str], stack: ExitStack) -> Any:
    from watchfiles._rust_notify import RustNotify  # lazy: start-up time

    try:
        return stack.enter_context(RustNotify(sorted(folders), False, False, 0, False, True))
    except (OSError, RuntimeError):  # a folder is gone again, or the system's limit of watches is reached
        return None


def _sleep(notify: Any, over: threading.Event) -> None:
    if notify is None:
        over.wait(HEARTBEAT / 1000)
    else:
        notify.watch(STEP, STEP, HEARTBEAT, over)
