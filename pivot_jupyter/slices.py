"""What a stage reaches in the cells: its function and, for each name, the last executed definition of it."""

import builtins
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import pairwise

from pivot_jupyter.cells import ADDED_BY_IPYTHON
from pivot_jupyter.registering import How
from pivot_jupyter.units import Kind, Unit

_GIVEN = frozenset([*dir(builtins), "__file__", "__spec__", "__annotations__", "__builtins__", "__path__"])
_GIVEN -= ADDED_BY_IPYTHON

_EXECUTED = (Kind.VALUE, Kind.BLOCK, Kind.EFFECT)


@dataclass(frozen=True, slots=True)
class Missing:
    """A name that no cell's text defines.

    Attributes:
        user: the unit that reads it.
    """

    name: str
    user: Unit


@dataclass(frozen=True, slots=True)
class Slice:
    """The units that some names need, in executed order.

    Attributes:
        missing: names that nothing in the cells can bind.
        assumed: names that nothing but a ``from module import *`` can bind, if it does.
        bindings: for each name in reach the units that give it its value, in executed order.
        acting: of the units, those that no name leads to, with what they need.
    """

    units: tuple[Unit, ...]
    missing: tuple[Missing, ...]
    assumed: tuple[Missing, ...]
    bindings: Mapping[str, tuple[Unit, ...]]
    acting: tuple[Unit, ...] = ()


def slice_for(
    names: Iterable[str], units: Sequence[Unit], *, whole_cells: bool = True, acting: Iterable[int] = ()
) -> Slice:
    """The units that `names` need.

    Args:
        names: where to start: the stages' functions.
        units: of all cells, in the order in which they were executed last.
        whole_cells: whether ``%%pivot_module`` cells go in as they stand, even where nothing asks for them.
        acting: positions of further units that are needed.
    """
    search = _Search(units)
    search.take(names, [i for i, unit in enumerate(units) if whole_cells and unit.kind is Kind.CELL])
    plain = set(search.taken)
    search.take((), acting)
    stars = search.stars
    unbound = tuple(search.missing[name] for name in sorted(search.missing))
    return Slice(
        units=tuple(units[i] for i in sorted(search.taken)),
        missing=() if stars else unbound,
        assumed=unbound if stars else (),
        bindings={name: tuple(units[i] for i in found) for name, found in sorted(search.bindings.items())},
        acting=tuple(units[i] for i in sorted(plain.symmetric_difference(search.taken))),
    )


class _Search:
    """What was found so far to be needed."""

    def __init__(self, units: Sequence[Unit]) -> None:
        self.units = units
        self.stars = [i for i, unit in enumerate(units) if unit.is_star_import]
        self._openers = [i for i, unit in enumerate(units) if unit.opens and unit.kind in _EXECUTED]
        self.taken: set[int] = set()
        self.bindings: dict[str, tuple[int, ...]] = {}
        self.missing: dict[str, Missing] = {}
        self._binders = binders_of(units)
        self._entries = _entries(units, self._binders)

    def take(self, names: Iterable[str], positions: Iterable[int]) -> None:
        """Adds some names and units, with all that they need."""
        queue, pending = list(names), list(positions)
        while queue or pending:
            if queue:
                name = queue.pop()
                if name not in self.bindings:
                    found = self.bindings[name] = _binding(name, self._binders.get(name, []), self.units)
                    pending.extend(found)
                    pending.extend(_changers(name, found, self.units, self._entries.get(name, ())))
                continue
            index = pending.pop()
            if index not in self.taken:
                self.taken.add(index)
                queue.extend(self._needs(index, pending))

    def _needs(self, index: int, pending: list[int]) -> Iterator[str]:
        unit = self.units[index]
        for name in sorted(unit.loads):
            if name in self._binders:
                yield name
            elif name not in _GIVEN and not (name == "get_ipython" and unit.command):
                self.missing.setdefault(name, Missing(name, unit))
                pending.extend(self.stars)
                pending.extend(self._openers)
        yield from (name for name in sorted(unit.mentions) if name in self._binders)
        if unit.kind is Kind.CELL:
            yield from unit.names


def binders_of(units: Sequence[Unit]) -> dict[str, list[int]]:
    """For each name the positions of the units that bind it."""
    table: dict[str, list[int]] = {}
    for index, unit in enumerate(units):
        for name in unit.names:
            table.setdefault(name, []).append(index)
    return table


def _binding(name: str, binders: Sequence[int], units: Sequence[Unit]) -> tuple[int, ...]:
    """The last binding and, as far as that builds on what was there before, the earlier ones."""
    found: list[int] = []
    for index in reversed(binders):
        found.append(index)
        unit = units[index]
        if unit.firm or (unit.kind not in {Kind.BLOCK, Kind.IMPORT} and name not in unit.eager):
            break
    return tuple(reversed(found))


def _changers(
    name: str, binding: Sequence[int], units: Sequence[Unit], entries: Collection[int]
) -> list[int]:
    """Statements that changed the named object after it was bound."""
    if not binding:
        return []
    value = any(units[i].kind in {Kind.VALUE, Kind.BLOCK} for i in binding)
    return [
        index
        for index, unit in enumerate(units)
        if index > binding[0] and (name in unit.changes or (value and name in unit.calls) or index in entries)
    ]


def _entries(units: Sequence[Unit], binders: Mapping[str, Sequence[int]]) -> dict[str, set[int]]:
    """For each name that is a registry, the definitions that enter themselves in it."""
    table: dict[str, set[int]] = {}
    for index, unit in enumerate(units):
        for how, name in unit.entered_by:
            makers = [units[i] for i in binders.get(name, ()) if units[i].kind is not Kind.IMPORT]
            if how is How.METHOD:
                registries = {name} if makers else set()
            elif how is How.BASE:
                registries = _with_hook(name, units, binders)
            else:
                registries = {into for maker in makers for by, into in maker.enters_into if by is how}
            for registry in registries & binders.keys():
                table.setdefault(registry, set()).add(index)
    return table


def _with_hook(name: str, units: Sequence[Unit], binders: Mapping[str, Sequence[int]]) -> set[str]:
    """The classes, from `name` upwards, that are told of each subclass."""
    found: set[str] = set()
    queue, seen = [name], {name}
    while queue:
        base = queue.pop()
        for index in binders.get(base, ()):
            if (How.BASE, base) in units[index].enters_into:
                found.add(base)
            above = {n for how, n in units[index].entered_by if how is How.BASE} - seen
            queue.extend(above)
            seen |= above
    return found


def in_module_order(
    units: Sequence[Unit], positions: Mapping[Unit, int], acting: Collection[Unit] = ()
) -> tuple[Unit, ...]:
    """The order in which the units can be executed from top to bottom.

    What a unit reads while it is executed comes before it (through functions that it may call, too); statements
    about one name keep their executed order; apart from that, everything stays where it is in the notebook.

    Args:
        units: in executed order.
        positions: where each stands in the notebook.
        acting: those that may act on all that they can see.
    """
    before = _before(units, acting)
    places = [positions[unit] for unit in units]
    after: list[list[int]] = [[] for _ in units]
    for index, earlier in enumerate(before):
        for one in earlier:
            after[one].append(index)
    left = [len(earlier) for earlier in before]
    ready = [(places[i], i) for i in range(len(units)) if not left[i]]
    heapify(ready)
    waiting = dict.fromkeys(range(len(units)))
    order: list[Unit] = []
    while waiting:
        # a circle executed well in the kernel, so its executed order is an order for the module too
        chosen = heappop(ready)[1] if ready else next(iter(waiting))
        if chosen not in waiting:
            continue  # of a circle
        del waiting[chosen]
        order.append(units[chosen])
        for later in after[chosen]:
            left[later] -= 1
            if not left[later] and later in waiting:
                heappush(ready, (places[later], later))
    return tuple(order)


def _before(units: Sequence[Unit], acting: Collection[Unit]) -> list[set[int]]:
    """For each unit, those that must be executed before it."""
    binders = binders_of(units)
    touching = _touching(units, binders, acting)
    before: list[set[int]] = [set() for _ in units]
    for found in touching.values():
        ordered = sorted(found)
        for earlier, later in pairwise(ordered):
            before[later].add(earlier)
    for index, unit in enumerate(units):
        for name in read_at_once(unit, units, binders):
            others = [i for i in touching.get(name, []) if i != index]
            bound = binders.get(name, [])
            if any(i < index for i in bound):
                before[index].update(i for i in others if i < index)
                for later in (i for i in bound if i > index):
                    before[later].add(index)  # it has seen what was there before
            else:
                before[index].update(i for i in others if i < index or i in bound)
    for index, unit in enumerate(units):
        # a name that is bound anew from its own value reads the earlier binding only
        before[index] -= {i for i in before[index] if i > index and set(unit.names) & set(units[i].names)}
    return before


def _touching(
    units: Sequence[Unit], binders: Mapping[str, Sequence[int]], acting: Collection[Unit]
) -> dict[str, list[int]]:
    """For each name the units that bind or may change what it names."""
    touching: dict[str, list[int]] = {name: list(found) for name, found in binders.items()}
    chosen = {index for index, unit in enumerate(units) if acting and unit in acting}
    entered: dict[int, set[str]] = {}
    for name, entries in _entries(units, binders).items():
        for index in entries:
            entered.setdefault(index, set()).add(name)
    for index, unit in enumerate(units):
        seen = read_at_once(unit, units, binders) if index in chosen else set()
        for name in unit.changes | unit.calls | entered.get(index, set()) | seen:
            if index not in touching.setdefault(name, []):
                touching[name].append(index)
    return touching


def read_at_once(unit: Unit, units: Sequence[Unit], binders: Mapping[str, Sequence[int]]) -> set[str]:
    """The names that executing a unit may read, bodies of functions and classes that it names included."""
    found: set[str] = set()
    queue = list(unit.eager)
    while queue:
        name = queue.pop()
        if name in found:
            continue
        found.add(name)
        for index in binders.get(name, ()):
            if units[index] is not unit and units[index].kind in {Kind.FUNCTION, Kind.CLASS}:
                queue.extend(units[index].loads)
    return found
