"""Definitions that enter themselves somewhere when they are executed: by a decorator, or as a subclass.

Nothing that reads the registry names them, yet without them it is another one.
"""

import ast
from collections.abc import Iterator
from enum import StrEnum


class How(StrEnum):
    """How a definition names what it is entered by."""

    DECORATOR = "decorator"  # @name
    FACTORY = "factory"  # @name(…)
    METHOD = "method"  # @name.method, @name.method(…)
    BASE = "base"  # class C(name)


Entry = tuple[How, str]


def entered_by(statement: ast.stmt) -> frozenset[Entry]:
    """What a function or class is entered by, as far as its head tells."""
    found: set[Entry] = set()
    for decorator in getattr(statement, "decorator_list", []):
        function = decorator.func if isinstance(decorator, ast.Call) else decorator
        if isinstance(function, ast.Name):
            how = How.FACTORY if isinstance(decorator, ast.Call) else How.DECORATOR
            found.add((how, function.id))
        elif isinstance(function, ast.Attribute):
            found.add((How.METHOD, root_of(function)))
    if isinstance(statement, ast.ClassDef):
        found.update((How.BASE, root_of(base)) for base in statement.bases)
    return frozenset(found - {(how, "") for how in How})


def enters_into(statement: ast.stmt) -> frozenset[Entry]:
    """The names whose objects get an entry when something is entered by a function or class."""
    if isinstance(statement, ast.ClassDef):
        hooks = (
            n for n in statement.body if isinstance(n, ast.FunctionDef) and n.name == "__init_subclass__"
        )
        return frozenset((How.BASE, statement.name) for _ in hooks)
    if not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return frozenset()
    # a factory gives a function, whose body is executed when something is entered, too
    inner = [node for node in _own_nodes(statement) if isinstance(node, ast.FunctionDef)]
    own = {(How.DECORATOR, name) for name in _changed_in(statement)}
    made = {(How.FACTORY, name) for function in [statement, *inner] for name in _changed_in(function)}
    return frozenset(own | made)


def _changed_in(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    for node in _own_nodes(function):
        if isinstance(node, (ast.Attribute, ast.Subscript)) and isinstance(node.ctx, ast.Store):
            yield root_of(node)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield root_of(node.func)


def _own_nodes(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.AST]:
    """The nodes of a body, without those of functions inside."""
    stack: list[ast.AST] = list(function.body)
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            stack.extend(ast.iter_child_nodes(node))


def root_of(node: ast.AST) -> str:
    """``a`` of ``a.b[0].c``; empty where it is no plain name."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
