"""A notebook executed from top to bottom in a kernel that knows nothing yet."""

# mypy: disable-error-code="no-untyped-call"

import copy
import os
import re
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pivot.errors import UsageError
from pivot_jupyter.export import write_whole

_PATIENCE = 180
"""Seconds until a kernel counts as one that does not answer."""
_LAST_WORDS = 20
"""So many lines are told of what a kernel wrote that died."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What ended the execution.

    Attributes:
        cell: its name, as in tracebacks.
        message: one line.
        traceback: its lines, empty where there is none.
    """

    cell: str
    message: str
    traceback: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FreshRun:
    """A Run All.

    Attributes:
        notebook: with its new outputs, as far as it came.
        cells: so many were executed.
        failure: ``None`` where all of them came to their end.
    """

    notebook: Any
    cells: int
    failure: Failure | None


def read(file: str) -> Any:
    """A notebook file, as nbformat has it.

    Raises:
        UsageError: it is none, none of Python, or what executes notebooks is not installed.
    """
    try:
        import nbclient  # noqa: F401
        import nbformat
    except ImportError as error:
        raise UsageError(f"{error.name} is not installed here", 'pip install "pivot[jupyter]"') from None
    name = os.path.basename(file)
    try:
        notebook = nbformat.read(file, as_version=4)
    except Exception as error:  # noqa: BLE001 - it raises what its parsers raise
        raise UsageError(f"{name} is no notebook: {error}") from None
    language = notebook.metadata.get("kernelspec", {}).get("language", "python")
    if language != "python":
        raise UsageError(f"{name} is a notebook of {language}", "Pivot's stages are Python")
    return notebook


def run_all(
    notebook: Any, file: str, *, timeout: int | None = None, begin: Callable[[str], None] = lambda _: None
) -> FreshRun:
    """Executes a copy of a notebook in a new kernel of this interpreter, which has ended when this gives back.

    Args:
        notebook: from `read`.
        file: where it lies; its folder is the kernel's.
        timeout: how long one cell may take, in seconds; ``None``: as long as it likes.
        begin: hears the name of each cell that begins.
    """
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    made = copy.deepcopy(notebook)
    file = os.path.abspath(file)
    client = _client(made, os.path.dirname(file), timeout)
    environment = {**os.environ, "JPY_SESSION_NAME": file}  # as a Jupyter server tells the notebook's name
    number, name = 0, "before the first cell"
    with tempfile.TemporaryFile() as said:
        try:
            with client.setup_kernel(cleanup_kc=True, env=environment, stderr=said):
                for index, cell in enumerate(made.cells):
                    if cell.cell_type != "code" or not cell.source.strip():
                        continue
                    number += 1
                    name = f"Cell In[{number}]"
                    begin(name)
                    client.execute_cell(cell, index)
        except CellExecutionError as error:
            ours = error.ename == "PivotRunError"  # one line that says it all
            told = error.evalue if ours else f"{error.ename}: {error.evalue}".splitlines()[0]
            return FreshRun(made, number, Failure(name, told, () if ours else _traceback(cell)))
        except CellTimeoutError:
            return FreshRun(made, number, Failure(name, f"it took longer than {timeout} s"))
        except RuntimeError as error:
            if not isinstance(error, DeadKernelError) and "Kernel died" not in str(error):
                raise
            said.seek(0)
            last = said.read().decode("utf-8", "replace").splitlines()[-_LAST_WORDS:]
            return FreshRun(made, number, Failure(name, "the kernel died", tuple(last)))
    return FreshRun(made, number, None)


def _client(notebook: Any, folder: str, timeout: int | None) -> Any:
    """What executes the notebook, with a kernel that is not started yet."""
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient

    manager = AsyncKernelManager()
    assert manager.kernel_spec is not None
    starts = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", "--log-level=40"]
    manager.kernel_spec.argv = starts
    return NotebookClient(
        notebook,
        km=manager,
        timeout=timeout,
        startup_timeout=_PATIENCE,
        iopub_timeout=_PATIENCE,  # on a busy machine outputs come late
        record_timing=False,
        resources={"metadata": {"path": folder}},
    )


def save(notebook: Any, file: str) -> None:
    """Writes a notebook as JupyterLab writes it, at once or not at all."""
    import nbformat

    write_whole(file, nbformat.writes(notebook) + "\n")


def _traceback(cell: Any) -> tuple[str, ...]:
    traces = [one["traceback"] for one in cell.get("outputs", []) if one["output_type"] == "error"]
    return tuple(line for trace in traces for text in trace for line in _plain(text).splitlines())


def _plain(text: str) -> str:
    """A text without the sequences that set a terminal's colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
