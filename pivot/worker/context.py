"""The stage that runs in this process, for those public functions that only have a meaning while one runs.

A worker runs one stage at a time, so the process is the scope: threads that a stage starts see the same, which
a context variable would hide from them.
"""

import contextlib
import functools
import os
import pathlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from pivot.config.spelling import did_you_mean
from pivot.errors import UsageError
from pivot.model.context import RunContext
from pivot.model.task import Task, TaskOut
from pivot.worker.bars import tqdm_bars
from pivot.worker.offspring import handed_on
from pivot.worker.report import Reporter, progress_file

Note = Callable[[str, object], None]
"""Takes a pointer into the run context and what was seen there: a state, or a `pivot.model.context.Read`."""


def unnoted(_at: str, _seen: object) -> None:
    """The `Note` where nobody observes."""


@dataclass(frozen=True, slots=True)
class Running:
    """A stage, where it says how far it is, and who notes what it asks of its run context."""

    task: Task
    reporter: Reporter
    note: Note = unnoted


@contextlib.contextmanager
def running(task: Task, note: Note = unnoted) -> Iterator[None]:
    """Meanwhile `current` gives this task."""
    reporter = Reporter(progress_file(task.log))
    one, stack = Running(task, reporter, note), _stack()
    stack.append(one)
    try:
        with tqdm_bars(reporter), handed_on(told(task), note):
            yield
    finally:
        stack.remove(one)
        reporter.close()


def told(task: Task) -> RunContext:
    """What the run context of a stage says."""
    return replace(task.context, executor=task.executor, attempt=task.attempt)


def current() -> Running | None:
    """The stage that runs now, if one does."""
    stack = _stack()
    return stack[-1] if stack else None


def out_path(key: str | None = None) -> Any:
    """Where an output of the stage that runs belongs, overrides and variants included.

    For an output that the stage writes itself it is the path to write to. Any other is saved by Pivot when the
    stage has returned; its path is good for labels and messages, and what is written there is replaced.

    Args:
        key: of the output, as in the returned dict; may be left out where the stage has only one.

    Returns:
        A `pathlib.Path` relative to the current directory, which is the stage's folder (absolute, once the stage
        has moved to another); of an output with several paths the list of them.

    Raises:
        UsageError: no stage runs here, or it has no such output.
    """
    one = current()
    if one is None:
        raise UsageError(
            "pivot.out_path() works only while a stage runs",
            "call it in the stage's function and pass the path on: to other processes, too",
        )
    task = one.task
    outs = [out for out in task.outs if key is None or out.name == key]
    names = list(dict.fromkeys(out.name for out in task.outs))
    if not names:
        raise UsageError(f"stage {task.stage!r} has no outputs, so pivot.out_path() has no path to give")
    if key is None and len(names) > 1:
        raise UsageError(
            f"stage {task.stage!r} has {len(names)} outputs, and pivot.out_path() does not say which",
            f"give it one of {', '.join(map(repr, names))}",
        )
    if not outs:
        raise UsageError(f"stage {task.stage!r} has no output {key!r}", did_you_mean(key, names))
    paths = [_path(out, task) for out in outs]
    return paths if outs[0].index is not None else paths[0]


def _path(out: TaskOut, task: Task) -> pathlib.Path:
    if _is_folder_of(task):
        return pathlib.Path(out.declared)
    return pathlib.Path(os.path.normpath(os.path.join(task.cwd, out.declared)))


def _is_folder_of(task: Task) -> bool:
    try:
        return os.path.samefile(os.curdir, task.cwd)
    except OSError:  # somebody removed it
        return False


@functools.cache
def _stack() -> list[Running]:
    return []
