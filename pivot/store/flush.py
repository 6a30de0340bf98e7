"""What outlasts a power failure: files are flushed to the disk in groups, at most every half second.

What is believed rests on no flush: whatever was torn is found by its digest, its seal or its syntax, and counts as
absent. So a file may be renamed to its place first and flushed a little later, many at once, which is ten times
cheaper, and by a thread of its own, for which nobody waits before the end. A stage that runs longer than half a
second is flushed as soon as it is recorded.
"""

import queue
import threading
import time
from collections.abc import Callable, Collection, Iterable

from pivot.errors import StoreError
from pivot.store import atomic

_EVERY = 0.5  # seconds
_THREADS = 16  # the file system writes its own journal once for all that wait at the same time
_MOST = 1000
_TOO_MANY = 8 * _MOST


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
        self._thread: threading.Thread | None = None
        self._problem: StoreError | None = None

    def add(self, paths: Iterable[str]) -> None:
        """Flushes these files and folders soon: from now on, if the last time was long enough ago.

        Raises:
            StoreError: the disk refused what was added before.
        """
        self._raise()
        with self._lock:
            self._waiting.update(dict.fromkeys(paths))
            many = len(self._waiting)
        busy = self._thread is not None and self._thread.is_alive()
        if many > _TOO_MANY:  # the disk cannot keep up
            self.wait()
        elif busy or not (self._clock() - self._last >= _EVERY or many > _MOST):
            return
        self._thread = threading.Thread(
            target=self._work, args=(self._take(),), name="pivot-flush", daemon=True
        )
        self._thread.start()

    def wait(self) -> None:
        """Returns once what is being flushed has been.

        Raises:
            StoreError: the disk refuses.
        """
        if self._thread is not None:
            self._thread.join()
        self._raise()

    def flush(self) -> None:
        """Flushes all that waits. Call it at the end.

        Raises:
            StoreError: the disk refuses.
        """
        self.wait()
        self._work(self._take())
        self._raise()

    def _take(self) -> Collection[str]:
        with self._lock:
            waiting, self._waiting = self._waiting, {}
            self._last = self._clock()
        return waiting

    def _work(self, paths: Collection[str]) -> None:
        rest: queue.SimpleQueue[str] = queue.SimpleQueue()
        for path in paths:
            rest.put(path)
        if len(paths) <= 2:
            self._flush(rest)
            return
        helpers = [
            threading.Thread(target=self._flush, args=(rest,), name="pivot-flush", daemon=True)
            for _ in range(min(_THREADS, len(paths)))
        ]
        for helper in helpers:
            helper.start()
        for helper in helpers:
            helper.join()

    def _flush(self, rest: "queue.SimpleQueue[str]") -> None:
        while True:
            try:
                path = rest.get_nowait()
            except queue.Empty:
                return
            try:
                with atomic.explained(path):
                    atomic.sync_path(path)
            except StoreError as error:
                if not isinstance(error.__cause__, FileNotFoundError):  # replaced or taken away meanwhile
                    self._problem = error

    def _raise(self) -> None:
        problem, self._problem = self._problem, None
        if problem is not None:
            raise problem
