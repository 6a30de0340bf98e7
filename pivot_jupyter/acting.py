"""Which statements of the cells act on what a stage reaches: worked out as if all cells were one module."""

import ast
import builtins
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise

from pivot.errors import CodeError
from pivot.fingerprint.import_time import ImportTime
from pivot.fingerprint.sources import Sources
from pivot.model.digest import digest_text
from pivot.model.fingerprint import ModuleText
from pivot.project import Project
from pivot_jupyter.cells import ADDED_BY_IPYTHON, lines_of
from pivot_jupyter.confined import hands_on, is_new_container, is_only_put_into
from pivot_jupyter.glances import without_glances
from pivot_jupyter.slices import binders_of, read_at_once
from pivot_jupyter.stages import Ground
from pivot_jupyter.units import Kind, Unit
from pivot_jupyter.values import is_plain, is_seeded, refused_by_words

_GIVEN = frozenset([*dir(builtins), "__file__", "__name__", "__spec__", "__annotations__", "__builtins__"])
_GIVEN -= ADDED_BY_IPYTHON


class Acting:
    """What acts on what is reached, for one state of cells and files.

    Args:
        units: of all cells, in the order in which they were executed last.
        module: the name of their module.
        stages: functions that are stages: a cell that calls one looks at it.
        ground: where they stand.
        project: keeps what was read before.
    """

    def __init__(
        self,
        units: Sequence[Unit],
        module: str,
        stages: Collection[str],
        ground: Ground,
        project: Project | None = None,
    ) -> None:
        self._units = units
        self._known: dict[tuple[str, ...], frozenset[int]] = {}
        lines: list[str] = []
        self._starts: dict[int, int] = {}  # line of a statement → its unit
        unfit, unseen = unfit_units(units, stages), unseen_units(units)
        kept = confined_units(units)
        idle, confined = [], []
        for index, unit in enumerate(units):
            if unit.command is not None or index in unseen:
                continue
            text = lines_of(without_glances(unit.text))
            for offset in range(len(text)):
                self._starts[len(lines) + offset + 1] = index
                if index in unfit:
                    idle.append(len(lines) + offset + 1)
                if index in kept:
                    confined.append(len(lines) + offset + 1)
            lines.extend(text)
        whole = "\n".join(lines) + "\n"
        self._idle = unfit
        overlay = ModuleText(module, f"<{module}>", f"{module}.py", whole, digest_text(whole))
        store = project.store if project is not None else None
        digest, names = (store.file_digest, store.names) if store is not None else (None, None)
        sources = Sources(ground.root, ground.roots, {module: overlay}, digest=digest, names=names)
        cache = store.sources if store is not None else None
        self._module = ImportTime(module, sources, cache, idle=idle, confined=confined)

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


_ACTING = frozenset({Kind.VALUE, Kind.BLOCK, Kind.EFFECT})


def unfit_units(units: Sequence[Unit], stages: Collection[str] = ()) -> frozenset[int]:
    """The positions of units that cannot be part of a module, or only look: what rests on data, calls a stage."""
    binders = binders_of(units)
    stars = any(unit.is_star_import or unit.opens for unit in units)
    seeded = is_seeded(units)
    looks = _looks_at_logs(units, binders)
    unfit = {
        index
        for index, unit in enumerate(units)
        if unit.command is not None
        or (
            unit.kind in _ACTING
            and (_calls_any(unit, stages) or _rests_on_data(unit, binders, seeded=seeded))
        )
        or (not stars and any(name not in binders and name not in _GIVEN for name in unit.eager))
        or any(name not in binders for name in unit.eager & ADDED_BY_IPYTHON)
        or index in looks
    }
    while True:
        lost = {name for name, found in binders.items() if unfit.issuperset(found)}
        more = {i for i, unit in enumerate(units) if i not in unfit and not lost.isdisjoint(unit.eager)}
        if not more:
            return frozenset(unfit)
        unfit |= more


def _looks_at_logs(units: Sequence[Unit], binders: Mapping[str, Sequence[int]]) -> frozenset[int]:
    """The positions of statements that show what was put into a container at which nothing else looks."""
    found: set[int] = set()
    for name, bound in binders.items():
        if not all(units[i].kind is Kind.VALUE and is_new_container(_statement(units[i])) for i in bound):
            continue
        users = [i for i, unit in enumerate(units) if i not in bound and name in unit.loads]
        looks = {i for i in users if _only_shows(units[i], name, units, binders)}
        others = [i for i in users if i not in looks]
        whole = any(units[i].kind is Kind.CELL for i in others)
        if looks and not whole and is_only_put_into(name, [_statement(units[i]) for i in others]):
            found |= looks
    return frozenset(found)


def _only_shows(unit: Unit, name: str, units: Sequence[Unit], binders: Mapping[str, Sequence[int]]) -> bool:
    """Whether a statement hands a value as a whole, and nothing else that cells define, to libraries."""
    statement = _statement(unit)
    if unit.kind not in _ACTING or is_only_put_into(name, [statement]) or not hands_on(name, statement):
        return False
    others = {i for other in unit.loads - {name, *unit.names} for i in binders.get(other, ())}
    return all(units[i].kind is Kind.IMPORT for i in others)


def _statement(unit: Unit) -> ast.stmt:
    return ast.parse(unit.text).body[0]


def _calls_any(unit: Unit, functions: Collection[str]) -> bool:
    """Whether a statement calls one of some functions by its name."""
    if unit.eager.isdisjoint(functions):
        return False
    calls = (node.func for node in ast.walk(ast.parse(unit.text)) if isinstance(node, ast.Call))
    return any(isinstance(func, ast.Name) and func.id in functions for func in calls)


def _rests_on_data(unit: Unit, own: Collection[str], *, seeded: bool) -> bool:
    """Whether a statement's text says that what it makes is data; ``load()`` of one's own is a call like any."""
    reason = refused_by_words([unit], seeded=seeded)
    return bool(reason) and not (unit.kind is Kind.EFFECT and reason.partition("(")[0] in own)


def confined_units(units: Sequence[Unit]) -> frozenset[int]:
    """The positions of units that bind values which only statements that name them can change.

    A container of constants whose items and length are read, which is looped over or shown: whoever calls a
    function that does so cannot have changed it. Statements of the cells may change it in place, by its name.
    """
    if any(unit.opens or any(each.looking for each in unit.handling) for unit in units):
        return frozenset()
    escaping = frozenset().union(*(each.escaping for unit in units for each in unit.handling))
    return frozenset(
        index
        for name, found in binders_of(units).items()
        if name not in escaping
        and all(units[i].kind is Kind.VALUE and _is_flat(units[i], name) for i in found)
        for index in found
    )


def _is_flat(unit: Unit, name: str) -> bool:
    return unit.names == (name,) and all(each.flat for each in unit.handling)


def unseen_units(units: Sequence[Unit]) -> frozenset[int]:
    """The positions of plain definitions whose names are plainly bound again before anything reads them."""
    binders = binders_of(units)
    reads: dict[int, set[str]] = {}  # each is worked out once, however many definitions it stands below

    def may_read(number: int) -> set[str]:
        if number not in reads:
            reads[number] = _may_read(units[number], units, binders)
        return reads[number]

    unseen: set[int] = set()
    for name, found in binders.items():
        for number, until in pairwise(found):
            unit, later = units[number], units[until]
            if unit.names != (name,) or not later.firm or later.kind is Kind.CELL or not _is_quiet(unit):
                continue
            if not any(name in may_read(other) for other in range(number + 1, until + 1)):
                unseen.add(number)
    return frozenset(unseen)


def _may_read(unit: Unit, units: Sequence[Unit], binders: Mapping[str, Sequence[int]]) -> set[str]:
    """The names that executing a unit may lead to, through whatever it may call."""
    if _is_quiet(unit):
        return read_at_once(unit, units, binders)
    found: set[str] = set()
    queue = list(unit.loads)
    while queue:
        name = queue.pop()
        if name not in found:
            found.add(name)
            queue.extend(other for index in binders.get(name, ()) for other in units[index].loads)
    return found


def _is_quiet(unit: Unit) -> bool:
    """Whether a definition is made without calling anything that could keep it."""
    if unit.kind not in {Kind.FUNCTION, Kind.VALUE, Kind.CLASS}:
        return False
    node = ast.parse(unit.text).body[0]
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return not node.decorator_list
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        return node.value is not None and is_plain(node.value)
    return isinstance(node, ast.ClassDef) and not (node.decorator_list or node.bases or node.keywords)
