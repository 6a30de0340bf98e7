"""Which path a parameter or an output stands for is part of a stage's inputs."""

import pytest

STAGES = """
from typing import Annotated, TypedDict

import pivot


class Outs(TypedDict):
    a: Annotated[str, pivot.Out("a.txt")]
    b: Annotated[str, pivot.Out("b.txt")]


def work(
    x: Annotated[str, pivot.Dep("x.txt")],
    y: Annotated[str, pivot.Dep("y.txt")],
) -> Outs:
    return {"a": "A" + x, "b": "B" + y}
"""

YAML = """
stages:
  work:
    python: stages.work
    deps: {x: x.txt, y: y.txt}
    outs: {a: a.txt, b: b.txt}
"""


@pytest.fixture
def pair(folder):
    """A stage with two parameters and two outputs."""
    folder.write("stages.py", STAGES)
    folder.write("pivot.yaml", YAML)
    folder.write("x.txt", "1")
    folder.write("y.txt", "2")
    folder.repro()
    assert (folder.read("a.txt"), folder.read("b.txt")) == ("A1", "B2")
    return folder


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("x: x.txt, y: y.txt", "x: y.txt, y: x.txt", ("A2", "B1")),
        ("a: a.txt, b: b.txt", "a: b.txt, b: a.txt", ("B2", "A1")),
    ],
    ids=["deps", "outs"],
)
def test_two_paths_that_change_places_run_the_stage(pair, old, new, expected):
    pair.edit("pivot.yaml", old, new)
    assert pair.repro().executed == ("work",)
    assert (pair.read("a.txt"), pair.read("b.txt")) == expected
    pair.edit("pivot.yaml", new, old)
    assert pair.repro().executed == ()  # the run cache knows them apart
    assert (pair.read("a.txt"), pair.read("b.txt")) == ("A1", "B2")


def test_paths_that_change_places_in_annotations_run_the_stage(pair):
    pair.write("pivot.yaml", "stages:\n  work:\n    python: stages.work\n")
    assert pair.repro().executed == ()
    pair.edit("stages.py", '"x.txt"', '"-"')
    pair.edit("stages.py", '"y.txt"', '"x.txt"')
    pair.edit("stages.py", '"-"', '"y.txt"')
    assert pair.repro().executed == ("work",)
    assert (pair.read("a.txt"), pair.read("b.txt")) == ("A2", "B1")


def test_the_reason_names_what_changed_places(pair, console):
    pair.edit("pivot.yaml", "x: x.txt, y: y.txt", "x: y.txt, y: x.txt")
    told = console(["status", "--explain", "work"])
    assert "Reason: Path changed: dep x and 1 more" in told
    assert "path of dep y\n      Old: 'y.txt'\n      New: 'x.txt'" in told


def test_several_paths_in_another_order_run_the_stage(folder):
    folder.write(
        "stages.py",
        """
        from typing import Annotated
        import pivot

        def join(parts: Annotated[list, pivot.Dep(["x.txt", "y.json"])]) -> Annotated[str, pivot.Out("o.txt")]:
            return " ".join(map(str, parts))
        """,
    )
    entry = "stages:\n  join:\n    python: stages.join\n    deps: {parts: [x.txt, y.json]}\n"
    folder.write("pivot.yaml", entry)
    folder.write("x.txt", "one")
    folder.write("y.json", "2")
    assert folder.repro().executed == ("join",)
    assert folder.read("o.txt") == "one 2"
    folder.edit("pivot.yaml", "[x.txt, y.json]", "[y.json, x.txt]")
    assert folder.repro().executed == ("join",)
    assert folder.read("o.txt") == "2 one"
    assert folder.repro().executed == ()
