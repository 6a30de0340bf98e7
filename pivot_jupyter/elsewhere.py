"""The runs of other processes in the notebook's project: of a shell, of another kernel."""

import threading
from collections.abc import Callable

from pivot.model.event import Event, RunFinished, RunStarted
from pivot.project import Project


class Elsewhere:
    """Hears of runs that this process did not begin, one at a time, on a thread of its own.

    Args:
        concerns: whether a run of some stages is to be told of.
        heard: takes the events of the run that is told of.
    """

    def __init__(
        self, project: Project, concerns: Callable[[RunStarted], bool], heard: Callable[[Event], None]
    ) -> None:
        self._project = project
        self._concerns = concerns
        self._heard = heard
        self._ours: set[str] = set()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._told = ""

    @property
    def run(self) -> str:
        """The id of the run of another process that is under way; empty if there is none."""
        return self._told

    @property
    def followed(self) -> bool:
        """Whether `follow` was called."""
        return self._thread is not None

    @property
    def going(self) -> bool:
        """Whether a run of another process is under way."""
        return bool(self._told)

    def ours(self, run: str) -> None:
        """A run of this process begins: its events come another way."""
        self._ours.add(run)

    def follow(self) -> None:
        """Begins to listen."""
        self._thread = threading.Thread(
            target=self._project.follow,
            args=(self._ours.__contains__, self._hear, self._over),
            name="pivot-elsewhere",
            daemon=True,
        )
        self._thread.start()

    def close(self) -> None:
        """Hears of nothing any more."""
        self._over.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _hear(self, run: str, event: Event) -> None:
        if isinstance(event, RunStarted) and not self._told and self._concerns(event):
            self._told = run
        if run == self._told:
            if isinstance(event, RunFinished):
                self._told = ""
            self._heard(event)
