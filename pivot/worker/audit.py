"""Python's audit events, as what they mean for files and programs.

An audit hook cannot be taken back, so a process has one at most; it passes events on to those who listen just now.
"""

import functools
import os
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, Protocol

from pivot.worker.descriptors import opened, within

_ACCESS = os.O_RDONLY | os.O_WRONLY | os.O_RDWR
_NEW = os.O_CREAT | os.O_EXCL

Listener = Callable[[str, tuple[Any, ...], FrameType], None]
"""Takes an event, its arguments and the frame in which it happened."""


class Events(Protocol):
    """Who wants to know. Paths are as given (``None``: the current folder), or absolute if in an open folder."""

    def read(self, path: object, frame: FrameType) -> None: ...  # noqa: D102
    def list_folder(self, path: object, frame: FrameType) -> None: ...  # noqa: D102
    def write(self, path: object, frame: FrameType, *, anew: bool) -> None: ...  # noqa: D102
    def create(self, path: object, frame: FrameType) -> None: ...  # noqa: D102
    def make_folder(self, path: object, frame: FrameType) -> None: ...  # noqa: D102
    def move(self, source: object, target: object, frame: FrameType) -> None: ...  # noqa: D102
    def remove(self, path: object, frame: FrameType) -> None: ...  # noqa: D102
    def start_program(self, words: Iterable[object], folder: object, frame: FrameType) -> None: ...  # noqa: D102
    def fork(self, frame: FrameType) -> None: ...  # noqa: D102
    def unpickle(self, module: str, name: str) -> None: ...  # noqa: D102


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Passes the process's audit events of `FILES_AND_PROGRAMS` on, in whatever thread they happen."""
    listeners = _listeners()
    listeners.append(listener)
    try:
        yield
    finally:
        listeners.remove(listener)


def tell(events: Events, event: str, arguments: tuple[Any, ...], frame: FrameType) -> None:
    """Say what an event of `FILES_AND_PROGRAMS` means."""
    FILES_AND_PROGRAMS[event](events, arguments, frame)


@functools.cache
def _listeners() -> list[Listener]:
    listeners: list[Listener] = []
    known = frozenset(FILES_AND_PROGRAMS)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if listeners and event in known:
            for listener in listeners:
                listener(event, arguments, sys._getframe(1))  # noqa: SLF001 - hooks are not told

    sys.addaudithook(hook)
    return listeners


def _open(events: Events, arguments: tuple[Any, ...], frame: FrameType) -> None:
    path, mode, flags = arguments
    if isinstance(mode, str):
        new, anew = "x" in mode, "w" in mode
        reads = not anew and ("a" not in mode or "+" in mode)
    else:
        new, anew = flags & _NEW == _NEW, bool(flags & os.O_TRUNC)
        reads = not anew and flags & _ACCESS != os.O_WRONLY
    if new:
        events.create(path, frame)
        return
    if reads:
        events.read(path, frame)
    if not reads or _makes(mode, flags):
        events.write(path, frame, anew=anew)


def _makes(mode: object, flags: int) -> bool:
    """Whether a file that is opened to be read is made if it is not there."""
    return "a" in mode if isinstance(mode, str) else bool(flags & os.O_CREAT)


def _list(events: Events, arguments: tuple[Any, ...], frame: FrameType) -> None:
    path = arguments[0]
    events.list_folder(opened(path) or path if isinstance(path, int) else path, frame)


def _rename(events: Events, arguments: tuple[Any, ...], frame: FrameType) -> None:
    source, target, source_fd, target_fd = arguments
    events.move(within(source, source_fd), within(target, target_fd), frame)


def _symlink(events: Events, arguments: tuple[Any, ...], frame: FrameType) -> None:
    source, target, dir_fd = arguments
    target = within(target, dir_fd)
    if target is not None:
        folder = os.path.dirname(os.path.abspath(os.fsdecode(target)))
        events.move(os.path.join(folder, os.fsdecode(source)), target, frame)


def _mkdir(events: Events, arguments: tuple[Any, ...], frame: FrameType) -> None:
    events.make_folder(within(arguments[0], arguments[2]), frame)


def _remove(events: Events, arguments: tuple[Any, ...], frame: FrameType) -> None:
    events.remove(within(*arguments), frame)


def _truncate(events: Events, arguments: tuple[Any, ...], frame: FrameType) -> None:
    events.write(arguments[0], frame, anew=False)


def _connect(events: Events, arguments: tuple[Any, ...], frame: FrameType) -> None:
    database = os.fsdecode(arguments[0])
    if database.startswith("file:"):
        from urllib.parse import unquote

        database = unquote(database.removeprefix("file:").partition("?")[0])
        database = "/" + database.lstrip("/") if database.startswith("//") else database
    if database and database != ":memory:":
        events.read(database, frame)
        events.read(f"{database}-wal", frame)  # what other programs wrote since they last tidied up
        for made in (database, f"{database}-wal"):
            if not os.path.exists(made):
                events.write(made, frame, anew=True)


def _popen(events: Events, arguments: tuple[Any, ...], frame: FrameType) -> None:
    executable, words, folder, _environment = arguments
    words = [words] if isinstance(words, str | bytes | os.PathLike) else list(words or ())
    events.start_program(_words([executable, *words]), folder, frame)


def _system(events: Events, arguments: tuple[Any, ...], frame: FrameType) -> None:
    events.start_program(_words(arguments[:1]), None, frame)


def _exec(events: Events, arguments: tuple[Any, ...], frame: FrameType) -> None:
    events.start_program(_words([arguments[0], *arguments[1]]), None, frame)


def _fork(events: Events, _arguments: tuple[Any, ...], frame: FrameType) -> None:
    events.fork(frame)


def _words(arguments: Sequence[object]) -> Iterator[object]:
    """All that may be the name of a file in a command: ``--config=a.json``, ``sh -c 'wc -l a.txt'``."""
    for argument in arguments:
        yield argument
        if not isinstance(argument, str | bytes | os.PathLike):
            continue
        text = os.fsdecode(argument)
        with suppress(ValueError):  # no shell would read it either
            for word in shlex.split(text):
                yield word
                if "=" in word:
                    yield word.partition("=")[2]


FILES_AND_PROGRAMS: dict[str, Callable[[Events, tuple[Any, ...], FrameType], None]] = {
    "open": _open,
    "pickle.find_class": lambda events, arguments, _frame: events.unpickle(*arguments),
    "os.listdir": _list,
    "os.scandir": _list,
    "os.rename": _rename,
    "os.link": _rename,
    "os.symlink": _symlink,
    "os.mkdir": _mkdir,
    "os.remove": _remove,
    "os.truncate": _truncate,
    "sqlite3.connect": _connect,
    "subprocess.Popen": _popen,
    "os.system": _system,
    "os.exec": _exec,
    "os.posix_spawn": _exec,
    "os.spawn": lambda events, arguments, frame: _exec(events, arguments[1:], frame),
    "os.fork": _fork,
    "os.forkpty": _fork,
}
"""Audit event → what it means."""
