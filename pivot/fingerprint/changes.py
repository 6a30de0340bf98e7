"""What a top-level statement may change when its module is imported, beyond the names it binds."""

from dataclasses import dataclass

from pivot.fingerprint.calls import HARMLESS_METHODS, decorates_plainly, draws
from pivot.fingerprint.definition import Definition
from pivot.fingerprint.graph import Edge, Graph
from pivot.fingerprint.resolve import DEFINITION, SURFACE, WHOLE, Node, Target
from pivot.fingerprint.sources import OWN_PACKAGES, Origin
from pivot.fingerprint.uses import Import, Use

_HARMLESS_LIBRARIES = frozenset({"logging", "warnings"})
_DISTURBING = Use.CALL | Use.PASS | Use.ACT | Use.REBIND | Use.BASE | Use.READ


@dataclass(frozen=True, slots=True)
class Changes:
    """What running one statement may change.

    Attributes:
        nodes: definitions of the project whose value may be another afterwards.
        free: whether it may change something outside the project's names (a library's options, a seed).
        importing: definitions it sets going that import modules in their bodies.
        named: strings that may be the names of modules, where it imports modules by computed names.
        draws: whether it may take a random number from a source that others share.
        lists: whether it asks a class for its subclasses.
        heirs: of a class with bases in the project: what may be another once somebody finds it among the subclasses.
        documents: whether nothing but docstrings is changed, which only those see who look at them.
    """

    nodes: frozenset[Node] = frozenset()
    free: bool = False
    importing: tuple[Node, ...] = ()
    named: frozenset[str] = frozenset()
    draws: bool = False
    lists: bool = False
    heirs: frozenset[Node] = frozenset()
    documents: bool = False

    @property
    def nothing(self) -> bool:
        """Whether it changes nothing at all."""
        return not (self.nodes or self.free or self.importing or self.named or self.draws or self.lists)


_NOTHING = Changes()


class Changers:
    """Works out `Changes` of statements; each once for one snapshot of sources."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._known: dict[Node, Changes] = {}
        self._reading: dict[Node, bool] = {}
        self._by_starts: dict[tuple[tuple[Node, ...], bool], Changes] = {}

    def of(self, node: Node) -> Changes:
        """What the import-time part of the statement `node` may change."""
        if node not in self._known:
            self._known[node] = self._find(node)
        return self._known[node]

    def _find(self, node: Node) -> Changes:
        definition = self._graph.definition(node)
        assert definition is not None
        if definition.kind == "import":
            return self._find_of_import(node, definition)
        fails = self._always_acts(definition) or self._fails(node, definition)
        silent = not any(load.uses & Use.NOW for load in definition.loads)
        if silent and "hands-code" not in definition.early_marks:
            return Changes(free=True) if fails else _NOTHING
        now = [edge for edge in self._graph.edges(node) if edge.uses & Use.NOW]
        edges = [edge for edge in now if edge.uses & _DISTURBING]
        if any(edge.key == definition.receiver and self._is_declaration(edge) for edge in edges):
            return _NOTHING
        runs = self._getters(now)
        changed = dict.fromkeys(self._read_with_effect(now))
        stored = self._stored(node, definition, now)
        free = fails
        for edge in edges:
            for target in edge.targets:
                if target.node is None:
                    disturbed = edge.uses & (Use.ACT | Use.REBIND) and self._disturbs_library(target)
                    free = free or bool(disturbed)
                    continue
                self._touch(edge, target, changed, runs)
                is_call = edge.key == definition.receiver and not target.rest
                free = free or (is_call and self._kind(target.node) in ("func", "class"))
                free = free or self._disturbs_borrowed(edge, target, target.node)
        drawing = any(edge.uses & Use.CALL and draws(t.library) for edge in edges for t in edge.targets)
        called = self._changes_by((*(n for n in runs if runs[n]), *changed), called=True)
        based = self._changes_by(tuple(n for n in runs if not runs[n]), called=False)
        kept = self._changes_by(stored, called=True)
        heirs = self._changes_by((node,), called=True) if self._is_heir(node, definition) else _NOTHING
        return Changes(
            frozenset(changed) | called.nodes | based.nodes | kept.nodes,
            free or drawing or called.free or based.free,
            (*called.importing, *based.importing),
            called.named.union(definition.words) if called.named else called.named,
            drawing or called.draws,
            lists="__subclasses__" in definition.early_marks or called.lists,
            heirs=heirs.nodes,
            documents="documents" in definition.marks and not any(self._holds_object(n) for n in changed),
        )

    def _holds_object(self, node: Node) -> bool:
        """Whether a name may hold something whose class decides what storing an attribute does."""
        return self._kind(node) not in ("func", "class") and any(
            self._kind(each) == "class" for each in self._graph.closure([node])
        )

    def _find_of_import(self, node: Node, definition: Definition) -> Changes:
        """An import may enable something, run a module's ``__getattr__``, or fail for certain."""
        enabling = any(i.source.rpartition(":")[2].startswith("enable_") for i in definition.imports)
        items = [i for i in definition.imports if i.now and i.name not in ("", "*") and ":" in i.source]
        targets = [t for i in items for t in self._graph.resolver.name(node.module, [i.name]) or ()]
        absent = any(t.node is not None and t.node.role == WHOLE and t.rest for t in targets)
        missing = any(self._is_missing(node.module, item) for item in definition.imports if item.now)
        getters = tuple(t.node for t in targets if t.node is not None and self._graph.is_getter(t.node))
        called = self._changes_by(getters, called=True)
        fails = definition.guard < 0 and (absent or missing)
        free = enabling or fails or called.free
        return Changes(called.nodes, free, called.importing, called.named, called.draws, called.lists)

    def _is_missing(self, module: str, item: Import) -> bool:
        resolver = self._graph.resolver
        library = resolver.library_of(module, item)
        return bool(library) and resolver.sources.locate(library).origin is Origin.MISSING

    @staticmethod
    def _always_acts(definition: Definition) -> bool:
        """Whether a statement counts whatever it names: it fails, or imports nobody knows what."""
        raises = "raises" in definition.marks and definition.guard < 0
        return raises or "imports-names" in definition.early_marks

    def _fails(self, node: Node, definition: Definition) -> bool:
        """Whether the statement surely fails, since nothing defines a name in it."""
        return definition.guard < 0 and any(load.uses & Use.NOW for load in self._graph.open_names(node))

    def _getters(self, edges: list[Edge]) -> dict[Node, bool]:
        """Functions ``__getattr__`` of modules that the reading of a name sets going."""
        nodes = (t.node for edge in edges for t in edge.targets if t.node)
        return {node: True for node in nodes if self._graph.is_getter(node)}

    def _stored(self, node: Node, definition: Definition, now: list[Edge]) -> tuple[Node, ...]:
        """Code that a statement leaves where others may call it: by a decorator, a lambda, an assignment."""
        found = [
            t.node
            for edge in now
            if edge.uses & Use.STORE
            for t in edge.targets
            if t.node is not None
            and t.node.role == DEFINITION
            and self._kind(t.node) in ("func", "class", "value")
        ]
        if definition.has_body:
            given = any(edge.uses & Use.DECORATE and self._may_keep(edge) for edge in now)
            hooked = definition.kind == "class" and self._has_hook(node)
            handed = given or hooked
        else:
            handed = "hands-code" in definition.early_marks
        return (*found, node) if handed else tuple(found)

    def _may_keep(self, decorator: Edge) -> bool:
        """Whether a decorator of the project has a place where it may keep what it is given."""
        nodes = [t.node for t in decorator.targets if t.node is not None and t.node.role == DEFINITION]
        if not nodes or self._is_declaration(decorator):
            return False
        return any(
            self._kind(node) == "value" or self._changes_by((node,), called=True).nodes for node in nodes
        )

    def _disturbs_borrowed(self, edge: Edge, target: Target, node: Node) -> bool:
        """Whether a statement changes a library's own object through a name of the project: ``rc = lib.params``."""
        method = edge.uses & Use.CALL and target.rest and target.rest[-1] not in HARMLESS_METHODS
        if not edge.uses & (Use.ACT | Use.REBIND) and not method:
            return False
        if edge.uses & Use.REBIND and not target.rest and not edge.uses & Use.ACT:
            return False
        definition = self._graph.definition(node)
        if definition is None or "borrowed" not in definition.marks:
            return False
        lenders = [t for inner in self._graph.edges(node) if inner.uses & Use.NOW for t in inner.targets]
        return any(
            self._lends(t)
            if t.node is None
            else t.node != node and self._disturbs_borrowed(edge, target, t.node)
            for t in lenders
        )

    def _lends(self, target: Target) -> bool:
        """Whether a library's name may stand for an object that the library itself goes on using."""
        return self._disturbs_library(target) and not target.library.rpartition(".")[2][:1].isupper()

    def _is_heir(self, node: Node, definition: Definition) -> bool:
        return definition.kind == "class" and len(self._graph.ancestors(node)) > 1

    def _read_with_effect(self, edges: list[Edge]) -> list[Node]:
        """Values and classes that are read when a statement runs and whose classes say that reading changes them."""
        values = (
            t.node
            for edge in edges
            for t in edge.targets
            if t.node
            and (
                self._kind(t.node) == "value"
                or (self._kind(t.node) == "class" and edge.uses & Use.VALUE and not edge.uses & Use.BASE)
            )
        )
        return [node for node in values if self._reading_acts(node)]

    def _reading_acts(self, value: Node) -> bool:
        if value not in self._reading:
            definitions = (self._graph.definition(node) for node in self._graph.closure([value]))
            self._reading[value] = any(d is not None and "reading-acts" in d.marks for d in definitions)
        return self._reading[value]

    def _is_declaration(self, edge: Edge) -> bool:
        """Whether all the edge leads to was made by Pivot: ``pipeline.register(train)`` declares."""
        for target in edge.targets:
            if target.node is None:
                if target.library.partition(".")[0] not in OWN_PACKAGES:
                    return False
            else:
                definition = self._graph.definition(target.node)
                if definition is None or not definition.declares:
                    return False
        return bool(edge.targets)

    def _kind(self, node: Node) -> str:
        definition = self._graph.definition(node)
        return definition.kind if definition is not None else node.role

    def _touch(self, edge: Edge, target: Target, changed: dict[Node, None], runs: dict[Node, bool]) -> None:
        """Adds what one direct use by the statement changes (`changed`) or sets going (`runs`: is it called?)."""
        node, uses = target.node, edge.uses
        assert node is not None
        kind = self._kind(node)
        if kind == WHOLE:
            if uses & (Use.PASS | Use.ACT | Use.REBIND):
                changed[node] = None
                changed.update(dict.fromkeys(self._graph.everything_in(node.module)))
            return
        if kind in ("func", "class"):
            runs[node] = runs.get(node, False) or not uses & Use.BASE
            method = bool(uses & Use.CALL and target.rest and target.rest[-1] not in HARMLESS_METHODS)
            hooked = bool(uses & Use.BASE and self._has_hook(node))
            stored = bool(uses & Use.ACT and not (uses & Use.CALL and not target.rest))
            if method or hooked or stored or uses & (Use.PASS | Use.REBIND):
                changed[node] = None
            if hooked:
                changed.update(self._graph.ancestors(node))
            return
        definition = self._graph.definition(node)
        method = not target.rest or target.rest[-1] in HARMLESS_METHODS
        plain = definition is not None and "plain" in definition.marks
        harmless = (
            plain and method and (target.rest or not uses & Use.ACT) and not uses & (Use.PASS | Use.REBIND)
        )
        fixed = (
            definition is not None and definition.constant and not self._is_set_by_functions(node, definition)
        )
        sets = uses & Use.ACT and not uses & Use.CALL
        if uses & Use.REBIND or (uses & _DISTURBING and not harmless and (sets or not fixed)):
            changed[node] = None

    def _is_set_by_functions(self, node: Node, definition: Definition) -> bool:
        """Whether a function gives a name another value (``global``), so that it is no constant."""
        writers = self._graph.known(node.module).writers
        return any(name in writers for name in definition.names)

    def _has_hook(self, node: Node) -> bool:
        definitions = [self._graph.definition(each) for each in self._graph.ancestors(node)]
        return any(d is not None and "class-hook" in d.marks for d in definitions)

    def _changes_by(self, starts: tuple[Node, ...], *, called: bool) -> Changes:
        if (starts, called) not in self._by_starts:
            self._by_starts[starts, called] = self._closure_changes(starts, called=called)
        return self._by_starts[starts, called]

    def _closure_changes(self, starts: tuple[Node, ...], *, called: bool) -> Changes:
        """What code may change once it runs: every changeable value it can see, and what it sets outright."""
        found: set[Node] = set()
        importing: list[Node] = []
        free = draws = lists = by_name = False
        words: set[str] = set()
        for node in self._graph.closure(starts):
            definition = self._graph.definition(node)
            if node.role == WHOLE:
                found.update(
                    self._graph.everything_in(node.module)
                )  # whoever holds a module can set its names
            if definition is None or node.role == SURFACE:
                continue
            if definition.kind == "value" and not definition.constant and "logger" not in definition.marks:
                found.add(node)
            if called and ("remembers" in definition.marks or self._is_given_memory(node, definition)):
                found.add(node)
            words.update(definition.words)
            by_name = by_name or "imports-names" in definition.marks
            draws = draws or (called and definition.has_body and self._draws_later(node))
            lists = lists or "__subclasses__" in definition.marks
            if any(not item.now for item in definition.imports):
                importing.append(node)
            for edge in self._graph.edges(node):
                if not edge.uses & (Use.ACT | Use.REBIND | Use.PASS) or edge.uses & Use.DECORATE:
                    continue
                for target in edge.targets:
                    if target.node is not None:
                        found |= self._set_by(edge, target.node)
                    elif edge.uses & (Use.ACT | Use.REBIND) and not edge.uses & Use.NOW:
                        free = free or self._disturbs_library(target)
        named = frozenset(words if called and by_name else ())
        return Changes(frozenset(found), free, tuple(importing), named, draws, lists)

    def _draws_later(self, node: Node) -> bool:
        """Whether a function takes a random number from a source that others share."""
        both = Use.CALL | Use.LATER
        edges = (edge for edge in self._graph.edges(node) if edge.uses & both == both)
        return any(draws(t.library) for edge in edges for t in edge.targets)

    def _is_given_memory(self, node: Node, definition: Definition) -> bool:
        """Whether a decorator may have put a memory around a function."""
        if definition.kind != "func":
            return False
        for edge in self._graph.edges(node):
            for target in edge.targets if edge.uses & Use.DECORATE else ():
                if target.node is None:
                    if not decorates_plainly(target.library):
                        return True
                    continue
                decorator = self._graph.definition(target.node)
                if decorator is not None and (decorator.kind != "func" or "keeps" in decorator.marks):
                    return not self._is_declaration(edge)
        return False

    def _set_by(self, edge: Edge, node: Node) -> set[Node]:
        if node.role == WHOLE:
            sets = edge.uses & (Use.ACT | Use.REBIND)
            return {node, *self._graph.everything_in(node.module)} if sets else {node}
        definition = self._graph.definition(node)
        if definition is None or node.role != DEFINITION:
            return set()
        if definition.constant and not edge.uses & Use.REBIND:
            return set()
        called_for_effect = (
            definition.kind in ("func", "class") and edge.uses & Use.CALL and edge.uses & Use.ACT
        )
        return set() if called_for_effect and not edge.uses & (Use.REBIND | Use.PASS) else {node}

    @staticmethod
    def _disturbs_library(target: Target) -> bool:
        top, _, rest = target.library.partition(".")
        return top not in OWN_PACKAGES and not (
            top in _HARMLESS_LIBRARIES and rest.rpartition(".")[2] in {*HARMLESS_METHODS, "warn", "getLogger"}
        )
