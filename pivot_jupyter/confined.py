"""Values that only the statements that name them can change: flat literals that nothing is handed."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

_READING_METHODS = frozenset(["get", "items", "keys", "values", "copy", "count", "index", "union", "join"])
_READING_CALLS = frozenset(
    [
        "len", "print", "display", "sorted", "list", "tuple", "set", "frozenset", "dict", "sum", "min", "max", "str",
        "repr", "enumerate", "zip", "any", "all", "isinstance", "type", "range", "reversed", "bool",
    ]
)  # fmt: skip
_LOOKING = frozenset(
    ["eval", "exec", "globals", "locals", "vars", "getattr", "setattr", "__dict__", "modules"]
)


@dataclass(frozen=True, slots=True)
class Handling:
    """What a statement does with values, as far as that decides whether others may change them.

    Attributes:
        flat: it binds a container of constants.
        escaping: names that it uses otherwise than by reading items or length, looping or showing, or (outside of
            functions) changing in place.
        looking: it may reach values by computed names.
    """

    flat: bool
    escaping: frozenset[str]
    looking: bool


def handling(statement: ast.stmt) -> Handling:
    """What one statement does with values."""
    looking = any(_word(node) in _LOOKING for node in ast.walk(statement))
    return Handling(_is_flat(statement), frozenset(_escaping(statement)), looking)


def _word(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def _is_flat(node: ast.stmt) -> bool:
    value = node.value if isinstance(node, (ast.Assign, ast.AnnAssign)) else None
    if isinstance(value, ast.Dict):
        return all(key is not None and _is_constant(key) for key in value.keys) and all(
            map(_is_constant, value.values)
        )
    return isinstance(value, (ast.List, ast.Set)) and all(map(_is_constant, value.elts))


def _is_constant(node: ast.expr) -> bool:
    if isinstance(node, ast.Tuple):
        return all(map(_is_constant, node.elts))
    if isinstance(node, (ast.UnaryOp, ast.BinOp)):
        return all(_is_constant(part) for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr))
    return isinstance(node, ast.Constant)


def _has_constants(call: ast.AST | None) -> bool:
    """Whether a call hands over nothing but constants."""
    return isinstance(call, ast.Call) and all(
        map(_is_constant, [*call.args, *(keyword.value for keyword in call.keywords)])
    )


def _escaping(tree: ast.AST) -> Iterator[str]:
    """The names that a statement uses otherwise than by reading, or changing in place at once."""
    stack: list[tuple[ast.AST, ast.AST | None, ast.AST | None, bool]] = [(tree, None, None, False)]
    while stack:
        node, parent, above, later = stack.pop()
        if isinstance(node, ast.Name) and not _is_reading(node, parent, above, later=later):
            yield node.id
        if isinstance(node, (ast.Global, ast.Nonlocal)):
            yield from node.names
        inner = later or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef))
        stack.extend((child, node, parent, inner) for child in ast.iter_child_nodes(node))


def _is_reading(node: ast.Name, parent: ast.AST | None, above: ast.AST | None, *, later: bool) -> bool:
    if isinstance(node.ctx, ast.Store):
        return not later or not isinstance(parent, ast.AugAssign)
    if isinstance(parent, ast.Subscript):
        if parent.value is not node or isinstance(parent.ctx, ast.Load):
            return True
        return not later and isinstance(above, (ast.Assign, ast.AugAssign)) and _is_constant(above.value)
    if isinstance(parent, ast.Attribute):
        called = isinstance(above, ast.Call) and above.func is parent
        return called and (parent.attr in _READING_METHODS or (not later and _has_constants(above)))
    if isinstance(parent, ast.Call):
        return (
            isinstance(parent.func, ast.Name) and parent.func.id in _READING_CALLS and parent.func is not node
        )
    if isinstance(parent, (ast.For, ast.comprehension)):
        return parent.iter is node
    if isinstance(parent, ast.keyword):
        return parent.arg is None
    return isinstance(parent, (ast.Compare, ast.FormattedValue)) or (
        isinstance(parent, ast.Expr) and not later
    )
