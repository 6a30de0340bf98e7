"""What each cell is to the pipeline."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pivot_jupyter.cells import Cell
from pivot_jupyter.drafts import Drafts
from pivot_jupyter.executed import key_of
from pivot_jupyter.slices import Slice
from pivot_jupyter.stages import Draft


@dataclass(frozen=True, slots=True)
class Use:
    """The stages that a cell defines; if none, those that rest on its definitions."""

    cell: Cell
    stages: tuple[str, ...]
    used_by: tuple[str, ...]


def uses(cells: Iterable[Cell], drafts: Drafts, slice_of: Callable[[Draft], Slice]) -> tuple[Use, ...]:
    """The cells that define stages, and those whose definitions stages rest on; only cells that have an id.

    Args:
        slice_of: what a draft reaches.
    """
    used: dict[Cell, dict[str, None]] = {}
    for draft in drafts:
        for unit in slice_of(draft).units:
            used.setdefault(unit.cell, {}).update(dict.fromkeys(drafts.made_of(draft)))
    found = []
    for cell in cells:
        stages = drafts.made_in(key_of(cell))
        if cell.id and (stages or cell in used):
            found.append(Use(cell, stages, () if stages else tuple(used[cell])))
    return tuple(found)
