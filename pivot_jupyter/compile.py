"""Cells to one module: the text that workers import and that export writes. A pure function of texts."""

import re
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pivot.errors import CodeError
from pivot.model.digest import digest_text
from pivot.model.fingerprint import ModuleText
from pivot.model.place import Place
from pivot_jupyter.cells import Cell, CellSource, lines_of, read_cell
from pivot_jupyter.slices import Slice, in_module_order, slice_for
from pivot_jupyter.units import Kind, Unit, future_names, units_of

Acting = Callable[[Sequence[str]], Collection[int]]
"""Names → the positions of the units that act on what they reach."""


def none_acts(_: Sequence[str]) -> Collection[int]:
    """Nothing acts on anything: only names and the names of methods say what belongs together."""
    return ()


@dataclass(frozen=True, slots=True)
class Notebook:
    """The executed cells, read.

    Attributes:
        cells: in the order in which they were executed last.
        units: of all of them, in that order.
        positions: of each unit in the notebook.
        futures: the ``__future__`` features in force.
        unreadable: cells that are no Python, with why.
    """

    cells: tuple[Cell, ...]
    units: tuple[Unit, ...]
    positions: Mapping[Unit, int]
    futures: tuple[str, ...]
    unreadable: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Piece:
    """Lines of the module that are lines of a cell: ``line`` is the first in the module, ``start`` in the cell."""

    line: int
    start: int
    count: int
    cell: Cell


@dataclass(frozen=True, slots=True)
class NotebookModule:
    """A notebook's stages and all they reach, as one module.

    Attributes:
        name: the module's name, now and after export.
        text: its source.
        pieces: where its lines come from, in order.
        slice: the units it was made of.
        order: the same, as they stand in it.
    """

    name: str
    text: str
    pieces: tuple[Piece, ...]
    slice: Slice
    order: tuple[Unit, ...]

    @property
    def filename(self) -> str:
        """What tracebacks in workers name; no file, so that nothing on disk is mistaken for it."""
        return f"<{self.name}>"

    def module_text(self, place: str) -> ModuleText:
        """The form in which it is hashed and travels; `place` is the name in reasons."""
        return ModuleText(self.name, self.filename, place, self.text, digest_text(self.text))

    @property
    def names(self) -> tuple[str, ...]:
        """The names it binds at top level, in order."""
        return tuple(dict.fromkeys(name for unit in self.slice.units for name in unit.names))

    def place(self, line: int) -> Place | None:
        """The cell and its line that a line of the module comes from; ``None`` for a line of ours."""
        index = bisect_right([piece.line for piece in self.pieces], line) - 1
        if index < 0 or line >= self.pieces[index].line + self.pieces[index].count:
            return None
        piece = self.pieces[index]
        return Place(piece.cell.name, piece.start + line - piece.line)

    def in_cells(self, text: str) -> str:
        """A traceback or message with the module's lines named as lines of cells."""

        def frame(match: re.Match[str]) -> str:
            place = self.place(int(match[2]))
            return f"{match[1]}{place}" if place else match[0]

        ours = re.escape(self.filename)
        text = re.sub(rf'(File )"{ours}", line (\d+)', frame, text)
        return re.sub(rf"()(?:{ours}|(?:[\w.-]+/)*\b{re.escape(self.name)}\.py):(\d+)", frame, text)


@dataclass(frozen=True, slots=True)
class Page:
    """One cell, read.

    Attributes:
        problem: why its Python could not be read; empty where it could.
    """

    cell: Cell
    source: CellSource
    units: tuple[Unit, ...]
    futures: frozenset[str]
    problem: str = ""


def read_page(cell: Cell) -> Page:
    """Reads one cell; whatever it says."""
    source = read_cell(cell.text)
    try:
        return Page(cell, source, units_of(cell, source), future_names(source))
    except (SyntaxError, ValueError) as error:
        return Page(cell, source, (), frozenset(), str(error))


def read_notebook(cells: Iterable[Cell | Page], positions: Mapping[Cell, int] | None = None) -> Notebook:
    """Reads executed cells.

    Args:
        cells: in the order in which they were executed last; those read before need no second reading.
        positions: where each stands in the notebook, as far as known; left out, executed order.
    """
    pages = [read_page(cell) if isinstance(cell, Cell) else cell for cell in cells]
    order: dict[Unit, int] = {}
    for index, page in enumerate(pages):
        place = positions.get(page.cell, index) if positions is not None else index
        order.update({unit: place * 100_000 + unit.start for unit in page.units})
    return Notebook(
        cells=tuple(page.cell for page in pages),
        units=tuple(unit for page in pages for unit in page.units),
        positions=order,
        futures=tuple(sorted(frozenset().union(*(page.futures for page in pages)))),
        unreadable={page.cell.name: page.problem for page in pages if page.problem},
    )


def compile_module(
    notebook: Notebook, name: str, stages: Iterable[str], acting: Acting = none_acts
) -> NotebookModule:
    """The module that the functions `stages` need, with all that they reach and that acts on it."""
    wanted = tuple(stages)
    return _assemble(notebook, name, slice_for(wanted, notebook.units, acting=acting(wanted)))


def part_of_module(
    notebook: Notebook, name: str, names: Iterable[str], acting: Acting = none_acts
) -> NotebookModule:
    """Only what some names need: for a trial, or to be shown."""
    wanted = tuple(names)
    found = slice_for(wanted, notebook.units, whole_cells=False, acting=acting(wanted))
    return _assemble(notebook, name, found)


def refused_commands(found: Slice) -> tuple[CodeError, ...]:
    """An error for each kernel command that a module would need."""
    return tuple(
        CodeError(
            f"{unit.cell.name}, line {unit.command.line}: `{unit.command.text}` works in a notebook only, "
            f"and {', '.join(unit.names) or 'a stage'} needs it",
            "write it in Python (subprocess.run, os.environ, …), or move it to a cell that no stage reads",
        )
        for unit in found.units
        if unit.command is not None
    )


def _assemble(notebook: Notebook, name: str, found: Slice) -> NotebookModule:
    lines: list[str] = []
    if notebook.futures:
        lines.append(f"from __future__ import {', '.join(notebook.futures)}")
    pieces: list[Piece] = []
    last: Unit | None = None
    order = in_module_order(found.units, notebook.positions, found.acting)
    for unit in order:
        if lines:
            lines.extend([""] * _gap(last, unit))
        text = lines_of(unit.text)
        pieces.append(Piece(len(lines) + 1, unit.start, len(text), unit.cell))
        lines.extend(text)
        last = unit
    return NotebookModule(name, "\n".join(lines) + "\n" if lines else "", tuple(pieces), found, order)


def _gap(last: Unit | None, unit: Unit) -> int:
    """Blank lines between two units."""
    if last is None:
        return 1
    big = (Kind.FUNCTION, Kind.CLASS, Kind.CELL)
    if last.kind in big or unit.kind in big:
        return 2
    together = last.kind is unit.kind and (last.kind is Kind.IMPORT or unit.start <= last.end + 1)
    return 0 if together and (last.kind is Kind.IMPORT or last.cell is unit.cell) else 1
