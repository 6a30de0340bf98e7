"""The cells that a kernel has executed: what each said last, in which order they ran, where each stands."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from pivot_jupyter.cells import Cell, above
from pivot_jupyter.compile import Notebook, Page, read_notebook, read_page


class Executed:
    """A memory of pages by cell. Where a front end names no cells, every execution is a cell of its own."""

    def __init__(self) -> None:
        self._pages: dict[str, Page] = {}  # in the order in which they were executed last
        self._positions: dict[str, int] = {}

    def record(self, cell: Cell) -> Page:
        """Takes down a cell that ran to its end; what it said before is replaced."""
        key = key_of(cell)
        page = read_page(cell)
        self._pages.pop(key, None)
        self._pages.pop(_stopped(key), None)
        if not is_unnamed(key):
            # run again under its name: it was run before the extension was there to be told of names
            for old in [k for k, p in self._pages.items() if is_unnamed(k) and p.cell.text == cell.text]:
                self._positions.setdefault(key, self._positions[old])
                del self._pages[old]
        self._pages[key] = page
        self._positions.setdefault(key, len(self._positions))
        return page

    def record_stopped(self, cell: Cell, line: int) -> Page:
        """Takes down the statements of a cell that an error ended at a line; what it did before stays known."""
        key = key_of(cell)
        page = read_page(replace(above(cell, line), id=_stopped(key)))
        self._pages.pop(_stopped(key), None)
        self._pages[_stopped(key)] = page
        self._positions[_stopped(key)] = self._positions.setdefault(key, len(self._positions))
        return page

    def record_earlier(self, texts: Mapping[int, str], namespace: Mapping[str, object]) -> None:
        """Takes down cells that were executed when nobody watched.

        Args:
            texts: by execution count.
            namespace: of the cells; a statement whose names are not there did not come to its end.
        """
        for number, text in texts.items():
            page = read_page(Cell(number, text, f"#{number}"))
            units = tuple(unit for unit in page.units if all(name in namespace for name in unit.names))
            self._pages[page.cell.id] = replace(page, units=units)
            self._positions[page.cell.id] = len(self._positions)

    def replace_by_newest(self, key: str) -> None:
        """Drops a cell that was executed again under no name: the newest binds all that it bound."""
        newest = next(reversed(self._pages))
        before, now = (_names(self._pages[one]) for one in (key, newest))
        if key != newest and before <= now:
            self._positions[newest] = min(self._positions[key], self._positions[newest])
            del self._pages[key]

    def notebook(self) -> Notebook:
        """All of them, read, in the order in which they were executed last."""
        return self._read(self._pages)

    def in_place(self) -> Notebook:
        """All of them, read, as if they were executed once from top to bottom."""
        return self._read(sorted(self._pages, key=lambda key: self._positions[key]))

    def _read(self, keys: Iterable[str]) -> Notebook:
        pages = {key: self._pages[key] for key in keys}
        return read_notebook(pages.values(), {page.cell: self._positions[key] for key, page in pages.items()})


def key_of(cell: Cell) -> str:
    """What a cell is known by."""
    return cell.id or f"#{cell.number}"


def is_unnamed(key: str) -> bool:
    """Whether the front end gave the cell no name."""
    return key.startswith("#")


def _stopped(key: str) -> str:
    return f"{key} stopped"


def _names(page: Page) -> set[str]:
    return {name for unit in page.units for name in unit.names}
