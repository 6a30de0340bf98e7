"""A definition's source as one canonical text: what cannot change a result is left out.

The text is the same under every CPython since 3.11 (``ast.dump`` is not): node types and fields are written by name,
fields that are ``None`` or an empty list are skipped, and neighbouring literal parts of f-strings are merged.
"""

import ast
import re
from typing import NamedTuple

from pivot.fingerprint.literals import fold, spell
from pivot.fingerprint.scope import COMPREHENSIONS, FUNCTIONS, FunctionNode, Scope, ScopeKind, Scopes
from pivot.fingerprint.statements import annotations_act, docstring, is_declaration, live, looks_at_types

FRAME_READERS = frozenset(
    "locals vars eval exec query sql dir _getframe currentframe f_locals co_varnames from_formula "  # noqa: SIM905
    "evaluate timeit dmatrix dmatrices ols wls gls glm logit probit poisson mixedlm".split()
)
"""Last words of calls that may see the spelling of local names."""

_WORD = re.compile(r"[^\W\d]\w*")
_SKIPPED = frozenset({"ctx", "type_comment", "kind", "simple", "lineno", "type_ignores"})


class Texts(NamedTuple):
    """The canonical texts of one top-level statement.

    Attributes:
        code: what it does.
        surface: the same with what only an observer sees: names, docstrings, annotations.
        header, face: both without the bodies of functions; the name of the definition itself is in them.
    """

    code: str
    surface: str
    header: str
    face: str

    def marked(self, word: str) -> "Texts":
        """The same texts under a word that changes what they mean."""
        return Texts(*(f"{word}:{text}" for text in self))


def plain_texts(text: str) -> Texts:
    """The texts of what has neither a name nor a body."""
    return Texts(text, text, text, text)


def normalize(statement: ast.stmt, scopes: Scopes, declarations: frozenset[str] = frozenset()) -> Texts:
    """The canonical texts of one top-level statement.

    Args:
        declarations: names that the file imported from Pivot; decorators rooted in them are left out.
    """
    visible = _visible_names(statement)

    def text(*, full: bool, bodies: bool = True) -> str:
        writer = _Writer(visible, scopes, declarations, full=full, bodies=bodies)
        writer.statement(statement, scopes.top, outermost=bodies)
        return "".join(writer.out)

    code, surface = text(full=False), text(full=True)
    if not isinstance(statement, (*FUNCTIONS, ast.ClassDef)):
        return Texts(code, surface, code, surface)
    return Texts(code, surface, text(full=False, bodies=False), text(full=True, bodies=False))


class _Writer:
    def __init__(
        self,
        visible: tuple[set[str], bool],
        scopes: Scopes,
        declarations: frozenset[str],
        *,
        full: bool,
        bodies: bool,
    ) -> None:
        self.out: list[str] = []
        self.scopes = scopes
        self.declarations = declarations
        self.full = full
        self.bodies = bodies
        self.renamed: dict[tuple[int, str], str] = {}
        self.spelled, self.rename = visible

    def token(self, text: str) -> None:
        self.out.append(f"{len(text)}:{text}")

    def node(self, node: ast.AST, scope: Scope) -> None:
        if isinstance(node, ast.stmt):
            self.statement(node, scope)
            return
        if isinstance(node, ast.expr) and (value := fold(node)) is not None:
            self.token(spell(value))
        elif isinstance(node, ast.Constant):
            self.token(spell(node.value))
        elif isinstance(node, ast.JoinedStr):
            self._f_string(node, scope)
        elif isinstance(node, ast.Name):
            self.out.append("N")
            self.token(self._name(node.id, scope))
        elif isinstance(node, COMPREHENSIONS):
            self._comprehension(node, scope)
        else:
            inner = self.scopes.inner.get(node)
            self._fields(node, scope, {"body": inner} if inner else {})

    def statement(self, node: ast.stmt, scope: Scope, *, outermost: bool = False) -> None:
        if isinstance(node, FUNCTIONS):
            self._function(node, scope, named=self.full or not outermost)
        elif isinstance(node, ast.ClassDef):
            self._class(node, scope)
        elif isinstance(node, ast.AnnAssign) and not self._keeps_annotation(scope):
            if node.value is not None:
                self.out.append("Assign(")
                self._field("targets", [node.target], scope)
                self._field("value", node.value, scope)
                self.out.append(")")
        elif isinstance(node, ast.Import | ast.ImportFrom):
            # where the names come from is told by what they resolve to
            self.out.append("Import(")
            for alias in node.names:
                self.token(alias.asname or alias.name.partition(".")[0])
            self.out.append(")")
        elif isinstance(node, ast.Nonlocal):
            self.out.append("Nonlocal(")
            for name in node.names:
                self.token(self._name(name, scope))
            self.out.append(")")
        else:
            self._fields(node, scope, {})

    def _keeps_annotation(self, scope: Scope) -> bool:
        return self.full or scope.kind is ScopeKind.CLASS

    def _fields(self, node: ast.AST, scope: Scope, inner: dict[str, Scope]) -> None:
        self.out.append(type(node).__name__ + "(")
        renamed = isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar | ast.MatchMapping)
        for name in node._fields:
            if name in _SKIPPED:
                continue
            value = getattr(node, name, None)
            if renamed and name in ("name", "rest") and value:
                value = self._name(value, scope)
            self._field(name, value, inner.get(name, scope))
        self.out.append(")")

    def _field(self, name: str, value: object, scope: Scope) -> None:
        if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
            value = live(value)
        if value is None or value == []:
            return
        self.out.append(name + "=")
        if isinstance(value, list):
            self.out.append("[")
            for item in value:
                self._item(item, scope)
            self.out.append("]")
        else:
            self._item(value, scope)

    def _item(self, item: object, scope: Scope) -> None:
        if isinstance(item, ast.AST):
            self.node(item, scope)
        elif item is None:  # a gap in a dict's keys or in defaults, which is not the literal None
            self.out.append("gap;")
        else:
            self.token(spell(item))

    def _name(self, name: str, scope: Scope) -> str:
        home = scope.home(name)
        if (
            home is None
            or not self.rename
            or home.kind not in (ScopeKind.FUNCTION, ScopeKind.COMPREHENSION)
            or name in home.fixed
            or name in self.spelled
        ):
            return name
        return self.renamed.setdefault((id(home), name), f"${len(self.renamed)}")

    def _function(self, node: FunctionNode, scope: Scope, *, named: bool) -> None:
        self.out.append(type(node).__name__ + "(")
        if named:
            self.token(node.name)
        self._decorators(node, scope)
        types = self.scopes.types.get(node, scope)
        keep = self.full or annotations_act(node, self.declarations)
        self._arguments(node.args, scope, types, annotated=keep)
        if keep:
            self._field("returns", node.returns, types)
        if self.full or looks_at_types(node, self.declarations):
            self._field("type_params", getattr(node, "type_params", None), types)
        if self.full:
            self.token(docstring(node.body) or "")
        if self.bodies:
            self._field("body", node.body, self.scopes.inner[node])
        self.out.append(")")

    def _arguments(self, args: ast.arguments, scope: Scope, types: Scope, *, annotated: bool) -> None:
        self.out.append("args(")
        for title, group in (("/", args.posonlyargs), ("", args.args), ("*", args.kwonlyargs)):
            for arg in group:
                self._argument(title, arg, types, annotated=annotated)
        for title, single in (("*args", args.vararg), ("**", args.kwarg)):
            if single:
                self._argument(title, single, types, annotated=annotated)
        self._field("defaults", args.defaults, scope)
        self._field("kw_defaults", args.kw_defaults, scope)
        self.out.append(")")

    def _argument(self, title: str, arg: ast.arg, types: Scope, *, annotated: bool) -> None:
        self.token(title + arg.arg)
        if annotated:
            self._field("annotation", arg.annotation, types)

    def _decorators(self, node: FunctionNode | ast.ClassDef, scope: Scope) -> None:
        kept = [d for d in node.decorator_list if not is_declaration(d, self.declarations)]
        self._field("decorators", kept, scope)

    def _class(self, node: ast.ClassDef, scope: Scope) -> None:
        self.out.append("ClassDef(")
        self.token(node.name)
        self._decorators(node, scope)
        types = self.scopes.types.get(node, scope)
        self._field("type_params", getattr(node, "type_params", None), types)
        self._field("bases", node.bases, types)
        self._field("keywords", node.keywords, types)
        if self.full:
            self.token(docstring(node.body) or "")
        self._field("body", node.body, self.scopes.inner[node])
        self.out.append(")")

    def _comprehension(self, node: ast.expr, scope: Scope) -> None:
        inner = self.scopes.inner[node]
        self.out.append(type(node).__name__ + "(")
        generators: list[ast.comprehension] = node.generators  # type: ignore[attr-defined]
        for position, generator in enumerate(generators):
            self._field("iter", generator.iter, inner if position else scope)
            self._field("target", generator.target, inner)
            self._field("ifs", generator.ifs, inner)
            self.token(str(generator.is_async))
        for name in ("elt", "key", "value"):
            self._field(name, getattr(node, name, None), inner)
        self.out.append(")")

    def _f_string(self, node: ast.JoinedStr, scope: Scope) -> None:
        parts: list[str | ast.expr] = []
        for value in node.values:
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                if parts and isinstance(parts[-1], str):
                    parts[-1] += value.value
                elif value.value:
                    parts.append(value.value)
            else:
                parts.append(value)
        if all(isinstance(part, str) for part in parts):
            self.token(spell("".join(str(part) for part in parts)))
            return
        self.out.append("JoinedStr(")
        for part in parts:
            if isinstance(part, str):
                self.token(spell(part))
            else:
                self.node(part, scope)
        self.out.append(")")


def _visible_names(statement: ast.AST) -> tuple[set[str], bool]:
    """The words in the statement's strings, and whether its local names may be renamed at all."""
    words: set[str] = set()
    rename = True
    stack: list[ast.AST] = [statement]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            words.update(_WORD.findall(node.value))
        elif isinstance(node, ast.Name | ast.Attribute) and chain_end(node) in FRAME_READERS:
            rename = False
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns"):
                continue
            if isinstance(value, ast.AST):
                stack.append(value)
            elif isinstance(value, list):
                statements = value and isinstance(value[0], ast.stmt)
                stack += [v for v in (live(value) if statements else value) if isinstance(v, ast.AST)]
    return words, rename


def chain_end(node: ast.Name | ast.Attribute) -> str:
    """The last word of a name or attribute."""
    return node.id if isinstance(node, ast.Name) else node.attr


def normalize_parts(nodes: list[ast.AST], scopes: Scopes, label: str) -> str:
    """The canonical text of some expressions and statements that belong to one block's header."""
    holder = ast.Module(body=[], type_ignores=[])
    writer = _Writer(_visible_names(holder), scopes, frozenset(), full=False, bodies=True)
    writer.token(label)
    for node in nodes:
        writer.node(node, scopes.top)
    return "".join(writer.out)
