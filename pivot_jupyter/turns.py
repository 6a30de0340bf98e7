"""Who may touch the session: cells come first, the browser's questions are answered between them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """Keeps a thread that looks at the session apart from cells, which change it."""

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._cells = 0
        self._looking = False

    def cell_begins(self) -> None:
        """Waits until nobody looks; from now on nobody does."""
        with self._change:
            self._cells += 1
            self._change.wait_for(lambda: not self._looking)

    def cell_ends(self) -> None:
        """Lets others look again."""
        with self._change:
            self._cells = max(0, self._cells - 1)
            self._change.notify_all()

    @contextmanager
    def look(self, timeout: float | None = None) -> Iterator[bool]:
        """Whether the block may touch the session.

        Args:
            timeout: how long to wait for a cell to end, in seconds; ``None`` for as long as it takes.
        """
        with self._change:
            free = self._change.wait_for(lambda: not self._cells and not self._looking, timeout)
            self._looking = self._looking or free
        try:
            yield free
        finally:
            if free:
                with self._change:
                    self._looking = False
                    self._change.notify_all()
