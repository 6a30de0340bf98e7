"""How a stage comes to what it reaches: ``train → fit → normalize``. For explanations, worked out on demand."""

from collections import deque
from collections.abc import Iterable

from pivot.fingerprint.outline import Outline
from pivot.fingerprint.reach import Reach
from pivot.fingerprint.resolve import Node


def shortest_paths(reach: Reach, outline: Outline, beside: Iterable[Node]) -> dict[Node, tuple[str, ...]]:
    """For each node in reach the titles on the shortest way to it, its own the last; nearest nodes first.

    What a stage declares, and what was seen to run `beside` its reach, follows on the stage's own title. What only a
    statement leads to that acts on what is reached begins with that statement.
    """
    before: dict[Node, Node | None] = dict.fromkeys(reach.roots)
    _spread(before, outline, reach.roots)
    root = reach.roots[0]
    other = [reach.view(node) for node in (*reach.declared, *beside)]
    before.update((node, root) for node in other if node not in before)
    _spread(before, outline, other)
    acting = [reach.view(node) for node in reach.changers]
    new = [node for node in acting if node not in before]
    before.update(dict.fromkeys(new))
    _spread(before, outline, new)
    return {node: _titles(node, before, outline) for node in before}


def _spread(before: dict[Node, Node | None], outline: Outline, starts: Iterable[Node]) -> None:
    queue = deque(starts)
    while queue:
        node = queue.popleft()
        for other in outline.successors(node):
            if other not in before:
                before[other] = node
                queue.append(other)


def _titles(node: Node, before: dict[Node, Node | None], outline: Outline) -> tuple[str, ...]:
    titles: list[str] = []
    current: Node | None = node
    while current is not None:
        title = outline.graph.title(current)
        if title not in titles[-1:]:
            titles.append(title)
        current = before[current]
    return tuple(reversed(titles))
