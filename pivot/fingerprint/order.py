"""The order of import-time statements, where it can decide what a stage sees."""

from pivot.fingerprint.changes import Changers
from pivot.fingerprint.graph import Graph
from pivot.fingerprint.merkle import Hashes
from pivot.fingerprint.reach import Reach
from pivot.fingerprint.resolve import DEFINITION, SURFACE, Node, nodes_of
from pivot.fingerprint.uses import Use
from pivot.model.digest import digest_parts


def order_of(reach: Reach, graph: Graph, changers: Changers, hashes: Hashes) -> list[str]:
    """Hashes of the statements whose order may decide, in order of execution; empty where it cannot."""
    acting = [node for node in reach.nodes if node.role == DEFINITION and not changers.of(node).nothing]
    moved = _rebound(reach, graph)
    for node in acting:
        moved |= {other for other in changers.of(node).nodes if other in reach.nodes and other != node}
    free = any(changers.of(node).free for node in acting)
    if not moved and not free:
        return []
    listed = [
        node
        for node in reach.executed.statements
        if node in reach.nodes and _is_ordered(node, moved, graph, changers, free=free)
    ]
    return [str(hashes.of(node)) for node in listed] if len(listed) > 1 else []


def choices_of(reach: Reach, graph: Graph) -> list[str]:
    """Names in reach that may lead to several definitions, each with these in order (for explanations only)."""
    texts: list[str] = []
    for node in reach.nodes:
        for edge in graph.edges(node):
            if len(edge.targets) > 1:
                nodes = [other for other in nodes_of(edge.targets) if other.role != SURFACE]
                if len(nodes) > 1:
                    texts.append(digest_parts([edge.key, *(graph.own(other) for other in nodes)]))
    return sorted(texts)


def _is_ordered(node: Node, moved: set[Node], graph: Graph, changers: Changers, *, free: bool) -> bool:
    """Whether a reached statement sets what others see, or sees what others set, while its module is imported."""
    definition = graph.definition(node)
    if definition is None:
        return False
    if node in moved or not changers.of(node).nothing or definition.kind == "effect":
        return True
    if free and any(load.uses & Use.NOW and load.uses & Use.CALL for load in definition.loads):
        return True
    seen_now = [
        target.node
        for edge in graph.edges(node)
        if edge.uses & Use.NOW
        for target in edge.targets
        if target.node is not None
    ]
    return bool(moved) and any(other in moved for other in graph.closure(seen_now))


def _rebound(reach: Reach, graph: Graph) -> set[Node]:
    """Definitions in reach of names that are bound more than once."""
    found: set[Node] = set()
    for node in reach.nodes:
        definition = graph.definition(node) if node.role == DEFINITION else None
        for name in definition.names if definition is not None else ():
            if len(graph.known(node.module).bindings[name]) > 1:
                found.add(node)
    return found
