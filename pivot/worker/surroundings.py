"""What a task finds around it and must not leave to the next: folder, environment, arguments, signals."""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from types import FrameType


@contextlib.contextmanager
def surroundings(cwd: str, environment: Mapping[str, str]) -> Iterator[None]:
    """Current directory and environment as given; put back afterwards, with ``sys.argv`` and ``sys.path``."""
    before, argv, path, variables = _current_folder(), sys.argv[:], sys.path[:], _held()
    os.chdir(cwd)
    try:
        _set_environment(_encoded(environment))
        yield
    finally:
        _set_environment(variables)
        sys.argv[:], sys.path[:] = argv, path
        os.chdir(before)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """In the block the first SIGINT raises `KeyboardInterrupt`; later ones do nothing.

    The handler disarms itself, so that whoever catches the exception is not interrupted again. It is a Python
    function rather than SIG_IGN, which child programs would inherit. Only a main thread can be interrupted.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    armed = True

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        nonlocal armed
        if armed:
            armed = False
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        armed = False
        signal.signal(signal.SIGINT, before)


class TookTooLong(BaseException):
    """A block has computed for longer than it may; no ``except Exception`` of the user's stops it."""


@contextlib.contextmanager
def limited(seconds: float) -> Iterator[None]:
    """In the block `TookTooLong` is raised when this process has computed for `seconds` of processor time.

    So a machine that is busy otherwise makes no difference. Only a main thread can be stopped.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise TookTooLong

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _current_folder() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError:  # somebody removed it
        return os.sep


def _encoded(environment: Mapping[str, str]) -> dict[bytes, bytes]:
    """As `os.fsencode` for each name and value, which takes three times as long."""
    coding, errors = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()
    return {n.encode(coding, errors): v.encode(coding, errors) for n, v in environment.items()}


def _held() -> dict[bytes, bytes]:
    """The environment as the process has it: `os.environ` would decode each name and value."""
    return dict(os.environb._data)  # type: ignore[attr-defined]  # noqa: SLF001


def _set_environment(wanted: Mapping[bytes, bytes]) -> None:
    held = _held()
    if held == wanted:
        return
    zone = held.get(b"TZ")
    for name in held.keys() - wanted.keys():
        del os.environb[name]
    for name, value in wanted.items():
        if held.get(name) != value:
            os.environb[name] = value
    if wanted.get(b"TZ") != zone:
        time.tzset()
