"""What outlasts a power failure: files are flushed to the disk in groups, at most every half second.

What is believed rests on no flush: whatever was torn is found by its digest, its seal or its syntax, and counts as
absent. So a file may be renamed to its place first and flushed a little later, many at once, which is ten times
cheaper. A stage that runs longer than half a second is flushed as soon as it is recorded.
"""

import threading
import time
from collections.abc import Callable, Iterable

from pivot.store import atomic

_EVERY = 0.5  # seconds
_THREADS = 16  # the file system writes its own journal once for all that wait at the same time
_MOST = 1000


class Flusher:
    """Collects files and folders that are to be flushed.

    Args:
        clock: seconds, as `time.monotonic`.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = clock() - _EVERY
        self._waiting: dict[str, None] = {}
        self._lock = threading.Lock()

    def add(self, paths: Iterable[str]) -> None:
        """Flushes these files and folders soon: now, if the last time was long enough ago.

        Raises:
            StoreError: the disk refuses.
        """
        with self._lock:
            self._waiting.update(dict.fromkeys(paths))
            due = self._clock() - self._last >= _EVERY or len(self._waiting) > _MOST
        if due:
            self.flush()

    def flush(self) -> None:
        """Flushes all that waits. Call it at the end.

        Raises:
            StoreError: the disk refuses.
        """
        with self._lock:
            waiting, self._waiting = list(self._waiting), {}
            self._last = self._clock()
        if len(waiting) <= 2:
            for path in waiting:
                _flush(path)
            return
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(min(_THREADS, len(waiting))) as pool:
            for _ in pool.map(_flush, waiting):
                pass


def _flush(path: str) -> None:
    with atomic.explained(path):
        try:
            atomic.sync_path(path)
        except FileNotFoundError:
            return  # replaced or taken away meanwhile
