"""``%pivot debug``: a stage is called in the kernel with what a worker gets, and pdb opens where it fails."""

# mypy: disable-error-code="no-untyped-call"

import bdb
import re
import sys
import traceback
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from types import CodeType, FrameType, TracebackType
from typing import Any

from IPython.core import debugger
from IPython.core.error import StdinNotImplementedError

from pivot.errors import PivotError, UsageError
from pivot.model.decision import Verdict
from pivot.project import Project
from pivot_jupyter.compile import NotebookModule
from pivot_jupyter.session import Session

_SKIPPED = ("bdb", "pivot.*", "pivot_jupyter.*")
_LONGEST = 60
_MOST_KEYS = 8

IsOwn = Callable[[str], bool]
"""Whether a file holds code of the stage's author."""


def debug(shell: Any, session: Session, stage: str, *, step: bool) -> None:
    """Calls a stage, and opens pdb at the line of its author's code that fails; what it makes is dropped.

    Args:
        step: stop at its first line, too.

    Raises:
        PivotError: it cannot be called, it fails in no line of its author's, or the front end takes no input.
    """
    with session.project_of(stage) as project:
        session.awaited.require(stage)
        module = session.module() if project is session.project else None
        files = _files_of_cells(shell, module)

        def placed(name: str, code: CodeType) -> CodeType:
            return code_in_cells(code, module, files) if module and name == module.name else code

        if upstream := _would_run_first(project, stage):
            print(f"note: %pivot run would first run {upstream}; these inputs are those of earlier runs")  # noqa: T201
        with project.rehearse(stage, placed) as rehearsal:
            cells = {file: name for name, file in files.items()}
            try:
                _rehearse(stage, rehearsal, cells, session.told, step=step)
            except (
                StdinNotImplementedError
            ):  # of nbclient, papermill and others that execute without a person
                raise UsageError(
                    f"stage '{stage}': there is nobody to type into the debugger here",
                    "run this cell by hand, in JupyterLab or another front end with a prompt",
                ) from None


def code_in_cells(code: CodeType, module: NotebookModule, files: Mapping[str, str]) -> CodeType:
    """The code of the notebook module, in which each definition says that it stands in its cell.

    Args:
        files: name of a cell → what the kernel calls its file.
    """
    starts = [piece.line for piece in module.pieces]

    def moved(inner: CodeType) -> CodeType:
        index = bisect_right(starts, inner.co_firstlineno) - 1
        if index < 0:
            return inner
        piece = module.pieces[index]
        return shifted(inner, files[piece.cell.name], piece.start - piece.line)

    return code.replace(co_consts=tuple(moved(c) if isinstance(c, CodeType) else c for c in code.co_consts))


def shifted(code: CodeType, file: str, lines: int) -> CodeType:
    """Code, and all code in it, as if it stood so many lines below in another file."""
    return code.replace(
        co_filename=file,
        co_firstlineno=code.co_firstlineno + lines,
        co_consts=tuple(shifted(c, file, lines) if isinstance(c, CodeType) else c for c in code.co_consts),
    )


def summary_of(value: object) -> str:
    """What a value is, in a few words: ``a DataFrame of 3 x 2``, ``a dict with 'a': 1, 'b': a list of 3``."""
    name = type(value).__qualname__
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        text = repr(value)
        return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    kind = f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple):
        return f"{kind} of {' x '.join(map(str, shape))}" if shape else kind
    if isinstance(value, dict):
        items = [f"{key!r}: {summary_of(inner)}" for key, inner in list(value.items())[:_MOST_KEYS]]
        return (
            f"{kind} with {', '.join(items)}{', …' if len(value) > _MOST_KEYS else ''}"
            if items
            else f"{kind}, empty"
        )
    return f"{kind} of {len(value)}" if isinstance(value, Sequence | set | frozenset) else kind


def _rehearse(
    stage: str, rehearsal: Any, cells: Mapping[str, str], told: Callable[[str], str], *, step: bool
) -> None:
    def is_own(file: str) -> bool:
        return file in cells or rehearsal.is_own(file)

    def pdb() -> StagePdb:
        return StagePdb(cells, is_own, told)

    try:
        function, arguments = rehearsal.prepared()
        returned = pdb().step_through(function, arguments) if step else function(**arguments)
        rehearsal.check(returned)
    except bdb.BdbQuit:
        return
    except StdinNotImplementedError:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever ends the stage is to be looked at
        failure = rehearsal.failure(error)
        origin = rehearsal.origin(error)
        trace = rehearsal.trace(origin)
        places = [(cells.get(file, ""), line) for file, line in _lines(trace) if is_own(file)]
        if not places:
            raise PivotError(f"stage '{stage}' fails: {told(failure.message)}", failure.hint) from None
        cell, line = places[-1]
        print(f"stage '{stage}' fails: {told(failure.message)}{f' ({cell}, line {line})' if cell else ''}")  # noqa: T201
        if failure.hint:
            print(f"hint: {failure.hint}")  # noqa: T201
        pdb().look(origin, trace)
        return
    print(f"stage '{stage}' does not fail: it returned {summary_of(returned)}; nothing was kept")  # noqa: T201


def _lines(trace: TracebackType | None) -> list[tuple[str, int]]:
    return [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(trace)]


def _would_run_first(project: Project, stage: str) -> str:
    decisions = project.status([stage])
    return ", ".join(d.stage for d in decisions if d.stage != stage and d.verdict is not Verdict.UNCHANGED)


def _files_of_cells(shell: Any, module: NotebookModule | None) -> dict[str, str]:
    """Name of a cell → a file name of the kernel's, under which the text of the cell is shown."""
    cells = {piece.cell.name: piece.cell for piece in module.pieces} if module else {}
    return {
        # a name of our own: the text is that of the cell with its magics, not what the kernel executed
        name: shell.compile.cache(cell.text, cell.number, raw_code=f"{cell.text}\n# debugged")
        for name, cell in cells.items()
    }


class StagePdb(debugger.Pdb):
    """IPython's debugger, which begins in the innermost line of the author's and names lines of cells.

    Args:
        cells: file name → name of the cell.
        is_own: whether a file is the author's.
        told: a text as it is shown: with no path of this machine.
    """

    def __init__(self, cells: Mapping[str, str], is_own: IsOwn, told: Callable[[str], str]) -> None:
        super().__init__(skip=list(_SKIPPED))
        self._cells = cells
        self._is_own = is_own
        self._told = told

    def look(self, error: BaseException, trace: TracebackType | None) -> None:
        """Opens at the line that raised.

        Args:
            trace: of the error, as far as it is shown.
        """
        self.reset()
        # Python 3.13 can do itself what IPython does for earlier ones
        chained = sys.version_info >= (3, 13) or getattr(debugger, "CHAIN_EXCEPTIONS", False)
        try:
            self.interaction(None, error.with_traceback(trace) if chained else trace)
        finally:
            self.clear_all_breaks()  # Python keeps them beyond a debugger

    def step_through(self, function: Callable[..., Any], arguments: Mapping[str, object]) -> object:
        """Calls a function and opens at its first line.

        Raises:
            BdbQuit: it was left.
        """
        before = sys.gettrace()
        self.reset()
        sys.settrace(self.trace_dispatch)
        try:
            return function(**arguments)
        finally:
            sys.settrace(before)
            self.clear_all_breaks()

    def get_stack(self, *args: Any, **kwargs: Any) -> tuple[list[tuple[FrameType, int]], int]:
        """The frames, and which one is looked at first."""
        stack, index = super().get_stack(*args, **kwargs)
        trace = args[1] if len(args) > 1 else kwargs.get("t")
        own = [i for i, (frame, _) in enumerate(stack) if self._is_own(frame.f_code.co_filename)]
        return stack, own[-1] if trace is not None and own else index

    def format_stack_entry(self, frame_lineno: tuple[FrameType, int], lprefix: str = ": ") -> str:
        """A frame and the lines around it."""
        text = super().format_stack_entry(frame_lineno, lprefix)
        frame, line = frame_lineno
        cell = self._cells.get(frame.f_code.co_filename)
        if cell is None:
            return self._told(text)
        style = r"(?:\x1b\[[\d;]*m)*"
        where = rf"{re.escape(frame.f_code.co_filename)}({style})\({style}{line}{style}\)"
        return re.sub(where, lambda match: f"{cell}, line {line}{match[1]} in ", text, count=1)

    def message(self, msg: object) -> None:
        """Tells of breakpoints and the like."""
        text = str(msg)
        for file, cell in self._cells.items():
            text = text.replace(f"{file}:", f"{cell}, line ").replace(file, cell)
        super().message(text)
