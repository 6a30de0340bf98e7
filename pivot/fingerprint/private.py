"""Private names as Python reads them: ``__k`` inside a class ``Box`` is ``_Box__k``, wherever it is looked up."""

import ast
import re

_PRIVATE = re.compile(r"\b__(?!\w*__\b)\w")
_FIELDS = ("id", "attr", "arg", "name", "asname", "rest")
"""Fields that hold one name; the keywords of calls and of class patterns stay as they are written."""


def mangle(tree: ast.Module, text: str) -> None:
    """Gives each private name inside a class its full spelling, in place.

    Args:
        text: the source of `tree`.
    """
    if not _PRIVATE.search(text):
        return
    pending: list[tuple[ast.AST, str]] = [(tree, "")]
    while pending:
        node, owner = pending.pop()
        inside = node.name.lstrip("_") if isinstance(node, ast.ClassDef) else owner
        if owner and not isinstance(node, ast.keyword):
            _rename(node, owner)
        for field, value in ast.iter_fields(node):
            around = owner if field in ("decorator_list", "bases", "keywords") else inside
            children = value if isinstance(value, list) else [value]
            pending.extend((child, around) for child in children if isinstance(child, ast.AST))


def _rename(node: ast.AST, owner: str) -> None:
    for field in _FIELDS:
        name = getattr(node, field, None)
        if isinstance(name, str):
            setattr(node, field, _full(name, owner))
    if isinstance(node, ast.Global | ast.Nonlocal):
        node.names = [_full(name, owner) for name in node.names]


def _full(name: str, owner: str) -> str:
    if not name.startswith("__") or name.endswith("__") or "." in name:
        return name
    return f"_{owner}{name}"
