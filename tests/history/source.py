"""The definitions of source files, and their code as the compiler sees it.

Two definitions are equal here if they compile to the same code once docstrings and the annotations of functions and
locals are taken away. Positions and the names of locals are no part of it. Nothing of Pivot is used.
"""

import ast
import hashlib
from collections.abc import Iterator
from types import CodeType

Named = tuple[str, ast.stmt, ast.ClassDef | None]
"""A statement's name, the statement, and the outermost class it stands in."""


class Source:
    """The files of one release, each parsed once."""

    def __init__(self) -> None:
        self._files: dict[str, list[Named]] = {}
        self._known: dict[tuple[str, int], tuple[str, str, str]] = {}

    def definition(self, file: str, line: int) -> tuple[str, str, str]:
        """The name and the digest of the function, or other statement, that holds a line, and its class's digest."""
        if file not in self._files:
            with open(file, encoding="utf-8") as opened:
                self._files[file] = list(definitions(ast.parse(opened.read()).body, "", None))
        if (file, line) not in self._known:
            self._known[file, line] = self._find(file, line)
        return self._known[file, line]

    def _find(self, file: str, line: int) -> tuple[str, str, str]:
        for name, statement, outer in self._files[file]:
            if first_line(statement) <= line <= (statement.end_lineno or 0):
                return name, digest_of(statement), digest_of(outer) if outer else ""
        raise LookupError(f"{file}:{line}: no statement")


def definitions(body: list[ast.stmt], prefix: str, outer: ast.ClassDef | None) -> Iterator[Named]:
    """The functions, methods and other statements of a body; what is nested in a function belongs to it."""
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + statement.name, statement, outer
        elif isinstance(statement, ast.ClassDef):
            yield from definitions(statement.body, f"{prefix}{statement.name}.", outer or statement)
        elif isinstance(statement, ast.If | ast.Try | ast.With | ast.For | ast.While):
            blocks = [getattr(statement, name, []) for name in ("body", "orelse", "finalbody")]
            blocks += [handler.body for handler in getattr(statement, "handlers", [])]
            for block in blocks:
                yield from definitions(block, prefix, outer)
        else:
            yield f"{prefix}statement", statement, outer


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
        node.body = [each for each in node.body if not is_text(each)] or [ast.Pass()]
        return node

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_arg(self, node):
        """A parameter without its annotation."""
        node.annotation = None
        return node

    def visit_ClassDef(self, node):
        """A class without its docstring; the annotations of its own body may act, so they stay."""
        rest = [each for each in node.body if not is_text(each)] or [ast.Pass()]
        node.body = [each if isinstance(each, ast.AnnAssign) else self.visit(each) for each in rest]
        return node

    def visit_AnnAssign(self, node):
        """An assignment to a local; a bare annotation still makes its name one."""
        if node.value is not None:
            return ast.Assign([node.target], node.value)
        if isinstance(node.target, ast.Name):
            return ast.If(ast.Constant(False), [ast.Assign([node.target], ast.Constant(None))], [])
        return ast.Pass()


def is_text(statement: ast.stmt) -> bool:
    """Whether a statement is nothing but a string."""
    match statement:
        case ast.Expr(value=ast.Constant(value=str())):
            return True
    return False


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
