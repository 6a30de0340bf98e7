"""Who looks at the log of a running stage, and what there is to show of it."""

import os
from collections import deque
from collections.abc import Iterator

from pivot.model.event import Event, StageFinished, StageOutput, StageStarted
from pivot.paths import ProjectPath, absolute
from pivot_jupyter.protocol import Log
from pivot_jupyter.views import LOG_BYTES

FEW = 4
"""So many stages may be looked at from one page: each of its views may show another one."""


class Logs:
    """The stages that are looked at, and which of their logs have grown.

    Args:
        root: of the project, absolute.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._files: dict[str, str] = {}
        self._watched: dict[str, deque[str]] = {}
        self._grown: set[str] = set()

    def watch(self, who: str, stage: str) -> None:
        """A page looks at a stage."""
        watched = self._watched.setdefault(who, deque(maxlen=FEW))
        if stage not in watched:
            watched.append(stage)

    def leave(self, who: str) -> None:
        """A page looks at nothing any more."""
        self._watched.pop(who, None)

    def heard(self, event: Event) -> None:
        """Something happened in a run."""
        match event:
            case StageStarted(stage, log):
                self._files[stage] = absolute(ProjectPath(log), self._root)
                self._grown.add(stage)
            case StageOutput(stage) | StageFinished(stage) if stage in self._files:
                self._grown.add(stage)

    @property
    def fresh(self) -> bool:
        """Whether a log has grown that somebody looks at."""
        return any(stage in self._grown for watched in self._watched.values() for stage in watched)

    def take(self) -> tuple[tuple[str, str, str], ...]:
        """Who looks at which stage with which file, of those that have grown since."""
        grown, self._grown = self._grown, set()
        pairs: Iterator[tuple[str, str]] = (
            (who, stage) for who, watched in self._watched.items() for stage in watched
        )
        return tuple((who, stage, self._files[stage]) for who, stage in pairs if stage in grown)


def log_of(stage: str, file: str) -> Log:
    """The end of a log as a page shows it."""
    try:
        with open(file, "rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(0, size - LOG_BYTES))
            text = log.read().decode("utf-8", "replace")
    except OSError:
        return Log(stage, "")
    return Log(stage, text.partition("\n")[2] if size > LOG_BYTES else text)
