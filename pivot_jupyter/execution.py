"""Executing a cell that a magic heads, as the shell executes one without."""

import ast
import traceback
from collections.abc import Mapping
from typing import Any

from pivot_jupyter.cells import Cell, as_python, lines_of, take_heads


def execute(shell: Any, cell: Cell) -> object:
    """Runs a cell in the shell's namespace, once; gives its last expression's value.

    Args:
        cell: as it was sent, with the lines of its magics.
    """
    __tracebackhide__ = True
    lines = lines_of(cell.text)
    take_heads(lines)
    text = as_python("\n".join(lines))
    filename = shell.compile.cache(text, cell.number, raw_code=cell.text + "\n# body")
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
