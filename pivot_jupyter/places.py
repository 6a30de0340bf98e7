"""What the project says of the notebook's module, told in lines of cells."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from pivot.core.explain import Explanation
from pivot.core.inventory import Inventory
from pivot.errors import DefinitionErrors, PivotError
from pivot.model.decision import Change, Decision
from pivot.model.place import Place
from pivot_jupyter.compile import NotebookModule

_Answer = TypeVar("_Answer")


def in_cells(module: NotebookModule | None, ask: Callable[[], _Answer]) -> _Answer:
    """An answer, or its error told in lines of cells.

    Args:
        module: ``None`` where the stages are those of files.
    """
    try:
        return ask()
    except PivotError as error:
        if module is None:
            raise
        parts = error.errors if isinstance(error, DefinitionErrors) else (error,)
        told = [type(part)(module.in_cells(part.message), part.hint) for part in parts]
        raise (told[0] if len(told) == 1 else DefinitionErrors(told)) from None


def decisions_in_cells(
    module: NotebookModule | None, path: str, decisions: Sequence[Decision]
) -> tuple[Decision, ...]:
    """Decisions with the places that their changes have in cells.

    Args:
        module: ``None``: they are about stages of files, and stay as they are.
        path: the module's place in reasons.
    """
    return tuple(decisions) if module is None else tuple(_decision(module, path, one) for one in decisions)


def explanations_in_cells(
    module: NotebookModule | None, path: str, found: Sequence[Explanation]
) -> tuple[Explanation, ...]:
    """The same for explanations."""
    return tuple(found) if module is None else tuple(_explanation(module, path, one) for one in found)


def inventory_in_cells(module: NotebookModule, path: str, found: Inventory) -> Inventory:
    """The same for the inventory of a fingerprint."""
    code = tuple(
        replace(item, part=replace(item.part, place=_place(module, path, item.part.place)))
        for item in found.code
    )
    return replace(found, code=code)


def _decision(module: NotebookModule, path: str, decision: Decision) -> Decision:
    return replace(decision, changes=tuple(_change(module, path, change) for change in decision.changes))


def _explanation(module: NotebookModule, path: str, found: Explanation) -> Explanation:
    details = tuple(replace(d, change=_change(module, path, d.change)) for d in found.details)
    return replace(found, decision=_decision(module, path, found.decision), details=details)


def _change(module: NotebookModule, path: str, change: Change) -> Change:
    before = change.place_before
    if before is not None and before.file == path:
        # a line of the module as it was, which no cell need hold any more
        gone = change.place if change.after is not None else None
        return replace(change, place=_place(module, path, gone), place_before=None)
    return replace(change, place=_place(module, path, change.place))


def _place(module: NotebookModule, path: str, place: Place | None) -> Place | None:
    if place is None or place.file != path:
        return place
    return module.place(place.line) or place
