"""Executing a cell that a magic heads, as the shell executes one without."""

import ast
import traceback
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from pivot_jupyter.cells import Cell, Role, as_python, lines_of, take_heads


def refusal_of_broken(shell: Any) -> Callable[[list[str]], list[str]]:
    """An input transformer that refuses a cell of ours which is no Python.

    The shell then shows the error as it does for a cell without a magic: the line, the caret, and no frames. What a
    magic raises is shown with the way there.
    """

    def refuse_broken(lines: list[str]) -> list[str]:
        cell = Cell(shell.execution_count, "".join(lines))
        body = lines_of(cell.text)
        if take_heads(body)[0] not in {Role.STAGE, Role.MODULE}:
            return lines
        python = "\n".join(body) + "\n"
        if _syntax_error(python, shell.compile.flags) is None:
            return lines
        python = as_python(python)
        error = _syntax_error(python, shell.compile.flags)
        if error is None:
            return lines
        error.filename = _file_of(shell, cell, python)
        raise error

    refuse_broken.has_side_effects = True  # type: ignore[attr-defined] # half a cell is no error yet in a terminal
    return refuse_broken


def _syntax_error(text: str, flags: int) -> SyntaxError | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they are for the execution to show
            compile(text, "<cell>", "exec", flags, dont_inherit=True)
    except SyntaxError as error:
        return error
    except (ValueError, OverflowError, MemoryError, RecursionError):
        pass  # the execution meets it, too
    return None


def _file_of(shell: Any, cell: Cell, text: str) -> str:
    name: str = shell.compile.cache(text, cell.number, raw_code=cell.text + "\n# body")
    return name


def execute(shell: Any, cell: Cell) -> object:
    """Runs a cell in the shell's namespace, once; gives its last expression's value.

    Args:
        cell: as it was sent, with the lines of its magics.
    """
    __tracebackhide__ = True
    lines = lines_of(cell.text)
    take_heads(lines)
    text = as_python("\n".join(lines))
    filename = _file_of(shell, cell, text)
    body = shell.transform_ast(shell.compile.ast_parse(text, filename=filename)).body
    last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
    try:
        exec(shell.compile(ast.Module(body, []), filename, "exec"), shell.user_ns)  # noqa: S102 - the user's cell
        if last is None:
            return None
        return eval(shell.compile(ast.Expression(last.value), filename, "eval"), shell.user_ns)  # noqa: S307
    except Exception as error:
        _show_from_cell(shell, error)
        raise


def last_line(error: BaseException, namespace: Mapping[str, object]) -> int:
    """The line of the cell that raised; 0 where none did."""
    lines = [
        number
        for frame, number in traceback.walk_tb(error.__traceback__)
        if frame.f_globals is namespace and frame.f_code.co_name == "<module>"
    ]
    return lines[-1] if lines else 0


def _show_from_cell(shell: Any, error: Any) -> None:
    """Lets the traceback of the user's error begin in the cell, as it does in a cell without a magic."""
    trace = error.__traceback__.tb_next
    if trace is not None and not isinstance(error, SyntaxError):
        lines = shell.InteractiveTB.structured_traceback(type(error), error, trace)
        error._render_traceback_ = lambda: lines
