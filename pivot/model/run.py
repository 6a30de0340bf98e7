"""The result of scheduling stages once."""

from dataclasses import dataclass

from pivot.model.event import Outcome, StageFinished


@dataclass(frozen=True, slots=True)
class Run:
    """What a run did.

    Attributes:
        id: names its folder under ``.pivot/runs/``.
        stages: how each ended, by name, in the order in which they ended.
        seconds: wall time.
        cancelled: whether it was interrupted.
    """

    id: str
    stages: dict[str, StageFinished]
    seconds: float
    cancelled: bool

    def with_outcome(self, outcome: Outcome) -> tuple[str, ...]:
        """The names of the stages that ended so."""
        return tuple(name for name, end in self.stages.items() if end.outcome is outcome)

    @property
    def executed(self) -> tuple[str, ...]:
        """The stages whose function was run, whether it succeeded or not."""
        return tuple(n for n, end in self.stages.items() if end.outcome in (Outcome.RAN, Outcome.FAILED))

    @property
    def ok(self) -> bool:
        """Whether every stage is up to date now."""
        good = (Outcome.RAN, Outcome.RESTORED, Outcome.UNCHANGED)
        return not self.cancelled and all(end.outcome in good for end in self.stages.values())

    @property
    def exit_code(self) -> int:
        """0 all up to date, 1 something failed, 130 interrupted."""
        if self.cancelled:
            return 130
        return 0 if self.ok else 1
