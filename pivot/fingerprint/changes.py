"""What a top-level statement may change when its module is imported, beyond the names it binds."""

from pivot.fingerprint.calls import HARMLESS_METHODS, draws
from pivot.fingerprint.definition import Definition
from pivot.fingerprint.effects import Changes, Effects, disturbs_library, is_declaration
from pivot.fingerprint.graph import Edge, Graph
from pivot.fingerprint.resolve import DEFINITION, WHOLE, Node, Target
from pivot.fingerprint.sources import Origin
from pivot.fingerprint.uses import Import, Use

_DISTURBING = Use.CALL | Use.PASS | Use.ACT | Use.REBIND | Use.BASE | Use.READ


class Changers:
    """Works out `Changes` of statements; each once for one snapshot of sources."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._known: dict[Node, Changes] = {}
        self._effects = Effects(graph)

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
            return Changes(free=True) if fails else Changes()
        now = [edge for edge in self._graph.edges(node) if edge.uses & Use.NOW]
        edges = [edge for edge in now if edge.uses & _DISTURBING]
        if any(edge.key == definition.receiver and is_declaration(self._graph, edge) for edge in edges):
            return Changes()
        runs = self._getters(now)
        changed = dict.fromkeys(self._read_with_effect(now))
        stored = self._stored(node, definition, now)
        free = fails
        for edge in edges:
            for target in edge.targets:
                if target.node is None:
                    disturbed = edge.uses & (Use.ACT | Use.REBIND) and disturbs_library(target)
                    free = free or bool(disturbed)
                    continue
                self._touch(edge, target, changed, runs)
                is_call = edge.key == definition.receiver and not target.rest
                free = free or (is_call and self._graph.kind(target.node) in ("func", "class"))
                free = free or self._disturbs_borrowed(edge, target, target.node)
        drawing = any(edge.uses & Use.CALL and draws(t.library) for edge in edges for t in edge.targets)
        called = self._effects.of((*(n for n in runs if runs[n]), *changed), called=True)
        based = self._effects.of(tuple(n for n in runs if not runs[n]), called=False)
        kept = self._effects.of(stored, called=True)
        heirs = self._effects.of((node,), called=True) if self._is_heir(node, definition) else Changes()
        return Changes(
            frozenset(changed) | called.nodes | based.nodes | kept.nodes,
            free or drawing or called.free or based.free,
            (*called.importing, *based.importing),
            called.named.union(definition.words) if called.named else called.named,
            drawing or called.draws,
            makes=called.makes or ("makes-class" in definition.marks and not definition.has_body),
            lists="__subclasses__" in definition.early_marks or called.lists,
            heirs=heirs.nodes,
            documents="documents" in definition.marks
            and not any(self._effects.holds_object(n) for n in changed),
        )

    def _find_of_import(self, node: Node, definition: Definition) -> Changes:
        """An import may enable something, run a module's ``__getattr__``, or fail for certain."""
        enabling = any(i.source.rpartition(":")[2].startswith("enable_") for i in definition.imports)
        items = [i for i in definition.imports if i.now and i.name not in ("", "*") and ":" in i.source]
        targets = [t for i in items for t in self._graph.resolver.name(node.module, [i.name]) or ()]
        absent = any(t.node is not None and t.node.role == WHOLE and t.rest for t in targets)
        missing = any(self._is_missing(node.module, item) for item in definition.imports if item.now)
        getters = tuple(t.node for t in targets if t.node is not None and self._graph.is_getter(t.node))
        called = self._effects.of(getters, called=True)
        fails = definition.guard < 0 and (absent or missing)
        free = enabling or fails or called.free
        return Changes(called.nodes, free, called.importing, called.named, called.draws, lists=called.lists)

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
            and self._graph.kind(t.node) in ("func", "class", "value")
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
        if not nodes or is_declaration(self._graph, decorator):
            return False
        return any(
            self._graph.kind(node) == "value" or self._effects.of((node,), called=True).nodes
            for node in nodes
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
        return disturbs_library(target) and not target.library.rpartition(".")[2][:1].isupper()

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
                self._graph.kind(t.node) == "value"
                or (
                    self._graph.kind(t.node) == "class" and edge.uses & Use.VALUE and not edge.uses & Use.BASE
                )
            )
        )
        return [node for node in values if self._effects.read_acts(node)]

    def _touch(self, edge: Edge, target: Target, changed: dict[Node, None], runs: dict[Node, bool]) -> None:
        """Adds what one direct use by the statement changes (`changed`) or sets going (`runs`: is it called?)."""
        node, uses = target.node, edge.uses
        assert node is not None
        kind = self._graph.kind(node)
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
