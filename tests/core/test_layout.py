"""Boxes never touch, order is kept, wires lead from box to box."""

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from pivot.core.graph import Graph
from pivot.core.layout import lay_out
from pivot.core.query import essential_edges, layers

BOX = (120.0, 46.0)


@settings(deadline=None)
@given(
    st.lists(st.sets(st.integers(0, 15), max_size=3), min_size=1, max_size=16),
    st.sampled_from([300.0, 5000.0]),
)
def test_boxes_do_not_touch_and_wires_lead_from_box_to_box(stage, reads, widest):
    graph = Graph(
        [
            stage(f"s{i}", [f"o{j}" for j in sorted(feeders) if j < i], [f"o{i}"])
            for i, feeders in enumerate(reads)
        ]
    )
    edges = essential_edges(graph)
    layout = lay_out(layers(graph), edges, BOX, widest)
    assert set(layout.boxes) == set(graph.order)
    assert set(layout.wires) == set(edges)
    for x, y in layout.boxes.values():
        assert 0 <= x <= layout.width - BOX[0]
        assert 0 <= y <= layout.height - BOX[1]
    for (x, y), (other_x, other_y) in combinations(layout.boxes.values(), 2):
        assert abs(x - other_x) >= BOX[0] or abs(y - other_y) >= BOX[1]
    for (upstream, downstream), points in layout.wires.items():
        (x, y), (to_x, to_y) = layout.boxes[upstream], layout.boxes[downstream]
        middle = (BOX[1] if layout.rightward else BOX[0]) / 2
        if layout.rightward:
            expected = (x + BOX[0], y + middle), (to_x, to_y + middle)
        else:
            expected = (x + middle, y + BOX[1]), (to_x + middle, to_y)
        for point, wanted in zip((points[0], points[-1]), expected, strict=True):
            assert max(abs(point[0] - wanted[0]), abs(point[1] - wanted[1])) < 0.2
        along = [point[0] if layout.rightward else point[1] for point in points]
        assert along == sorted(along)


def test_ranks_go_to_the_right_where_that_fits_and_else_downward():
    ranks, edges = [["a"], ["b"], ["c"]], [("a", "b"), ("b", "c")]
    assert lay_out(ranks, edges, BOX, 960).rightward
    narrow = lay_out(ranks, edges, BOX, 300)
    assert not narrow.rightward
    assert narrow.width < 300


def test_two_edges_that_would_cross_are_untangled():
    layout = lay_out([["a", "b"], ["c", "d"]], [("a", "d"), ("b", "c")], BOX, 960)
    assert layout.boxes["d"][1] < layout.boxes["c"][1]


def test_a_chain_is_drawn_straight():
    layout = lay_out([["a"], ["b"], ["c"]], [("a", "b"), ("b", "c")], BOX, 960)
    assert len({y for _, y in layout.boxes.values()}) == 1
