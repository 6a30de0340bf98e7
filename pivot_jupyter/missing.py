"""Names in reach that no cell's text defines, and what to say of them.

What the kernel has, and no text, differs from what a worker has: an error. What nobody has is missed only by code
that looks it up: as in any module, it is an error before a run only if the stage is sure to come to it, which the
fingerprint says.
"""

import ast
import sys
import types
from collections.abc import Mapping, Sequence

from pivot.errors import CodeError
from pivot_jupyter.slices import Missing, Slice
from pivot_jupyter.units import Unit
from pivot_jupyter.values import WAYS_OUT

_ONLY_IN_NOTEBOOKS = frozenset(["display", "exit", "get_ipython", "quit", "In", "Out", "_", "__", "___"])


def lost_names(found: Slice, namespace: Mapping[str, object]) -> tuple[Missing, ...]:
    """The names in reach that no cell's text binds, and no ``from module import *`` either."""
    if any(unit.opens for unit in found.units):
        # whoever binds names by exec or globals has bound it; a module that does the same has it too
        return tuple(item for item in (*found.missing, *found.assumed) if item.name not in namespace)
    stars = [unit for unit in found.units if unit.is_star_import]
    sources = [sys.modules.get(module) for unit in stars for module in _imported_from(unit)]
    return found.missing + tuple(
        item
        for item in found.assumed
        if item.name not in namespace
        or not any(getattr(module, item.name, None) is namespace[item.name] for module in sources)
    )


def _imported_from(unit: Unit) -> list[str]:
    return [
        node.module for node in ast.parse(unit.text).body if isinstance(node, ast.ImportFrom) and node.module
    ]


def unexplained(missing: Sequence[Missing], namespace: Mapping[str, object]) -> tuple[CodeError, ...]:
    """What to say about the names that the kernel knows and no cell's text defines."""
    errors = (_about(item, namespace) for item in missing)
    return tuple(error for error in errors if error is not None)


def _about(item: Missing, namespace: Mapping[str, object]) -> CodeError | None:
    reader = f"{item.user.cell.name} reads it"
    if item.name in _ONLY_IN_NOTEBOOKS:
        return CodeError(
            f"`{item.name}` exists only in a notebook, and {reader} in code that a stage runs",
            "call it outside of stages, or import what you need from IPython.display",
        )
    if item.name not in namespace:
        return None
    statement = _import_of(item.name, namespace[item.name])
    if statement:
        return CodeError(
            f"`{item.name}` was imported by something else than the text of a cell, and {reader}",
            f"run a cell with `{statement}`",
        )
    return CodeError(
        f"`{item.name}` exists only in this kernel (the text of no executed cell defines it), and {reader}",
        WAYS_OUT,
    )


def _import_of(name: str, value: object) -> str:
    """The statement that imports a module, function or class under a name; empty for what no module holds."""
    if isinstance(value, types.ModuleType):
        return f"import {value.__name__}" + (f" as {name}" if value.__name__ != name else "")
    home = sys.modules.get(getattr(value, "__module__", None) or "")
    own = getattr(value, "__name__", "")
    if home is None or home.__name__ == "__main__" or getattr(home, own, None) is not value:
        return ""
    return f"from {home.__name__} import {own}" + (f" as {name}" if own != name else "")
