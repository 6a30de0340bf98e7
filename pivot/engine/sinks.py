"""Where events go on disk."""

from types import TracebackType
from typing import Self

from pivot.errors import PivotError, StoreError
from pivot.model.event import Event, Outcome, RunFinished, StageFinished, StageOutput, StageProgress
from pivot.store.history import RunLog
from pivot.store.layout import Layout


class EventLog:
    """Writes a run's events to its folder, from the first one on that says that something happened.

    What stages print is left out (their logs hold it), and how far they are. A run in which nothing was to be done
    leaves no folder behind. A history that cannot be written is done without: a full disk must not end a stage that
    has run for hours.

    Attributes:
        problem: why the history lacks something of the run, once it does.
    """

    def __init__(self, layout: Layout, run: str) -> None:
        self._layout = layout
        self._run = run
        self._held: list[Event] = []
        self._log: RunLog | None = None
        self.problem: PivotError | None = None

    def __call__(self, event: Event) -> None:
        """Take an event."""
        if self.problem is not None or isinstance(event, StageOutput | StageProgress):
            return
        try:
            self._take(event)
        except StoreError as error:
            self.problem = error

    def _take(self, event: Event) -> None:
        if self._log is None:
            self._held.append(event)
            if isinstance(event, RunFinished) or (
                isinstance(event, StageFinished) and event.outcome is Outcome.UNCHANGED
            ):
                return
            if len(self._held) == 1:  # the run's own start
                return
            self._log = RunLog(self._layout, self._run)
            held, self._held = self._held, []
            for earlier in held:
                self._log.append(earlier)
        else:
            self._log.append(event)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._log is not None:
            self._log.close()
