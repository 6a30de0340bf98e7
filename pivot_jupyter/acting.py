"""Which statements of the cells act on what a stage reaches: worked out as if all cells were one module."""

import builtins
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from pivot.errors import CodeError
from pivot.fingerprint.import_time import ImportTime
from pivot.fingerprint.index import IndexCache
from pivot.fingerprint.sources import Sources
from pivot.model.digest import digest_text
from pivot.model.fingerprint import ModuleText
from pivot_jupyter.units import Kind, Unit
from pivot_jupyter.values import refused_by_words

Snapshot = Callable[[Mapping[str, ModuleText]], Sources]
"""The modules of the project as they are now, with some that exist as text only."""

_GIVEN = frozenset([*dir(builtins), "__file__", "__name__", "__spec__", "__annotations__", "__builtins__"])


class Acting:
    """What acts on what is reached, for one state of cells and files.

    Args:
        units: of all cells, in the order in which they were executed last.
        module: the name of their module.
        stages: functions that are stages: a cell that calls one looks at it.
    """

    def __init__(
        self,
        units: Sequence[Unit],
        module: str,
        stages: Collection[str],
        snapshot: Snapshot,
        cache: IndexCache | None = None,
    ) -> None:
        self._units = units
        self._known: dict[tuple[str, ...], frozenset[int]] = {}
        lines: list[str] = []
        self._starts: dict[int, int] = {}  # line of a statement → its unit
        unfit = unfit_units(units, stages)
        idle = []
        for index, unit in enumerate(units):
            if unit.command is not None:
                continue
            text = unit.text.splitlines()
            for offset in range(len(text)):
                self._starts[len(lines) + offset + 1] = index
                if index in unfit:
                    idle.append(len(lines) + offset + 1)
            lines.extend(text)
        text = "\n".join(lines) + "\n"
        self._idle = unfit
        overlay = ModuleText(module, f"<{module}>", f"{module}.py", text, digest_text(text))
        self._module = ImportTime(module, snapshot({module: overlay}), cache, idle)

    def __call__(self, names: Iterable[str]) -> frozenset[int]:
        """The positions, among all units, of those that `names` need and that can be part of a module.

        None where the cells cannot be read as one module.
        """
        key = tuple(sorted(names))
        if key not in self._known:
            try:
                lines = self._module.lines(key)
            except CodeError:
                lines = frozenset()
            self._known[key] = frozenset(self._starts[line] for line in lines) - self._idle
        return self._known[key]


def unfit_units(units: Sequence[Unit], stages: Collection[str] = ()) -> frozenset[int]:
    """The positions of units that cannot be part of a module, or only look: what rests on data, calls a stage."""
    binders: dict[str, list[int]] = {}
    for index, unit in enumerate(units):
        for name in unit.names:
            binders.setdefault(name, []).append(index)
    stars = any(unit.is_star_import for unit in units)
    unfit = {
        index
        for index, unit in enumerate(units)
        if unit.command is not None
        or (unit.kind in _ACTING and (not unit.eager.isdisjoint(stages) or refused_by_words([unit])))
        or (not stars and any(name not in binders and name not in _GIVEN for name in unit.eager))
    }
    while True:
        lost = {name for name, found in binders.items() if unfit.issuperset(found)}
        more = {i for i, unit in enumerate(units) if i not in unfit and not lost.isdisjoint(unit.eager)}
        if not more:
            return frozenset(unfit)
        unfit |= more


_ACTING = frozenset({Kind.VALUE, Kind.BLOCK, Kind.EFFECT})
