"""How far a running stage is → lines of JSON in a file beside its log, a few a second at most.

    {"done": 9, "total": 20, "text": "epoch"}

Whoever shows it follows the file, as with the log; no stage waits for a reader, and none fails for want of
one.
"""

import contextlib
import json
import math
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

INTERVAL = 0.25
"""Seconds between two lines."""
END_INTERVAL = 1.0
"""Seconds between two ends of bars that are told at once, in spite of `INTERVAL`: five lines a second in all."""
LONGEST_TEXT = 200


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

    def line(self) -> str:
        """A line of the file."""
        text = " ".join(self.text.split())[:LONGEST_TEXT]
        return (
            json.dumps({"done": _finite(self.done) or 0, "total": _finite(self.total), "text": text}) + "\n"
        )


class Reporter:
    """Takes what all bars of a stage say, in whatever thread; tells of the outermost that is not complete.

    Nothing that goes wrong in it reaches the stage. In a forked child it says nothing: several of them would
    contradict each other.

    Args:
        path: of the file.
        clock: gives seconds.
    """

    def __init__(self, path: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._process = os.getpid()
        self._lock = threading.RLock()  # garbage collection may end a bar at any instant, also in here
        self._bars: dict[int, Standing] = {}
        self._told = self._ended = -math.inf
        self._held: Standing | None = None
        self._open = True

    def report(self, bar: int, standing: Standing) -> None:
        """A bar moved. `bar` is a number of its own; the first time that it is used opens the bar."""
        if os.getpid() != self._process:
            return
        with self._lock, contextlib.suppress(Exception):
            self._bars[bar] = standing
            self._show(self._outermost(), at_once=False)

    def end(self, bar: int, standing: Standing) -> None:
        """A bar is over, complete or not."""
        if os.getpid() != self._process:
            return
        with self._lock, contextlib.suppress(Exception):
            if bar not in self._bars:
                return
            self._bars[bar] = standing
            shown = self._outermost()
            del self._bars[bar]
            self._show(shown, at_once=shown is standing)

    def close(self) -> None:
        """The stage is over: what was held back is told, and nothing any more after that."""
        with self._lock:
            if self._held is not None:
                self._tell(self._held, self._clock())
            self._open = False

    def _outermost(self) -> Standing:
        bars = list(self._bars.values())
        return next((bar for bar in bars if not bar.is_complete), bars[-1])

    def _show(self, standing: Standing, *, at_once: bool) -> None:
        now = self._clock()
        if now >= self._told + INTERVAL:
            self._tell(standing, now)
        elif at_once and now >= self._ended + END_INTERVAL:
            self._ended = now
            self._tell(standing, now)
        else:
            self._held = standing

    def _tell(self, standing: Standing, now: float) -> None:
        if not self._open:
            return
        self._told, self._held = now, None
        with contextlib.suppress(OSError, TypeError, ValueError):
            data = standing.line().encode()
            file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                os.write(file, data)
            finally:
                os.close(file)


def _finite(number: float | None) -> float | int | None:
    """As JSON knows it; NumPy's and Torch's scalars are numbers, too."""
    if number is None:
        return None
    value = float(number)
    if not math.isfinite(value):
        return None
    return int(value) if value.is_integer() else value
