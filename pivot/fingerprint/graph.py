"""The graph of code: definitions and what each name in them leads to."""

import sys
from collections.abc import Callable, Iterable
from typing import NamedTuple

from pivot.fingerprint.calls import reads_docstring
from pivot.fingerprint.definition import Definition
from pivot.fingerprint.given import IMPLICIT
from pivot.fingerprint.resolve import (
    COMPILED,
    DEFINITION,
    SELF,
    SURFACE,
    WHOLE,
    Module,
    Node,
    Resolver,
    Target,
    nodes_of,
)
from pivot.fingerprint.sources import OWN_PACKAGES, Origin
from pivot.fingerprint.uses import Import, Load, Use
from pivot.fingerprint.weak import FACE, HEADER, OUTLINE, is_weak, strengthened, weakened_targets
from pivot.model.digest import Digest, digest_parts, digest_text

_LEADING_BACK = frozenset({"__globals__", "__module__"})
"""Attributes of functions and classes that lead to the module they stand in."""


class Edge(NamedTuple):
    """One name that a node uses, and all that it may lead to, in the order of the bindings."""

    key: str
    uses: int
    targets: tuple[Target, ...]


class Graph:
    """Nodes, their own digests and edges; each is worked out once for one snapshot of sources."""

    def __init__(self, resolver: Resolver) -> None:
        self.resolver = resolver
        self._edges: dict[Node, tuple[Edge, ...]] = {}
        self._successors: dict[Node, tuple[Node, ...]] = {}
        self._own: dict[Node, Digest] = {}
        self._open_names: dict[Node, list[Load]] = {}

    def definition(self, node: Node) -> Definition | None:
        """The definition that a node stands for, if it stands for one."""
        if node.number < 0 or node.role == SELF:
            return None
        return self.known(node.module).index.definitions[node.number]

    def kind(self, node: Node) -> str:
        """The kind of definition that a node stands for; of others their role."""
        definition = self.definition(node)
        return definition.kind if definition is not None else node.role

    def title(self, node: Node) -> str:
        """What a reader knows a node as: a definition, a name that each module has, or a module."""
        if node.role == SELF:
            return IMPLICIT[node.number]
        definition = self.definition(node)
        return definition.title if definition is not None else node.module

    def known(self, name: str) -> Module:
        """A module that the graph already leads to."""
        module = self.resolver.module(name)
        assert module is not None, name
        return module

    def own(self, node: Node) -> Digest:
        """The digest of a node without what it leads to."""
        if node not in self._own:
            self._own[node] = self._digest(node)
        return self._own[node]

    def edges(self, node: Node) -> tuple[Edge, ...]:
        """What the node's names lead to, sorted by name."""
        if node not in self._edges:
            self._edges[node] = tuple(sorted(self._find_edges(node), key=lambda edge: edge.key))
        return self._edges[node]

    def open_names(self, node: Node) -> list[Load]:
        """Names used by the node that nothing explains."""
        self.edges(node)
        return self._open_names.get(node, [])

    def successors(self, node: Node) -> tuple[Node, ...]:
        """All nodes that an edge of `node` leads to, each once."""
        found = self._successors.get(node)
        if found is None:
            targets = dict.fromkeys(target for edge in self.edges(node) for target in edge.targets)
            found = self._successors[node] = nodes_of(targets)
        return found

    def closure(
        self, starts: Iterable[Node], known: Callable[[Node], bool] | None = None
    ) -> dict[Node, None]:
        """All nodes that can be reached, the starts first; those already `known` are left out."""
        found: dict[Node, None] = {}
        stack = list(starts)[::-1]
        while stack:
            node = stack.pop()
            if node in found or (known and known(node)):
                continue
            found[node] = None
            stack.extend(reversed(self.successors(node)))
        return found

    def everything_in(self, module: str) -> list[Node]:
        """All definitions of a project module."""
        count = len(self.known(module).index.definitions)
        return [Node(module, number, DEFINITION) for number in range(count)]

    def bases(self, node: Node) -> tuple[Target, ...]:
        """What the bases and the metaclass of a class lead to."""
        return tuple(t for edge in self.edges(node) if edge.uses & Use.BASE for t in edge.targets)

    def ancestors(self, node: Node) -> dict[Node, None]:
        """A class and the project classes it inherits from."""
        found: dict[Node, None] = {}
        stack = [node]
        while stack:
            current = stack.pop()
            if current not in found and current.role == DEFINITION:
                found[current] = None
                stack.extend(t.node for t in self.bases(current) if t.node is not None)
        return found

    def library_bases(self, node: Node) -> tuple[str, ...]:
        """The dotted names of library classes that a class inherits from."""
        bases = (t.library for a in self.ancestors(node) for t in self.bases(a) if t.node is None)
        return tuple(dict.fromkeys(bases))

    def _digest(self, node: Node) -> Digest:
        sources = self.resolver.sources
        if node.role == COMPILED:
            return sources.compiled_digest(node.module)
        if node.role in (WHOLE, OUTLINE):
            return digest_text("module")
        if node.role == SELF:
            this = self.known(node.module)
            own = [this.index.doc] if self.title(node) == "__doc__" else [this.text.name, this.text.place]
            return digest_parts(["self", *own])
        definition = self.definition(node)
        assert definition is not None
        if node.role in (SURFACE, FACE):
            return definition.surface if node.role == SURFACE else definition.face
        digest = definition.header if node.role == HEADER else definition.digest
        if definition.doc and self._shows_docstring(strengthened(node)):
            return digest_parts([digest, definition.doc])
        return digest

    def _shows_docstring(self, node: Node) -> bool:
        """Whether a base class, or what decorates a function, comes from a library that may read docstrings."""
        if self.kind(node) == "class":
            return any(_is_third_party(name) for name in self.library_bases(node))
        begun: set[Node] = set()
        stack = [node]
        while stack:
            current = stack.pop()
            if current in begun:
                continue
            begun.add(current)
            wanted = Use.NOW if self.kind(current) == "value" else Use.DECORATE
            for edge in self.edges(current):
                for target in edge.targets if edge.uses & wanted else ():
                    if target.node is not None:
                        stack.append(target.node)
                    elif _is_third_party(target.library) and reads_docstring(target.library):
                        return True
        return False

    def _find_edges(self, node: Node) -> list[Edge]:
        if node.role in (COMPILED, SELF):
            return []
        if node.role == HEADER:
            edges = self._header_edges(node)
        elif is_weak(node):
            edges = list(self.edges(strengthened(node)))
        else:
            return self._strong_edges(node)
        return [Edge(edge.key, edge.uses, weakened_targets(edge.targets)) for edge in edges]

    def _strong_edges(self, node: Node) -> list[Edge]:
        if node.role == WHOLE:
            return self._members(node.module)
        definition = self.definition(node)
        assert definition is not None
        if node.role == SURFACE:
            return self._follow(node, definition.annotations)
        return [
            *self._follow(node, definition.loads),
            *self._guard(node, definition),
            *self._imports(node, definition),
        ]

    def _header_edges(self, node: Node) -> list[Edge]:
        definition = self.definition(node)
        assert definition is not None
        imports = [] if definition.has_body else self._imports(node, definition)
        return [*self._follow(node, definition.early_loads), *self._guard(node, definition), *imports]

    def _guard(self, node: Node, definition: Definition) -> list[Edge]:
        if definition.guard < 0:
            return []
        return [Edge("guard", Use.NOW, (Target(Node(node.module, definition.guard, DEFINITION)),))]

    def _follow(self, node: Node, loads: tuple[Load, ...]) -> list[Edge]:
        edges: list[Edge] = []
        resolved = [(load, self.resolver.load(node.module, load)) for load in loads]
        called = (t for load, targets in resolved if load.uses & Use.CALL for t in targets or ())
        shown = any(t.node is None and _shows_classes(t.library) for t in called)
        for load, found in resolved:
            if found is None:
                if load.uses & Use.HARD:
                    self._open_names.setdefault(node, []).append(load)
                continue
            targets = found
            if load.uses & Use.VALUE:
                targets = self._with_surfaces(found, shown=shown and bool(load.uses & Use.PASS))
            whole = (
                Target(Node(t.node.module, -1, WHOLE), (), t.guards)
                for t in found
                if t.node is not None and not _LEADING_BACK.isdisjoint(t.rest)
            )
            if targets:
                edges.append(Edge(load.chain, load.uses, (*targets, *whole)))
            if "." in load.chain and not load.source:
                edges += self._submodules(node.module, load.chain)
        return edges

    def _submodules(self, module: str, chain: str) -> list[Edge]:
        """Submodules of libraries in a chain (``a.b.f``) that ``import a.b`` brings: the chain needs it."""
        this = self.known(module)
        root = chain.partition(".")[0]
        imported = {
            item.executes
            for number in this.bindings.get(root, ())
            for item in this.index.definitions[number].imports
            if item.name == root and f"{chain}.".startswith(f"{item.executes}.") and "." in item.executes
        }
        located = self.resolver.sources.locate
        return [
            Edge("import", 0, (Target(None, library=name),))
            for name in sorted(imported)
            if located(name).origin is Origin.LIBRARY
        ]

    def _with_surfaces(self, targets: tuple[Target, ...], *, shown: bool) -> tuple[Target, ...]:
        """A function that is used as a value can be asked for its name, docstring and annotations.

        A class is only if it is `shown`: handed on where a library is called.
        """
        kinds = ("func", "class") if shown else ("func",)
        surfaces = [
            Target(Node(t.node.module, t.node.number, SURFACE), t.rest, t.guards)
            for t in targets
            if t.node is not None and (d := self.definition(t.node)) is not None and d.kind in kinds
        ]
        return (*targets, *surfaces)

    def _members(self, module: str) -> list[Edge]:
        doc = Target(Node(module, IMPLICIT.index("__doc__"), SELF))
        edges = [Edge("__doc__", 0, (doc,))] if self.known(module).index.doc else []
        for number, definition in enumerate(self.known(module).index.definitions):
            seen = (number in self.resolver.bindings(module, name) for name in definition.names)
            if definition.kind != "import" and (any(seen) or not definition.names):
                target = self._with_surfaces((Target(Node(module, number, DEFINITION)),), shown=False)
                edges.append(Edge(",".join(definition.names) or definition.title, 0, target))
            for item in definition.imports:
                if item.name not in ("", "*") and ":" in item.source:
                    found = self.resolver.name(module, [item.name]) or ()
                    kept = tuple(t for t in found if t.node is None or t.node.role != WHOLE)
                    edges.append(Edge(item.name, 0, kept))
        return edges

    def _getters(self, module: str, item: Import) -> tuple[Target, ...]:
        """The functions ``__getattr__`` of modules that an import asks for a name."""
        if ":" not in item.source or item.name in ("", "*"):
            return ()
        return tuple(
            t for t in self.resolver.name(module, [item.name]) or () if t.node and self.is_getter(t.node)
        )

    def is_getter(self, node: Node) -> bool:
        """Whether a node is the function ``__getattr__`` of a module."""
        definition = self.definition(node)
        return definition is not None and definition.kind == "func" and definition.title == "__getattr__"

    def _imports(self, node: Node, definition: Definition) -> list[Edge]:
        """Libraries and modules that the definition itself asks for: their presence may decide."""
        edges: list[Edge] = []
        for item in definition.imports:
            if definition.kind == "import" and item.now and (getters := self._getters(node.module, item)):
                edges.append(Edge(item.name, Use.NOW, getters))
            run = item._replace(source=item.executes)  # `import a.b` binds `a`
            if definition.kind != "import" and (library := self.resolver.library_of(node.module, run)):
                missing = self.resolver.sources.locate(library).origin is Origin.MISSING
                edges.append(Edge("import", 0, (Target(None, library=f"{library}{'?' * missing}"),)))
        return edges


def _shows_classes(library: str) -> bool:
    """Whether a function may show the docstrings of a class that it is given."""
    return _is_third_party(library) or library.startswith("pydoc.")


def _is_third_party(name: str) -> bool:
    top = name.partition(".")[0]
    return top not in sys.stdlib_module_names and top not in OWN_PACKAGES
