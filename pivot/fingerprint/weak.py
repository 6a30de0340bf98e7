"""Two ways to reach code: by name, with all that it does, or for its header alone, because a statement names it.

A statement that acts on what a stage reaches (``REGISTRY["f"] = f``, a decorator, a class with a registering base)
decides by its own text and by the headers of what it names. The bodies behind them count only if they run.
"""

from collections.abc import Container, Iterable

from pivot.fingerprint.resolve import DEFINITION, SURFACE, WHOLE, Node, Target

HEADER, FACE, OUTLINE = "header", "face", "outline"
"""The weak roles: of a definition, of its surface, of a whole module."""

_WEAK = {DEFINITION: HEADER, SURFACE: FACE, WHOLE: OUTLINE}
_STRONG = {weak: strong for strong, weak in _WEAK.items()}


def is_weak(node: Node) -> bool:
    """Whether a node stands for headers only."""
    return node.role in _STRONG


def weakened(node: Node) -> Node:
    """The node that stands for the headers of what `node` stands for."""
    return Node(node.module, node.number, _WEAK.get(node.role, node.role))


def strengthened(node: Node) -> Node:
    """The node that stands for all of which `node` may stand for the headers."""
    return Node(node.module, node.number, _STRONG[node.role]) if node.role in _STRONG else node


def as_reached(node: Node, strong: Container[Node]) -> Node:
    """A node as a stage reaches it: whole if that is among the `strong` ones, else by its header."""
    whole = strengthened(node)
    return whole if whole in strong else weakened(node)


def weakened_targets(targets: Iterable[Target]) -> tuple[Target, ...]:
    """What a name in a header leads to."""
    return tuple(
        Target(weakened(t.node) if t.node else None, t.rest, tuple(map(weakened, t.guards)), t.library)
        for t in targets
    )
