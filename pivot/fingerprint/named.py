"""Code that is named by strings: ``getattr``, ``globals()[…]``, ``import_module``, ``query``."""

import ast
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable

from pivot.fingerprint.calls import MARKS, literal_prefix, namespace_call
from pivot.fingerprint.scope import Scope, ScopeKind, Scopes, imported_name
from pivot.fingerprint.statements import chain
from pivot.fingerprint.uses import Import, Scan, Use, bound_source

_WORD = re.compile(r"[^\W\d]\w*")

_IMPORTERS = frozenset(
    {"import_module", "__import__", "import_string", "load_module", "run_module", "find_spec", "importorskip"}
)

_LOOKING_UP = frozenset({"get", "pop", "values", "items", "copy", "__getitem__"})


class NameScanner(ABC):
    """Records names; knows the calls that name code by strings.

    `later` counts the functions around the current node, `forgiving` the blocks that catch a NameError; `sure` says
    that no branch stands around it; `settled` has the names that a class body has bound by now.
    """

    def __init__(self, scopes: Scopes, declarations: frozenset[str]) -> None:
        self.scopes = scopes
        self.declarations = declarations
        self.found = Scan()
        self.later = 0
        self.forgiving = 0
        self.sure = False
        self.settled: dict[Scope, set[str]] = {}

    @abstractmethod
    def visit(self, node: ast.AST, scope: Scope, uses: int) -> None:
        """Walks a node; `uses` says what the surrounding expression does with its value."""

    def _all(self, nodes: Iterable[object], scope: Scope, uses: int) -> None:
        for node in nodes:
            if isinstance(node, ast.AST):
                self.visit(node, scope, uses)

    def load(self, name: str, scope: Scope, line: int, uses: int) -> None:
        """Records the use of a chain, unless its first name is local."""
        root = name.partition(".")[0]
        home = scope.home(root)
        uses |= Use.LATER if self.later else Use.NOW
        if self.sure:
            uses |= Use.SURE
        if self.forgiving:
            uses &= ~Use.HARD
        if home is None:
            self._record(name, "", line, uses)
        elif imports := home.imports.get(root):
            for node in imports:
                for alias in node.names:
                    if alias.name != "*" and imported_name(alias) == root:
                        self._record(name, bound_source(node, alias), line, uses & ~Use.HARD)
        if home is not None and home.kind is ScopeKind.CLASS and root not in self.settled.get(home, ()):
            self._record(name, "", line, uses & ~Use.HARD)  # it may be read before the class body binds it

    def _record(self, name: str, source: str, line: int, uses: int) -> None:
        first, known = self.found.uses.get((name, source), (line, 0))
        self.found.uses[name, source] = (min(first, line), known | uses)

    def _soft(self, words: Iterable[str], scope: Scope, line: int) -> None:
        for word in words:
            self.load(word, scope, line, Use.VALUE)

    def _read_strings(self, node: ast.Call, scope: Scope) -> None:
        for value in [*node.args, *(keyword.value for keyword in node.keywords)]:
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                self._soft(_WORD.findall(value.value), scope, node.lineno)
        if not all(isinstance(a, ast.Constant) for a in node.args[:1]):
            self.found.mark("reads-strings", self.later)

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
        if namespace_call(node, scope):
            self._record("", "", node.lineno, Use.VALUE | Use.ACT | (0 if self.later else Use.NOW))
            self.found.marks.add("opens-names")
            return True
        method = node.func if isinstance(node.func, ast.Attribute) else None
        if method and method.attr == "get" and isinstance(text, str) and namespace_call(method.value, scope):
            self._namespace_item(text, node.lineno, uses, stored=False)
            self._all(node.args[1:], scope, 0)
            return True
        if last in _LOOKING_UP:
            self._look_up_module(name.rpartition(".")[0], scope, node.lineno, uses)
        if last in _IMPORTERS and node.args:
            self._import_by_name(node, node.args[0])
        if last == "getLogger":  # a logger's name changes no result
            self.visit(node.func, scope, Use.CALL)
            self._all([a for a in node.args if chain(a) != "__name__"], scope, Use.PASS)
            return True
        if name in ("setattr", "delattr") and is_builtin and len(node.args) >= 2:
            return self._setattr(node, scope)
        return False

    def _look_up_module(self, table: str, scope: Scope, line: int, uses: int) -> None:
        """An item of ``sys.modules``, under whatever name that was imported: any module that is named in reach."""
        root, _, rest = table.partition(".")
        home = scope.home(root) or self.scopes.top
        sources = {
            bound_source(node, alias).replace(":", ".")
            for node in home.imports.get(root, ())
            for alias in node.names
            if imported_name(alias) == root
        }
        if "sys.modules" in {f"{source}.{rest}" if rest else source for source in sources}:
            self._record("", "", line, Use.VALUE)
            self.found.mark("looks-up-modules", self.later)
            if uses & Use.ACT:
                self.found.marks.add("opens-names")

    def _getattr(self, node: ast.Call, scope: Scope, uses: int) -> bool:
        target, attribute = node.args[0], node.args[1]
        self._all(node.args[2:], scope, uses)
        if isinstance(attribute, ast.Constant) and isinstance(attribute.value, str) and chain(target):
            if attribute.value in MARKS:
                self.found.mark(attribute.value, self.later)
            self.load(f"{chain(target)}.{attribute.value}", scope, node.lineno, Use.HARD | Use.VALUE | uses)
        else:
            self.visit(target, scope, uses & Use.ACT)
        self.visit(attribute, scope, 0)
        return True

    def _setattr(self, node: ast.Call, scope: Scope) -> bool:
        target, attribute = node.args[0], node.args[1]
        if isinstance(attribute, ast.Constant) and isinstance(attribute.value, str) and chain(target):
            name = f"{chain(target)}.{attribute.value}"
            self.load(name, scope, node.lineno, Use.HARD | Use.VALUE | Use.ACT | Use.REBIND)
        else:
            self.visit(target, scope, Use.ACT)
        self._all(node.args[1:], scope, Use.PASS)
        return True

    def _namespace_item(self, name: str, line: int, uses: int, *, stored: bool) -> None:
        if stored:
            (self.found.writes if self.later else self.found.binds).add(name)
        self._record(
            name, "", line, uses | Use.VALUE | (Use.REBIND if stored else 0) | (0 if self.later else Use.NOW)
        )

    def _import_by_name(self, node: ast.Call, argument: ast.expr) -> None:
        name = argument.value if isinstance(argument, ast.Constant) else None
        if isinstance(name, str):
            base = _package_of(node)
            if base is None and name.startswith("."):
                self.found.mark("imports-inside", self.later)
            elif name.startswith(".") and base:
                name = base + name
            self._imported(name, "", node.lineno)
            for word in _names_wanted(node):
                self._imported(name, word, node.lineno)
            return
        self.found.mark("imports-names", self.later)
        prefix = literal_prefix(argument)
        if prefix.endswith("."):  # import_module(f"plugins.{name}"): any of them
            package = prefix[:-1] or "."
            self._record("__path__", f"!{package}", node.lineno, Use.VALUE)

    def _imported(self, name: str, attribute: str, line: int) -> None:
        executes = f"{name}:{attribute}" if attribute else name
        self.found.imports.append(Import("", name, executes, not self.later))
        self._record(attribute, f"!{name}", line, Use.VALUE | (0 if self.later else Use.NOW))


def _package_of(node: ast.Call) -> str | None:
    """What a relative name is relative to: empty for the module's own package, ``None`` where it is computed."""
    given = [k.value for k in node.keywords if k.arg == "package"] + node.args[1:2]
    if not given or chain(given[0]) in ("__name__", "__package__"):
        return ""
    value = given[0].value if isinstance(given[0], ast.Constant) else None
    return value if isinstance(value, str) else None


def _names_wanted(node: ast.Call) -> list[str]:
    """The literals in ``__import__(…, fromlist=[…])``."""
    wanted = [k.value for k in node.keywords if k.arg == "fromlist"] + node.args[3:4]
    items = wanted[0].elts if wanted and isinstance(wanted[0], ast.List | ast.Tuple) else []
    return [item.value for item in items if isinstance(item, ast.Constant) and isinstance(item.value, str)]
