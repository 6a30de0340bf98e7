"""Collecting in a cache that several projects share: none loses anything, also those that nobody can ask."""

import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pivot.errors import PivotError
from pivot.project import Project
from pivot.store.layout import create
from pivot.store.usage import identity, register_project, using_projects


@pytest.fixture
def two(folder, tmp_path, monkeypatch):
    """Two projects with one cache, each with a result of its own."""
    other = type(folder)(tmp_path / "other")
    other.path.mkdir()
    monkeypatch.setenv("PIVOT_CACHE_DIR", str(tmp_path / "shared"))
    for one in (folder, other):
        one.stage("a", f"return {one.path.name!r}")
        assert one.outcomes() == {"a": "ran"}
    return folder, other


def notes(tmp_path) -> dict[str, object]:
    return {json.loads(path.read_text())["root"]: path for path in (tmp_path / "shared/projects").iterdir()}


def moved_away(one, tmp_path):
    one.path.rename(tmp_path / "moved")


def moved_and_another_there(one, tmp_path):
    one.path.rename(tmp_path / "moved")
    shutil.copytree(tmp_path / "moved", one.path, ignore=shutil.ignore_patterns(".pivot"))
    (one.path / "stages.py").write_text((one.path / "stages.py").read_text().replace("'other'", "'new'"))
    assert one.outcomes() == {"a": "ran"}


def of_another_machine_at_our_own_path(one, tmp_path):
    text = json.dumps({"host": "elsewhere", "id": "00ff", "root": str(tmp_path / "project")})
    notes(tmp_path)[str(one.path)].write_text(text)
    shutil.rmtree(one.path)


def a_note_that_cannot_be_read(one, tmp_path):
    notes(tmp_path)[str(one.path)].write_text("{")


def a_note_that_is_a_folder(one, tmp_path):
    path = notes(tmp_path)[str(one.path)]
    path.unlink()
    path.mkdir()


def a_history_that_cannot_be_read(one, tmp_path):
    (one.path / ".pivot/stages/a.lock").unlink()
    for path in (one.path / ".pivot/runs/.records").glob("*/*"):
        path.unlink()
        path.mkdir()


def a_history_of_a_newer_pivot(one, tmp_path):
    (one.path / ".pivot/stages/a.lock").unlink()
    for path in (one.path / ".pivot/runs/.records").glob("*/*"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"schema": 99}))


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        (moved_away, "the project .*/other uses this cache, and nobody can say what it needs"),
        (moved_and_another_there, "the project .*/other uses this cache, and another one lies there now"),
        (of_another_machine_at_our_own_path, "the project .*/project on elsewhere uses this cache"),
        (a_note_that_cannot_be_read, "a project of which nothing else is known uses this cache"),
        (a_note_that_is_a_folder, "a project of which nothing else is known uses this cache"),
        (a_history_that_cannot_be_read, "cannot read .*other/.pivot/runs/.records/"),
        (a_history_of_a_newer_pivot, "newer Pivot"),
    ],
)
def test_of_a_project_that_cannot_be_asked_nothing_is_taken_away(two, tmp_path, trouble, told: str):
    mine, other = two
    trouble(other, tmp_path)
    before = {path: path.read_bytes() for path in (tmp_path / "shared/files").glob("*/*")}
    with Project(str(mine.path)) as project, pytest.raises(PivotError, match=told) as error:
        project.collect(keep_runs=0)
    assert error.value.hint
    assert {path: path.read_bytes() for path in (tmp_path / "shared/files").glob("*/*")} == before
    assert len(before) >= 2


def test_a_project_that_was_moved_counts_where_it_is_once_its_old_note_is_gone(two, tmp_path):
    mine, other = two
    moved_away(other, tmp_path)
    moved = type(other)(tmp_path / "moved")
    assert moved.outcomes() == {"a": "unchanged"}
    notes(tmp_path)[str(other.path)].unlink()
    with Project(str(mine.path)) as project:
        assert project.collect(keep_runs=0).kept.count == 2
        assert {one.root for one in using_projects(project.store.layout)} == {str(mine.path), str(moved.path)}
    (moved.path / "a.txt").unlink()
    assert moved.outcomes() == {"a": "restored"}


def test_first_commands_at_once_agree_who_the_project_is(tmp_path):
    commands = 8
    for number in range(10):
        layout = create(str(tmp_path / f"project{number}"), str(tmp_path / f"shared{number}"))
        start = threading.Barrier(commands)

        def first_command(layout=layout, start=start) -> None:
            start.wait()
            register_project(layout)

        with ThreadPoolExecutor(commands) as pool:
            for done in [pool.submit(first_command) for _ in range(commands)]:
                done.result()
        assert [(one.root, one.id) for one in using_projects(layout)] == [(layout.root, identity(layout))]
