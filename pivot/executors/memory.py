"""Whether the kernel killed for want of memory: it says so in the counts of a cgroup and in its log."""

import contextlib
import os
import re
import time
from collections.abc import Iterator

_ROOT = "/"
_LOG = "dev/kmsg"
_KILLED = re.compile(r"[Oo]ut of memory: Killed process (\d+) ")
_COUNT = re.compile(rb"^oom_kill (\d+)$", re.MULTILINE)
_LARGEST = 1 << 16  # bytes of such a file


class KillCount:
    """How often the kernel has killed in this process's cgroup for want of memory.

    Args:
        root: of the file system.
    """

    def __init__(self, root: str = _ROOT) -> None:
        self._fd: int | None = None
        for path in _count_files(root):
            with contextlib.suppress(OSError):
                self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                if self.read() is not None:
                    return
            self.close()

    def read(self) -> int | None:
        """The count now; ``None`` where the kernel does not say."""
        if self._fd is None:
            return None
        try:
            found = _COUNT.search(os.pread(self._fd, _LARGEST, 0))
        except OSError:
            return None
        return int(found[1]) if found else None

    def close(self) -> None:
        """Give the file back."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def is_named(pid: int, since: float, root: str = _ROOT) -> bool:
    """Whether the kernel's log tells that it killed a process for want of memory.

    Args:
        since: seconds, as `boot_time` gave it: older processes of that number are others.
        root: of the file system.
    """
    for line in _log(os.path.join(root, _LOG)):
        head, _, message = line.partition(";")
        fields = head.split(",")
        found = _KILLED.search(message)
        if found and int(found[1]) == pid and len(fields) > 2 and fields[2].isdecimal():
            return int(fields[2]) / 1e6 >= since
    return False


def boot_time() -> float:
    """Seconds since the machine was started, as the kernel's log counts them."""
    return time.monotonic()


def _count_files(root: str) -> Iterator[str]:
    """Where the count may be; in a container the cgroup's own folder may be the top one."""
    try:
        with open(os.path.join(root, "proc/self/cgroup"), encoding="utf-8") as file:
            lines = file.read().splitlines()
    except OSError:
        return
    for line in lines:
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        inner = path.strip("/")
        if number == "0" and not controllers:
            for folder in (inner, ""):
                yield os.path.join(root, "sys/fs/cgroup", folder, "memory.events")
        elif "memory" in controllers.split(","):
            for folder in (inner, ""):
                yield os.path.join(root, "sys/fs/cgroup/memory", folder, "memory.oom_control")


def _log(path: str) -> Iterator[str]:
    """The records of the kernel's log that it still has; none where it may not be read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return
    try:
        while True:
            try:
                record = os.read(fd, 8192)
            except BrokenPipeError:  # it was overwritten before it was read
                continue
            except OSError:  # there is no more
                return
            if not record:
                return
            yield from record.decode("utf-8", "replace").splitlines()
    finally:
        os.close(fd)
