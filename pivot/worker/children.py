"""What forked children of a stage see, on its way to their parent.

A child has a copy of everything that watches. It may end at any instant, so it says at once what it saw, in a file
that both hold open. Children that are started anew (``spawn``, ``forkserver``, programs) have nothing of all that.
"""

import contextlib
import fcntl
import json
import multiprocessing.process
import os
import tempfile
from collections.abc import Iterator


def processes_made() -> str:
    """Changes when a `multiprocessing` process is made, which fires no audit event unless it is forked."""
    return repr(getattr(multiprocessing.process, "_process_counter", None))


class Reports:
    """A file without a name that parent and children write to and read from."""

    def __init__(self) -> None:
        self._descriptor, name = tempfile.mkstemp(prefix="pivot-seen-")
        os.unlink(name)
        fcntl.fcntl(self._descriptor, fcntl.F_SETFL, os.O_APPEND)  # each report in one piece
        self._identity = self._which()
        self._taken = 0

    def send(self, *report: object) -> None:
        """Say something that JSON can say; lost if somebody closed the file."""
        data = json.dumps(report).encode("ascii") + b"\n"
        if self._is_open():
            os.write(self._descriptor, data)

    def take(self) -> Iterator[list[object]]:
        """What was said since the last time."""
        if not self._is_open():
            return
        size = os.fstat(self._descriptor).st_size
        if size <= self._taken:
            return
        data = os.pread(self._descriptor, size - self._taken, self._taken)
        whole = data.rpartition(b"\n")[0]  # the rest is still being written
        self._taken += len(whole) + 1 if whole else 0
        for line in whole.splitlines():
            with contextlib.suppress(ValueError):
                yield json.loads(line)

    def close(self) -> None:
        """Give the file back."""
        if self._is_open():
            os.close(self._descriptor)

    def _which(self) -> tuple[int, int]:
        found = os.fstat(self._descriptor)
        return found.st_dev, found.st_ino

    def _is_open(self) -> bool:
        """Whether the descriptor is still ours: whoever becomes a daemon closes all, and opens others."""
        try:
            return self._which() == self._identity
        except OSError:
            return False
