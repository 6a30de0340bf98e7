"""A task and what came of it, between the paths of the project at home and those of its copy on another machine."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from pivot.model.digest import digest_text
from pivot.model.observation import Seen
from pivot.model.task import Failure, Success, Task, TaskResult

_ELSEWHERE = ".pivot/elsewhere"
_Result = TypeVar("_Result", bound=TaskResult)


@dataclass(frozen=True, slots=True)
class Move:
    """The way between two folders.

    Attributes:
        home: the project's root where the driver is, absolute.
        there: where its copy is, absolute.
    """

    home: str
    there: str

    def out(self, path: str) -> str:
        """Where a file of the project is there; one that lies elsewhere keeps its name."""
        return _swapped(path, self.home, self.there)

    def placed(self, path: str) -> str:
        """Where a file is there, also one that lies in no project: an object of a shared cache."""
        moved = self.out(path)
        if moved != path:
            return moved
        return os.path.join(
            self.there, _ELSEWHERE, digest_text(os.path.dirname(path)), os.path.basename(path)
        )

    def back(self, path: str) -> str:
        """Where a file there is at home."""
        return _swapped(path, self.there, self.home)

    def told(self, text: str) -> str:
        """A text for people, as if the stage had run at home."""
        return text.replace(self.there, self.home)


def task_there(task: Task, move: Move, log: str, cache: str) -> Task:
    """The task as it runs on the other machine.

    Args:
        log, cache: there, absolute.
    """
    return replace(
        task,
        modules=tuple(replace(module, filename=move.out(module.filename)) for module in task.modules),
        roots=tuple(map(move.out, task.roots)),
        cwd=move.out(task.cwd),
        deps=tuple(
            replace(
                dep,
                path=move.placed(dep.path),
                items=None if dep.items is None else tuple(map(move.placed, dep.items)),
            )
            for dep in task.deps
        ),
        outs=tuple(
            replace(
                out,
                target=move.out(out.target),
                staging=move.out(out.staging),
                previous=None if out.previous is None else move.placed(out.previous),
            )
            for out in task.outs
        ),
        log=log,
        root=move.there,
        unobserved=tuple(map(move.out, task.unobserved)),
        cache=cache,
    )


def result_at_home(result: _Result, move: Move) -> _Result:
    """What came of it, with the paths of home."""
    if isinstance(result, Success):
        return replace(result, seen=_seen(result.seen, move))
    if isinstance(result, Failure):
        seen = None if result.seen is None else _seen(result.seen, move)
        message, traceback = move.told(result.message), move.told(result.traceback)
        return replace(result, message=message, traceback=traceback, seen=seen)
    return result


def _seen(seen: Seen, move: Move) -> Seen:
    def keyed(table: Mapping[str, str]) -> dict[str, str]:
        return {move.back(path): state for path, state in table.items()}

    return replace(
        seen,
        files=keyed(seen.files),
        written=tuple(map(move.back, seen.written)),
        code=tuple((move.back(file), line) for file, line in seen.code),
        import_code=tuple((move.back(file), line) for file, line in seen.import_code),
        imported={name: move.back(file) for name, file in seen.imported.items()},
    )


def _swapped(path: str, one: str, other: str) -> str:
    return other + path[len(one) :] if path == one or path.startswith(one + os.sep) else path
