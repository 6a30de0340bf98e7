"""Where a notebook and what was made of it differ: the files of export, and the saved cells."""

import difflib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pivot.errors import PivotError
from pivot_jupyter.cells import Cell, Role, read_cell
from pivot_jupyter.session import Session

LONGEST = 60
"""So many lines of a file's diff are shown; of the others their number."""


@dataclass(frozen=True, slots=True)
class Drift:
    """A file that export would write with another text.

    Attributes:
        file: its project path.
        why: that it is not there, or the cells whose lines differ; may be empty.
        diff: its lines, from what is there to what the notebook says; none where nothing is there.
    """

    file: str
    why: str
    diff: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.file} ({self.why})" if self.why else self.file


def drift_of(
    file: str, there: str | None, wanted: str, cell_at: Callable[[int], str] = lambda _: ""
) -> Drift | None:
    """How a file differs from what export would write; ``None`` where it does not.

    Args:
        there: its text; ``None`` where there is no such file.
        cell_at: line of the wanted text, counted from 1 → the name of its cell, or nothing.
    """
    if there == wanted:
        return None
    if there is None:
        return Drift(file, "not there", ())
    lines: list[str] = []
    everywhere: dict[str, None] = {}
    names = (f"{file} (as it is)", f"{file} (as the notebook says)")
    for line in difflib.unified_diff(there.splitlines(), wanted.splitlines(), *names, "", "", 2, ""):
        if line.startswith("@@"):
            head = len(lines)
            at = int(line.split("+")[1].split(",")[0].split()[0])
            here: dict[str, None] = {}
        elif len(lines) >= 2:
            if line[0] in "+-" and (cell := cell_at(at)):
                here[cell] = everywhere[cell] = None
                lines[head] = f"{lines[head].rpartition('@@')[0]}@@ {', '.join(here)}"
            at += line[0] != "-"
        lines.append(line)
    if not lines:
        lines = ["only the ends of lines differ"]
    more = len(lines) - LONGEST
    shown = [*lines[:LONGEST], f"… and {more} more line{'s' * (more > 1)}"] if more > 0 else lines
    return Drift(file, ", ".join(everywhere), tuple(shown))


def out_of_step(drifts: Sequence[Drift]) -> PivotError:
    """What to say of files that differ."""
    return PivotError(
        f"not as the notebook says: {', '.join(map(str, drifts))}",
        "%pivot export (or pivot notebook export) writes them",
    )


def stale_cells(session: Session, file: str = "") -> tuple[str, ...]:
    """What a fresh run from top to bottom would give otherwise than the cells that were executed: a line each.

    Args:
        file: of the notebook; empty where nobody tells it.
    """
    unreadable = session.executed.notebook().unreadable
    if unreadable:
        return (f"{', '.join(unreadable)} could not be read as Python and left out",)
    late = ", ".join(cell.name for cell in session.out_of_order())
    told = [f"Restart and Run All would give another module (executed out of order: {late})"] if late else []
    executed = session.executed.notebook().cells
    used = [use.cell for use in session.cells_in_use()]
    return (*told, *against_saved(saved_cells(file), used, {cell.id for cell in executed}))


def saved_cells(file: str) -> Mapping[str, str]:
    """Id → text of the code cells that a notebook file holds; none where that cannot be told."""
    try:
        with open(file, encoding="utf-8") as stream:
            cells = json.load(stream)["cells"]
        return {
            str(cell["id"]): "".join(cell["source"])
            for cell in cells
            if cell["cell_type"] == "code" and "id" in cell
        }
    except (OSError, ValueError, KeyError, TypeError):
        return {}  # older files name no cells, and a file that was moved is not the session's any more


def against_saved(saved: Mapping[str, str], used: Sequence[Cell], executed: set[str]) -> tuple[str, ...]:
    """How executed cells differ from the saved ones: a line for each kind of difference.

    Args:
        saved: id → text.
        used: those that belong to the module.
        executed: the ids of all.
    """
    named = [cell for cell in used if not cell.id.startswith("#")]
    if not saved or not named:
        return ()
    edited = [cell.name for cell in named if saved.get(cell.id, cell.text) != cell.text]
    gone = [cell.name for cell in named if cell.id not in saved]
    waiting = [
        f"cell {number}"
        for number, (own, text) in enumerate(saved.items(), 1)
        if own not in executed and read_cell(text).role is Role.STAGE
    ]
    kinds = (
        (edited, "the saved notebook has another text of {}: run again what you edited, or save"),
        (gone, "the saved notebook has no {}: deleted (%pivot forget, or restart), or not saved yet"),
        (waiting, "not run yet, so not part of this: {} of the saved notebook"),
    )
    return tuple(text.format(", ".join(names)) for names, text in kinds if names)
