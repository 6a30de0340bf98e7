"""Everything that a stage prints goes to its own log: Python, C code and child programs alike."""

import contextlib
import functools
import io
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from typing import Any, TextIO


def text_stream(fd: int) -> TextIO:
    """A line-buffered UTF-8 text stream over an open descriptor, which closing the stream leaves open."""
    # line buffering, not write-through: that would send print("a", 1) in four pieces
    raw = open(fd, "wb", buffering=0, closefd=False)  # noqa: SIM115 - lives as long as the process
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding="utf-8", errors="backslashreplace", newline="\n", line_buffering=True
    )


@contextlib.contextmanager
def captured(log: str) -> Iterator[None]:
    """Descriptors 1 and 2 append to the file ``log`` for the duration; stdout, stderr, logging follow.

    ``sys.stdout`` and ``sys.stderr`` stay the same objects from task to task in a worker (`adopt_streams`),
    since logging handlers made by a module's import keep them.
    """
    _flush()
    streams, handlers, root = (sys.stdout, sys.stderr), logging.root.handlers[:], logging.root
    level, disabled = root.level, root.manager.disable
    kept = [os.dup(fd) for fd in (1, 2)]
    try:
        file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            os.dup2(file, 1)
            os.dup2(file, 2)
        finally:
            os.close(file)
        sys.stdout, sys.stderr = (
            stream if _writes_to(stream, fd) else text_stream(fd)
            for stream, fd in zip(streams, (1, 2), strict=True)
        )
        yield
    finally:
        _flush()
        sys.stdout, sys.stderr = (
            text_stream(fd) if stream is not None and stream.closed else stream
            for stream, fd in zip(streams, (1, 2), strict=True)
        )
        for handler in set(root.handlers).difference(handlers):
            root.removeHandler(handler)
            handler.close()
        root.handlers[:] = handlers
        root.setLevel(level)
        root.manager.disable = disabled
        for fd, old in zip((1, 2), kept, strict=True):
            os.dup2(old, fd)
            os.close(old)


def logging_setup() -> tuple[object, ...]:
    """How messages are logged now, as far as `captured` takes it back at its end."""
    root = logging.root
    return root.level, root.manager.disable, *root.handlers


@contextlib.contextmanager
def fresh_warnings() -> Iterator[None]:
    """Each stage shows its own warnings, also those that an earlier one on this worker has shown."""
    with warnings.catch_warnings():  # entering makes Python forget which were shown
        yield


def adopt_streams() -> None:
    """Make ``sys.stdout`` and ``sys.stderr`` of a worker the streams that `captured` keeps."""
    sys.stdout, sys.stderr = text_stream(1), text_stream(2)


def _writes_to(stream: TextIO | None, fd: int) -> bool:
    try:
        return stream is not None and stream.fileno() == fd and bool(getattr(stream, "line_buffering", False))
    except (OSError, ValueError):
        return False


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        with contextlib.suppress(Exception):
            if stream is not None:
                stream.flush()
    flush_c_streams()


def flush_c_streams() -> None:
    """Write out what C code left in stdio's buffers, or it would appear in the next stage's log."""
    with contextlib.suppress(OSError, AttributeError):
        _libc().fflush(None)


@functools.cache
def _libc() -> Any:
    import ctypes

    return ctypes.CDLL(None)
