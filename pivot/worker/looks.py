"""What fires no audit event: ``os.stat``, ``lstat``, ``access``, ``readlink``, and the folder of an ``os.open``.

They are replaced in the module ``os``, where ``os.path``, ``pathlib``, ``glob`` and ``shutil`` look them up. Whoever
took one of them while a stage ran (``from os import stat``) keeps it: there is one of each in a process, and it tells
whoever listens just now.
"""

import contextlib
import functools
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from types import FrameType
from typing import Any, Protocol

from pivot.worker.descriptors import within

FILE = __file__
"""The wrappers' own frames have this file name."""

_CAPABILITIES = ("supports_fd", "supports_dir_fd", "supports_effective_ids", "supports_follow_symlinks")


class Listener(Protocol):
    """Who wants to know. Paths are as given, or absolute where they were relative to an open folder."""

    def is_near(self, path: object) -> bool:
        """Whether a path is worth noting; asked first, so it must be quick."""

    def look(self, path: Any, frame: FrameType, found: os.stat_result | None, *, detailed: bool) -> None:
        """Somebody asks for a file; ``detailed``: more is told than whether it is there."""

    def follow(self, path: Any, frame: FrameType, target: str | None) -> None:
        """Somebody asks where a link leads; ``None``: there is no link."""

    def opening_in(self, folder: int) -> AbstractContextManager[None]:
        """Around an ``os.open`` relative to an open folder."""


@contextlib.contextmanager
def looks(listener: Listener) -> Iterator[None]:
    """Tells who asks for a file, and puts Python's own functions back afterwards."""
    listeners, watched = _watchers()
    before = {name: getattr(os, name) for name in watched}
    capabilities: list[set[Any]] = [getattr(os, name) for name in _CAPABILITIES]
    for name, function in watched.items():
        for able in capabilities:
            if before[name] in able:
                able.add(function)
        setattr(os, name, function)
    listeners.append(listener)
    try:
        yield
    finally:
        listeners.remove(listener)
        for name, function in watched.items():
            setattr(os, name, before[name])
            for able in capabilities:
                able.discard(function)


@functools.cache
def _watchers() -> tuple[list[Listener], dict[str, Callable[..., Any]]]:
    listeners: list[Listener] = []
    made = (_stat(listeners), _lstat(listeners), _access(listeners), _readlink(listeners), _open(listeners))
    watched = {function.__name__: function for function in made}
    for name, function in watched.items():
        functools.update_wrapper(function, getattr(os, name))
    return listeners, watched


def _stat(listeners: list[Listener]) -> Callable[..., Any]:
    original = os.stat

    def stat(path: Any, *, dir_fd: int | None = None, follow_symlinks: bool = True) -> Any:
        if not listeners or not listeners[-1].is_near(path):
            return original(path, dir_fd=dir_fd, follow_symlinks=follow_symlinks)
        try:
            found = original(path, dir_fd=dir_fd, follow_symlinks=follow_symlinks)
        except (FileNotFoundError, NotADirectoryError):
            _tell(listeners, path, dir_fd, sys._getframe(1), None)  # noqa: SLF001
            raise
        _tell(listeners, path, dir_fd, sys._getframe(1), found)  # noqa: SLF001
        return found

    return stat


def _lstat(listeners: list[Listener]) -> Callable[..., Any]:
    original = os.lstat

    def lstat(path: Any, *, dir_fd: int | None = None) -> Any:
        if not listeners or not listeners[-1].is_near(path):
            return original(path, dir_fd=dir_fd)
        try:
            found = original(path, dir_fd=dir_fd)
        except (FileNotFoundError, NotADirectoryError):
            _tell(listeners, path, dir_fd, sys._getframe(1), None)  # noqa: SLF001
            raise
        _tell(listeners, path, dir_fd, sys._getframe(1), found)  # noqa: SLF001
        return found

    return lstat


def _access(listeners: list[Listener]) -> Callable[..., Any]:
    original, stat = os.access, os.stat

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
        if listeners and listeners[-1].is_near(path):
            found = None
            with contextlib.suppress(OSError, ValueError):
                found = stat(path, dir_fd=dir_fd, follow_symlinks=follow_symlinks)
            _tell(listeners, path, dir_fd, sys._getframe(1), found, detailed=False)  # noqa: SLF001
        return able

    return access


def _readlink(listeners: list[Listener]) -> Callable[..., Any]:
    original = os.readlink

    def readlink(path: Any, *, dir_fd: int | None = None) -> Any:
        if not listeners or not listeners[-1].is_near(path):
            return original(path, dir_fd=dir_fd)
        target = None
        try:
            target = original(path, dir_fd=dir_fd)
        finally:
            text = None if target is None else os.fsdecode(target)
            listeners[-1].follow(within(path, dir_fd), sys._getframe(1), text)  # noqa: SLF001
        return target

    return readlink


def _open(listeners: list[Listener]) -> Callable[..., Any]:
    original = os.open

    # named as os's, for which it stands
    def open(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:  # noqa: A001
        if not listeners or dir_fd is None:
            return original(path, flags, mode, dir_fd=dir_fd)
        with listeners[-1].opening_in(dir_fd):
            return original(path, flags, mode, dir_fd=dir_fd)

    return open


def _tell(
    listeners: list[Listener],
    path: Any,
    folder: int | None,
    frame: FrameType,
    found: os.stat_result | None,
    *,
    detailed: bool = True,
) -> None:
    if listeners:
        listeners[-1].look(within(path, folder), frame, found, detailed=detailed)
