"""One module, one class: the notebook module in this kernel holds the live objects of the cells themselves.

Workers build the module from its text; here a module of the same name holds the very functions and classes that
the cells made. So pickles name the module (not ``__main__``), and ``isinstance`` holds in cells, in workers, and
after export.
"""

import linecache
import sys
from collections.abc import Iterable, Mapping
from types import FunctionType, ModuleType

from pivot.errors import CodeError
from pivot.model.fingerprint import ModuleText

_OURS = "__pivot_notebook__"


def adopt(
    text: ModuleText, names: Iterable[str], namespace: Mapping[str, object], former: str = ""
) -> ModuleType:
    """Makes ``sys.modules[text.name]`` hold the live objects of `names`.

    Args:
        text: the module's source; tracebacks of its own file name show these lines.
        names: what the module binds.
        namespace: of the cells.
        former: the module's name before, if it was given another one; its objects move along.
    """
    module = sys.modules.get(text.name)
    if module is None or not hasattr(module, _OURS):
        module = ModuleType(text.name, "The stages of this notebook, as its cells define them.")
        vars(module)[_OURS] = True
        sys.modules[text.name] = module
    kept = {name: namespace[name] for name in names if name in namespace}
    space = vars(module)
    for name in [name for name in space if not name.startswith("__") and name not in kept]:
        del space[name]
    space.update(kept, __pivot_hash__=text.digest, __file__=text.filename)
    homes = {"__main__", former} - {"", text.name}
    for value in kept.values():
        _rehome(value, text.name, homes)
    lines = text.lines()
    linecache.cache[text.filename] = (len(text.text), None, lines, text.filename)
    if former and former != text.name and hasattr(sys.modules.get(former), _OURS):
        del sys.modules[former]
    return module


def release(name: str) -> None:
    """Takes the module out again."""
    if hasattr(sys.modules.get(name), _OURS):
        del sys.modules[name]


def strangers(module: ModuleType, namespace: Mapping[str, object]) -> tuple[str, ...]:
    """Functions and classes of the module that are no longer what the cells know by that name."""
    return tuple(
        name
        for name, value in vars(module).items()
        if isinstance(value, (FunctionType, type))
        and value.__module__ == module.__name__
        and namespace.get(name) is not value
    )


def replaced(module: ModuleType, patched: Mapping[str, str]) -> list[CodeError]:
    """Functions and classes that something else than a cell's text put in place of a cell's.

    Args:
        patched: name → where that happened.
    """
    return [
        CodeError(
            f"`{name}` was replaced by {where} without a definition in its text",
            f"run the cell that defines {name} again, or define it anew in a cell",
        )
        for name, where in patched.items()
        if hasattr(module, name)
    ]


def _rehome(value: object, home: str, homes: set[str]) -> None:
    if isinstance(value, FunctionType):
        if value.__module__ in homes:
            value.__module__ = home
        return
    if isinstance(value, type) and value.__module__ in homes:
        value.__module__ = home
        for member in list(vars(value).values()):
            if isinstance(member, (FunctionType, type)):
                _rehome(member, home, homes)
