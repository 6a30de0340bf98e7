"""Merkle hashes over a graph that may have cycles."""

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from pivot.fingerprint.components import components
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
            for component in components(node, self._graph.successors, self._done):
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


class _Lookup:
    """Colours of the current cycle first, then finished hashes."""

    def __init__(self, colours: dict[Node, Digest], done: dict[Node, Digest]) -> None:
        self._colours = colours
        self._done = done

    def __call__(self, node: Node) -> Digest:
        known = self._colours.get(node)
        return self._done[node] if known is None else known
