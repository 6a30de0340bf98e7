"""What the extension puts into a shell, and takes out again."""

import atexit
import os
import sys
from typing import Any

from pivot.errors import UsageError
from pivot_jupyter.cells import lift_head
from pivot_jupyter.completion import matcher_for
from pivot_jupyter.magics import PivotMagics
from pivot_jupyter.naming import DEFAULT_MODULE, module_name_for, notebook_file
from pivot_jupyter.session import Session
from pivot_jupyter.words import SUBCOMMANDS

_HANDLE = "_pivot_extension"


class Extension:
    """The parts of Pivot in one shell."""

    def __init__(self, shell: Any) -> None:
        name = notebook_file(shell.user_ns, os.environ)
        module = module_name_for(name) if name else DEFAULT_MODULE
        self.session = Session(shell.user_ns, os.getcwd(), module, _warn)
        self.magics = PivotMagics(shell, self.session)
        self.matcher = matcher_for(SUBCOMMANDS, lambda: self.session.stage_names)


def attach(shell: Any) -> None:
    """Register magics, events, completion and the input transformer."""
    if hasattr(shell, _HANDLE):
        return
    extension = Extension(shell)
    extension.magics.look_back()
    setattr(shell, _HANDLE, extension)
    shell.register_magics(extension.magics)
    shell.events.register("pre_run_cell", extension.magics.before_cell)
    shell.events.register("post_run_cell", extension.magics.after_cell)
    shell.input_transformers_cleanup.append(lift_head)
    if shell.Completer is not None:
        shell.Completer.custom_matchers.append(extension.matcher)
    atexit.register(extension.session.close)


def detach(shell: Any) -> None:
    """Undo `attach`; ends the workers."""
    extension = getattr(shell, _HANDLE, None)
    if extension is None:
        return
    delattr(shell, _HANDLE)
    shell.events.unregister("pre_run_cell", extension.magics.before_cell)
    shell.events.unregister("post_run_cell", extension.magics.after_cell)
    shell.input_transformers_cleanup.remove(lift_head)
    if shell.Completer is not None and extension.matcher in shell.Completer.custom_matchers:
        shell.Completer.custom_matchers.remove(extension.matcher)
    for kind, names in (("cell", ("pivot_stage", "pivot_module")), ("line", ("pivot",))):
        for name in names:
            shell.magics_manager.magics[kind].pop(name, None)
    shell.magics_manager.registry.pop(PivotMagics.__name__, None)
    atexit.unregister(extension.session.close)
    extension.session.close()


def current_session() -> Session:
    """The session of the shell that runs this code.

    Raises:
        UsageError: the extension is not loaded.
    """
    from IPython import get_ipython

    extension = getattr(get_ipython(), _HANDLE, None)
    if extension is None:
        raise UsageError("pivot_jupyter is not loaded here", "run %load_ext pivot_jupyter first")
    session: Session = extension.session
    return session


def _warn(line: str) -> None:
    print(f"pivot: {line}", file=sys.stderr)  # noqa: T201 - a notebook's own place for warnings
