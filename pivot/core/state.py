"""How a stage's state is shown everywhere: one icon, one word, one colour."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pivot.core.explain import headline
from pivot.model.decision import ChangeKind, Decision, Verdict
from pivot.model.event import Outcome, StageFinished


class Progress(StrEnum):
    """Where a stage is while a run goes on."""

    QUEUED = "queued"
    RUNNING = "running"


State = Verdict | Outcome | Progress


@dataclass(frozen=True, slots=True)
class StageState:
    """The state of a stage, ready to be shown.

    Attributes:
        reason: one line; empty if there is none to give.
        cause: the stages waited for, or the one that failed; empty otherwise.
        seconds: how long it ran or has been running; ``None`` leaves it out.
    """

    state: State
    reason: str = ""
    cause: str = ""
    seconds: float | None = None

    @property
    def icon(self) -> str:
        """One character."""
        return state_word(self.state)[0]

    @property
    def phrase(self) -> str:
        """The word with what belongs to it: ``waits for clean``, ``ran 3.1 s``, ``blocked by train``."""
        word = state_word(self.state)[1]
        if self.cause and self.state is Verdict.WAITS:
            return f"{word} for {self.cause}"
        if self.cause and self.state is Outcome.BLOCKED:
            return f"{word} by {self.cause}"
        if self.seconds is not None and self.state in (Progress.RUNNING, Outcome.RAN, Outcome.FAILED):
            return f"{word} {duration(self.seconds)}"
        return word


def past_reason(decision: Decision) -> str:
    """Why a stage was run, in one line; to be said when it has run, so that one that never had is told as such."""
    if any(change.kind is ChangeKind.FIRST_RUN for change in decision.changes):
        return "First run"
    return headline(decision)


def state_word(state: State) -> tuple[str, str]:
    """The icon and the word for a verdict, an outcome, or the progress of a run."""
    return _WORDS[state]


_WORDS: Mapping[State, tuple[str, str]] = {
    Verdict.UNCHANGED: ("●", "cached"),
    Verdict.RESTORE: ("○", "will restore"),
    Verdict.RUN: ("◐", "will run"),
    Verdict.WAITS: ("◔", "waits"),
    Progress.QUEUED: ("◌", "queued"),
    Progress.RUNNING: ("▶", "running"),
    Outcome.RAN: ("✓", "ran"),
    Outcome.RESTORED: ("✓", "restored"),
    Outcome.UNCHANGED: ("●", "cached"),
    Outcome.FAILED: ("✗", "failed"),
    Outcome.BLOCKED: ("⊘", "blocked"),
    Outcome.CANCELLED: ("■", "cancelled"),
}


def state_of(decision: Decision) -> StageState:
    """What to show of a verdict, with its reason."""
    if decision.verdict is Verdict.UNCHANGED:
        return StageState(decision.verdict)
    if decision.verdict is Verdict.WAITS:
        return StageState(decision.verdict, cause=", ".join(change.name for change in decision.changes))
    return StageState(decision.verdict, headline(decision))


def state_after(end: StageFinished) -> StageState:
    """What to show of a stage that ended in a run."""
    seconds = (
        end.seconds if end.outcome is Outcome.RAN else end.seconds or None
    )  # a failed one may not have begun
    if end.outcome is Outcome.BLOCKED:
        return StageState(end.outcome, cause=end.reason)
    return StageState(end.outcome, end.reason, seconds=seconds)


def summary(states: Iterable[StageState]) -> str:
    """How many stages are in which state: ``2 will run, 4 cached``, the ones that want attention first."""
    counts: dict[str, int] = {}
    for state in states:
        word = state_word(state.state)[1]
        counts[word] = counts.get(word, 0) + 1
    said = {"waits": "waiting"}  # of any number
    return ", ".join(f"{counts[word]} {said.get(word, word)}" for word in _ATTENTION if word in counts)


def by_attention(states: Iterable[StageState]) -> list[StageState]:
    """The ones that want attention first."""
    return sorted(states, key=lambda state: _ATTENTION.index(state_word(state.state)[1]))


_ATTENTION = (
    "failed",
    "blocked",
    "cancelled",
    "running",
    "queued",
    "will run",
    "waits",
    "will restore",
    "ran",
    "restored",
    "cached",
)


def counts_text(decisions: Sequence[Decision]) -> str:
    """``2 of 5 stages will run, 1 wait``."""
    counts = {verdict: sum(decision.verdict is verdict for decision in decisions) for verdict in Verdict}
    noun = "stage" if len(decisions) == 1 else "stages"
    parts = [f"{counts[Verdict.RUN]} of {len(decisions)} {noun} will run"]
    parts += [f"{counts[Verdict.WAITS]} wait"] if counts[Verdict.WAITS] else []
    parts += [f"{counts[Verdict.RESTORE]} will be restored"] if counts[Verdict.RESTORE] else []
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """``3.1 s``, ``12 s``, ``2 min 05 s``, ``3 h 20 min``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"
