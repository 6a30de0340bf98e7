"""What a top-level statement may change when its module is imported, beyond the names it binds."""

from dataclasses import dataclass

from pivot.fingerprint.calls import HARMLESS_METHODS, draws
from pivot.fingerprint.graph import Edge, Graph
from pivot.fingerprint.resolve import DEFINITION, SURFACE, WHOLE, Node, Target
from pivot.fingerprint.sources import OWN_PACKAGES
from pivot.fingerprint.uses import Use

_HARMLESS_LIBRARIES = frozenset({"logging", "warnings"})
_DISTURBING = Use.CALL | Use.PASS | Use.ACT | Use.REBIND | Use.BASE | Use.READ


@dataclass(frozen=True, slots=True)
class Changes:
    """What running one statement may change.

    Attributes:
        nodes: definitions of the project whose value may be another afterwards.
        free: whether it may change something outside the project's names (a library's options, a seed).
        importing: definitions it sets going that import modules in their bodies.
    """

    nodes: frozenset[Node] = frozenset()
    free: bool = False
    importing: tuple[Node, ...] = ()

    @property
    def nothing(self) -> bool:
        """Whether it changes nothing at all."""
        return not (self.nodes or self.free or self.importing)


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
            enabling = any(i.source.rpartition(":")[2].startswith("enable_") for i in definition.imports)
            return Changes(free=enabling)
        if not any(load.uses & Use.NOW for load in definition.loads):
            return _NOTHING
        now = [edge for edge in self._graph.edges(node) if edge.uses & Use.NOW]
        edges = [edge for edge in now if edge.uses & _DISTURBING]
        if any(edge.key == definition.receiver and self._is_declaration(edge) for edge in edges):
            return _NOTHING
        changed: dict[Node, None] = {}
        changed.update(dict.fromkeys(self._read_with_effect(now)))
        runs: dict[Node, bool] = {}
        free = False
        for edge in edges:
            for target in edge.targets:
                if target.node is None:
                    disturbed = edge.uses & (Use.ACT | Use.REBIND) and self._disturbs_library(target)
                    free = free or bool(disturbed)
                    continue
                self._touch(edge, target, changed, runs)
                is_call = edge.key == definition.receiver and not target.rest
                free = free or (is_call and self._kind(target.node) in ("func", "class"))
        free = free or self._draws([*edges, *(e for n in runs if runs[n] for e in self._graph.edges(n))])
        called = self._changes_by((*(n for n in runs if runs[n]), *changed), called=True)
        based = self._changes_by(tuple(n for n in runs if not runs[n]), called=False)
        return Changes(
            frozenset(changed) | called.nodes | based.nodes,
            free or called.free or based.free,
            (*called.importing, *based.importing),
        )

    def _read_with_effect(self, edges: list[Edge]) -> list[Node]:
        """Values that are read when a statement runs and whose classes say that reading changes them."""
        values = (t.node for edge in edges for t in edge.targets if t.node and self._kind(t.node) == "value")
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
        if uses & Use.REBIND or (
            uses & _DISTURBING and not harmless and not (definition and definition.constant)
        ):
            changed[node] = None

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
        free = False
        for node in self._graph.closure(starts):
            definition = self._graph.definition(node)
            if node.role == WHOLE:
                found.update(
                    self._graph.everything_in(node.module)
                )  # whoever holds a module can set its names
            if definition is None or node.role == SURFACE:
                continue
            if definition.kind == "value" and not definition.constant:
                found.add(node)
            if called and "remembers" in definition.marks:
                found.add(node)
            if any(not item.now for item in definition.imports):
                importing.append(node)
            for edge in self._graph.edges(node):
                if not edge.uses & (Use.ACT | Use.REBIND | Use.PASS):
                    continue
                for target in edge.targets:
                    if target.node is not None:
                        found |= self._set_by(edge, target.node)
                    elif edge.uses & (Use.ACT | Use.REBIND) and not edge.uses & Use.NOW:
                        free = free or self._disturbs_library(target)
        return Changes(frozenset(found), free, tuple(importing))

    @staticmethod
    def _draws(edges: list[Edge]) -> bool:
        """Whether one of the calls takes a random number from a source that others share."""
        return any(edge.uses & Use.CALL and draws(t.library) for edge in edges for t in edge.targets)

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
