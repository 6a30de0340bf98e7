"""Tables become charts, charts become pictures, and pictures a page."""

import json
import math
import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pivot.core.axes import Span, axes_of, marks
from pivot.core.chart import chart_svg
from pivot.core.points import MOST_POINTS, Chart, Series, chart_of
from pivot.model.stage import PlotView


def as_json(value: object) -> bytes:
    return json.dumps(value).encode()


ROWS = [{"epoch": 0, "loss": 1.0, "acc": 0.1, "tag": "a"}, {"epoch": 1, "loss": 0.5, "acc": 0.2, "tag": "b"}]


@pytest.mark.parametrize(
    ("path", "data", "view", "kind", "x", "names"),
    [
        ("c.json", as_json(ROWS), None, "line", "epoch", ["loss", "acc"]),
        ("c.json", as_json(ROWS), PlotView(x="epoch", y="acc"), "line", "epoch", ["acc"]),
        ("c.json", as_json(ROWS), PlotView(y="loss"), "line", "row", ["loss"]),
        ("c.json", as_json(ROWS), PlotView(y="loss, acc"), "line", "row", ["loss", "acc"]),
        (
            "c.json",
            as_json(ROWS),
            PlotView(x="loss", y="acc", template="scatter"),
            "scatter",
            "loss",
            ["acc"],
        ),
        ("c.json", as_json(ROWS), PlotView(x="tag", y="acc"), "bar", "tag", ["acc"]),
        ("c.jsonl", b'{"a": 1, "b": 2}\n{"a": 2, "b": 3}\n', None, "line", "a", ["b"]),
        ("c.csv", b"name,f1\nx,0.5\ny,\n", None, "bar", "name", ["f1"]),
        ("c.csv", b"v\n1\n2\n", None, "line", "row", ["v"]),
        ("c.json", as_json([3, 1, 2]), None, "line", "row", ["value"]),
        ("c.json", as_json([[0, 1], [1, 4]]), None, "line", "column 1", ["column 2"]),
        ("c.json", as_json({"x": [0, 1], "y": [2, 3]}), None, "line", "x", ["y"]),
        ("c.json", as_json({"roc": ROWS}), None, "line", "epoch", ["loss", "acc"]),
        ("c.json", as_json({"title": "t", "points": [1, 2]}), None, "line", "row", ["value"]),
        ("c.yaml", b"cat: 0.5\ndog: 0.7\n", None, "bar", "name", ["value"]),
    ],
)
def test_a_table_of_any_usual_shape_is_drawn(path, data, view, kind, x, names):
    chart = chart_of(path, data, view)
    assert (chart.kind, chart.x, [series.name for series in chart.series]) == (kind, x, names)
    ET.fromstring(chart_svg(chart))


@pytest.mark.parametrize(
    ("data", "view", "why"),
    [
        (b"[]", None, "empty"),
        (b'{"a": []}', None, "empty"),
        (b'"word"', None, "no table"),
        (b'[{"a": "x"}]', None, "no column of numbers"),
        (as_json(ROWS), PlotView(y="f1"), "no column 'f1'; it has epoch, loss, acc, tag"),
        (as_json(ROWS), PlotView(x="step"), "no column 'step'"),
        (b"{", None, "not valid JSON"),
    ],
)
def test_what_cannot_be_drawn_says_why(data, view, why):
    with pytest.raises(ValueError, match=why):
        chart_of("c.json", data, view)


def test_an_unknown_template_is_drawn_as_lines_and_said():
    chart = chart_of("c.json", as_json(ROWS), PlotView(template="confusion"))
    assert chart.kind == "line"
    assert "confusion" in chart.note


def test_of_very_many_points_no_peak_and_no_end_is_lost():
    values = [0.0] * 50_000
    values[31_234] = 7.0
    chart = chart_of("c.json", as_json([{"x": i, "y": v} for i, v in enumerate(values)]))
    points = chart.series[0].points
    assert len(points) < MOST_POINTS * 1.1
    assert (31_234, 7.0) in points
    assert (points[0][0], points[-1][0]) == (0, 49_999)
    assert "50000 points" in chart.note


def test_a_gap_parts_a_line_and_a_point_alone_is_a_dot():
    points = tuple((float(i), math.nan if i in (1, 200) else 1.0) for i in range(300))
    svg = chart_svg(Chart("line", "x", (Series("y", points),)))
    assert svg.count("<circle") == 1  # the first
    assert re.search(r' d="([^"]*)"', svg)[1].count("M") == 3
    assert "nan" not in svg


def test_sides_on_the_same_axes_have_equal_scales_and_all_categories():
    one = chart_of("c.json", as_json({"cat": 1, "dog": 2}))
    other = chart_of("c.json", as_json({"cat": -3, "bird": 9}))
    axes = axes_of([one, other])
    assert axes.categories == ("cat", "dog", "bird")
    assert axes.y.low <= -3
    assert axes.y.high >= 9
    for chart in (one, other):
        assert all(word in chart_svg(chart, axes) for word in axes.categories)


@given(st.floats(-1e12, 1e12), st.floats(1e-6, 1e12))
def test_marks_are_few_and_inside(low, size):
    span = Span(low, low + max(size, abs(low) * 1e-6))
    found = marks(span)
    room = (span.high - span.low) * 1e-6
    assert 1 <= len(found) <= 8
    assert all(span.low - room <= mark <= span.high + room for mark in found)


_numbers = st.floats(-1e6, 1e6) | st.just(math.nan)


@given(
    st.sampled_from(["line", "scatter", "bar"]),
    st.lists(st.tuples(st.floats(-1e6, 1e6), _numbers), max_size=20),
)
def test_every_point_lies_inside_the_picture(kind, points):
    svg = ET.fromstring(chart_svg(Chart(kind, "x<&>", (Series('"n"', tuple(points)),))))
    for dot in svg.iter("circle"):
        assert -0.1 <= float(dot.get("cx")) <= 560.1
        assert -0.1 <= float(dot.get("cy")) <= 320.1
