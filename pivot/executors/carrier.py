"""What a cluster must be able to do to run stages: carry bytes to its workers and back."""

from collections.abc import Callable
from typing import Protocol

from pivot.executors.message import Amounts, Begin, Carry, Expected
from pivot.model.task import Failure


class Carrier(Protocol):
    """A client of a cluster, in the process `pivot.executors.client`. Safe in any thread.

    Attributes:
        slots: how many stages the cluster runs at once.
        has: what each of its workers has, as far as it says so.
    """

    slots: int
    has: tuple[Amounts, ...]

    def prepare(self, preload: tuple[str, ...]) -> None:
        """Let the workers of a cluster that was started here load what tasks need; does not wait for it."""
        ...

    def carry(self, one: Carry, done: Callable[[bytes | Failure], None]) -> None:
        """Let a worker run an order; `done` is called once, in any thread."""
        ...

    def stop(self, number: int, *, hard: bool) -> None:
        """End a task, or see to it that it does not begin; it is still answered."""
        ...

    def verify(self, expected: Expected) -> tuple[str, ...]:
        """What is wrong with each worker that is not as expected."""
        ...

    def close(self) -> None:
        """End what was started, and all that is left of this session on a cluster that goes on."""
        ...


Connect = Callable[[Begin], Carrier]
"""Starts a cluster or joins one; raises PivotError where that cannot be."""


def gone(worker: str) -> Failure:
    """The failure of a stage whose cluster lost the worker that ran it."""
    return Failure(
        "died", f"the cluster lost the worker that ran it ({worker})", hint="run it again: pivot repro"
    )


def cancelled() -> Failure:
    """The failure of a task that was stopped before a worker had it."""
    return Failure("cancelled", "cancelled before it began")
