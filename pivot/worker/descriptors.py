"""Which file or folder an open descriptor stands for: functions that take a ``dir_fd`` name files relative to one."""

import contextlib
import os
from typing import Any


def opened(descriptor: int) -> str | None:
    """The absolute path of an open file or folder; ``None`` if the system does not tell."""
    with contextlib.suppress(OSError):
        return os.fsdecode(_from_descriptor(descriptor)) or None
    return None


def within(path: Any, folder: int | None) -> Any:
    """A path as its owner means it: relative to an open folder (``-1`` or ``None``: to the current one)."""
    if folder in (None, -1) or not isinstance(path, str | bytes | os.PathLike):
        return path
    assert folder is not None
    found = opened(folder)
    return None if found is None else os.path.join(found, os.fsdecode(path))


def _from_descriptor(descriptor: int) -> str | bytes:
    if os.path.isdir("/proc/self/fd"):
        return os.readlink(f"/proc/self/fd/{descriptor}")
    import fcntl

    get_path = getattr(fcntl, "F_GETPATH", None)  # of macOS
    return b"" if get_path is None else fcntl.fcntl(descriptor, get_path, bytes(1024)).rstrip(b"\0")
