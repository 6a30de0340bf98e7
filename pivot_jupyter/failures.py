"""How stages failed when they last ran, for as long as there is nothing newer to say of them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pivot.core.render import StageState, state_of
from pivot.model.decision import ChangeKind, Decision, Verdict
from pivot.model.digest import Digest
from pivot.model.event import Event, Outcome, StageFinished
from pivot.project import Project

RECENT = 20
"""So many runs of the history are looked through."""

_SETTLED = (Outcome.RAN, Outcome.RESTORED, Outcome.UNCHANGED)


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed execution.

    Attributes:
        here: whether this process saw it, so that the look that follows tells on what it rested.
        rests_on: what names the inputs that it failed with; ``None`` as long as nobody has looked.
    """

    reason: str
    traceback: str
    here: bool
    rests_on: Digest | None = None


class Failures:
    """The last failure of each stage whose last execution failed. A status is authoritative; this explains it."""

    def __init__(self) -> None:
        self._found: dict[str, Failure] = {}

    def recall(self, project: Project) -> None:
        """Takes what the history tells, of stages of which nothing is known yet."""
        settled: set[str] = set()
        for run in project.past_runs(RECENT):
            for end in run.stages:
                if end.outcome is Outcome.FAILED and end.stage not in settled:
                    self._found.setdefault(end.stage, Failure(end.reason, end.traceback, here=False))
                if end.outcome is Outcome.FAILED or end.outcome in _SETTLED:
                    settled.add(end.stage)

    def heard(self, event: Event) -> None:
        """Something happened in a run."""
        if not isinstance(event, StageFinished):
            return
        if event.outcome is Outcome.FAILED:
            self._found[event.stage] = Failure(event.reason, event.traceback, here=True)
        elif event.outcome in _SETTLED:
            self._found.pop(event.stage, None)

    def missed(self) -> None:
        """Cells went on before anybody looked: on what the last failures rested is not known."""
        for stage, failure in tuple(self._found.items()):
            if failure.rests_on is None:
                self._found[stage] = replace(failure, here=False)

    def traceback(self, stage: str) -> str:
        """Of a stage whose last execution failed; else empty."""
        found = self._found.get(stage)
        return found.traceback if found is not None else ""

    def states(self, decisions: Iterable[Decision]) -> dict[str, StageState]:
        """What a run would do, by stage; of one that failed and rests on the same things still, that it failed."""
        return {decision.stage: self._state(decision) for decision in decisions}

    def _state(self, decision: Decision) -> StageState:
        state, failure = state_of(decision), self._found.get(decision.stage)
        if failure is None or decision.verdict is not Verdict.RUN:
            return state
        key = decision.inputs.key if decision.inputs is not None else None
        if failure.here and failure.rests_on is None:
            self._found[decision.stage] = failure = replace(failure, rests_on=key)
        if key is not None and failure.rests_on == key:
            return StageState(Outcome.FAILED, failure.reason)
        never = any(change.kind is ChangeKind.FIRST_RUN for change in decision.changes)
        told = f"failed last time: {failure.reason}"
        return replace(state, reason=told if never or not state.reason else f"{state.reason}; {told}")
