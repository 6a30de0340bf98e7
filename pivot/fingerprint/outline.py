"""The graph of code as one stage sees it: statements that act on what it reaches lead to headers, or to what runs."""

from collections.abc import Container, Iterable

from pivot.fingerprint.graph import Edge, Graph
from pivot.fingerprint.resolve import Node, Target, nodes_of
from pivot.fingerprint.weak import as_reached, is_weak
from pivot.model.digest import Digest


class Outline:
    """A view of the graph.

    Args:
        strong: nodes that the stage reaches with all that they do; of others only the header counts.
    """

    def __init__(self, graph: Graph, strong: Container[Node]) -> None:
        self.graph = graph
        self._strong = strong
        self._edges: dict[Node, tuple[Edge, ...]] = {}

    def own(self, node: Node) -> Digest:
        """The digest of a node without what it leads to."""
        return self.graph.own(node)

    def edges(self, node: Node) -> tuple[Edge, ...]:
        """What the node's names lead to."""
        if not is_weak(node):
            return self.graph.edges(node)
        if node not in self._edges:
            self._edges[node] = tuple(
                Edge(edge.key, edge.uses, tuple(self._target(target) for target in edge.targets))
                for edge in self.graph.edges(node)
            )
        return self._edges[node]

    def successors(self, node: Node) -> tuple[Node, ...]:
        """All nodes that an edge of `node` leads to, each once."""
        if not is_weak(node):
            return self.graph.successors(node)
        return nodes_of(target for edge in self.edges(node) for target in edge.targets)

    def closure(self, starts: Iterable[Node]) -> dict[Node, None]:
        """All nodes that can be reached, the starts first."""
        found: dict[Node, None] = {}
        stack = list(starts)[::-1]
        while stack:
            node = stack.pop()
            if node not in found:
                found[node] = None
                stack.extend(reversed(self.successors(node)))
        return found

    def _target(self, target: Target) -> Target:
        node = as_reached(target.node, self._strong) if target.node else None
        guards = tuple(as_reached(guard, self._strong) for guard in target.guards)
        return Target(node, target.rest, guards, target.library)
