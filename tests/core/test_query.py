"""What people mean by a target, and the graph as it is drawn."""

from dataclasses import replace

import pytest

from pivot.core.graph import Graph
from pivot.core.query import essential_edges, layers, select
from pivot.errors import UsageError
from pivot.paths import ProjectPath


@pytest.fixture
def graph(stage):
    return Graph(
        [
            stage("load", ["data.csv"], ["raw/a.csv"]),
            stage("clean", ["raw/a.csv"], ["clean.csv"]),
            stage("train@small", ["clean.csv"], ["models/small.pkl"]),
            stage("train@big", ["clean.csv", "raw/a.csv"], ["models/big.pkl"]),
            stage("report", ["models/"], ["report.html"]),
            stage("aside", [], ["aside.txt"]),
        ]
    )


TARGETS = [
    ([], False, "load clean train@small train@big report aside"),
    (["clean"], False, "load clean"),
    (["clean"], True, "clean"),
    (["train@*"], False, "load clean train@small train@big"),
    (["train@*"], True, "train@small train@big"),
    (["train"], True, "train@small train@big"),
    (["clean.csv"], False, "load clean"),
    (["./clean.csv"], True, "clean"),
    (["models/"], True, "train@small train@big"),
    (["models/*.pkl"], True, "train@small train@big"),
    (["report.html", "aside"], True, "report aside"),
    (["aside", "clean", "clean"], False, "load clean aside"),
]


@pytest.mark.parametrize(("targets", "single", "names"), TARGETS)
def test_targets_are_names_variants_globs_and_paths(graph, targets, single, names):
    assert select(graph, targets, single=single) == tuple(names.split())


WRITTEN_IN_A_FOLDER = [
    ("small.pkl", "train@small"),
    ("./big.pkl", "train@big"),
    ("*.pkl", "train@small train@big"),
    ("../clean.csv", "clean"),
    ("clean.csv", "clean"),
    ("models/small.pkl", "train@small"),
    (".", "train@small train@big"),
    ("load", "load"),
]


@pytest.mark.parametrize(("target", "names"), WRITTEN_IN_A_FOLDER)
def test_paths_are_taken_from_the_folder_where_they_are_written_or_from_the_root(graph, target, names):
    found = select(graph, [target], single=True, here=ProjectPath("models"))
    assert found == tuple(names.split())


def test_of_two_outs_the_one_of_the_folder_where_the_path_is_written_is_meant(stage):
    graph = Graph([stage("root", [], ["a.csv"]), stage("inner", [], ["sub/a.csv"])])
    assert select(graph, ["a.csv"], here=ProjectPath("sub")) == ("inner",)
    assert select(graph, ["a.csv"]) == ("root",)


FOREIGN_TARGETS = [
    ("train", "train@a train@b"),
    ("prepare:clean", "prepare:clean"),
    ("clean", "prepare:clean"),
    ("exp:train", "train@a train@b"),
    ("exp:train@a", "train@a"),
    ("exp:*", "train@a train@b check"),
    ("*:check", "check prepare:check"),
    ("check", "check"),
    ("prepare:*", "prepare:clean prepare:check"),
    (":load", ":load"),
    ("load", ":load"),
    ("*@a", "train@a"),
    ("train@*", "train@a train@b"),
    ("tra*", "train@a train@b"),
]


@pytest.mark.parametrize(("target", "names"), FOREIGN_TARGETS)
def test_stages_of_other_files_are_meant_by_their_full_name_or_where_no_own_one_is_called_so(
    stage, target, names
):
    made = {
        "train@a": "exp",
        "train@b": "exp",
        "check": "exp",
        "prepare:clean": "prepare",
        "prepare:check": "prepare",
        ":load": ".",
    }
    graph = Graph(
        [replace(stage(name, [], [f"{n}.txt"]), home=home) for n, (name, home) in enumerate(made.items())]
    )
    assert select(graph, [target], single=True) == tuple(names.split())


def test_unknown_targets_are_reported_together_with_what_was_probably_meant(graph):
    with pytest.raises(UsageError) as caught:
        select(graph, ["claen", "load", "data.csv", "xyz*"])
    assert caught.value.message == "no stage or out is called 'claen', 'data.csv', 'xyz*'"
    assert caught.value.hint.startswith("did you mean 'clean'")
    assert "stages are: load, clean, train@small, train@big, report, aside" in caught.value.hint
    assert caught.value.exit_code == 2


def test_a_target_in_an_empty_pipeline_says_that_it_is_empty():
    with pytest.raises(UsageError, match="no stages are defined"):
        select(Graph([]), ["train"])
    assert select(Graph([]), []) == ()


def test_ranks_put_every_stage_after_what_it_reads_and_sources_next_to_their_readers(graph, stage):
    assert layers(graph) == (("load", "aside"), ("clean",), ("train@small", "train@big"), ("report",))
    late = Graph(
        [stage("a", [], ["1"]), stage("b", ["1"], ["2"]), stage("late", [], ["3"]), stage("c", ["2", "3"])]
    )
    assert layers(late) == (("a",), ("b", "late"), ("c",))
    assert layers(Graph([])) == ()


def test_an_edge_that_a_longer_way_tells_is_not_drawn(graph):
    assert ("load", "train@big") not in essential_edges(graph)
    assert essential_edges(graph) == (
        ("load", "clean"),
        ("clean", "train@small"),
        ("clean", "train@big"),
        ("train@small", "report"),
        ("train@big", "report"),
    )
