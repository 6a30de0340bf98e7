"""What a cell shows of the run that it waits for: its record from the first moment on, what happens, its end."""

# mypy: disable-error-code="no-untyped-call"

import sys
from collections import deque
from dataclasses import replace

from IPython.display import DisplayHandle, display

from pivot.core.graph import Graph
from pivot.core.render import StageState
from pivot.errors import UsageError
from pivot.model.event import Event, Outcome, RunStarted, StageDecided
from pivot.model.run import Run
from pivot_jupyter import shown
from pivot_jupyter.session import Session
from pivot_jupyter.views import states_in


class Report:
    """One run in the output of a cell.

    Events come from the run's thread. They are shown by the cell's own, so that every front end puts them below that
    cell; and always in one order, the record first, however fast the run is: what is saved is the same each time.

    Args:
        in_place: whether what was shown can be replaced. If not, as in a terminal, the record is shown once, last.
    """

    def __init__(self, session: Session, *, in_place: bool) -> None:
        self._session = session
        self._in_place = in_place
        self._events: deque[Event] = deque()
        self._graph = Graph(())
        self._states: dict[str, StageState] = {}
        self._record: shown.Bundle = {}
        self._handle: DisplayHandle | None = None

    def heard(self, event: Event) -> None:
        """Something happened; may be called from any thread."""
        if isinstance(event, RunStarted):
            self._graph = self._session.project.graph()
        self._events.append(event)

    def show(self) -> None:
        """Shows what was heard of; of a run that finds nothing to do, nothing before its end."""
        while self._events:
            event = self._events[0]
            self._states.update(states_in(event))
            line = shown.line_of(event)
            if line or isinstance(event, StageDecided):
                self._begin()
            if line:
                print(self._session.told(line), flush=True)  # noqa: T201
            self._events.popleft()  # last: an interrupt may come at any moment

    def end(self, run: Run) -> None:
        """Shows how the run ended and, of each stage that failed, its story.

        Raises:
            UsageError: it was interrupted, or not all of its stages are up to date.
        """
        self.show()
        ends = shown.states_after(run)
        states = {name: replace(end, reason=self._session.told(end.reason)) for name, end in ends.items()}
        record = shown.record(self._graph, states)
        if self._in_place:
            self._put(record)
        for name in run.with_outcome(Outcome.FAILED):
            text = shown.failure_text(run.stages[name], self._session.log(name))
            print(self._session.told(text), file=sys.stderr)  # noqa: T201
        if not self._in_place:
            self._put(record)
        self._raise(run)

    def _begin(self) -> None:
        if self._in_place and self._handle is None:
            self._put(shown.record(self._graph, self._states))

    def _put(self, record: shown.Bundle) -> None:
        if self._handle is None:
            self._handle = display(record, raw=True, display_id=True)
        elif record != self._record:
            self._handle.update(record, raw=True)
        self._record = record

    def _raise(self, run: Run) -> None:
        if run.cancelled:
            raise UsageError("the run was interrupted", "%pivot run goes on where it stopped")
        if run.ok:
            return
        failed = run.with_outcome(Outcome.FAILED)
        hints = [run.stages[name].hint for name in failed if run.stages[name].hint]
        told = (f"stage '{name}' failed: {self._session.told(run.stages[name].reason)}" for name in failed)
        raise UsageError("; ".join(told) or "not all stages are up to date", hints[0] if hints else None)
