"""The definitions of source files, and their code as the compiler sees it.

Two definitions are equal here if they compile to the same code once docstrings and the annotations of functions and
locals are taken away. Positions and the names of locals are no part of it. Nothing of Pivot is used.
"""

import ast
import hashlib
from collections.abc import Iterator
from types import CodeType

Named = tuple[str, ast.stmt]


class Source:
    """The files of one release, each parsed once."""

    def __init__(self) -> None:
        self._files: dict[str, list[Named]] = {}
        self._known: dict[tuple[str, int], tuple[str, str]] = {}

    def definition(self, file: str, line: int) -> tuple[str, str]:
        """The name and the digest of the function, or other statement, that holds a line."""
        if file not in self._files:
            with open(file, encoding="utf-8") as opened:
                self._files[file] = list(definitions(ast.parse(opened.read()).body, ""))
        if (file, line) not in self._known:
            self._known[file, line] = self._find(file, line)
        return self._known[file, line]

    def _find(self, file: str, line: int) -> tuple[str, str]:
        for name, statement in self._files[file]:
            if first_line(statement) <= line <= (statement.end_lineno or 0):
                return name, digest_of(statement)
        raise LookupError(f"{file}:{line}: no statement")


def definitions(body: list[ast.stmt], prefix: str) -> Iterator[Named]:
    """The functions, methods and other statements of a body; what is nested in a function belongs to it."""
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + statement.name, statement
        elif isinstance(statement, ast.ClassDef):
            yield from definitions(statement.body, f"{prefix}{statement.name}.")
        elif isinstance(statement, ast.If | ast.Try | ast.With | ast.For | ast.While):
            blocks = [getattr(statement, name, []) for name in ("body", "orelse", "finalbody")]
            blocks += [handler.body for handler in getattr(statement, "handlers", [])]
            for block in blocks:
                yield from definitions(block, prefix)
        else:
            yield f"{prefix}statement", statement


def first_line(statement: ast.stmt) -> int:
    """The first line of a statement, decorators included."""
    decorators = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(decorator.lineno for decorator in decorators)])


def digest_of(statement: ast.stmt) -> str:
    """The digest of a statement's compiled code; it can be compared within one version of Python."""
    module = ast.Module([Bare().visit(statement)], [])
    compiled = compile(ast.fix_missing_locations(module), "", "exec", dont_inherit=True)
    return hashlib.sha256(repr(content(compiled)).encode()).hexdigest()[:16]


class Bare(ast.NodeTransformer):
    """Takes away what the interpreter does not act upon: docstrings, and annotations of functions and locals."""

    def visit_FunctionDef(self, node):
        """A function without its docstring and annotations; its body is never empty."""
        node.returns = None
        self.generic_visit(node)
        match node.body:
            case [ast.Expr(value=ast.Constant(value=str())), *rest]:
                node.body = rest or [ast.Pass()]
        return node

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_arg(self, node):
        """A parameter without its annotation."""
        node.annotation = None
        return node

    def visit_ClassDef(self, node):
        """A class in a function: the annotations of its own body may act, so they stay."""
        node.body = [each if isinstance(each, ast.AnnAssign) else self.visit(each) for each in node.body]
        return node

    def visit_AnnAssign(self, node):
        """An assignment to a local; a bare annotation still makes its name one."""
        if node.value is not None:
            return ast.Assign([node.target], node.value)
        if isinstance(node.target, ast.Name):
            return ast.If(ast.Constant(False), [ast.Assign([node.target], ast.Constant(None))], [])
        return ast.Pass()


def content(value: object) -> object:
    """A constant as plain data; code objects without positions and without the names of locals."""
    if isinstance(value, CodeType):
        stars = bool(value.co_flags & 4) + bool(value.co_flags & 8)
        parameters = value.co_varnames[: value.co_argcount + value.co_kwonlyargcount + stars]
        shape = (value.co_argcount, value.co_posonlyargcount, value.co_kwonlyargcount, value.co_flags)
        constants = [content(constant) for constant in value.co_consts]
        return ("code", value.co_name, shape, parameters, value.co_names, value.co_code, constants)
    if isinstance(value, tuple):
        return ("tuple", *(content(item) for item in value))
    if isinstance(value, frozenset):
        return ("frozenset", *sorted(repr(content(item)) for item in value))
    return (type(value).__name__, repr(value))
