import random

import pytest

from pivot.define.checks import check_stages
from pivot.define.loader_ref import loader_ref
from pivot.loaders import PathOnly
from pivot.model.place import Place
from pivot.model.stage import ObjectRef, OutKind, Returns, Stage, StageDep, StageOut


def stage(name, deps="", outs="", line=1):
    ref = loader_ref(PathOnly())
    return Stage(
        name,
        ObjectRef("stages", name),
        tuple(StageDep(path, path, ref, None) for path in deps.split()),
        tuple(StageOut(path, path, OutKind.OUT, ref, True, True) for path in outs.split()),
        Returns.NOTHING,
        None,
        (),
        ".",
        Place("pivot.yaml", line),
        (".",),
    )


def messages(*stages):
    return [error.message for error in check_stages(stages)]


def test_a_chain_and_a_diamond_are_fine():
    assert (
        messages(
            stage("d", "b c", "d"), stage("b", "a", "b"), stage("c", "a x/y", "c"), stage("a", "raw", "a x/z")
        )
        == []
    )


@pytest.mark.parametrize(
    ("stages", "expected"),
    [
        (
            [stage("a", outs="x", line=2), stage("b", outs="x", line=5)],
            ["stages 'a' (pivot.yaml:2) and 'b' (pivot.yaml:5) both write 'x'"],
        ),
        ([stage("a", outs="x x")], ["stage 'a': two of its outputs are 'x' (pivot.yaml:1)"]),
        (
            [stage("a", outs="data/x/y", line=2), stage("b", outs="data", line=5)],
            [
                "stage 'a' (pivot.yaml:2) writes 'data/x/y' inside 'data', which is an output of 'b' (pivot.yaml:5)"
            ],
        ),
        ([stage("a", "x", "x")], ["stage 'a' reads its own output 'x' (pivot.yaml:1)"]),
        (
            [stage("a", outs="x", line=2), stage("a", outs="y", line=5)],
            ["stage 'a' is defined twice (pivot.yaml:2 and pivot.yaml:5)"],
        ),
        (
            [stage("c", "y", "z", 3), stage("b", "x", "y", 2), stage("a", "z", "x", 1)],
            [
                "stages wait for each other in a circle: a -> b (through x) -> c (through y) -> a (through z) (pivot.yaml:1)"
            ],
        ),
    ],
)
def test_a_set_of_stages_that_cannot_work_is_explained(stages, expected):
    assert messages(*stages) == expected


def test_a_circle_is_told_the_same_way_whatever_the_order():
    ring = [stage(f"s{i}", f"f{i}", f"f{(i + 1) % 5}", i + 1) for i in range(5)]
    told = set()
    for seed in range(20):
        random.Random(seed).shuffle(ring)
        told.update(messages(*ring))
    assert len(told) == 1
