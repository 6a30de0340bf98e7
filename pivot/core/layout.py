"""Where boxes and wires go when a layered graph is drawn: ranks in, coordinates out.

The classic steps (after Sugiyama): long edges get a bend in every rank that they pass, each rank is ordered
by the means of its neighbours, and positions are the least-squares fit to those means that keeps order and
distance.
"""

from bisect import bisect_right, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

Node = tuple[str, str, int]
"""A box (name, "", rank) or a bend (upstream, downstream, rank) of an edge that passes a rank."""

_SWEEPS = 8
_BEND = 10.0  # the room that a bend takes across
_GAP = {"right": (52.0, 16.0), "down": (40.0, 20.0)}  # between ranks, within a rank
_MARGIN = 12.0


@dataclass(frozen=True, slots=True)
class Layout:
    """A drawing in pixels, its origin at the top left.

    Attributes:
        boxes: the top left corner of each box.
        wires: for each edge the points it passes, from box to box.
        rightward: whether ranks follow each other to the right; else downward.
    """

    width: float
    height: float
    boxes: Mapping[str, tuple[float, float]]
    wires: Mapping[tuple[str, str], tuple[tuple[float, float], ...]]
    rightward: bool


def lay_out(
    layers: Sequence[Sequence[str]],
    edges: Sequence[tuple[str, str]],
    box: tuple[float, float],
    widest: float,
) -> Layout:
    """Places boxes of one size.

    Args:
        layers: the ranks; every edge leads to a later one.
        edges: upstream and downstream names.
        box: width and height.
        widest: in pixels; ranks go to the right if that fits, else downward if that is narrower.
    """
    rank = {name: depth for depth, names in enumerate(layers) for name in names}
    paths = {edge: _path(edge, rank) for edge in edges}
    rows = _ordered(layers, paths)
    rightward = _drawn(rows, paths, box, rightward=True)
    if rightward.width <= widest:
        return rightward
    downward = _drawn(rows, paths, box, rightward=False)
    return downward if downward.width < rightward.width else rightward


_Paths = Mapping[tuple[str, str], Sequence[Node]]


def _path(edge: tuple[str, str], rank: Mapping[str, int]) -> list[Node]:
    upstream, downstream = edge
    start, end = rank[upstream], rank[downstream]
    bends = [(upstream, downstream, depth) for depth in range(start + 1, end)]
    return [(upstream, "", start), *bends, (downstream, "", end)]


def _neighbours(paths: _Paths) -> tuple[dict[Node, list[Node]], dict[Node, list[Node]]]:
    above: dict[Node, list[Node]] = {}
    below: dict[Node, list[Node]] = {}
    for path in paths.values():
        for upper, lower in pairwise(path):
            above.setdefault(lower, []).append(upper)
            below.setdefault(upper, []).append(lower)
    return above, below


def _ordered(layers: Sequence[Sequence[str]], paths: _Paths) -> list[list[Node]]:
    """The nodes of each rank in an order with few crossings; the best of some sweeps down and up."""
    rows: list[list[Node]] = [[(name, "", depth) for name in names] for depth, names in enumerate(layers)]
    for path in paths.values():
        for bend in path[1:-1]:
            rows[bend[2]].append(bend)
    above, below = _neighbours(paths)
    best, fewest = [list(row) for row in rows], _crossings(rows, below)
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        depths = range(len(rows)) if sweep % 2 == 0 else range(len(rows) - 1, -1, -1)
        near = above if sweep % 2 == 0 else below
        index = {node: float(i) for row in rows for i, node in enumerate(row)}
        for depth in depths:
            rows[depth].sort(key=lambda node: _mean([index[n] for n in near.get(node, ())], index[node]))
            index.update({node: float(i) for i, node in enumerate(rows[depth])})
        crossings = _crossings(rows, below)
        if crossings < fewest:
            best, fewest = [list(row) for row in rows], crossings
    return best


def _mean(values: Sequence[float], default: float) -> float:
    return sum(values) / len(values) if values else default


def _crossings(rows: Sequence[Sequence[Node]], below: Mapping[Node, Sequence[Node]]) -> int:
    count = 0
    for upper, lower in pairwise(rows):
        index = {node: i for i, node in enumerate(lower)}
        seen: list[int] = []
        for node in upper:
            ends = sorted(index[end] for end in below.get(node, ()))
            count += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return count


def _drawn(rows: list[list[Node]], paths: _Paths, box: tuple[float, float], *, rightward: bool) -> Layout:
    deep, broad = box if rightward else (box[1], box[0])
    rank_gap, gap = _GAP["right" if rightward else "down"]
    centre = _centres(rows, paths, broad, gap)
    low = min((centre[node] - _room(node, broad) / 2 for row in rows for node in row), default=0.0)
    high = max((centre[node] + _room(node, broad) / 2 for row in rows for node in row), default=0.0)
    across = {node: round(value - low + _MARGIN, 1) for node, value in centre.items()}
    start = [_MARGIN + depth * (deep + rank_gap) for depth in range(len(rows))]
    length = 2 * _MARGIN + len(rows) * deep + max(len(rows) - 1, 0) * rank_gap
    breadth = round(high - low + 2 * _MARGIN, 1)

    def point(along: float, beside: float) -> tuple[float, float]:
        return (along, beside) if rightward else (beside, along)

    boxes = {
        node[0]: point(start[node[2]], round(across[node] - broad / 2, 1))
        for row in rows
        for node in row
        if not node[1]
    }
    wires = {}
    for edge, path in paths.items():
        points = [point(start[path[0][2]] + deep, across[path[0]])]
        for bend in path[1:-1]:
            points += [point(start[bend[2]], across[bend]), point(start[bend[2]] + deep, across[bend])]
        wires[edge] = (*points, point(start[path[-1][2]], across[path[-1]]))
    width, height = point(length, breadth)
    return Layout(width, height, boxes, wires, rightward)


def _room(node: Node, broad: float) -> float:
    return _BEND if node[1] else broad


def _centres(rows: list[list[Node]], paths: _Paths, broad: float, gap: float) -> dict[Node, float]:
    """Positions across: near the neighbours' mean, in order, no two closer than they may be."""
    above, below = _neighbours(paths)
    centre: dict[Node, float] = {}
    for row in rows:
        position = 0.0
        for node in row:
            centre[node] = position + _room(node, broad) / 2
            position += _room(node, broad) + gap
    for sweep in range(2 * _SWEEPS + 1):
        down = sweep % 2 == 0
        for row in rows if down else reversed(rows):
            wanted = []
            for node in row:
                near = [*above.get(node, ()), *below.get(node, ())] if sweep == 2 * _SWEEPS else None
                near = near if near is not None else list((above if down else below).get(node, ()))
                wanted.append(_mean([centre[n] for n in near], centre[node]))
            rooms = [_room(node, broad) for node in row]
            apart = [(a + b) / 2 + gap for a, b in pairwise(rooms)]
            centre.update(zip(row, _spread(wanted, apart), strict=True))
    return centre


def _spread(wanted: Sequence[float], apart: Sequence[float]) -> list[float]:
    """The positions closest to those wanted (least squares) with at least ``apart`` from one to the next.

    Pooling of adjacent violators: without the distances, what remains is a regression on rising values.
    """
    offsets = [0.0]
    for distance in apart:
        offsets.append(offsets[-1] + distance)
    pools: list[tuple[float, int]] = []  # sum and number of the values in each
    for value, offset in zip(wanted, offsets, strict=False):
        pools.append((value - offset, 1))
        while len(pools) > 1 and pools[-2][0] / pools[-2][1] >= pools[-1][0] / pools[-1][1]:
            total, count = pools.pop()
            pools[-1] = (pools[-1][0] + total, pools[-1][1] + count)
    means = [total / count for total, count in pools for _ in range(count)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=False)]
