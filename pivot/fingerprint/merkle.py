"""Merkle hashes over a graph that may have cycles."""

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from pivot.fingerprint.graph import Edge
from pivot.fingerprint.resolve import Node, Target
from pivot.model.digest import Digest, digest_parts

Colour = Callable[[Node], Digest]


class Joining(Protocol):
    """A graph of nodes, each with a digest of its own."""

    def own(self, node: Node) -> Digest:
        """The digest of a node without what it leads to."""

    def edges(self, node: Node) -> tuple[Edge, ...]:
        """What the node's names lead to, sorted by name."""

    def successors(self, node: Node) -> tuple[Node, ...]:
        """All nodes that an edge of `node` leads to, each once."""


_ROUNDS = 4
"""Rounds of colour refinement inside a cycle; every member's own digest enters the first."""


class Hashes:
    """The hash of each node: its own digest joined with those of all it reaches.

    Args:
        done: hashes that are known.
    """

    def __init__(self, graph: Joining, done: Mapping[Node, Digest] | None = None) -> None:
        self._graph = graph
        self._done: dict[Node, Digest] = dict(done or {})

    def of(self, node: Node) -> Digest:
        """The hash of a node and all it reaches."""
        if node not in self._done:
            for component in self._components(node):
                self._close(component)
        return self._done[node]

    def of_targets(self, targets: Iterable[Target]) -> list[str]:
        """The hashes of all that a name leads to, in the order of its bindings."""
        return [self._target(target, self.of) for target in targets]

    def _target(self, target: Target, colour: Colour) -> str:
        guards = [colour(guard) for guard in target.guards]
        if target.node is None:
            return digest_parts(["library", target.library, *guards])
        return digest_parts(["node", colour(target.node), *guards])

    def _join(self, node: Node, colour: Colour) -> Digest:
        parts: list[str] = [self._graph.own(node)]
        for edge in self._graph.edges(node):
            parts.append(edge.key)
            parts += [self._target(target, colour) for target in edge.targets]
        return digest_parts(parts)

    def _close(self, component: list[Node]) -> None:
        if len(component) == 1 and component[0] not in self._graph.successors(component[0]):
            self._done[component[0]] = self._join(component[0], self._done.__getitem__)
            return
        colours: dict[Node, Digest] = {node: self._graph.own(node) for node in component}
        for _ in range(min(_ROUNDS, len(component) + 1)):
            last = colours
            look = _Lookup(last, self._done)
            colours = {node: self._join(node, look) for node in component}
        whole = digest_parts(sorted(colours.values()))
        for node in component:
            self._done[node] = digest_parts([colours[node], whole])

    def _components(self, start: Node) -> Iterable[list[Node]]:
        """Tarjan's strongly connected components below `start`, leaves first, without recursion."""
        order: dict[Node, int] = {}
        low: dict[Node, int] = {}
        path: list[Node] = []
        on_path: set[Node] = set()
        work = [(start, iter(self._graph.successors(start)))]
        order[start] = low[start] = 0
        path.append(start)
        on_path.add(start)
        while work:
            node, rest = work[-1]
            for other in rest:
                if other in self._done:
                    continue
                if other not in order:
                    order[other] = low[other] = len(order)
                    path.append(other)
                    on_path.add(other)
                    work.append((other, iter(self._graph.successors(other))))
                    break
                if other in on_path:
                    low[node] = min(low[node], order[other])
            else:
                work.pop()
                if work:
                    parent = work[-1][0]
                    low[parent] = min(low[parent], low[node])
                if low[node] == order[node]:
                    component = [path.pop()]
                    while component[-1] != node:
                        component.append(path.pop())
                    on_path.difference_update(component)
                    yield component


class _Lookup:
    """Colours of the current cycle first, then finished hashes."""

    def __init__(self, colours: dict[Node, Digest], done: dict[Node, Digest]) -> None:
        self._colours = colours
        self._done = done

    def __call__(self, node: Node) -> Digest:
        known = self._colours.get(node)
        return self._done[node] if known is None else known
