"""What the scheduler is told, and what it orders: the words between it and whoever drives it.

An *event* is a past fact, a *command* an order. (The style is that of Dask's worker state machine.)
"""

from dataclasses import dataclass

from pivot.model.event import Outcome


@dataclass(frozen=True, slots=True)
class Decided:
    """The verdict on a stage is known: it must be executed, or it needs no run (and `Ended` follows)."""

    stage: str
    needs_run: bool


@dataclass(frozen=True, slots=True)
class Ended:
    """A stage that was checked or executed ended: ran, restored, unchanged, failed or cancelled.

    Attributes:
        seconds: that it worked; ``None`` where nobody knows.
    """

    stage: str
    outcome: Outcome
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Paused:
    """A stage that was executed is to be executed again, later (`Resumed` follows, or `Ended`)."""

    stage: str


@dataclass(frozen=True, slots=True)
class Resumed:
    """The pause of a stage is over."""

    stage: str


@dataclass(frozen=True, slots=True)
class Spread:
    """A running stage turned out to be many: each item is executed for itself, in its own slot. `Gather` follows.

    Attributes:
        items: their names, none that a stage has.
        most: how many may be executed at once.
    """

    stage: str
    items: tuple[str, ...]
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Staffed:
    """There is somebody to execute stages.

    Attributes:
        slots: how many stages they work at at once, whatever they are given.
        ahead: how many more they take, which they begin in turn as soon as they have a hand free.
    """

    slots: int
    ahead: int


@dataclass(frozen=True, slots=True)
class CancelRequested:
    """A person wants the run to stop."""


@dataclass(frozen=True, slots=True)
class Check:
    """Find the verdict on a stage: all upstream of it ended well. Answer with `Decided` or `Ended`."""

    stage: str


@dataclass(frozen=True, slots=True)
class Execute:
    """Run a stage: a slot, its resources and mutexes are free, or will be when its turn comes (see `Staffed`).

    Answer with `Ended`, or with `Paused`.
    """

    stage: str


@dataclass(frozen=True, slots=True)
class Conclude:
    """A stage ends without having been executed.

    Attributes:
        outcome: blocked or cancelled.
        cause: the stage that failed or was cancelled; empty if a person stopped the run.
    """

    stage: str
    outcome: Outcome
    cause: str


@dataclass(frozen=True, slots=True)
class Gather:
    """All items of a spread stage that were begun have ended. Answer with `Ended` of the stage."""

    stage: str


@dataclass(frozen=True, slots=True)
class Interrupt:
    """Stop a running stage. It still answers with `Ended`."""

    stage: str


@dataclass(frozen=True, slots=True)
class Recall:
    """Take an item back if nobody has begun with it. It still answers with `Ended`."""

    item: str


@dataclass(frozen=True, slots=True)
class Done:
    """Every stage ended."""


Event = Decided | Ended | Paused | Resumed | Spread | Staffed | CancelRequested
Command = Check | Execute | Conclude | Gather | Interrupt | Recall | Done
