"""Who asks whether a file is there: ``os.stat``, ``os.lstat`` and ``os.access`` fire no audit event.

They are replaced in the module ``os``, where ``os.path``, ``pathlib``, ``glob`` and ``shutil`` look them up.
"""

import contextlib
import functools
import os
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

Note = Callable[[Any, FrameType, bool, bool], None]
"""Takes a path as given, the frame that asks, whether something is there, and whether more than that is told."""

_NAMES = ("stat", "lstat", "access")
_CAPABILITIES = ("supports_fd", "supports_dir_fd", "supports_effective_ids", "supports_follow_symlinks")


@contextlib.contextmanager
def looks(is_near: Callable[[object], bool], note: Note) -> Iterator[None]:
    """Notes who asks for a file.

    Args:
        is_near: whether a path is worth noting; asked first, so it must be quick.
    """
    before = {name: getattr(os, name) for name in _NAMES}
    capabilities: list[set[Any]] = [getattr(os, name) for name in _CAPABILITIES]
    exists = functools.partial(_exists, before["stat"], before["lstat"])
    watched = {
        "stat": _watched_stat(before["stat"], is_near, note),
        "lstat": _watched_lstat(before["lstat"], is_near, note),
        "access": _watched_access(before["access"], is_near, note, exists),
    }
    for name, function in watched.items():
        functools.update_wrapper(function, before[name])
        for able in capabilities:
            if before[name] in able:
                able.add(function)
        setattr(os, name, function)
    try:
        yield
    finally:
        for name, function in watched.items():
            setattr(os, name, before[name])
            for able in capabilities:
                able.discard(function)


def _watched_stat(original: Any, is_near: Callable[[object], bool], note: Note) -> Callable[..., Any]:
    def stat(path: Any, *, dir_fd: int | None = None, follow_symlinks: bool = True) -> Any:
        if dir_fd is not None or not is_near(path):
            return original(path, dir_fd=dir_fd, follow_symlinks=follow_symlinks)
        try:
            found = original(path, follow_symlinks=follow_symlinks)
        except (FileNotFoundError, NotADirectoryError):
            note(path, sys._getframe(1), False, True)  # noqa: SLF001
            raise
        note(path, sys._getframe(1), True, True)  # noqa: SLF001
        return found

    return stat


def _watched_lstat(original: Any, is_near: Callable[[object], bool], note: Note) -> Callable[..., Any]:
    def lstat(path: Any, *, dir_fd: int | None = None) -> Any:
        if dir_fd is not None or not is_near(path):
            return original(path, dir_fd=dir_fd)
        try:
            found = original(path)
        except (FileNotFoundError, NotADirectoryError):
            note(path, sys._getframe(1), False, True)  # noqa: SLF001
            raise
        note(path, sys._getframe(1), True, True)  # noqa: SLF001
        return found

    return lstat


def _watched_access(
    original: Any, is_near: Callable[[object], bool], note: Note, exists: Callable[[Any, bool], bool]
) -> Callable[..., Any]:
    def access(
        path: Any,
        mode: int,
        *,
        dir_fd: int | None = None,
        effective_ids: bool = False,
        follow_symlinks: bool = True,
    ) -> bool:
        able: bool = original(
            path, mode, dir_fd=dir_fd, effective_ids=effective_ids, follow_symlinks=follow_symlinks
        )
        if dir_fd is None and is_near(path):
            note(path, sys._getframe(1), able or exists(path, follow_symlinks), False)  # noqa: SLF001
        return able

    return access


def _exists(stat: Any, lstat: Any, path: Any, follow_symlinks: bool) -> bool:
    with contextlib.suppress(OSError, ValueError):
        (stat if follow_symlinks else lstat)(path)
        return True
    return False
