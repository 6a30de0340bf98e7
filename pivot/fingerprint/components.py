"""Strongly connected components of the graph of code: what leads to each other is taken together."""

from collections.abc import Callable, Container, Iterable, Iterator

from pivot.fingerprint.resolve import Node


def components(
    start: Node, successors: Callable[[Node], Iterable[Node]], done: Container[Node]
) -> Iterator[list[Node]]:
    """Tarjan's components below `start`, leaves first, without recursion; what is `done` is left out.

    Whoever takes a component adds its nodes to `done` before asking for the next.
    """
    order: dict[Node, int] = {}
    low: dict[Node, int] = {}
    path: list[Node] = []
    on_path: set[Node] = set()
    work = [(start, iter(successors(start)))]
    order[start] = low[start] = 0
    path.append(start)
    on_path.add(start)
    while work:
        node, rest = work[-1]
        for other in rest:
            if other in done:
                continue
            if other not in order:
                order[other] = low[other] = len(order)
                path.append(other)
                on_path.add(other)
                work.append((other, iter(successors(other))))
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
