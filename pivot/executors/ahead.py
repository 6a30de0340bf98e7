"""A fork server that is started before the rest of Pivot is imported, for a first run.

That one waits longest for the libraries that its stages use, and so their import begins at once.
"""

from collections.abc import Sequence

from pivot.executors.processes import Server, started_server

TYPE_CHECKING = False  # typing's own takes longer to import than all of this
if TYPE_CHECKING:
    from pivot.executors.base import Executor


class Ahead:
    """A server that nobody uses yet.

    Args:
        slots: how many workers the first executor is likely to want.
        preload: libraries that its stages are likely to use.
    """

    def __init__(self, slots: int, preload: Sequence[str]) -> None:
        self._slots = slots
        self._server: Server | None = started_server(slots, preload)

    def executor(self, slots: int, preload: Sequence[str]) -> "Executor":
        """As `pivot.executors.warm.start_forkserver`; the first one, if it is as was thought, has the server."""
        # lazy: the server is started before this is imported
        from pivot.executors.forkserver import ForkserverExecutor

        if slots != self._slots:
            self.close()
        server, self._server = self._server, None
        return ForkserverExecutor(slots, preload, server=server)

    def close(self) -> None:
        """End the server, if nobody has it."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
