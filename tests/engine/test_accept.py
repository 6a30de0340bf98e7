"""Files that were made by hand and accepted come back as they were."""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pivot.project import Project

NAMES = st.text("ab é\n", min_size=1, max_size=3).filter(lambda n: n.strip(" ") == n and n != "")
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(lambda parts: "/".join(parts) + ".txt")
TREES = st.dictionaries(PATHS, st.tuples(st.binary(max_size=20), st.booleans()), max_size=6).filter(
    lambda tree: not any(a != b and b.startswith(a + "/") for a in tree for b in tree)
)


def write_tree(folder: Path, tree: dict[str, tuple[bytes, bool]]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, (data, executable) in tree.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(0o755 if executable else 0o644)


def read_tree(folder: Path) -> dict[str, tuple[bytes, bool]]:
    return {
        str(path.relative_to(folder)): (
            path.read_bytes(),
            os.access(path, os.X_OK) and bool(path.stat().st_mode & 0o100),
        )
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    path = tmp_path_factory.mktemp("project")
    (path / "stages.py").write_text(
        "from typing import Annotated\nimport pivot\nfrom pivot.loaders import Bytes\n\n"
        "def work() -> Annotated[dict, pivot.DirectoryOut('out/', Bytes())]:\n    return {}\n"
    )
    (path / "pivot.yaml").write_text("stages:\n  work:\n    python: stages.work\n")
    return path


@given(first=TREES, second=TREES)
@settings(max_examples=40, deadline=None)
def test_a_folder_that_was_accepted_comes_back_over_whatever_is_there(project, first, second):
    write_tree(project / "out", first)
    with Project(str(project)) as opened:
        (accepted,) = opened.commit(["work"])
        assert accepted.error is None
        write_tree(project / "out", second)
        (found,) = opened.checkout()
        assert found.ok
        assert read_tree(project / "out") == first
        (again,) = opened.commit()
        assert again.explanation is None
        assert opened.verify().missing == ()


def test_a_folder_with_a_link_that_leads_out_is_not_accepted(project):
    write_tree(project / "out", {"a.txt": (b"a", False)})
    (project / "out/away.txt").symlink_to(project / "stages.py")
    with Project(str(project)) as opened:
        (found,) = opened.commit(["work"])
    assert "out/away.txt" in found.error.message


def test_of_a_file_where_a_folder_must_be_nothing_is_accepted(project):
    shutil.rmtree(project / "out", ignore_errors=True)
    (project / "out").write_text("a file")
    with Project(str(project)) as opened:
        (found,) = opened.commit(["work"])
    assert "out" in found.error.message
    assert (project / "out").read_text() == "a file"
    (project / "out").unlink()


@pytest.mark.parametrize("gone", ["parts/a.txt", "parts/deep/"])
def test_a_folder_that_lacks_what_another_stage_reads_of_it_is_not_accepted(folder, gone: str):
    folder.write(
        "stages.py",
        folder.functions + "def split() -> Annotated[dict, pivot.DirectoryOut('parts/', Text())]:\n"
        "    return {'a.txt': 'a', 'b.txt': 'b', 'deep/c.txt': 'c'}\n\n"
        "def one(a: Annotated[str, pivot.Dep('parts/a.txt', Text())],\n"
        "        deep: Annotated[dict, pivot.Dep('parts/deep/', Text())]"
        ") -> Annotated[str, pivot.Out('one.txt', Text())]:\n    return a\n",
    )
    folder.write("pivot.yaml", "stages:\n  split: {python: stages.split}\n  one: {python: stages.one}\n")
    assert folder.outcomes() == {"split": "ran", "one": "ran"}
    place = folder.path / gone
    shutil.rmtree(place) if gone.endswith("/") else place.unlink()
    with Project(str(folder.path)) as opened:
        (found,) = opened.commit(["split"])
    assert found.error.message == f"its output {gone}, which stage 'one' reads, is not there"
    assert found.error.hint == "make it, or run the stage: pivot repro"
    assert folder.outcomes() == {"split": "restored", "one": "unchanged"}
    (folder.path / "parts/b.txt").unlink()  # it is for the person to say that this one is not needed
    with Project(str(folder.path)) as opened:
        (found,) = opened.commit(["split"])
    assert found.error is None
    assert folder.outcomes() == {"split": "unchanged", "one": "unchanged"}


def test_that_a_stage_always_runs_is_nothing_to_accept(folder):
    folder.stage("fetch")
    folder.yaml += "    always: true\n"
    folder.write("pivot.yaml", folder.yaml)
    folder.repro()
    with Project(str(folder.path)) as project:
        (accepted,) = project.commit()
        assert (accepted.explanation, accepted.error) == (None, None)
        folder.write("fetch.txt", "by hand")
        (accepted,) = project.commit()
        assert [str(d.change.kind) for d in accepted.explanation.details] == ["output altered"]
