"""What processes that a stage starts anew (``spawn``, ``forkserver``) are told of its run context.

`multiprocessing` gives each process a copy of what it keeps of the one that makes it, however it is started. There a
child finds what the context says, and a file that takes what it reads of it: the stage depends on that. When the
stage is over the file is gone, and who asks then gets an error, since nobody would hear of it.
"""

import contextlib
import functools
import json
import multiprocessing.process
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import astuple
from typing import Any

from pivot.errors import UsageError
from pivot.model.context import Read, RunContext

_KEY = "pivot.stage"


class _Kept(dict[str, Any]):
    """What `multiprocessing` keeps of this process; a copy is made for a process that it makes."""

    def __init__(self, kept: dict[str, Any], said: RunContext) -> None:
        super().__init__(kept)
        self._said = astuple(said)
        self._process = os.getpid()
        self._lock = threading.Lock()
        self.file = ""

    def copy(self) -> dict[str, Any]:
        found = dict(self)
        with self._lock:
            if not self.file and os.getpid() == self._process:  # what a forked child makes nobody would read
                descriptor, self.file = tempfile.mkstemp(prefix="pivot-asked-")
                os.close(descriptor)
        return {**found, _KEY: (self.file, *self._said)} if self.file else found


@contextlib.contextmanager
def handed_on(said: RunContext, note: Callable[[str, object], None]) -> Iterator[None]:
    """Meanwhile a process that is made here can ask for what is `said`; in the end `note` takes what it asked."""
    process: Any = multiprocessing.process.current_process()
    before = process._config  # noqa: SLF001 - there is no public way that reaches all kinds of processes
    process._config = kept = _Kept(before, said)  # noqa: SLF001
    try:
        yield
    finally:
        process._config = before  # noqa: SLF001
        if kept.file:
            for at, seen in _taken(kept.file):
                note(at, seen)


def inherited() -> tuple[RunContext, Callable[[str, object], None]] | None:
    """In a process that a stage started anew: what its context says, and who is to be told what is read of it."""
    if "multiprocessing.process" not in sys.modules:
        return None
    process: Any = multiprocessing.process.current_process()
    kept = process._config.get(_KEY)  # noqa: SLF001
    if kept is None:
        return None
    file, *said = kept
    return RunContext(*said), functools.partial(_say, file)


def _say(file: str, at: str, seen: object) -> None:
    line = json.dumps([at, [seen.value] if isinstance(seen, Read) else seen])
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    except OSError:
        raise UsageError(
            "pivot.run_context() works only while a stage runs, and that which started this process is over",
            "pass the value to the process, or start a new one",
        ) from None
    try:
        os.write(descriptor, f"{line}\n".encode("ascii"))
    finally:
        os.close(descriptor)


def _taken(file: str) -> Iterator[tuple[str, object]]:
    """What was said; nobody can say anything any more."""
    with open(file, encoding="ascii") as lines:
        os.unlink(file)
        for at, seen in map(json.loads, lines):
            yield at, Read(seen[0]) if isinstance(seen, list) else seen
