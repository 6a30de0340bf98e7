"""Outputs that are links to objects: hard or symbolic, for huge data, and never a way to spoil the cache."""

import os
import stat
from pathlib import Path

import pytest

from pivot.project import Project

MODES = pytest.mark.parametrize("mode", ["hardlink", "symlink"])


def is_linked(path: Path, mode: str) -> bool:
    if mode == "symlink":
        return path.is_symlink() and "files" in os.readlink(path)
    return not path.is_symlink() and path.stat().st_nlink > 1


@pytest.fixture
def linked(folder):
    """Makes a project of three stages whose outputs are linked."""

    def make(mode: str):
        (folder.path / ".pivot").mkdir()
        folder.write(".pivot/config.yaml", f"strict: true\ncache:\n  checkout_mode: {mode}\n")
        folder.write(".pivot/format.json", '{"hash": "xxh3-128", "version": 1}\n')
        folder.write("in.txt", "one")
        folder.stage("a", "return d0 * 2", deps=["in.txt"])
        folder.functions += """

def b(d0: Annotated[str, pivot.Dep("a.txt", Text())]) -> Annotated[dict, pivot.DirectoryOut("b/", Text())]:
    return {"x.txt": d0, "deep/y.txt": d0 + "y"}


def c(d0: Annotated[dict, pivot.Dep("b/", Text())]) -> Annotated[object, pivot.Out("c.txt", PathOnly())]:
    Path("c.txt").write_text(" ".join(d0.values()))
    return Path("c.txt")


def m(d0: Annotated[str, pivot.Dep("c.txt", Text())]) -> Annotated[int, pivot.Metric("m.json")]:
    return len(d0)
"""
        folder.yaml += "".join(f"  {name}:\n    python: stages.{name}\n" for name in "bcm")
        folder.write("stages.py", folder.functions)
        folder.write("pivot.yaml", folder.yaml)
        return folder

    return make


OUTS = ("a.txt", "b/x.txt", "b/deep/y.txt", "c.txt")


def contents(folder) -> dict[str, str]:
    return {name: folder.read(name) for name in (*OUTS, "m.json")}


def all_are(outcome: str) -> dict[str, str]:
    return dict.fromkeys("abcm", outcome)


@MODES
def test_outputs_are_links_after_a_run_and_after_a_restore_and_metrics_are_files(linked, mode: str):
    folder = linked(mode)
    assert folder.outcomes() == all_are("ran")
    expected = contents(folder)
    for _ in range(2):
        for name in OUTS:
            assert is_linked(folder.path / name, mode), name
            assert not stat.S_IMODE((folder.path / name).stat().st_mode) & 0o222, name
        assert not is_linked(folder.path / "m.json", mode)
        assert folder.outcomes() == all_are("unchanged")
        assert not [*folder.path.rglob(".pivot-*")]
        for name in (*OUTS, "m.json"):
            (folder.path / name).unlink()
        assert folder.outcomes() == all_are("restored")
        assert contents(folder) == expected


@MODES
def test_a_new_result_takes_the_place_of_the_link_and_not_of_the_object(linked, mode: str):
    folder = linked(mode)
    folder.outcomes()
    first = contents(folder)
    folder.write("in.txt", "two")
    assert folder.outcomes() == all_are("ran")
    assert contents(folder) != first
    folder.write("in.txt", "one")
    assert folder.outcomes() == all_are("restored")
    assert contents(folder) == first
    with Project(str(folder.path)) as project:
        assert project.verify(everything=True).damaged == ()


@MODES
@pytest.mark.parametrize("name", ["a.txt", "b/x.txt", "c.txt"])
def test_what_is_written_through_a_link_is_found_and_never_served(linked, mode: str, name: str):
    folder = linked(mode)
    folder.outcomes()
    expected = contents(folder)
    place = folder.path / name
    place.chmod(0o644)
    with place.open("r+") as file:
        file.write("SPOILED")
    assert folder.repro()[0].ok
    assert contents(folder) == expected
    with Project(str(folder.path)) as project:
        assert project.verify().damaged == ()


@MODES
def test_a_failing_stage_leaves_the_links_in_place(linked, mode: str):
    folder = linked(mode)
    folder.outcomes()
    folder.edit('Path("c.txt").write_text(', 'Path("c.txt").write_text("half"); raise ValueError(')
    assert folder.outcomes("c") == {"a": "unchanged", "b": "unchanged", "c": "failed"}
    assert is_linked(folder.path / "c.txt", mode)
    assert folder.read("c.txt") == "oneoney oneone"


@MODES
def test_an_executable_is_a_file_of_its_own(folder, mode: str):
    (folder.path / ".pivot").mkdir()
    folder.write(".pivot/config.yaml", f"cache:\n  checkout_mode: {mode}\n")
    folder.write(".pivot/format.json", '{"hash": "xxh3-128", "version": 1}\n')
    folder.stage(
        "tool",
        'Path("tool.txt").write_text("#!"); os.chmod("tool.txt", 0o755); return Path("tool.txt")',
        loader="PathOnly",
    )
    assert folder.outcomes() == {"tool": "ran"}
    for outcome in ("restored", "unchanged"):
        if outcome == "restored":
            (folder.path / "tool.txt").unlink()
        assert folder.outcomes() == {"tool": outcome}
        assert not is_linked(folder.path / "tool.txt", mode)
        assert os.access(folder.path / "tool.txt", os.X_OK)


def test_a_link_of_the_user_to_another_disk_is_followed_up_to_the_link_to_the_object(linked, tmp_path):
    folder = linked("symlink")
    (tmp_path / "big").mkdir()
    (folder.path / "a.txt").symlink_to("../big/a.txt")
    folder.outcomes()
    folder.write("in.txt", "two")
    assert folder.outcomes()["a"] == "ran"
    assert os.readlink(folder.path / "a.txt") == "../big/a.txt"
    assert (tmp_path / "big/a.txt").is_symlink()
    assert folder.read("a.txt") == "twotwo"


@pytest.mark.parametrize("mode", ["copy", "hardlink", "symlink"])
def test_a_run_ends_with_good_bytes_even_where_objects_rotted_unseen(linked, mode):
    folder = linked(mode)
    folder.repro()
    good = contents(folder)
    for path in folder.objects():
        before = path.stat()
        path.chmod(0o644)
        path.write_bytes(bytes(before.st_size))
        path.chmod(before.st_mode)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert folder.outcomes(force=True) == all_are("ran")
    assert contents(folder) == good
    for name in OUTS:
        (folder.path / name).unlink()
    assert folder.outcomes() == {**all_are("restored"), "m": "unchanged"}
    assert contents(folder) == good
