"""Edges follow from paths; what cannot be a graph is said at once."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pivot.core.graph import Graph
from pivot.errors import DefinitionErrors

EDGES = [
    ("data/x.csv", "data/x.csv", True),
    ("data/", "data/x.csv", True),
    ("data/", "data/deep/x.csv", True),
    ("data/x.csv", "data/", True),
    ("data/deep/x.csv", "data/", True),
    ("data/deep/", "data/", True),
    ("data/", "data/", True),
    (".", "data/x.csv", True),
    ("data/x.csv", "data/y.csv", False),
    ("data", "database/x.csv", False),
    ("data/x.csv", "data/x.csv.bak", False),
]


@pytest.mark.parametrize(("dep", "out", "joined"), EDGES)
def test_a_dep_meets_an_out_of_the_same_path_or_of_a_folder_around_either(stage, dep, out, joined):
    graph = Graph([stage("reader", [dep]), stage("writer", [], [out])])
    assert graph.upstream("reader") == (("writer",) if joined else ())
    assert graph.downstream("writer") == (("reader",) if joined else ())
    assert graph.producer(dep) == ("writer" if joined else None)
    assert graph.sources == (() if joined else (dep,))
    assert graph.order == (("writer", "reader") if joined else ("reader", "writer"))


KINDS = [
    ("data", "data/", "reads data, a folder: stage 'writer' writes data/", "write 'data/'"),
    ("data", "data/x.csv", "reads data, a folder: stage 'writer' writes data/x.csv", "write 'data/'"),
    (
        "x.csv/",
        "x.csv",
        "reads x.csv/ as a folder, but stage 'writer' writes x.csv as a file",
        "write 'x.csv'",
    ),
    (
        "data/x.csv",
        "data",
        "reads data/x.csv, but stage 'writer' writes data as a file",
        "let it write the folder 'data/'",
    ),
]


@pytest.mark.parametrize(("dep", "out", "message", "hint"), KINDS)
def test_a_folder_that_is_taken_for_a_file_is_an_error_with_the_path_to_write(stage, dep, out, message, hint):
    with pytest.raises(DefinitionErrors) as caught:
        Graph([stage("writer", [], [out]), stage("reader", [dep], line=7)])
    assert [(e.message, e.hint) for e in caught.value.errors] == [
        (f"stage 'reader' {message} (stages.py:7)", hint)
    ]


def test_a_dep_tells_which_outs_it_reads(stage):
    graph = Graph([stage("a", [], ["d/a", "d/deep/"]), stage("b", [], ["d/b", "e"])])
    assert graph.outs_read("d/") == ("d/a", "d/deep/", "d/b")
    assert graph.outs_read("d/deep/x") == ("d/deep/",)
    assert graph.outs_read("e") == ("e",)
    assert graph.outs_read("f") == ()


def test_a_folder_dep_reads_every_out_in_it(stage):
    graph = Graph([stage("a", [], ["d/a"]), stage("b", [], ["d/b"]), stage("c", ["d/"], ["e"])])
    assert graph.upstream("c") == ("a", "b")
    assert graph.producers("d/") == ("a", "b")


def test_ancestors_and_descendants_reach_all_the_way(stage):
    graph = Graph(
        [stage("a", ["in"], ["1"]), stage("b", ["1"], ["2"]), stage("c", ["2"], ["3"]), stage("d", [], ["4"])]
    )
    assert graph.ancestors("c") == {"a", "b"}
    assert graph.descendants("a") == {"b", "c"}
    assert graph.ancestors("d") == graph.descendants("d") == frozenset()
    assert graph.sources == ("in",)
    assert graph.among(["c", "b"]) == {"b": (), "c": ("b",)}


def test_stages_that_do_not_depend_on_each_other_keep_the_order_of_definition(stage):
    graph = Graph([stage("z", ["y"]), stage("m"), stage("b"), stage("x", [], ["y"])])
    assert graph.order == ("m", "b", "x", "z")


WRONG = {
    "two stages one out": (
        [("a", [], ["x"]), ("b", [], ["x"])],
        ["stage 'b' (stages.py:2) and stage 'a' (stages.py:1) both write 'x'"],
    ),
    "one stage, one out twice": ([("a", [], ["x", "x"])], ["stage 'a' writes 'x' twice (stages.py:1)"]),
    "an out inside a folder out": (
        [("a", [], ["d/"]), ("b", [], ["d/x"])],
        ["stage 'b' (stages.py:2) writes 'd/x' inside 'd/', an out of stage 'a' (stages.py:1)"],
    ),
    "one name twice": (
        [("a", [], []), ("a", [], [])],
        ["stage 'a' is defined twice: at stages.py:1 and at stages.py:2"],
    ),
    "a stage that reads its own out": (
        [("a", ["d/"], ["d/x"])],
        ["stage 'a' depends on itself: 'a' reads 'd/x' of 'a' (stages.py:1)"],
    ),
    "a cycle": (
        [("a", ["2"], ["1"]), ("b", ["1"], ["2"]), ("behind", ["2"], ["3"])],
        ["stage 'a' depends on itself: 'b' reads '1' of 'a', 'a' reads '2' of 'b' (stages.py:1)"],
    ),
    "two cycles and more": (
        [("a", ["a"], ["a"]), ("b", ["c"], ["b"]), ("c", ["b"], ["c"]), ("d", [], ["a"])],
        ["stage 'a' depends on itself", "stage 'b' depends on itself", "both write 'a'"],
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_all_that_is_wrong_is_said_at_once_with_its_place(stage, case):
    rows, messages = WRONG[case]
    with pytest.raises(DefinitionErrors) as caught:
        Graph([stage(name, deps, outs, line=line) for line, (name, deps, outs) in enumerate(rows, 1)])
    assert len(caught.value.errors) == len(messages)
    for error, message in zip(caught.value.errors, messages, strict=True):
        assert message in error.message
        assert error.hint


def test_a_graph_cannot_be_changed(stage):
    graph = Graph([stage("a")])
    with pytest.raises(AttributeError):
        graph.order = ()
    assert "a" in graph
    assert "b" not in graph
    assert graph.stage("a").name == "a"
    assert len(graph) == 1


@settings(deadline=None)
@given(st.lists(st.sets(st.integers(0, 30)), max_size=12), st.randoms())
def test_every_stage_comes_after_all_it_reads_from_however_they_were_defined(stage, reads, random):
    stages = [
        stage(f"s{i}", [f"o{j}" for j in sorted(feeders) if j < i], [f"o{i}"])
        for i, feeders in enumerate(reads)
    ]
    random.shuffle(stages)
    graph = Graph(stages)
    seen = set()
    for name in graph.order:
        assert set(graph.upstream(name)) <= seen
        seen.add(name)
    assert seen == {made.name for made in stages}
    for name in graph.order:
        assert all(name in graph.descendants(above) for above in graph.ancestors(name))
