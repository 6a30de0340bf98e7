"""Python's scoping: which names of a statement are local, and to which scope."""

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class ScopeKind(Enum):
    """What opened a scope."""

    MODULE = "module"
    FUNCTION = "function"  # also lambda
    CLASS = "class"
    COMPREHENSION = "comprehension"
    TYPES = "types"  # the type parameters of a generic definition


@dataclass(slots=True, eq=False)
class Scope:
    """One scope and the names bound in it.

    Attributes:
        bound: names bound here, without those declared global or nonlocal.
        fixed: names whose spelling can be seen from outside: parameters, nested definitions, imports.
        imports: name → what in-scope import statements bind it to.
    """

    kind: ScopeKind
    parent: "Scope | None"
    bound: set[str] = field(default_factory=set)
    fixed: set[str] = field(default_factory=set)
    outer: set[str] = field(default_factory=set)  # declared nonlocal
    module: set[str] = field(default_factory=set)  # declared global
    imports: dict[str, list[ast.Import | ast.ImportFrom]] = field(default_factory=dict)

    def home(self, name: str) -> "Scope | None":
        """The scope to which `name`, used here, belongs; ``None`` for the module's."""
        scope: Scope | None = self
        own = True
        while scope is not None and scope.kind is not ScopeKind.MODULE:
            if scope.kind is not ScopeKind.CLASS or own:
                if name in scope.module:
                    return None
                if name in scope.bound:
                    return scope
            # a class body's names are seen by comprehensions' first iterables only, which are visited outside
            own = False
            scope = scope.parent
        return None

    def target(self) -> "Scope":
        """The scope that an assignment expression binds in: the nearest that is no comprehension."""
        scope = self
        while scope.kind is ScopeKind.COMPREHENSION and scope.parent is not None:
            scope = scope.parent
        return scope


@dataclass(slots=True)
class Scopes:
    """All scopes of one top-level statement.

    Attributes:
        top: the module's scope, with the names that the statement itself binds.
        inner: node that opens a scope → that scope.
        types: generic definition → the scope of its type parameters.
    """

    top: Scope
    inner: dict[ast.AST, Scope] = field(default_factory=dict)
    types: dict[ast.AST, Scope] = field(default_factory=dict)


def analyse(statements: Iterable[ast.stmt]) -> Scopes:
    """The scopes of some module-level statements."""
    scopes = Scopes(Scope(ScopeKind.MODULE, None))
    builder = _Builder(scopes)
    for statement in statements:
        builder.visit(statement, scopes.top)
    for scope in scopes.inner.values():
        scope.bound -= scope.module | scope.outer
        scope.fixed -= scope.module | scope.outer
    return scopes


def imported_name(alias: ast.alias) -> str:
    """The name that one alias of an import statement binds."""
    return alias.asname or alias.name.split(".", maxsplit=1)[0]


class _Builder:
    def __init__(self, scopes: Scopes) -> None:
        self.scopes = scopes

    def visit(self, node: ast.AST, scope: Scope) -> None:  # noqa: C901, PLR0912 - one flat table of node types
        if isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Load):
                scope.bound.add(node.id)
            return
        if isinstance(node, ast.NamedExpr):
            target = scope.target()
            self.visit(node.target, target)
            self.visit(node.value, scope)
            return
        if isinstance(node, FUNCTIONS):
            self._function(node, scope)
            return
        if isinstance(node, ast.Lambda):
            self._lambda(node, scope)
            return
        if isinstance(node, ast.ClassDef):
            self._class(node, scope)
            return
        if isinstance(node, COMPREHENSIONS):
            self._comprehension(node, scope)
            return
        if isinstance(node, ast.Import | ast.ImportFrom):
            self._import(node, scope)
            return
        if isinstance(node, ast.Global):
            scope.module.update(node.names)
        elif isinstance(node, ast.Nonlocal):
            scope.outer.update(node.names)
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            scope.bound.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            scope.bound.add(node.rest)
        elif type(node).__name__ == "TypeAlias":  # Python 3.12
            self._alias(node, scope)
            return
        for child in ast.iter_child_nodes(node):
            self.visit(child, scope)

    def _all(self, nodes: Iterable[ast.AST | None], scope: Scope) -> None:
        for node in nodes:
            if node is not None:
                self.visit(node, scope)

    def _open(self, kind: ScopeKind, node: ast.AST, parent: Scope) -> Scope:
        scope = self.scopes.inner[node] = Scope(kind, parent)
        return scope

    def _type_scope(self, node: ast.AST, scope: Scope) -> Scope:
        params = getattr(node, "type_params", None)
        if not params:
            return scope
        types = self.scopes.types[node] = Scope(ScopeKind.TYPES, scope)
        types.bound |= {param.name for param in params}
        types.fixed |= types.bound
        for param in params:
            self._all(ast.iter_child_nodes(param), types)
        return types

    def _function(self, node: FunctionNode, scope: Scope) -> None:
        scope.bound.add(node.name)
        scope.fixed.add(node.name)
        self._all(node.decorator_list, scope)
        types = self._type_scope(node, scope)
        inner = self._open(ScopeKind.FUNCTION, node, types)
        self._arguments(node.args, scope, inner)
        self._all([node.returns], types)
        self._all(node.body, inner)

    def _lambda(self, node: ast.Lambda, scope: Scope) -> None:
        inner = self._open(ScopeKind.FUNCTION, node, scope)
        self._arguments(node.args, scope, inner)
        self.visit(node.body, inner)

    def _arguments(self, args: ast.arguments, outer: Scope, inner: Scope) -> None:
        self._all([*args.defaults, *args.kw_defaults], outer)
        for arg in all_arguments(args):
            inner.bound.add(arg.arg)
            inner.fixed.add(arg.arg)
            self._all([arg.annotation], outer)

    def _class(self, node: ast.ClassDef, scope: Scope) -> None:
        scope.bound.add(node.name)
        scope.fixed.add(node.name)
        self._all(node.decorator_list, scope)
        types = self._type_scope(node, scope)
        self._all([*node.bases, *node.keywords], types)
        self._all(node.body, self._open(ScopeKind.CLASS, node, types))

    def _comprehension(self, node: ast.expr, scope: Scope) -> None:
        inner = self._open(ScopeKind.COMPREHENSION, node, scope)
        generators: list[ast.comprehension] = node.generators  # type: ignore[attr-defined]
        for position, generator in enumerate(generators):
            self.visit(generator.iter, inner if position else scope)
            self._all([generator.target, *generator.ifs], inner)
        parts = [getattr(node, name, None) for name in ("elt", "key", "value")]
        self._all(parts, inner)

    def _import(self, node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
        for alias in node.names:
            if alias.name == "*":
                continue
            name = imported_name(alias)
            scope.bound.add(name)
            scope.fixed.add(name)
            scope.imports.setdefault(name, []).append(node)

    def _alias(self, node: ast.AST, scope: Scope) -> None:
        self.visit(node.name, scope)  # type: ignore[attr-defined]
        types = self._type_scope(node, scope)
        self.visit(node.value, types)  # type: ignore[attr-defined]


def all_arguments(args: ast.arguments) -> list[ast.arg]:
    """Every parameter of a signature, in order."""
    stars = [arg for arg in (args.vararg, args.kwarg) if arg]
    return [*args.posonlyargs, *args.args, *args.kwonlyargs, *stars]
