"""What happened in a run: past facts, one vocabulary for terminal, JSON, log file and notebook."""

from dataclasses import dataclass
from enum import StrEnum

from pivot.model.decision import Change, Verdict
from pivot.model.digest import Digest


class Outcome(StrEnum):
    """How a stage ended in a run."""

    RAN = "ran"
    RESTORED = "restored"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    BLOCKED = "blocked"  # a stage upstream failed
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run was planned.

    Attributes:
        stages: in the order in which they may run.
        jobs: the number of worker slots.
        targets: what was asked for, as written; empty where everything was.
        executor: where they run: ``local``, ``dask`` or ``ray``; empty where it was known that none would.
    """

    run: str
    stages: tuple[str, ...]
    jobs: int
    targets: tuple[str, ...] = ()
    executor: str = "local"


@dataclass(frozen=True, slots=True)
class StageDecided:
    """The verdict on a stage is known and it needs work."""

    stage: str
    verdict: Verdict
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class StageStarted:
    """A worker begins with a stage.

    Attributes:
        log: the project path of its output.
        attempt: which one it is, from 1.
    """

    stage: str
    log: str
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class StageRetried:
    """An attempt failed, and another one will follow.

    Attributes:
        attempt: the one that failed, from 1.
        of: how many there may be.
        reason: why it failed, in one line.
        delay: seconds before the next one.
    """

    stage: str
    attempt: int
    of: int
    reason: str
    delay: float

    @property
    def text(self) -> str:
        """All that in one line."""
        then = f"again in {self.delay:g} s" if self.delay else "again"
        return f"attempt {self.attempt} of {self.of} failed: {self.reason}; {then}"


@dataclass(frozen=True, slots=True)
class StageOutput:
    """Some text that a running stage wrote to stdout or stderr."""

    stage: str
    text: str


@dataclass(frozen=True, slots=True)
class StageProgress:
    """How far a running stage says that it is.

    Attributes:
        done: steps that are done.
        total: of how many; ``None`` where nobody knows.
        text: what it is doing; may be empty.
        failed: how many of the steps that are done failed; only items of a mapped stage can, and go on.
    """

    stage: str
    done: float
    total: float | None
    text: str = ""
    failed: int = 0


@dataclass(frozen=True, slots=True)
class StageFinished:
    """A stage ended.

    Attributes:
        reason: one line; for a failed stage its message, for a blocked one the stage that failed.
        seconds: wall time in the worker; 0 where nothing ran.
        traceback: of a failed stage; may be empty.
        hint: for a failed stage, the way out where it is known.
        log: project path of its output, empty where nothing ran.
        record: the name under which the history keeps what its result rests on and what it is; ``None`` where it
            has none.
    """

    stage: str
    outcome: Outcome
    reason: str
    seconds: float = 0.0
    traceback: str = ""
    hint: str | None = None
    log: str = ""
    record: Digest | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a person should know that belongs to no outcome: a file kept aside, a wait for another run."""

    text: str
    stage: str = ""


@dataclass(frozen=True, slots=True)
class RunFinished:
    """The run is over. `counts` maps each outcome that occurred to its number; `seconds` is wall time."""

    run: str
    counts: dict[Outcome, int]
    seconds: float
    cancelled: bool


Event = (
    RunStarted
    | StageDecided
    | StageStarted
    | StageRetried
    | StageOutput
    | StageProgress
    | StageFinished
    | Notice
    | RunFinished
)
