"""How far a running stage is → one record in a file beside its log, written over with each step.

    number of the record · done · total · length of the text, text · number of the record, again

The file is mapped into memory, so a step costs no system call that writes, and what was said last is there also
while the stage does not come back to Python for a long time. Whoever shows it reads the file as often as it likes;
no stage waits for a reader, and none fails for want of one.
"""

import contextlib
import functools
import math
import os
import struct
import threading
import weakref
from dataclasses import dataclass, replace
from typing import Any

LONGEST_TEXT = 200
_RECORD = struct.Struct(f"=QddH{4 * LONGEST_TEXT}s6xQ")
_AT_DONE = 8


def progress_file(log: str) -> str:
    """Where a task with this log says how far it is; the file is there once it said something."""
    return f"{log}.progress"


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a bar is."""

    done: float
    total: float | None
    text: str

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to do, as far as anybody knows."""
        return self.total is not None and self.done >= self.total

    def record(self, number: int) -> bytes:
        """The content of the file. ``number`` is another one than that of the record before."""
        text = " ".join(self.text.split())[:LONGEST_TEXT].encode("utf-8", "replace")
        total = math.nan if self.total is None else _finite(self.total, math.nan)
        return _RECORD.pack(number, _finite(self.done, 0.0), total, len(text), text, number)


def read_record(data: bytes) -> Standing | None:
    """What a file says; ``None`` where it holds no record, or one that is just being written."""
    try:
        number, done, total, length, text, again = _RECORD.unpack(data)
        words = text[:length].decode()
    except (struct.error, UnicodeDecodeError):  # a stage may write there, too
        return None
    if number != again or number == 0 or math.isinf(total):
        return None
    return Standing(_plain(_finite(done, 0.0)), None if math.isnan(total) else _plain(total), words)


class Reporter:
    """Takes what all bars of a stage say, in whatever thread; tells of the outermost that is not complete.

    Nothing that goes wrong in it reaches the stage. In a forked child it says nothing: several of them would
    contradict each other.

    Args:
        path: of the file.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = threading.RLock()  # garbage collection may end a bar at any instant, also in here
        self._bars: dict[int, Standing] = {}
        self._counts: dict[int, float] = {}  # how many steps were done since, of bars that only counted
        self._shown: int | None = None  # the bar that is told of, until it is complete
        self._limit = math.inf  # its total
        self._number = 0
        self._memory: Any = None
        self._done: Any = None  # the place in it
        self._open = True
        _in_this_process().add(self)

    def report(self, bar: int, standing: Standing) -> None:
        """A bar moved. `bar` is a number of its own; the first time that it is used opens the bar."""
        with self._lock, contextlib.suppress(Exception):
            self._bars[bar] = standing
            self._counts.pop(bar, None)
            self._show()

    def count(self, bar: int, done: float) -> None:
        """A bar that was reported is further, and nothing else of it is new: the quick way to say so."""
        self._counts[bar] = done
        try:
            if bar == self._shown and done < self._limit:
                self._done[0] = done
            elif self._shown in (None, bar):
                with self._lock:
                    self._show()
        except Exception:  # noqa: BLE001, S110 - such as a number of an odd kind
            pass

    def end(self, bar: int, standing: Standing) -> None:
        """A bar is over, complete or not."""
        with self._lock, contextlib.suppress(Exception):
            if bar not in self._bars:
                return
            self._bars[bar] = standing
            self._counts.pop(bar, None)
            self._show()
            del self._bars[bar]
            if self._shown == bar:
                self._shown = None

    def close(self) -> None:
        """The stage is over: nothing is told any more."""
        with self._lock:
            self._open, self._shown = False, None
            if self._memory is not None:
                self._done.release()
                self._memory.close()

    def mute(self) -> None:
        """In a forked child: whoever held the lock is not there."""
        self._lock = threading.RLock()
        self._open, self._shown, self._memory = False, None, None

    def _show(self) -> None:
        if not self._open:
            return
        for bar in self._bars.keys() & self._counts.keys():
            self._bars[bar] = replace(self._bars[bar], done=self._counts.pop(bar))
        bars = list(self._bars)
        shown = next((bar for bar in bars if not self._bars[bar].is_complete), bars[-1])
        standing = self._bars[shown]
        record = standing.record(self._number + 1)
        if self._memory is None:
            self._map()
        self._number += 1
        self._memory[:] = record
        self._shown = None if standing.is_complete else shown
        self._limit = math.inf if standing.total is None else standing.total

    def _map(self) -> None:
        """Makes the file. Where that fails it is not tried again with each step."""
        import mmap  # lazy: start-up time

        self._open = False
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            # its place on the disk is taken now: where there is none, a step would end the process
            if os.write(file, bytes(_RECORD.size)) == _RECORD.size:
                self._memory = mmap.mmap(file, _RECORD.size)
                self._done = memoryview(self._memory)[_AT_DONE : _AT_DONE + 8].cast("d")
                self._open = True
        finally:
            os.close(file)


@functools.cache
def _in_this_process() -> "weakref.WeakSet[Reporter]":
    """All reporters, so that none speaks in a forked child."""
    reporters: weakref.WeakSet[Reporter] = weakref.WeakSet()

    def mute() -> None:
        for reporter in reporters:
            reporter.mute()

    os.register_at_fork(after_in_child=mute)
    return reporters


def _finite(number: float, otherwise: float) -> float:
    """As a reader can show it; NumPy's and Torch's scalars are numbers, too."""
    value = float(number)
    return value if math.isfinite(value) else otherwise


def _plain(number: float) -> float | int:
    return int(number) if number.is_integer() else number
