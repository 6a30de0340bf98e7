"""What one statement does with names of its module: loads, changes, imports, names in strings."""

import ast
import contextlib
import re
from collections.abc import Iterable

from pivot.fingerprint.calls import (
    HANDING,
    HARMLESS_METHODS,
    MARKS,
    STRING_READERS,
    handed_on,
    held,
    is_pure,
    namespace_call,
    written_in,
)
from pivot.fingerprint.named import NameScanner
from pivot.fingerprint.normalize import chain_end
from pivot.fingerprint.scope import (
    COMPREHENSIONS,
    FUNCTIONS,
    FunctionNode,
    Scope,
    ScopeKind,
    Scopes,
    all_arguments,
    imported_name,
)
from pivot.fingerprint.statements import (
    annotations_act,
    chain,
    decorating_chain,
    is_declaration,
    live,
    looks_at_types,
    surely_bound,
)
from pivot.fingerprint.uses import Import, Scan, Use, bound_source, executed_source

_AT_NAME = re.compile(r"@([^\W\d]\w*)")
_WORD = re.compile(r"[^\W\d]\w*")
_DOTTED = re.compile(r"^[^\W\d]\w*(?:[.:][^\W\d]\w*)*[.:][^\W\d]\w*$")

_BRANCHING = (
    *(ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.TryStar, ast.Match),
    *(ast.With, ast.AsyncWith, ast.ClassDef),
)
"""Statements with parts that may not run."""


def scan(statements: Iterable[ast.stmt], scopes: Scopes, declarations: frozenset[str]) -> Scan:
    """What some top-level statements (one definition) do with names."""
    scanner = Scanner(scopes, declarations)
    for statement in live(statements):
        scanner.sure = not isinstance(statement, _BRANCHING)
        scanner.visit(statement, scopes.top, 0)
    return scanner.found


class Scanner(NameScanner):
    """Walks one definition."""

    def visit(self, node: ast.AST, scope: Scope, uses: int) -> None:  # noqa: C901, PLR0912
        """Walks a node; `uses` says what the surrounding expression does with its value."""
        if isinstance(node, ast.Name | ast.Attribute):
            self._chain(node, scope, uses)
        elif isinstance(node, ast.Constant):
            self._constant(node, scope)
        elif isinstance(node, ast.Call):
            self._call(node, scope, uses)
        elif isinstance(node, ast.Subscript):
            self._subscript(node, scope, uses)
        elif isinstance(node, FUNCTIONS):
            self._function(node, scope)
        elif isinstance(node, ast.Lambda):
            if uses:
                self.found.mark("hands-code", self.later)
            self._all([*node.args.defaults, *node.args.kw_defaults], scope, uses)
            self._later(node.body, self.scopes.inner[node], uses)
        elif isinstance(node, ast.ClassDef):
            self._class(node, scope)
        elif isinstance(node, COMPREHENSIONS):
            self._comprehension(node, scope, uses)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            self._import(node, scope)
        elif isinstance(node, ast.NamedExpr):
            self.visit(node.target, scope.target(), 0)
            self.visit(node.value, scope, uses)
        elif isinstance(node, ast.AugAssign):
            self._augmented(node, scope)
        elif isinstance(node, ast.AnnAssign):
            self._annotated(node, scope)
        elif isinstance(node, ast.Expr):
            self.visit(node.value, scope, Use.ACT)
        elif isinstance(node, ast.Assign):
            self._assign(node, scope)
        elif isinstance(node, ast.For | ast.AsyncFor):
            self._all([node.target], scope, 0)
            self.visit(node.iter, scope, Use.PASS)
            self._all(live([*node.body, *node.orelse]), scope, 0)
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar | ast.MatchMapping):
            self._capture(node, scope)
        elif isinstance(node, ast.Try | ast.TryStar):
            self._try(node, scope)
        elif type(node).__name__ == "TypeAlias":
            self.visit(node.name, scope, 0)  # type: ignore[attr-defined]
            self._type_parameters(node, scope)
            self._when_asked(node.value, self.scopes.types.get(node, scope), uses)  # type: ignore[attr-defined]
        else:
            self._children(
                node, scope, uses if isinstance(node, ast.expr | ast.keyword | ast.withitem) else 0
            )

    def _assign(self, node: ast.Assign, scope: Scope) -> None:
        uses = 0
        if all(isinstance(target, ast.Name) and target.id == "_" for target in node.targets):
            uses = Use.ACT  # a result thrown away: the call is made for its effect
        elif any(isinstance(target, ast.Subscript | ast.Attribute) for target in node.targets):
            uses = Use.STORE
        self._all(node.targets, scope, 0)
        self.visit(node.value, scope, uses)

    def _capture(
        self, node: ast.ExceptHandler | ast.MatchAs | ast.MatchStar | ast.MatchMapping, scope: Scope
    ) -> None:
        name = node.rest if isinstance(node, ast.MatchMapping) else node.name
        if name:
            self._bind(name, scope, getattr(node, "lineno", 0))
        self._children(node, scope, 0)
        if name and isinstance(node, ast.ExceptHandler):
            self.settled.get(scope, set()).discard(name)  # the handler deletes it

    def _try(self, node: ast.Try | ast.TryStar, scope: Scope) -> None:
        caught = [h.type for h in node.handlers]
        names = {chain(t) for c in caught for t in (c.elts if isinstance(c, ast.Tuple) else [c]) if t}
        forgiving = None in caught or bool(names & {"NameError", "Exception", "BaseException"})
        self.forgiving += forgiving
        self._all(live(node.body), scope, 0)
        self.forgiving -= forgiving
        self._all([*node.handlers, *live([*node.orelse, *node.finalbody])], scope, 0)

    def _children(self, node: ast.AST, scope: Scope, uses: int) -> None:
        down = uses if isinstance(node, HANDING) or uses & Use.ACT else 0
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.LShift | ast.RShift):
            down |= Use.PASS  # a >> b builds pipelines
        if isinstance(node, ast.withitem):
            down = Use.PASS
        if isinstance(node, ast.Compare) and any(isinstance(op, ast.In | ast.NotIn) for op in node.ops):
            down |= Use.READ  # looking for something uses an iterator up
        sure = self.sure
        self.sure = sure and not isinstance(node, ast.IfExp | ast.BoolOp)
        for _, value in ast.iter_fields(node):
            if isinstance(value, ast.AST):
                self.visit(value, scope, down)
            elif isinstance(value, list):
                is_block = bool(value) and isinstance(value[0], ast.stmt)
                self._all(live(value) if is_block else value, scope, down)
        self.sure = sure

    def _later(self, node: ast.AST | list[ast.stmt], scope: Scope, uses: int) -> None:
        sure, self.sure = self.sure, False
        straight = sure and not self.later
        self.later += 1
        if isinstance(node, list):
            for statement in live(node):
                straight = straight and not isinstance(statement, _BRANCHING)
                self.sure = straight
                self.visit(statement, scope, 0)
                straight = straight and not isinstance(statement, ast.Return | ast.Raise)
        else:
            self.visit(node, scope, uses & ~Use.ACT)
        self.later -= 1
        self.sure = sure

    def _type_parameters(self, node: ast.AST, scope: Scope) -> None:
        types = self.scopes.types.get(node, scope)
        acts = not isinstance(node, FUNCTIONS) or looks_at_types(node, self.declarations)
        for parameter in getattr(node, "type_params", ()):
            for part in ast.iter_child_nodes(parameter):
                if acts:
                    self._when_asked(part, types, 0)
                else:
                    self.annotation(part, types, self.found.annotations)

    def _when_asked(self, node: ast.AST, scope: Scope, uses: int) -> None:
        """What Python computes when somebody looks at it, if ever: its names need not exist."""
        self.forgiving += 1
        self._later(node, scope, uses)
        self.forgiving -= 1

    def _bind(self, name: str, scope: Scope, line: int) -> None:
        if scope.home(name) is None:
            if self.later:
                self.found.writes.add(name)
                self._record(name, "", line, Use.REBIND)
            else:
                self.found.binds.add(name)

    def _chain(self, node: ast.Name | ast.Attribute, scope: Scope, uses: int) -> None:
        stored = not isinstance(node.ctx, ast.Load)
        if isinstance(node, ast.Name) and stored:
            self._bind(node.id, scope, node.lineno)
            if isinstance(node.ctx, ast.Del):
                self.settled.get(scope, set()).discard(node.id)
                self.load(node.id, scope, node.lineno, Use.REBIND)
            return
        if chain_end(node) in MARKS:
            self.found.mark(chain_end(node), self.later)
        name = chain(node)
        if stored:
            uses = Use.ACT | Use.REBIND
        if name:
            self.load(name, scope, node.lineno, Use.HARD | uses | (0 if uses & Use.CALL else Use.VALUE))
        elif isinstance(node, ast.Attribute):
            called = 0 if node.attr in HARMLESS_METHODS else uses & Use.CALL
            around = _changing(node.value) if stored else 0
            self.visit(node.value, scope, held(uses & ~Use.CALL | called) | around)

    def _subscript(self, node: ast.Subscript, scope: Scope, uses: int) -> None:
        stored = not isinstance(node.ctx, ast.Load)
        item = node.slice.value if isinstance(node.slice, ast.Constant) else None
        if isinstance(item, str) and namespace_call(node.value, scope):
            self._namespace_item(item, node.lineno, uses, stored=stored)
            return
        self.visit(node.value, scope, _changing(node.value) if stored else held(uses))
        self.visit(node.slice, scope, 0)
        self._look_up_module(chain(node.value), scope, node.lineno, uses)

    def _augmented(self, node: ast.AugAssign, scope: Scope) -> None:
        self.visit(node.value, scope, Use.PASS)
        if isinstance(node.target, ast.Name):
            self._bind(node.target.id, scope, node.lineno)
            self.load(node.target.id, scope, node.lineno, Use.HARD | Use.VALUE | Use.ACT)
        else:
            self.visit(node.target, scope, Use.ACT)

    def _annotated(self, node: ast.AnnAssign, scope: Scope) -> None:
        if scope.kind is ScopeKind.CLASS:
            self.annotation(node.annotation, scope, self.found.uses)
        elif scope.kind is ScopeKind.MODULE:
            self.annotation(node.annotation, scope, self.found.annotations)
        if node.value is not None:
            self.visit(node.target, scope, 0)
            self.visit(node.value, scope, 0)

    def annotation(
        self, node: ast.AST | None, scope: Scope, table: dict[tuple[str, str], tuple[int, int]]
    ) -> None:
        """Records the names in an annotation, those in its strings included; none of them must exist."""
        if node is None:
            return
        side = Scanner(self.scopes, self.declarations)
        side.later = self.later
        side.visit(node, scope, 0)
        for expression in written_in(node):
            with contextlib.suppress(KeyError):  # a lambda in a string has no scope
                side.visit(expression, scope, 0)
        line = getattr(node, "lineno", 0)
        for key, (_, uses) in side.found.uses.items():
            first, known = table.get(key, (line, 0))
            table[key] = (min(first, line), known | uses & ~Use.HARD)

    def _call(self, node: ast.Call, scope: Scope, uses: int) -> None:
        func = node.func
        name = chain(func)
        last = func.attr if isinstance(func, ast.Attribute) else name
        if self._special(node, name, last, scope, uses):
            return
        of_function, of_arguments = handed_on(last, uses, pure=is_pure(func, scope, self.scopes.top))
        self.visit(func, scope, of_function)
        self._all([*node.args, *node.keywords], scope, of_arguments)
        if last in STRING_READERS:
            self._read_strings(node, scope)

    def _decorators(self, node: FunctionNode | ast.ClassDef, scope: Scope) -> None:
        for decorator in node.decorator_list:
            if is_declaration(decorator, self.declarations):
                side = Scanner(self.scopes, frozenset())
                side.visit(decorator, scope, 0)
                self.found.declared |= {name for name, source in side.found.uses if not source}
            else:
                self.visit(decorator, scope, Use.CALL | Use.PASS)
                if name := decorating_chain(decorator):
                    self.load(name, scope, decorator.lineno, Use.DECORATE)

    def _function(self, node: FunctionNode, scope: Scope) -> None:
        self._bind(node.name, scope, node.lineno)
        self._decorators(node, scope)
        self._all([*node.args.defaults, *node.args.kw_defaults], scope, 0)
        kept = annotations_act(node, self.declarations)
        types = self.scopes.types.get(node, scope)
        for arg in all_arguments(node.args):
            self.annotation(arg.annotation, types, self.found.uses if kept else self.found.annotations)
        self.annotation(node.returns, types, self.found.uses if kept else self.found.annotations)
        self._type_parameters(node, scope)
        self._later(node.body, self.scopes.inner[node], 0)

    def _class(self, node: ast.ClassDef, scope: Scope) -> None:
        self._bind(node.name, scope, node.lineno)
        self._decorators(node, scope)
        self._type_parameters(node, scope)
        types = self.scopes.types.get(node, scope)
        for base in node.bases:
            self.visit(base, types, Use.BASE | Use.CALL)
        for keyword in node.keywords:
            self.visit(keyword.value, types, Use.BASE | Use.CALL if keyword.arg == "metaclass" else Use.PASS)
            self.found.marks.add("class-hook")
        if any(
            isinstance(s, FUNCTIONS) and s.name in ("__init_subclass__", "__set_name__") for s in node.body
        ):
            self.found.marks.add("class-hook")
        inner = self.scopes.inner[node]
        settled = self.settled[inner] = set()
        for statement in live(node.body):
            self.visit(statement, inner, 0)
            settled.update(surely_bound(statement))

    def _comprehension(self, node: ast.expr, scope: Scope, uses: int) -> None:
        inner = self.scopes.inner[node]
        generators: list[ast.comprehension] = node.generators  # type: ignore[attr-defined]
        calls = any(isinstance(n, ast.Call) for n in ast.walk(node))
        sure = self.sure
        for position, generator in enumerate(generators):
            self.visit(
                generator.iter,
                inner if position else scope,
                uses & Use.ACT | (Use.PASS if calls else Use.READ),
            )
            self.sure = False
            self._all([generator.target, *generator.ifs], inner, 0)
        self._all([getattr(node, name, None) for name in ("elt", "key", "value")], inner, uses)
        self.sure = sure

    def _import(self, node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
        for alias in node.names:
            name = "*" if alias.name == "*" else imported_name(alias)
            at_module = scope.kind is ScopeKind.MODULE or name in scope.module
            if at_module and name != "*":
                self._bind(name, scope, node.lineno)
            source = bound_source(node, alias)
            if scope.kind is ScopeKind.CLASS:  # it becomes an attribute of the class
                self._record(name, source, node.lineno, Use.VALUE | (0 if self.later else Use.NOW))
            self.found.imports.append(
                Import(name if at_module else "", source, executed_source(node, alias), not self.later)
            )

    def _constant(self, node: ast.Constant, scope: Scope) -> None:
        if not isinstance(node.value, str):
            return
        self.found.keep(node.value)
        if "@" in node.value:
            words = _AT_NAME.findall(node.value)
            self.found.at_names.update(words)
            self._soft(words, scope, node.lineno)
        if len(node.value) < 200 and _DOTTED.match(node.value):
            self._record(node.value.replace(":", "."), "?", node.lineno, Use.VALUE)


def _changing(owner: ast.expr) -> int:
    """The uses of what an item or attribute is set in; a call may hand out what something else holds."""
    return Use.ACT | Use.PASS if isinstance(owner, ast.Call) else Use.ACT
