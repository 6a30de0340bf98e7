"""What one statement does with names of its module: loads, changes, imports, names in strings."""

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

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
from pivot.fingerprint.statements import annotations_act, chain, is_declaration, live


class Use:
    """How a name is used, as bits; a load carries all its uses in one definition."""

    NOW = 1  # when the module is imported, not when a function is called
    VALUE = 2  # other than by calling it directly
    HARD = 4  # Python will look it up: it must be explained
    CALL = 8  # called, or a method of it is
    PASS = 16  # handed to a call that is not known to leave it alone
    ACT = 32  # changed in place: item or attribute assignment, a call for its effect
    REBIND = 64  # the name itself gets another value
    BASE = 128  # a class statement's base or metaclass
    READ = 256  # read through: an iterator is used up by that


class Load(NamedTuple):
    """One name (with attributes) that a definition uses.

    Attributes:
        chain: ``helpers.stats.mean`` as written; empty: all of the own module.
        source: where the first name comes from: ``""`` the module; ``pkg.mod`` or ``pkg.mod:name`` an import in the
            body; ``?`` a dotted name in a string; ``!pkg.mod`` a module imported by its name.
        line: of its first use.
        uses: `Use` flags.
    """

    chain: str
    source: str
    line: int
    uses: int


class Import(NamedTuple):
    """One imported name.

    Attributes:
        name: bound by it at module level, ``*`` for all, empty for none (an import inside a body).
        source: ``pkg.mod`` for a module, ``pkg.mod:name`` for something in it; leading dots as written.
        executes: what importing runs, in the form of `source`.
        now: whether it happens when the module itself is imported.
    """

    name: str
    source: str
    executes: str
    now: bool


@dataclass(slots=True)
class Scan:
    """All that one statement does with names. `marks` are words that ask how definitions are looked at."""

    uses: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    annotations: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    declared: set[str] = field(default_factory=set)
    imports: list[Import] = field(default_factory=list)
    binds: set[str] = field(default_factory=set)
    writes: set[str] = field(default_factory=set)
    at_names: set[str] = field(default_factory=set)
    marks: set[str] = field(default_factory=set)


PURE_CALLS = frozenset(
    "abs all any ascii bin bool bytes callable chr complex dict divmod enumerate float format frozenset "  # noqa: SIM905
    "getattr hasattr hash hex id int isinstance issubclass len list max min oct ord pow print range repr "
    "reversed round set slice sorted str sum tuple type zip super property staticmethod classmethod Path PurePath "
    "deepcopy TypeVar NewType namedtuple getLogger dumps Decimal Fraction date datetime timedelta".split()
)
"""Calls that leave their arguments as they are."""

MARKS = frozenset(
    "__doc__ __annotations__ get_type_hints signature getdoc getsource getfullargspec __subclasses__ getsourcelines "  # noqa: SIM905
    "get_annotations".split()
)
"""Words that look at definitions themselves."""

_VERB = re.compile(
    r"^(set|use|register|config|enable|disable|install|patch|init|load_dotenv|push|chdir|signal|seed)"
)
_EFFECT_END = re.compile(r"(_seed|filterwarnings|simplefilter|seterr)$")
_AT_NAME = re.compile(r"@([^\W\d]\w*)")
_WORD = re.compile(r"[^\W\d]\w*")
_DOTTED = re.compile(r"^[^\W\d]\w*(?:[.:][^\W\d]\w*)*[.:][^\W\d]\w*$")
_PURE_MODULES = frozenset({"pathlib", "copy", "typing", "collections", "json", "decimal", "fractions"})
_STRING_READERS = frozenset(
    "eval exec query sql from_formula evaluate timeit dmatrix dmatrices "  # noqa: SIM905
    "ols wls gls glm logit probit poisson mixedlm".split()
)


def scan(statements: Iterable[ast.stmt], scopes: Scopes, declarations: frozenset[str]) -> Scan:
    """What some top-level statements (one definition) do with names."""
    scanner = Scanner(scopes, declarations)
    for statement in live(statements):
        scanner.visit(statement, scopes.top, 0)
    return scanner.found


_HANDING = (
    *(ast.Tuple, ast.List, ast.Set, ast.Dict, ast.Starred),
    *(ast.IfExp, ast.BoolOp, ast.keyword, ast.Await),
)
"""Expressions whose value is, or holds, one of their operands."""


class Scanner:
    """Walks one definition.

    `later` counts the functions around the current node, `forgiving` the blocks that catch a NameError.
    """

    def __init__(self, scopes: Scopes, declarations: frozenset[str]) -> None:
        self.scopes = scopes
        self.declarations = declarations
        self.found = Scan()
        self.later = 0
        self.forgiving = 0

    def load(self, name: str, scope: Scope, line: int, uses: int) -> None:
        """Records the use of a chain, unless its first name is local."""
        root = name.partition(".")[0]
        home = scope.home(root)
        if not self.later:
            uses |= Use.NOW
        if self.forgiving:
            uses &= ~Use.HARD
        if home is None:
            self._record(name, "", line, uses)
        elif imports := home.imports.get(root):
            for node in imports:
                for alias in node.names:
                    if alias.name != "*" and imported_name(alias) == root:
                        self._record(name, bound_source(node, alias), line, uses & ~Use.HARD)
        if home is not None and home.kind is ScopeKind.CLASS:
            self._record(name, "", line, uses & ~Use.HARD)  # it may be read before the class body binds it

    def _record(self, name: str, source: str, line: int, uses: int) -> None:
        first, known = self.found.uses.get((name, source), (line, 0))
        self.found.uses[name, source] = (min(first, line), known | uses)

    def _soft(self, words: Iterable[str], scope: Scope, line: int) -> None:
        for word in words:
            self.load(word, scope, line, Use.VALUE)

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
        elif isinstance(node, ast.For | ast.AsyncFor):
            self._all([node.target], scope, 0)
            self.visit(node.iter, scope, Use.PASS)
            self._all(live([*node.body, *node.orelse]), scope, 0)
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar | ast.MatchMapping):
            name = node.rest if isinstance(node, ast.MatchMapping) else node.name
            if name:
                self._bind(name, scope, getattr(node, "lineno", 0))
            self._children(node, scope, 0)
        elif isinstance(node, ast.Try | ast.TryStar):
            self._try(node, scope)
        elif type(node).__name__ == "TypeAlias":
            self.visit(node.name, scope, 0)  # type: ignore[attr-defined]
            self._later(node.value, self.scopes.types.get(node, scope), uses)  # type: ignore[attr-defined]
        else:
            self._children(
                node, scope, uses if isinstance(node, ast.expr | ast.keyword | ast.withitem) else 0
            )

    def _try(self, node: ast.Try | ast.TryStar, scope: Scope) -> None:
        caught = [h.type for h in node.handlers]
        names = {chain(t) for c in caught for t in (c.elts if isinstance(c, ast.Tuple) else [c]) if t}
        forgiving = None in caught or bool(names & {"NameError", "Exception", "BaseException"})
        self.forgiving += forgiving
        self._all(live(node.body), scope, 0)
        self.forgiving -= forgiving
        self._all([*node.handlers, *live([*node.orelse, *node.finalbody])], scope, 0)

    def _children(self, node: ast.AST, scope: Scope, uses: int) -> None:
        down = uses if isinstance(node, _HANDING) or uses & Use.ACT else 0
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.LShift | ast.RShift):
            down |= Use.PASS  # a >> b builds pipelines
        if isinstance(node, ast.withitem):
            down = Use.PASS
        for _, value in ast.iter_fields(node):
            if isinstance(value, ast.AST):
                self.visit(value, scope, down)
            elif isinstance(value, list):
                is_block = bool(value) and isinstance(value[0], ast.stmt)
                self._all(live(value) if is_block else value, scope, down)

    def _all(self, nodes: Iterable[object], scope: Scope, uses: int) -> None:
        for node in nodes:
            if isinstance(node, ast.AST):
                self.visit(node, scope, uses)

    def _later(self, node: ast.AST | list[ast.stmt], scope: Scope, uses: int) -> None:
        self.later += 1
        if isinstance(node, list):
            self._all(live(node), scope, 0)
        else:
            self.visit(node, scope, uses & ~Use.ACT)
        self.later -= 1

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
                self.load(node.id, scope, node.lineno, Use.REBIND)
            return
        if chain_end(node) in MARKS:
            self.found.marks.add(chain_end(node))
        name = chain(node)
        if stored:
            uses = Use.ACT | Use.REBIND
        if name:
            self.load(name, scope, node.lineno, Use.HARD | uses | (0 if uses & Use.CALL else Use.VALUE))
        elif isinstance(node, ast.Attribute):
            self.visit(node.value, scope, uses & (Use.ACT | Use.PASS) | (Use.ACT if stored else 0))

    def _subscript(self, node: ast.Subscript, scope: Scope, uses: int) -> None:
        stored = not isinstance(node.ctx, ast.Load)
        item = node.slice.value if isinstance(node.slice, ast.Constant) else None
        if isinstance(item, str) and _namespace_call(node.value, scope):
            self._namespace_item(item, node.lineno, uses, stored=stored)
            return
        self.visit(node.value, scope, Use.ACT if stored else uses & (Use.ACT | Use.PASS))
        self.visit(node.slice, scope, 0)
        if chain(node.value) == "sys.modules":
            self._record("", "", node.lineno, Use.VALUE)

    def _namespace_item(self, name: str, line: int, uses: int, *, stored: bool) -> None:
        if stored:
            (self.found.writes if self.later else self.found.binds).add(name)
        self._record(
            name, "", line, uses | Use.VALUE | (Use.REBIND if stored else 0) | (0 if self.later else Use.NOW)
        )

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
        texts = [n.value for n in ast.walk(node) if isinstance(n, ast.Constant)]
        for text in texts:
            try:
                if isinstance(text, str):
                    side.visit(ast.parse(text.strip(), mode="eval").body, scope, 0)
            except (SyntaxError, ValueError, KeyError):
                continue  # a plain text, as in Annotated[…, "in metres"]
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
        verb = bool(_VERB.match(last))
        pure = self._is_pure(func, scope)
        inherited = 0 if pure else uses & Use.ACT
        self.visit(func, scope, Use.CALL | inherited | (Use.ACT if verb else 0))
        for argument in [*node.args, *node.keywords]:
            self.visit(argument, scope, Use.READ if pure else Use.PASS)
        if last in _STRING_READERS:
            self._read_strings(node, scope)

    def _is_pure(self, func: ast.expr, scope: Scope) -> bool:
        """Whether a call is of a builtin or a standard function that leaves its arguments alone."""
        name = chain(func)
        root, _, last = name.partition(".")
        if (last or root) not in PURE_CALLS or scope.home(root) is not None:
            return False
        if root not in self.scopes.top.bound:
            return not last
        modules = {
            (node.module or "" if isinstance(node, ast.ImportFrom) else root).partition(".")[0]
            for node in self.scopes.top.imports.get(root, ())
        }
        return bool(modules) and modules <= _PURE_MODULES

    def _read_strings(self, node: ast.Call, scope: Scope) -> None:
        for value in [*node.args, *(keyword.value for keyword in node.keywords)]:
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                self._soft(_WORD.findall(value.value), scope, node.lineno)
        if not all(isinstance(a, ast.Constant) for a in node.args[:1]):
            self.found.marks.add("reads-strings")

    def _special(self, node: ast.Call, name: str, last: str, scope: Scope, uses: int) -> bool:
        """Calls that name code by a string or take the whole namespace; whether that said all."""
        text = next((a.value for a in node.args[:1] if isinstance(a, ast.Constant)), None)
        is_builtin = scope.home(name) is None
        if name == "getattr" and len(node.args) >= 2 and is_builtin:
            return self._getattr(node, scope, uses)
        if name in ("eval", "exec") and is_builtin and not isinstance(text, str | bytes):
            self._record("", "", node.lineno, Use.VALUE | (Use.ACT if name == "exec" else 0))
            self.found.marks.add("opens-names")
        if name == "exec" and not self.later:
            self.found.marks.add("opens-names")
        if _namespace_call(node, scope):
            self._record("", "", node.lineno, Use.VALUE | Use.ACT | (0 if self.later else Use.NOW))
            self.found.marks.add("opens-names")
            return True
        method = node.func if isinstance(node.func, ast.Attribute) else None
        if method and method.attr == "get" and isinstance(text, str) and _namespace_call(method.value, scope):
            self._namespace_item(text, node.lineno, uses, stored=False)
            self._all(node.args[1:], scope, 0)
            return True
        if last in ("import_module", "__import__", "import_string", "load_module") and node.args:
            self._import_by_name(node.args[0], node.lineno)
        if last == "getLogger":  # a logger's name changes no result
            self.visit(node.func, scope, Use.CALL)
            self._all([a for a in node.args if chain(a) != "__name__"], scope, Use.PASS)
            return True
        if name in ("setattr", "delattr") and is_builtin and len(node.args) >= 2:
            return self._setattr(node, scope)
        return False

    def _getattr(self, node: ast.Call, scope: Scope, uses: int) -> bool:
        target, attribute = node.args[0], node.args[1]
        self._all(node.args[2:], scope, uses)
        if isinstance(attribute, ast.Constant) and isinstance(attribute.value, str) and chain(target):
            if attribute.value in MARKS:
                self.found.marks.add(attribute.value)
            self.load(f"{chain(target)}.{attribute.value}", scope, node.lineno, Use.HARD | Use.VALUE | uses)
        else:
            self.visit(target, scope, uses & Use.ACT)
        self.visit(attribute, scope, 0)
        return True

    def _setattr(self, node: ast.Call, scope: Scope) -> bool:
        target, attribute = node.args[0], node.args[1]
        if isinstance(attribute, ast.Constant) and isinstance(attribute.value, str) and chain(target):
            self.load(f"{chain(target)}.{attribute.value}", scope, node.lineno, Use.ACT | Use.REBIND)
        self.visit(target, scope, Use.ACT)
        self._all(node.args[1:], scope, Use.PASS)
        return True

    def _import_by_name(self, argument: ast.expr, line: int) -> None:
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            self.found.imports.append(Import("", argument.value, argument.value, not self.later))
            self._record("", f"!{argument.value}", line, Use.VALUE | (0 if self.later else Use.NOW))
            return
        prefix = _literal_prefix(argument)
        if prefix.endswith("."):  # import_module(f"plugins.{name}"): any of them
            package = prefix[:-1] or "."
            self._record("__path__", f"!{package}", line, Use.VALUE)

    def _decorators(self, node: FunctionNode | ast.ClassDef, scope: Scope) -> None:
        for decorator in node.decorator_list:
            if is_declaration(decorator, self.declarations):
                side = Scanner(self.scopes, frozenset())
                side.visit(decorator, scope, 0)
                self.found.declared |= {name for name, source in side.found.uses if not source}
            else:
                self.visit(decorator, scope, Use.CALL | Use.PASS)

    def _function(self, node: FunctionNode, scope: Scope) -> None:
        self._bind(node.name, scope, node.lineno)
        self._decorators(node, scope)
        self._all([*node.args.defaults, *node.args.kw_defaults], scope, 0)
        kept = annotations_act(node, self.declarations)
        types = self.scopes.types.get(node, scope)
        for arg in all_arguments(node.args):
            self.annotation(arg.annotation, types, self.found.uses if kept else self.found.annotations)
        self.annotation(node.returns, types, self.found.uses if kept else self.found.annotations)
        self._later(node.body, self.scopes.inner[node], 0)

    def _class(self, node: ast.ClassDef, scope: Scope) -> None:
        self._bind(node.name, scope, node.lineno)
        self._decorators(node, scope)
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
        self._all(live(node.body), self.scopes.inner[node], 0)

    def _comprehension(self, node: ast.expr, scope: Scope, uses: int) -> None:
        inner = self.scopes.inner[node]
        generators: list[ast.comprehension] = node.generators  # type: ignore[attr-defined]
        calls = any(isinstance(n, ast.Call) for n in ast.walk(node))
        for position, generator in enumerate(generators):
            self.visit(
                generator.iter,
                inner if position else scope,
                uses & Use.ACT | (Use.PASS if calls else Use.READ),
            )
            self._all([generator.target, *generator.ifs], inner, 0)
        self._all([getattr(node, name, None) for name in ("elt", "key", "value")], inner, uses)

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
        if "@" in node.value:
            words = _AT_NAME.findall(node.value)
            self.found.at_names.update(words)
            self._soft(words, scope, node.lineno)
        if len(node.value) < 200 and _DOTTED.match(node.value):
            self._record(node.value.replace(":", "."), "?", node.lineno, Use.VALUE)


def bound_source(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> str:
    """Where the name that an import binds comes from, in the form of `Import.source`."""
    if isinstance(node, ast.ImportFrom):
        return f"{'.' * node.level}{node.module or ''}:{alias.name}"
    return alias.name if alias.asname else alias.name.partition(".")[0]


def executed_source(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> str:
    """What an import runs: the module, and perhaps a submodule of the name."""
    return bound_source(node, alias) if isinstance(node, ast.ImportFrom) else alias.name


def _namespace_call(node: ast.AST, scope: Scope) -> bool:
    """``globals()``, or ``vars()`` and ``locals()`` where they mean the module's names."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.args):
        return False
    name = node.func.id
    return name == "globals" or (name in ("vars", "locals") and scope.kind is ScopeKind.MODULE)


def _literal_prefix(node: ast.expr) -> str:
    """The literal text that a computed string begins with."""
    while isinstance(node, ast.BinOp):
        node = node.left
    if isinstance(node, ast.JoinedStr) and node.values:
        node = node.values[0]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        node = node.func.value  # "plugins.{}".format(name)
        text = node.value if isinstance(node, ast.Constant) else ""
        return text.partition("{")[0] if isinstance(text, str) else ""
    value = node.value if isinstance(node, ast.Constant) else ""
    return value.partition("%")[0] if isinstance(value, str) else ""
