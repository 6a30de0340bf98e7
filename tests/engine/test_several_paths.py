"""Deps and outs of several paths: each path counts on its own, and so does their order."""

import textwrap

import pytest

CODE = """

def join(parts: Annotated[list, pivot.Dep(["1.txt", "2.txt"], Text())],
         ) -> Annotated[list, pivot.Out(["a.txt", "b.txt"], Text())]:
    return [parts[0] + parts[1], parts[1]]


def read_a(a: Annotated[str, pivot.Dep("a.txt", Text())]) -> Annotated[str, pivot.Out("read_a.txt", Text())]:
    return a


def read_b(b: Annotated[str, pivot.Dep("b.txt", Text())]) -> Annotated[str, pivot.Out("read_b.txt", Text())]:
    return b
"""


@pytest.fixture
def several(folder):
    folder.functions += textwrap.dedent(CODE)
    folder.write("stages.py", folder.functions)
    folder.write("pivot.yaml", "stages:\n" + "".join(f"  {n}: {{ python: stages.{n} }}\n" for n in STAGES))
    folder.write("1.txt", "x")
    folder.write("2.txt", "y")
    assert folder.outcomes() == dict.fromkeys(STAGES, "ran")
    return folder


STAGES = ("join", "read_a", "read_b")


def test_each_path_is_read_and_written_on_its_own(several):
    assert (several.read("read_a.txt"), several.read("read_b.txt")) == ("xy", "y")
    assert several.outcomes() == dict.fromkeys(STAGES, "unchanged")
    several.write("1.txt", "z")
    assert several.outcomes() == {"join": "ran", "read_a": "ran", "read_b": "unchanged"}


@pytest.mark.parametrize(
    ("old", "new"),
    [('["1.txt", "2.txt"]', '["2.txt", "1.txt"]'), ('["a.txt", "b.txt"]', '["b.txt", "a.txt"]')],
    ids=["deps", "outs"],
)
def test_paths_that_change_places_make_the_stage_run(several, old, new):
    several.edit(old, new)
    assert several.outcomes()["join"] == "ran"
    texts = {"a.txt": "yx", "b.txt": "x"} if "1" in old else {"a.txt": "y", "b.txt": "xy"}
    assert {name: several.read(name) for name in texts} == texts


def test_one_missing_path_is_restored_and_the_other_left_alone(several):
    untouched = (several.path / "b.txt").stat().st_ino
    (several.path / "a.txt").unlink()
    assert several.outcomes() == {"join": "restored", "read_a": "unchanged", "read_b": "unchanged"}
    assert (several.path / "b.txt").stat().st_ino == untouched
