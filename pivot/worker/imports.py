"""What a project module did while it was imported belongs to the module, for as long as the process holds it.

A later stage finds the module imported already, and would otherwise be thought not to rest on what its import did.
"""

import contextlib
import importlib.abc
import importlib.machinery
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import ModuleType

from pivot.worker.frames import Frames


@dataclass(slots=True, eq=False)
class Imported:
    """What one module's import did.

    Attributes:
        code: functions that it called: (file name, first line).
        missing: modules that it looked for in vain.
        asked: whether it may have read a file or variable, started a program, or drawn random numbers: then it serves
            one stage only.
    """

    code: set[tuple[str, int]] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    asked: bool = False


class ImportLog:
    """Is told by a `ProjectImporter` of each module that it executes.

    Attributes:
        modules: by name.
        at_border: called when the execution of a module begins and ends.
        observed: whether somebody records what happens; a module that is imported meanwhile unobserved may have asked
            anything.
    """

    def __init__(self) -> None:
        self.modules: dict[str, Imported] = {}
        self.at_border: Callable[[], object] = _nothing
        self.observed = False
        self._open: list[tuple[int, Imported]] = []

    @contextlib.contextmanager
    def executing(self, name: str) -> Iterator[None]:
        """Around the execution of a module."""
        entry = (threading.get_ident(), self.modules.setdefault(name, Imported()))
        entry[1].asked |= not self.observed
        self._open.append(entry)
        self.at_border()
        try:
            yield
        finally:
            self._open.remove(entry)
            self.at_border()

    def mark_asked(self) -> None:
        """Every module that is held may have done what a later stage must see again."""
        for module in self.modules.values():
            module.asked = True

    def current(self) -> Imported | None:
        """The module that is being executed, the innermost; a thread that executes none helps one that does."""
        if not self._open:
            return None
        thread = threading.get_ident()
        own = (module for ident, module in reversed(self._open) if ident == thread)
        return next(own, self._open[-1][1])

    @contextlib.contextmanager
    def watched(self, at_border: Callable[[], object]) -> Iterator[None]:
        """While a stage is observed."""
        self.observed, self.at_border = True, at_border
        try:
            yield
        finally:
            self.observed, self.at_border = False, _nothing


@contextlib.contextmanager
def last_finder(frames: Frames, note: Callable[[str], None]) -> Iterator[None]:
    """Notes the modules that project code wants and that no finder finds."""
    finder = _LastFinder(frames, note)
    sys.meta_path.append(finder)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):  # a stage may have replaced what is in the list
            sys.meta_path.remove(finder)


class _LastFinder(importlib.abc.MetaPathFinder):
    def __init__(self, frames: Frames, note: Callable[[str], None]) -> None:
        self._frames = frames
        self._note = note

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - the protocol's
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> importlib.machinery.ModuleSpec | None:
        if self._frames.importing(sys._getframe(1)):  # noqa: SLF001 - finders are not told who wants it
            self._note(fullname)
        return None


def _nothing() -> None:
    """Nobody records."""
