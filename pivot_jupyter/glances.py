"""``"x" in globals()``: a statement that asks which names there are, and gets hold of no object."""

import ast
from collections.abc import Iterator
from typing import TypeGuard

_SPACES = frozenset(["globals", "locals", "vars"])
_NAMING = frozenset(["len", "list", "set", "sorted", "tuple"])


def without_glances(text: str) -> str:
    """A statement with an empty tuple, as wide, for each namespace of which it asks only the names.

    It is for those who work out what a statement may change. Bodies of functions stay: what they find there may
    decide what they give.
    """
    if not any(f"{name}()" in text for name in _SPACES):
        return text
    lines = [line.encode() for line in text.split("\n")]
    for call in _glances(ast.parse(text)):
        if call.lineno == call.end_lineno and call.end_col_offset is not None:
            line = lines[call.lineno - 1]
            blank = b"(" + b" " * (call.end_col_offset - call.col_offset - 2) + b")"
            lines[call.lineno - 1] = line[: call.col_offset] + blank + line[call.end_col_offset :]
    return "\n".join(line.decode() for line in lines)


def _glances(tree: ast.AST) -> Iterator[ast.Call]:
    stack = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            stack.extend([node.args, *getattr(node, "decorator_list", ())])
            continue
        stack.extend(ast.iter_child_nodes(node))
        yield from (part for part in _asked_for_names(node) if _is_space(part))


def _is_space(node: ast.AST) -> TypeGuard[ast.Call]:
    named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _SPACES
    return named and isinstance(node, ast.Call) and not (node.args or node.keywords)


def _asked_for_names(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of an expression of which it asks only what it contains."""
    if isinstance(node, ast.Compare):
        for operator, part in zip(node.ops, node.comparators, strict=True):
            if isinstance(operator, (ast.In, ast.NotIn)):
                yield part
    elif isinstance(node, (ast.For, ast.comprehension)):
        yield node.iter
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _NAMING:
        yield from node.args
