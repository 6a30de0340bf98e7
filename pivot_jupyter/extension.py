"""What the extension puts into a shell, and takes out again."""

import atexit
import multiprocessing.util  # noqa: F401 - now, so that its exit function, which removes its files, runs after ours
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

from pivot_jupyter import forms
from pivot_jupyter.background import Background
from pivot_jupyter.completion import matcher_for
from pivot_jupyter.desk import Desk
from pivot_jupyter.execution import refusal_of_broken
from pivot_jupyter.loading import outs_of
from pivot_jupyter.magics import PivotMagics
from pivot_jupyter.naming import DEFAULT_MODULE, module_name_for, notebook_file
from pivot_jupyter.session import Session
from pivot_jupyter.turns import Turns
from pivot_jupyter.words import SUBCOMMANDS

HASTE = 1.5
"""Seconds that a run has to end in when its kernel does; whoever asked the kernel kills it after 2.5."""

_HANDLE = "_pivot_extension"


class Extension:
    """The parts of Pivot in one shell.

    Args:
        folder: of the notebook, absolute.
    """

    def __init__(self, shell: Any, folder: str) -> None:
        name = notebook_file(shell.user_ns, os.environ)
        module = module_name_for(name) if name else DEFAULT_MODULE
        self.session = Session(shell.user_ns, folder, module, _warn)
        self.background = Background(self.session.project.workers)
        self.magics = PivotMagics(shell, self.session, self.background)
        self.matcher = matcher_for(
            SUBCOMMANDS, lambda: self.session.stage_names, lambda stage: outs_of(self.session, stage)
        )
        self.refuse_broken = refusal_of_broken(shell)
        self.turns = Turns()
        self.desk = desk_for(shell, self.session, self.turns, self.background)
        if self.desk is not None:
            self.magics.commands.desk = self.desk

    def before_cell(self, _: Any) -> None:
        """``pre_run_cell``: the session belongs to the cell."""
        self.turns.cell_begins()

    def after_cell(self, _: Any) -> None:
        """``post_run_cell``: what the cell changed is to be seen."""
        self.turns.cell_ends()
        if self.desk is not None:
            self.desk.refresh()

    def shut_down(self) -> None:
        """The kernel is about to end its children and then itself: runs end before, in an orderly way if they can."""
        if self.desk is not None:
            self.desk.stopped.set()
        self.background.stop()
        self.background.wait(HASTE)

    def close(self) -> None:
        """Ends all that was started."""
        self.background.close()
        if self.desk is not None:
            self.desk.close()
        self.session.close()


def before_shutdown(kernel: Any, act: Callable[[], None]) -> None:
    """Lets something happen before a kernel ends; Python's own exit functions come too late, or never."""
    end = kernel.do_shutdown

    def do_shutdown(restart: bool) -> Any:
        act()
        return end(restart)

    kernel.do_shutdown = do_shutdown


def desk_for(shell: Any, session: Session, turns: Turns, background: Background) -> Desk | None:
    """What answers browsers, where the shell is a kernel's."""
    if getattr(shell, "kernel", None) is None:
        return None
    from importlib.metadata import version  # lazy: start-up time

    from comm import create_comm, get_comm_manager

    desk = Desk(session, turns, background, version("pivot"), get_comm_manager())
    desk.knock(create_comm)
    return desk


def attach(shell: Any, folder: str, parent: Mapping[str, Any], result: Any) -> Extension:
    """Register magics, events and completion.

    Args:
        folder: in which the extension was loaded.
        parent: the kernel's message with the cell that loads it; empty where there is no kernel.
        result: of that cell; ``None`` while it runs, or where no cell loads it.
    """
    extension = Extension(shell, folder)
    extension.magics.look_back(parent)
    if len(shell.history_manager.input_hist_raw) > 1:  # else it is loaded before any cell
        extension.turns.cell_begins()  # the one that loads it
    setattr(shell, _HANDLE, extension)
    shell.register_magics(extension.magics)
    forms.register(shell)
    for cells in (extension, extension.magics):
        shell.events.register("pre_run_cell", cells.before_cell)
    for cells in (extension.magics, extension):
        shell.events.register("post_run_cell", cells.after_cell)
        if result is not None:
            cells.after_cell(result)
    if shell.Completer is not None:
        shell.Completer.custom_matchers.append(extension.matcher)
    atexit.register(extension.close)
    if extension.desk is not None:
        before_shutdown(shell.kernel, extension.shut_down)
    return extension


def detach(shell: Any) -> None:
    """Undo `attach`; ends the workers."""
    extension = getattr(shell, _HANDLE)
    delattr(shell, _HANDLE)
    forms.unregister(shell)
    for cells in (extension, extension.magics):
        shell.events.unregister("pre_run_cell", cells.before_cell)
        shell.events.unregister("post_run_cell", cells.after_cell)
    if shell.Completer is not None and extension.matcher in shell.Completer.custom_matchers:
        shell.Completer.custom_matchers.remove(extension.matcher)
    shell.magics_manager.registry.pop(PivotMagics.__name__, None)
    atexit.unregister(extension.close)
    if extension.desk is not None:
        del shell.kernel.do_shutdown
    extension.close()


def _warn(line: str) -> None:
    print(f"pivot: {line}", file=sys.stderr)  # noqa: T201 - a notebook's own place for warnings
