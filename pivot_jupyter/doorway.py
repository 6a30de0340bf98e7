"""What stands in a shell at once, until Pivot's own parts are there: their import takes longer than a prompt may.

They come when the cell that loads the extension is over and its reply is on its way, at the latest before the next
cell: so no cell can change what they are made with (`textwrap`, say, which pydantic reads).
"""

import contextlib
import gc
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pivot.errors import UsageError
from pivot_jupyter.cells import lift_head

if TYPE_CHECKING:
    from pivot_jupyter.extension import Extension
    from pivot_jupyter.session import Session

MAGICS = {"cell": ("pivot_stage", "pivot_module"), "line": ("pivot",)}

_NAME = "_pivot_doorway"

_BREATH = 0.02
"""Seconds after the end of a cell until its reply has left the kernel."""

_PATIENT = ("%load_ext ", "%reload_ext ", "%autoreload", "%config ", "%matplotlib", "import ", "from ", "#")
"""How the lines of a cell begin that asks nothing of Pivot but to be there."""


def stand(shell: Any) -> None:
    """Puts a doorway into a shell, unless there is one."""
    if not hasattr(shell, _NAME):
        setattr(shell, _NAME, Doorway(shell))


def leave(shell: Any) -> None:
    """Takes the doorway out of a shell, and what came through it; ends the workers."""
    doorway = getattr(shell, _NAME, None)
    if doorway is not None:
        delattr(shell, _NAME)
        doorway.close()


def current_session() -> "Session":
    """The session of the shell that runs this code.

    Raises:
        UsageError: the extension is not loaded.
    """
    from IPython import get_ipython

    doorway = getattr(get_ipython(), _NAME, None)
    if doorway is None:
        raise UsageError("pivot_jupyter is not loaded here", "run %load_ext pivot_jupyter first")
    session: Session = doorway.open().session
    return session


def can_wait(cell: str) -> bool:
    """Whether a cell does nothing but load extensions and import modules."""
    return all(line.startswith(_PATIENT) for line in cell.splitlines() if line.strip())


class Doorway:
    """Knows how the extension was loaded, and lets Pivot's own parts in when somebody asks for them."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._extension: Extension | None = None
        self._folder = os.getcwd()
        self._parent: dict[str, Any] = shell.get_parent() if hasattr(shell, "get_parent") else {}
        self._result: Any = None  # of the cell that loads it
        shell.input_transformers_cleanup.insert(0, self.before_cell)  # while lines are those of the cell
        shell.input_transformers_cleanup.append(lift_head)
        for kind, names in MAGICS.items():
            for name in names:
                shell.register_magic_function(self._stand_in(kind, name), kind, name)
        shell.events.register("post_run_cell", self._after_cell)
        kernel = getattr(shell, "kernel", None)
        self._loop = getattr(kernel, "io_loop", None)
        is_idle_soon = kernel is None or self._loop is not None
        if not (is_idle_soon and can_wait(shell.history_manager.input_hist_raw[-1])):
            self.open()

    def open(self) -> "Extension":
        """The extension; it comes now if it is not there yet."""
        if self._extension is None:
            with _no_garbage():
                from pivot_jupyter.extension import attach  # lazy: start-up time

                self._extension = attach(self._shell, self._folder, self._parent, self._result)
            self._shell.events.unregister("post_run_cell", self._after_cell)
        return self._extension

    def before_cell(self, lines: list[str]) -> list[str]:
        """An input transformer: a cell begins."""
        return self.open().refuse_broken(lines)

    before_cell.has_side_effects = True  # type: ignore[attr-defined] # half a cell is no error yet in a terminal

    def close(self) -> None:
        """Takes everything back."""
        shell = self._shell
        for transformer in (self.before_cell, lift_head):
            shell.input_transformers_cleanup.remove(transformer)
        if self._extension is None:
            shell.events.unregister("post_run_cell", self._after_cell)
        else:
            from pivot_jupyter.extension import detach  # lazy: start-up time

            detach(shell)
        for kind, names in MAGICS.items():
            for name in names:
                shell.magics_manager.magics[kind].pop(name, None)

    def _after_cell(self, result: Any) -> None:
        """``post_run_cell``: of the cell that loads the extension."""
        self._result = result
        if self._loop is not None:
            self._loop.call_later(_BREATH, self._idle)

    def _idle(self) -> None:
        if getattr(self._shell, _NAME, None) is self:
            self.open()

    def _stand_in(self, kind: str, name: str) -> Any:
        """A magic in whose place the extension puts its own, for code that calls it before any cell."""
        from IPython.core.magic import no_var_expand

        def magic(*words: str) -> object:
            """Pivot's own is here as soon as the next cell begins."""
            self.open()
            return self._shell.magics_manager.magics[kind][name](*words)

        return no_var_expand(magic)


@contextlib.contextmanager
def _no_garbage() -> Iterator[None]:
    """While a few hundred modules are imported, nothing is garbage: to look for it takes an eighth of the time."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
