"""A task whose function is called in this very process, by somebody who looks on: what `main` does, step by step."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType, TracebackType
from typing import Any

from pivot.define.sources import ProjectImporter
from pivot.model.task import Failure, Task
from pivot.worker.capture import fresh_warnings
from pivot.worker.context import running
from pivot.worker.desk import KeyLog, stage_desk
from pivot.worker.failures import TaskError, failure_of
from pivot.worker.inject import arguments
from pivot.worker.modules import resolve
from pivot.worker.save import make_room, save
from pivot.worker.seeding import State, put_back, seed_generators, seeded, states
from pivot.worker.surroundings import surroundings

Placed = Callable[[str, CodeType], CodeType]
"""A module's name and its code → the same code with other names of files and numbers of lines."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """One execution under way in this process."""

    _task: Task
    _importer: ProjectImporter
    _moved: Callable[[], dict[str, State]]

    def prepared(self) -> tuple[Callable[..., Any], dict[str, object]]:
        """The stage's function and its arguments, with the generators as a run seeds them.

        Raises:
            BaseException: whatever the import raised, or that a dep cannot be read.
        """
        function = resolve(self._task.function)
        drawn = self._moved()
        values = arguments(self._task)
        make_room(self._task)
        seed_generators(self._task.seed)
        put_back(drawn)
        return function, values

    def check(self, returned: object) -> None:
        """Saves what the function returned where it will be dropped.

        Raises:
            Exception: a run would fail with it.
        """
        save(self._task, returned)

    def failure(self, error: BaseException) -> Failure:
        """What a run would tell of an exception."""
        return failure_of(error, "exception", self._task.modules)

    def origin(self, error: BaseException) -> BaseException:
        """The exception to look into: that of a loader, say, rather than ours that tells of it."""
        return error.__cause__ if isinstance(error, TaskError) and error.__cause__ is not None else error

    def is_own(self, filename: str) -> bool:
        """Whether a file, or a name of our own for a text, holds the project's code."""
        return filename in {text.filename for text in self._task.modules} or self._importer.holds(filename)

    def trace(self, error: BaseException) -> TracebackType | None:
        """The traceback of an exception from where Pivot's own code ends."""
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_globals.get("__name__", "").startswith(_OURS):
            trace = trace.tb_next
        return trace


_OURS = ("pivot.worker.", "pivot_jupyter.", "importlib")


@contextlib.contextmanager
def rehearsing(task: Task, placed: Placed) -> Iterator[Rehearsal]:
    """Folder, environment, modules and random generators are those of a worker meanwhile; all is put back.

    Args:
        task: its outputs must lead nowhere that counts.
        placed: what becomes of the code of project modules before it is executed.
    """
    texts = {text.name: text for text in task.modules}
    before = states()
    with contextlib.ExitStack() as undo:
        undo.enter_context(surroundings(task.cwd, task.environment))
        importer = undo.enter_context(ProjectImporter(task.roots, texts, placed=placed))
        undo.enter_context(fresh_warnings())
        undo.enter_context(running(task))
        undo.enter_context(stage_desk(task, KeyLog()))
        undo.callback(put_back, before)
        moved = undo.enter_context(seeded(task.seed))
        yield Rehearsal(task, importer, moved)
