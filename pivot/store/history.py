"""The history: one folder for each run, with its events and what its stages wrote. Only ever appended to."""

import json
import os
from types import TracebackType
from typing import Self

from pivot.errors import StoreError
from pivot.model.event import Event
from pivot.store import atomic
from pivot.store.events import event_from_json, event_json
from pivot.store.layout import Layout

__all__ = ["RunLog", "event_json", "list_runs", "read_events"]


class RunLog:
    """The growing ``events.jsonl`` of one run.

    Args:
        layout: of the project.
        run: the run's id, which no other run has; its folder is made.

    Raises:
        StoreError: the folder or the file cannot be made.
    """

    def __init__(self, layout: Layout, run: str) -> None:
        self._path = layout.events_file(run)
        with atomic.explained(self._path):
            # the history may be lost in a power failure; nothing rests on it
            os.makedirs(layout.run_folder(run), exist_ok=True)
            self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)

    def append(self, event: Event) -> None:
        """Adds an event.

        Raises:
            StoreError: it cannot be written.
        """
        # ASCII: output of stages and names of files may hold bytes that are no UTF-8
        line = json.dumps(event_json(event), sort_keys=True).encode("ascii") + b"\n"
        with atomic.explained(self._path):
            atomic.write_all(self._fd, line, self._path)

    def close(self) -> None:
        """Ends the log. Call it once."""
        os.close(self._fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_events(layout: Layout, run: str) -> tuple[Event, ...]:
    """The events of a run in the order in which they happened, also of one that is going on.

    A torn last line, and lines that this Pivot does not know, are left out. A run that never was has none.
    """
    try:
        with open(layout.events_file(run), "rb") as file:
            lines = file.read().split(b"\n")
    except (FileNotFoundError, NotADirectoryError):
        return ()
    events = []
    for line in lines[:-1]:  # what follows the last line break is empty or torn
        try:
            events.append(event_from_json(json.loads(line)))
        except ValueError:
            continue
    return tuple(events)


def list_runs(layout: Layout) -> tuple[str, ...]:
    """The folder names of all runs (their ids, where these are plain), in their order as text.

    Raises:
        StoreError: the folder is there and cannot be read.
    """
    try:
        return tuple(sorted(entry.name for entry in os.scandir(layout.runs) if entry.is_dir()))
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as error:
        raise StoreError(f"cannot read {layout.runs}: {error.strerror}", "make it readable") from error
