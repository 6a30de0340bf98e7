"""One file as definitions: what each binds, loads and changes, and its digest. Pure text in, data out."""

import ast
import pickle
import warnings
from collections.abc import Callable, Sequence
from typing import Protocol

from pivot.errors import CodeError
from pivot.fingerprint.calls import marks_of
from pivot.fingerprint.definition import Definition, FileIndex, Kind
from pivot.fingerprint.depth import deep_recursion
from pivot.fingerprint.literals import fold
from pivot.fingerprint.normalize import Texts, normalize, normalize_parts, plain_texts
from pivot.fingerprint.overwritten import overwritten
from pivot.fingerprint.private import mangle
from pivot.fingerprint.scan import Scanner, scan
from pivot.fingerprint.scope import FUNCTIONS, FunctionNode, Scopes, all_arguments, analyse, imported_name
from pivot.fingerprint.sources import OWN_PACKAGES
from pivot.fingerprint.statements import chain, docstring, live, main_branch, surely_bound
from pivot.fingerprint.uses import Import, Load, Scan
from pivot.model.digest import Digest, digest_parts, digest_text

INDEX_FORMAT = "index-8"
"""Counts up whenever the same source may give another index: stored indexes are then built anew."""


class IndexCache(Protocol):
    """Keeps indexes by the digest of what they were made from."""

    def load(self, digest: Digest) -> bytes | None:
        """The stored bytes, or ``None``."""

    def save(self, digest: Digest, data: bytes) -> None:
        """Stores bytes; may forget them."""


def index_source(text: str, filename: str = "<source>") -> FileIndex:
    """The definitions of a source text.

    Raises:
        CodeError: the text is not Python; the message begins with ``filename:line``.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a doubtful escape is the author's business
            tree = ast.parse(text)
        mangle(tree, text)
        try:
            return _index_tree(text, tree)
        except RecursionError:
            with deep_recursion():
                return _index_tree(text, tree)
    except SyntaxError as error:
        raise CodeError(f"{filename}:{error.lineno or 0}: {error.msg}", "mend the syntax error") from error
    except (ValueError, RecursionError) as error:
        raise CodeError(f"{filename}: cannot be read as Python: {error}") from error


def _index_tree(text: str, tree: ast.Module) -> FileIndex:
    return _Indexer(text, tree, analyse(tree.body)).index()


def cached_index(
    read: Callable[[], str], digest: Digest, filename: str, cache: IndexCache | None
) -> FileIndex:
    """`index_source` through a cache, without reading the text that `digest` names where its index is stored.

    Stored bytes that cannot be read are ignored.
    """
    key = digest_parts([INDEX_FORMAT, digest])
    data = cache.load(key) if cache else None
    if data is not None:
        try:
            known = pickle.loads(data)
        except (
            pickle.UnpicklingError,
            EOFError,
            AttributeError,
            ImportError,
            IndexError,
            TypeError,
            ValueError,
        ):
            known = None
        if isinstance(known, FileIndex):
            return known
    index = index_source(read(), filename)
    if cache:
        cache.save(key, pickle.dumps(index, protocol=5))
    return index


class _Indexer:
    def __init__(self, text: str, tree: ast.Module, scopes: Scopes) -> None:
        self.lines = text.split("\n")
        self.tree = tree
        self.scopes = scopes
        self.declarations = _declarations(tree)
        self.lazy = any(
            isinstance(node, ast.ImportFrom)
            and node.module == "__future__"
            and node.names[0].name == "annotations"
            for node in tree.body
        )
        self.definitions: list[Definition] = []

    def index(self) -> FileIndex:
        for statement in self.tree.body:
            self._block([statement], -1, _lines(statement))
        explained = set(self.scopes.top.bound)
        for definition in self.definitions:
            explained.update(definition.names, definition.writes)
        is_open = any("opens-names" in d.marks for d in self.definitions)
        unseen = () if is_open else overwritten(self.definitions)
        exported = None if is_open else self._exported()
        doc = docstring(self.tree.body) or ""
        return FileIndex(tuple(self.definitions), frozenset(explained), is_open, unseen, exported, doc)

    def _exported(self) -> frozenset[str] | None:
        """The names in ``__all__``, where it is set once to a list of literals and nothing may change it."""
        using = [d for d in self.definitions if "__all__" in (*d.names, *d.writes)]
        using += [
            d for d in self.definitions for load in d.loads if load.chain.partition(".")[0] == "__all__"
        ]
        listed = [
            s.value for s in self.tree.body if isinstance(s, ast.Assign | ast.AnnAssign) and _binds_all(s)
        ]
        if len(using) != 1 or len(listed) != 1 or not isinstance(listed[0], ast.List | ast.Tuple):
            return None
        words = [e.value for e in listed[0].elts if isinstance(e, ast.Constant) and isinstance(e.value, str)]
        return frozenset(words) if len(words) == len(listed[0].elts) else None

    def _block(self, statements: Sequence[ast.stmt], guard: int, lines: tuple[int, int]) -> None:
        for statement in live(statements):
            if isinstance(statement, ast.If):
                branch = main_branch(statement)
                if branch is not None:
                    self._block(branch, guard, lines)
                    continue
                if not live(statement.body) and not live(statement.orelse):
                    self._define(statement, guard, lines)
                self._branch("if", [statement.test], statement, statement.body, guard, lines)
                self._branch("if not", [statement.test], statement, statement.orelse, guard, lines)
            elif isinstance(statement, ast.Try | ast.TryStar):
                self._try(statement, guard, lines)
            elif isinstance(statement, ast.With | ast.AsyncWith) and live(statement.body):
                header: list[ast.AST] = list(statement.items)
                label = "with"
                if any(_swallows(item.context_expr) for item in statement.items):
                    header += _risky(statement.body)
                    label = "with swallowing"
                self._branch(label, header, statement, statement.body, guard, lines)
            else:
                self._define(statement, guard, lines)

    def _branch(
        self,
        label: str,
        header: list[ast.AST],
        statement: ast.stmt | ast.ExceptHandler,
        body: Sequence[ast.stmt],
        guard: int,
        lines: tuple[int, int],
    ) -> None:
        if not live(body):
            return
        scanner = Scanner(self.scopes, self.declarations)
        binds: set[str] = set()
        for node in header:
            scanner.visit(node, self.scopes.top, 0)
            if isinstance(node, ast.withitem):
                binds |= scanner.found.binds
        texts = plain_texts(normalize_parts(header, self.scopes, label))
        title = self._title(statement, f"{label}: " if label == "if not" else "")
        found = scanner.found  # the header of a try depends on what its body does, but the body does it
        found.binds = binds
        found.imports = [Import("", i.source, i.executes, now=False) for i in found.imports]
        self._add("guard", statement, lines, guard, found, texts=texts, title=title)
        self._block(body, len(self.definitions) - 1, lines)

    def _try(self, statement: ast.Try | ast.TryStar, guard: int, lines: tuple[int, int]) -> None:
        risky = _risky(statement.body)
        self._branch("try", risky, statement, statement.body, guard, lines)
        for number, handler in enumerate(statement.handlers):
            types: list[ast.AST] = [h.type for h in statement.handlers[: number + 1] if h.type]
            self._branch(f"except {number}", [*risky, *types], handler, handler.body, guard, lines)
        self._branch("try else", risky, statement, statement.orelse, guard, lines)
        self._block(statement.finalbody, guard, lines)

    def _define(self, statement: ast.stmt, guard: int, lines: tuple[int, int]) -> None:
        found = scan([statement], self.scopes, self.declarations)
        texts = normalize(statement, self.scopes, self.declarations)
        if isinstance(statement, ast.ClassDef) and self.lazy:
            texts = texts.marked("lazy annotations")
        kind: Kind = "value" if found.binds else "effect"
        title = self._title(statement, "")
        if isinstance(statement, FUNCTIONS):
            kind, title = "func", statement.name
        elif isinstance(statement, ast.ClassDef):
            kind, title = "class", statement.name
        elif isinstance(statement, ast.Import | ast.ImportFrom):
            kind = "import"
        elif found.binds:
            title = ", ".join(sorted(found.binds))
        found.marks |= marks_of(statement)
        if _is_plain(getattr(statement, "value", None)):
            found.marks.add("plain")
        self._add(kind, statement, lines, guard, found, texts=texts, title=title)

    def _add(
        self,
        kind: Kind,
        statement: ast.stmt | ast.ExceptHandler,
        lines: tuple[int, int],
        guard: int,
        found: Scan,
        *,
        texts: Texts,
        title: str,
    ) -> None:
        value = getattr(statement, "value", None)
        called = chain(value.func) if isinstance(value, ast.Call) else ""
        parameters, returns = self._signature(statement) if isinstance(statement, FUNCTIONS) else ((), ())
        self.definitions.append(
            Definition(
                kind=kind,
                names=tuple(sorted(found.binds)),
                start=lines[0],
                end=lines[1],
                line=_lines(statement)[0],
                last=_lines(statement)[1],
                title=title,
                digest=digest_text(texts.code),
                surface=digest_text(texts.surface),
                header=digest_text(texts.header),
                face=digest_text(texts.face),
                doc=_shown_docstring(statement),
                loads=_loads(found.uses),
                annotations=_loads(found.annotations),
                parameters=parameters,
                returns=returns,
                imports=tuple(found.imports),
                guard=guard,
                at_names=tuple(sorted(found.at_names)),
                marks=tuple(sorted(found.marks)),
                header_marks=tuple(sorted(found.header_marks)),
                strings=tuple(sorted(found.strings)),
                words=tuple(sorted(found.words)),
                writes=tuple(sorted(found.writes)),
                declared=tuple(sorted(found.declared)),
                receiver=called if isinstance(statement, ast.Expr) else "",
                constant=_is_constant(statement),
                declares=called.partition(".")[0] in self.declarations if called else False,
                sure=surely_bound(statement),
            )
        )

    def _signature(
        self, node: FunctionNode
    ) -> tuple[tuple[tuple[str, tuple[str, ...]], ...], tuple[str, ...]]:
        types = self.scopes.types.get(node, self.scopes.top)

        def names(annotation: ast.expr | None) -> tuple[str, ...]:
            table: dict[tuple[str, str], tuple[int, int]] = {}
            Scanner(self.scopes, self.declarations).annotation(annotation, types, table)
            return tuple(sorted(name for name, source in table if not source))

        parameters = tuple((arg.arg, names(arg.annotation)) for arg in all_arguments(node.args))
        return parameters, names(node.returns)

    def _title(self, statement: ast.stmt | ast.ExceptHandler, prefix: str) -> str:
        text = self.lines[statement.lineno - 1].strip() if statement.lineno <= len(self.lines) else ""
        text = prefix + text.rstrip(":")
        return text if len(text) <= 60 else text[:59] + "…"


def _risky(body: Sequence[ast.stmt]) -> list[ast.AST]:
    """The statements of a block whose failure may keep the rest of it from running."""
    return [s for s in live(body) if not isinstance(s, (*FUNCTIONS, ast.ClassDef))]


def _swallows(context: ast.expr) -> bool:
    """Whether a context manager is known to end a block that fails without failing itself."""
    return isinstance(context, ast.Call) and chain(context.func).rpartition(".")[2] in ("suppress", "raises")


def _shown_docstring(statement: ast.AST) -> str:
    """The docstring that a base class or a decorator may read."""
    shows = isinstance(statement, ast.ClassDef)
    shows = shows or (isinstance(statement, FUNCTIONS) and bool(statement.decorator_list))
    return (docstring(statement.body) or "") if shows else ""  # type: ignore[attr-defined]


def _lines(node: ast.stmt | ast.ExceptHandler) -> tuple[int, int]:
    decorators = getattr(node, "decorator_list", [])
    start = min([node.lineno, *(d.lineno for d in decorators)])
    return start, node.end_lineno or node.lineno


def _loads(table: dict[tuple[str, str], tuple[int, int]]) -> tuple[Load, ...]:
    return tuple(
        Load(name, source, line, int(uses)) for (name, source), (line, uses) in sorted(table.items())
    )


def _declarations(tree: ast.Module) -> frozenset[str]:
    """Names that the file imports from Pivot."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {imported_name(a) for a in node.names if a.name.partition(".")[0] in OWN_PACKAGES}
        elif isinstance(node, ast.ImportFrom):
            own = not node.level and (node.module or "").partition(".")[0] in OWN_PACKAGES
            names |= {imported_name(alias) for alias in node.names} if own else set()
    return frozenset(names)


def _is_constant(statement: ast.AST) -> bool:
    if isinstance(statement, ast.Assign):
        plain = all(isinstance(target, ast.Name) for target in statement.targets)
        return plain and _is_immutable(statement.value)
    if isinstance(statement, ast.AnnAssign) and statement.value is not None:
        return isinstance(statement.target, ast.Name) and _is_immutable(statement.value)
    return False


def _binds_all(statement: ast.Assign | ast.AnnAssign) -> bool:
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    return len(targets) == 1 and isinstance(targets[0], ast.Name) and targets[0].id == "__all__"


def _is_plain(node: ast.AST | None) -> bool:
    """Whether a value is a builtin container, a text or a logger: reading it or calling a getter changes nothing."""
    if isinstance(node, ast.Call):
        return chain(node.func) in ("dict", "list", "set", "frozenset", "logging.getLogger", "getLogger")
    containers = (
        ast.List,
        ast.Dict,
        ast.Set,
        ast.Tuple,
        ast.ListComp,
        ast.DictComp,
        ast.SetComp,
        ast.JoinedStr,
    )
    return isinstance(node, (*containers, ast.Constant))


def _is_immutable(node: ast.expr) -> bool:
    if isinstance(node, ast.Tuple):
        return all(_is_immutable(item) for item in node.elts)
    return isinstance(node, ast.Constant) or fold(node) is not None
