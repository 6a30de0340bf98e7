"""Which stages may run beside each other: what each holds while it runs, and what there is to hold."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pivot.model.resources import Resources

ALONE = "*"
"""The mutex of a stage beside which no other may run."""
SLOTS = "--jobs"  # no label is called so
CPUS = "cpus"

_ROUNDING = 1e-9
"""Three tenths are a little more than one and two tenths, to a computer."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a stage holds while it runs. Stages with equal claims wait in one line.

    Attributes:
        mutex: names that it shares with no other, sorted.
        amounts: what it takes of what there is a limit to, sorted by name.
    """

    mutex: tuple[str, ...]
    amounts: tuple[tuple[str, float], ...]


class Admission:
    """What running stages hold of slots, resources and mutexes. Never more than there is.

    Args:
        jobs: slots. A stage with several cpus takes that many.
        capacity: resource → how much there is; what is not named has no limit.
    """

    def __init__(self, jobs: int, capacity: Mapping[str, float]) -> None:
        self._limits = {name: limit for name, limit in capacity.items() if name != CPUS} | {
            SLOTS: float(jobs)
        }
        self._held: dict[str, Claim] = {}

    def claim(self, resources: Resources, mutex: Collection[str]) -> Claim:
        """What a stage has to hold; of what it wants more of than there is, all."""
        wanted = {**resources.amounts(), SLOTS: float(max(1, math.ceil(resources.cpus - _ROUNDING)))}
        amounts = {name: min(wanted[name], limit) for name, limit in self._limits.items() if name in wanted}
        return Claim(tuple(sorted(set(mutex))), tuple(sorted(amounts.items())))

    def admits(self, claim: Claim) -> bool:
        """Whether it may be held beside what is held now."""
        held = self._held.values()
        names = {name for other in held for name in other.mutex}
        if held and (ALONE in names or ALONE in claim.mutex or not names.isdisjoint(claim.mutex)):
            return False
        for name, amount in claim.amounts:
            taken = math.fsum(has for other in held for what, has in other.amounts if what == name)
            if taken + amount > self._limits[name] * (1 + _ROUNDING):
                return False
        return True

    def take(self, stage: str, claim: Claim) -> None:
        """A stage holds it from now on."""
        self._held[stage] = claim

    def give(self, stage: str) -> None:
        """A stage holds nothing any more."""
        self._held.pop(stage, None)

    @property
    def holders(self) -> Collection[str]:
        """The stages that hold something."""
        return self._held.keys()


def beyond(resources: Resources, capacity: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    """What a stage wants more of than there is: name → what it wants, what there is."""
    return {
        name: (wanted, capacity[name])
        for name, wanted in resources.amounts().items()
        if name in capacity and wanted > capacity[name] * (1 + _ROUNDING)
    }
