"""Guards: one process (and one thread) at a time works on a stage; a holder that dies is no longer one.

Each acquisition opens the file anew, so two runs inside one process exclude each other as two processes do.
"""

import errno
import fcntl
import os
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from pivot.errors import StoreError
from pivot.store import atomic
from pivot.store.layout import Layout


@dataclass(frozen=True, slots=True)
class Guard:
    """A guard that is held, until `release`, the end of the ``with`` block, or the death of this process."""

    name: str
    _fd: int

    def release(self) -> None:
        """Lets the next one in. Call it once."""
        # said aloud: a forked child may still hold the descriptor
        fcntl.flock(self._fd, fcntl.LOCK_UN)
        os.close(self._fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def try_guard(layout: Layout, name: str) -> Guard | None:
    """The guard of a stage, or ``None`` while somebody holds it.

    Raises:
        StoreError: the guard's file cannot be made, or the file system has no locks.
    """
    return _acquire(layout, name, fcntl.LOCK_EX | fcntl.LOCK_NB)


def wait_guard(layout: Layout, name: str) -> Guard:
    """The guard of a stage, as soon as it is free.

    Raises:
        StoreError: as `try_guard`.
    """
    guard = _acquire(layout, name, fcntl.LOCK_EX)
    assert guard is not None
    return guard


def holder(layout: Layout, name: str) -> str:
    """Who holds (or held last) the guard, in words: ``process 4711``, or ``another process``."""
    try:
        with open(layout.guard_file(name), "rb") as file:
            pid = int(file.read(32))
    except (OSError, ValueError):
        return "another process"
    return "this process" if pid == os.getpid() else f"process {pid}"


def _acquire(layout: Layout, name: str, how: int) -> Guard | None:
    path = layout.guard_file(name)
    with atomic.explained(path):
        fd = _open(path)
        try:
            fcntl.flock(fd, how)
            os.pwrite(
                fd, b"%-20d\n" % os.getpid(), 0
            )  # of one length, so that nothing is left of the last one
        except BlockingIOError:
            os.close(fd)
            return None
        except OSError as error:
            os.close(fd)
            if error.errno in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
                raise StoreError(
                    f"the file system of {path} has no locks", "keep the project on a local file system"
                ) from error
            raise
        except BaseException:
            os.close(fd)  # a wait that was interrupted
            raise
    return Guard(name, fd)


def _open(path: str) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o666)
    except FileNotFoundError:
        atomic.make_folder(os.path.dirname(path))
        return os.open(path, flags, 0o666)
