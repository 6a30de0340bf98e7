"""The order of import-time statements, where it can decide what a stage sees."""

from pivot.fingerprint.changes import Changers
from pivot.fingerprint.graph import Edge, Graph
from pivot.fingerprint.merkle import Hashes
from pivot.fingerprint.outline import Outline
from pivot.fingerprint.reach import Reach
from pivot.fingerprint.resolve import DEFINITION, SURFACE, WHOLE, Node, nodes_of
from pivot.fingerprint.uses import Use
from pivot.fingerprint.weak import FACE, HEADER, strengthened
from pivot.model.digest import digest_parts

_SURFACES = (SURFACE, FACE)


def order_of(reach: Reach, outline: Outline, changers: Changers) -> dict[Node, list[str]]:
    """The statements whose order may decide, in order of execution and as they are reached; empty where it cannot.

    An import stands there with the names that matter; the statement itself does not count then.
    """
    acting = [node for node in reach.known if node.role == DEFINITION and not changers.of(node).nothing]
    rebound = _rebound(reach, outline)
    moved = set(rebound)
    for node in acting:
        moved |= (changers.of(node).nodes & reach.known) - {node}
    free = any(changers.of(node).free for node in acting)
    choosing = any(_is_choice(edge) for node in reach.nodes for edge in outline.edges(node))
    if not (moved or free or choosing):
        return {}
    importing = _Importing(reach, outline.graph, rebound)
    sight = _Sight(reach, outline, changers, moved, free=free)
    listed: dict[Node, list[str]] = {}
    for node in reach.executed.statements:
        bound = importing.bound_by(node)
        if bound or (node in reach.known and (node in rebound or sight.is_ordered(node))):
            listed[reach.view(node)] = bound
    return listed if len(listed) > 1 else {}


class _Importing:
    """Import statements that bind names which are bound elsewhere too: what they see depends on when they run."""

    def __init__(self, reach: Reach, graph: Graph, rebound: set[Node]) -> None:
        self._reach = reach
        self._graph = graph
        self._rebound = rebound
        definitions = (graph.definition(node) for node in rebound)
        self._names = {name for each in definitions if each for name in (*each.names, *each.writes)}
        self._used = _words_used(reach, graph)

    def bound_by(self, node: Node) -> list[str]:
        """What of the statement `node` is such an import: each name with its source."""
        this = self._graph.known(node.module)
        found: list[str] = []
        for item in this.index.definitions[node.number].imports:
            if item.name == "*":
                if any(self._is_bound_elsewhere(node.module, name) for name in self._names):
                    found.append(f"* {item.source}")
            elif item.name and item.now:
                named = item.source.rpartition(":")[2] in self._names
                twice = len(this.bindings.get(item.name, ())) > 1 or bool(this.stars)
                if (named or twice) and self._is_bound_elsewhere(node.module, item.name):
                    found.append(f"{item.name} {item.source}")
        return found

    def _is_bound_elsewhere(self, module: str, name: str) -> bool:
        if self._used is not None and name not in self._used:
            return False
        targets = self._graph.resolver.name(module, [name]) or ()
        if not any(t.node is None or t.node in self._reach.known for t in targets):
            return False
        return len(targets) > 1 or any(t.node in self._rebound for t in targets)


def _words_used(reach: Reach, graph: Graph) -> set[str] | None:
    """Words of the names that code in reach uses, through imports too; ``None`` where a whole module counts."""
    words: set[str] = set()
    for node in reach.known:
        if node.role == WHOLE:
            return None
        for edge in graph.edges(node):
            words.update(edge.key.split("."))
        definition = graph.definition(node)
        if definition is not None:
            words.update(definition.at_names, definition.names)
            for load in definition.loads:
                words.update(load.chain.split("."))
    items = [
        item
        for module in reach.executed.modules
        for definition in graph.known(module).index.definitions
        for item in definition.imports
    ]
    while True:
        more = {item.source.rpartition(":")[2] for item in items if item.name in words} - words
        if not more:
            return words
        words |= more


class Identities:
    """What a reader takes for the same statement after an edit: its kind and title, and which one of that title.

    Several of one title are told apart by the rank of their digests, so that a swap shows and an edit of the only one
    does not. For explanations only.
    """

    def __init__(self, reach: Reach, outline: Outline, hashes: Hashes) -> None:
        self._graph = outline.graph
        named: dict[str, list[Node]] = {}
        for node in reach.nodes:
            if self._graph.definition(node) is not None:
                named.setdefault(self._title(node), []).append(node)
        self._ranks: dict[Node, int] = {}
        for nodes in named.values():
            digests = {node: (outline.own(node), hashes.of(node)) for node in nodes}
            order = sorted(set(digests.values()))
            self._ranks.update((node, order.index(digest)) for node, digest in digests.items())

    def of(self, node: Node) -> str:
        """The identity of a node of the reach."""
        return f"{self._title(node)} {self._ranks.get(node, 0)}"

    def _title(self, node: Node) -> str:
        definition = self._graph.definition(node)
        return f"{node.role} {definition.kind} {definition.title}" if definition else node.role


def wiring_of(order: dict[Node, list[str]], reach: Reach, outline: Outline, hashes: Hashes) -> list[str]:
    """Identities of the ordered statements, and of the definitions among which a name in reach has the choice."""
    identities = Identities(reach, outline, hashes)
    choices: list[str] = []
    for node in reach.nodes:
        for edge in outline.edges(node):
            if len(edge.targets) > 1:
                nodes = [other for other in nodes_of(edge.targets) if other.role not in _SURFACES]
                if len(nodes) > 1:
                    choices.append(digest_parts([edge.key, *(identities.of(other) for other in nodes)]))
    listed = (digest_parts([identities.of(node), *bound]) for node, bound in order.items())
    return [*listed, *sorted(choices)]


class _Sight:
    """What statements see of what others set, while their modules are imported."""

    def __init__(
        self, reach: Reach, outline: Outline, changers: Changers, moved: set[Node], *, free: bool
    ) -> None:
        self._reach = reach
        self._outline = outline
        self._changers = changers
        self._moved = moved
        self._free = free

    def is_ordered(self, node: Node) -> bool:
        """Whether a reached statement sets what others see, or sees what others set."""
        definition = self._outline.graph.definition(node)
        if definition is None:
            return False
        if not self._changers.of(node).nothing or definition.kind == "effect":
            return True
        if self._free and any(load.uses & Use.NOW and load.uses & Use.CALL for load in definition.loads):
            return True
        edges = self._outline.edges(self._reach.view(node))
        now = [edge for edge in edges if edge.uses & Use.NOW]
        if any(_is_choice(edge) for edge in now):
            return True
        seen = [target.node for edge in now for target in edge.targets if target.node is not None]
        return bool(self._moved) and not self._moved.isdisjoint(
            map(strengthened, self._outline.closure(seen))
        )


def _is_choice(edge: Edge) -> bool:
    """Whether a name may lead to several things, the surfaces of functions apart."""
    return (
        len(edge.targets) > 1
        and sum(t.node is None or t.node.role not in _SURFACES for t in edge.targets) > 1
    )


def _rebound(reach: Reach, outline: Outline) -> set[Node]:
    """Definitions in reach of names that are bound more than once, or set from a function or another module."""
    found: set[Node] = set()
    graph = outline.graph
    for node in reach.nodes:
        definition = graph.definition(node) if node.role in (DEFINITION, HEADER) else None
        for name in definition.names if definition is not None else ():
            if len(graph.resolver.bindings(node.module, name)) > 1:
                found.add(strengthened(node))
        for edge in outline.edges(node):
            choice = _is_choice(edge)
            if not edge.uses & (Use.REBIND | Use.ACT) and not choice:
                continue
            for target in edge.targets:
                if target.node is None or target.node.role in _SURFACES:
                    continue
                whole = strengthened(target.node)
                if whole.role == WHOLE:
                    if edge.uses & (Use.REBIND | Use.ACT):
                        found.update(graph.everything_in(whole.module))
                elif choice or (edge.uses & Use.REBIND and not target.rest):
                    found.add(whole)
    return found
