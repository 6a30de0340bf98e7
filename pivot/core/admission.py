"""Which stages may run beside each other: what each holds while it runs, and what there is to hold."""

import math
from collections.abc import Callable, Collection, Mapping
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


Line = list[tuple[float, float, str]]
"""A heap of what is ready and claims the same: the most urgent first, and its name last."""


def _first(line: Line) -> tuple[float, float, str]:
    return line[0]


class Admission:
    """What running stages hold of slots, resources and mutexes. Never more than there is.

    The most urgent that fits goes first. One that asks for much may be overtaken by small ones as often as there are
    slots; from then on what it lacks is kept free for it.

    What holds one slot and nothing else may be *ahead*: it was chosen while all slots were taken by such as hold no
    more, and has the slot of whichever ends next. As long as there is one, nothing else finds a slot free.

    Args:
        jobs: slots. A stage with several cpus takes that many.
        capacity: resource → how much there is; what is not named has no limit.
    """

    def __init__(self, jobs: int, capacity: Mapping[str, float]) -> None:
        self._limits = {name: limit for name, limit in capacity.items() if name != CPUS} | {
            SLOTS: float(jobs)
        }
        self._held: dict[str, Claim] = {}
        self._ahead: dict[str, Claim] = {}  # the first one's turn comes first
        self._room = 0  # for those
        self._plain = Claim((), ((SLOTS, 1.0),))
        self._patience = jobs
        self._overtaken: dict[str, int] = {}

    def claim(self, resources: Resources, mutex: Collection[str]) -> Claim:
        """What a stage has to hold; of what it wants more of than there is, all."""
        wanted = {**resources.amounts(), SLOTS: float(max(1, math.ceil(resources.cpus - _ROUNDING)))}
        amounts = {name: min(wanted[name], limit) for name, limit in self._limits.items() if name in wanted}
        return Claim(tuple(sorted(set(mutex))), tuple(sorted(amounts.items())))

    def take_ahead(self, slots: int, ahead: int) -> None:
        """What can be ahead where so many run at once, and so many more are taken: none if slots were left over."""
        jobs = int(self._limits[SLOTS])
        self._room = max(0, slots + ahead - jobs) if slots <= jobs else 0

    def choose(self, ready: Mapping[Claim, Line], may_be_ahead: Callable[[str], bool]) -> Line | None:
        """The line whose first may run now, before the first of all others; ``None`` if none may.

        Args:
            may_be_ahead: whether that one may be ahead, too.
        """
        taken = self._taken()
        if taken.get(SLOTS, 0.0) >= self._limits[SLOTS]:
            return self._next_ahead(ready, may_be_ahead)
        fit: dict[Claim, Line] = {}
        lacking: dict[Claim, Line] = {}
        mutex = {name for other in self._held.values() for name in other.mutex}
        for claim, line in ready.items():
            if line and self._is_apart(claim, mutex):
                (lacking if self._lacks(claim, taken) else fit)[claim] = line
        late = [line[0] for line in lacking.values() if self._overtaken.get(line[0][2], 0) >= self._patience]
        if late:
            first = min(late)
            kept = next(self._lacks(claim, taken) for claim, line in lacking.items() if line[0] == first)
            fit = {claim: line for claim, line in fit.items() if kept.isdisjoint(dict(claim.amounts))}
        if not fit:
            return None
        chosen = min(fit.values(), key=_first)
        for rank, *_ in lacking.values():
            if rank < chosen[0]:
                self._overtaken[rank[2]] = self._overtaken.get(rank[2], 0) + 1
        return chosen

    def _is_apart(self, claim: Claim, mutex: Collection[str]) -> bool:
        """Whether it shares no name with those that are held."""
        if not self._held:
            return True
        return ALONE not in mutex and ALONE not in claim.mutex and not set(claim.mutex).intersection(mutex)

    def _taken(self) -> dict[str, float]:
        """How much is held of each resource."""
        amounts: dict[str, list[float]] = {}
        for claim in self._held.values():
            for name, amount in claim.amounts:
                amounts.setdefault(name, []).append(amount)
        return {name: math.fsum(several) for name, several in amounts.items()}

    def _lacks(self, claim: Claim, taken: Mapping[str, float]) -> frozenset[str]:
        """Of what there is not enough for it."""
        return frozenset(
            name
            for name, amount in claim.amounts
            if taken.get(name, 0.0) + amount > self._limits[name] * (1 + _ROUNDING)
        )

    def _next_ahead(self, ready: Mapping[Claim, Line], may_be_ahead: Callable[[str], bool]) -> Line | None:
        """The line whose first may be ahead; ``None`` while anything is ready that may not, or holds more."""
        line = ready.get(self._plain)
        if not line or len(self._ahead) >= self._room or not may_be_ahead(line[0][2]):
            return None
        held = [*self._held.values(), *(claim for claim, others in ready.items() if others)]
        return line if all(claim == self._plain for claim in held) else None

    def take(self, stage: str, claim: Claim) -> None:
        """A stage that was chosen holds it from now on, or from when its turn comes."""
        is_full = self._taken().get(SLOTS, 0.0) >= self._limits[SLOTS]
        (self._ahead if is_full else self._held)[stage] = claim
        self._overtaken.pop(stage, None)

    def give(self, stage: str) -> None:
        """A stage holds nothing any more."""
        if self._held.pop(stage, None) is not None and self._ahead:
            first = next(iter(self._ahead))
            self._held[first] = self._ahead.pop(first)
        self._ahead.pop(stage, None)

    @property
    def holders(self) -> Collection[str]:
        """The stages that hold something, or will when their turn comes."""
        return (*self._held, *self._ahead)


def beyond(resources: Resources, capacity: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    """What a stage wants more of than there is: name → what it wants, what there is."""
    return {
        name: (wanted, capacity[name])
        for name, wanted in resources.amounts().items()
        if name in capacity and wanted > capacity[name] * (1 + _ROUNDING)
    }
