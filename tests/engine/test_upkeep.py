"""Checking and collecting what a cache holds: nothing that somebody may want back is ever taken away."""

import contextlib
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pivot.errors import StoreError
from pivot.model.event import StageStarted
from pivot.project import Project
from pivot.store.collection import Pile
from pivot.store.usage import alone, in_use, kept_files, using_projects


@pytest.fixture
def stages(folder):
    """A project of two stages that has run; `version` is what the first one reads."""
    folder.write("version.txt", "one")
    folder.write(".gitignore", "[ab].txt\n")
    folder.stage("a", "return d0 * 3", deps=["version.txt"])
    folder.stage("b", "return d0 + '!'", deps=["a.txt"])
    assert folder.outcomes() == {"a": "ran", "b": "ran"}
    return folder


def run_with(stages, version: str) -> None:
    stages.write("version.txt", version)
    assert stages.repro()[0].ok


def collect(stages, **options):
    with Project(str(stages.path)) as project:
        return project.collect(**options)


def git(path: Path, *arguments: str) -> None:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *arguments], cwd=path, check=True, capture_output=True)


def spoil(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(b"spoiled")


def test_what_runs_of_the_history_gave_stays_and_can_be_restored(stages):
    run_with(stages, "two")
    found = collect(stages)
    assert found.objects.count == found.records.count == found.texts.count == 0
    assert found.kept.count == 4
    stages.write("version.txt", "one")
    assert stages.outcomes() == {"a": "restored", "b": "restored"}


def test_what_only_older_runs_gave_goes_with_its_records(stages):
    run_with(stages, "two")
    expected = collect(stages, keep_runs=1, dry_run=True)
    assert expected.objects.count == expected.records.count == 2
    assert expected.objects.size == len("oneoneone") + len("oneoneone!")
    assert len(stages.objects()) == 4
    assert collect(stages, keep_runs=1) == expected
    assert len(stages.objects()) == 2
    assert collect(stages, keep_runs=1).objects.count == 0
    assert stages.outcomes() == {"a": "unchanged", "b": "unchanged"}
    stages.write("version.txt", "one")
    assert stages.outcomes() == {"a": "ran", "b": "ran"}


@pytest.mark.parametrize("name", [("branch", "old"), ("tag", "v1"), ("tag", "-a", "-m", "first", "v1")])
def test_what_a_branch_or_tag_of_git_names_stays(stages, name: tuple[str, ...]):
    git(stages.path, "init", "-q")
    git(stages.path, "add", "-A")
    git(stages.path, "commit", "-q", "-m", "one")
    git(stages.path, *name)
    run_with(stages, "two")
    git(stages.path, "add", "-A")
    git(stages.path, "commit", "-q", "--amend", "-m", "two")
    assert collect(stages, keep_runs=0).objects.count == 0
    git(stages.path, "checkout", "-q", name[-1])
    assert stages.outcomes() == {"a": "restored", "b": "restored"}


def test_what_git_no_longer_names_goes(stages):
    git(stages.path, "init", "-q")
    git(stages.path, "add", "-A")
    git(stages.path, "commit", "-q", "-m", "one")
    run_with(stages, "two")
    assert collect(stages, keep_runs=0).objects.count == 0
    git(stages.path, "add", "-A")
    git(stages.path, "commit", "-q", "--amend", "-m", "two")
    assert collect(stages, keep_runs=0).objects.count == 2


def test_a_file_of_a_person_stays_until_it_is_dropped(stages):
    stages.write("a.txt", "mine")
    assert stages.outcomes() == {"a": "restored", "b": "unchanged"}
    assert collect(stages).objects.count == 0
    with Project(str(stages.path)) as project:
        (kept,) = kept_files(project.store.layout)
        assert kept.path == str(stages.path / "a.txt")
        assert Path(project.store.layout.object_file(kept.digest)).read_text() == "mine"
        assert project.collect(kept=True).objects.count == 1
        assert kept_files(project.store.layout) == ()


def test_a_lock_file_in_conflict_is_no_reason_to_take_anything_away(stages):
    lock = stages.path / ".pivot/stages/a.lock"
    lock.write_text(f"<<<<<<< ours\n{lock.read_text()}=======\n>>>>>>> theirs\n")
    with pytest.raises(StoreError, match="conflict markers") as error:
        collect(stages, keep_runs=0)
    assert "--force" in str(error.value.hint)
    assert len(stages.objects()) == 2
    assert collect(stages, keep_runs=0, force=True).objects.count == 1


def test_while_a_run_goes_on_nothing_is_taken_away(stages):
    run_with(stages, "two")
    with Project(str(stages.path)) as project, in_use(project.store.layout):
        with pytest.raises(StoreError, match="uses the cache now"):
            project.collect(keep_runs=0)
        assert project.collect(keep_runs=0, dry_run=True).objects.count == 2
    assert len(stages.objects()) == 4


def test_a_run_waits_for_a_collection(stages, until):
    stages.write("version.txt", "two")
    with ThreadPoolExecutor() as pool, Project(str(stages.path)) as project:
        with alone(project.store.layout) as free:
            assert free
            running = pool.submit(stages.outcomes)
            until(lambda: list((stages.path / ".pivot/locks").glob("*")))
            assert not running.done()
        assert running.result(60) == {"a": "ran", "b": "ran"}


def test_a_shared_cache_keeps_what_its_other_projects_need(folder, tmp_path, monkeypatch):
    other = type(folder)(tmp_path / "other")
    other.path.mkdir()
    monkeypatch.setenv("PIVOT_CACHE_DIR", str(tmp_path / "shared"))
    for one in (folder, other):
        one.stage("a", f"return {one.path.name!r}")
        assert one.outcomes() == {"a": "ran"}
    with Project(str(folder.path)) as project:
        layout = project.store.layout
        assert [one.root for one in using_projects(layout)] == sorted([str(folder.path), str(other.path)])
        assert project.collect(keep_runs=0).objects.count == 0
        shutil.rmtree(other.path)
        with pytest.raises(StoreError, match=r"the project .*other uses this cache") as error:
            project.collect()
        assert "--force" in str(error.value.hint)
        assert project.collect(force=True).objects.count == 1
    (folder.path / "a.txt").unlink()
    assert folder.outcomes() == {"a": "restored"}


def test_what_was_written_since_the_collection_began_stays(stages):
    from pivot.store.collection import needed, now, sweep

    with Project(str(stages.path)) as project:
        layout = project.store.layout
        before = now(layout)
        project.store.objects.add_bytes(b"somebody else's")
        nothing = needed(layout, [])
        assert sweep(layout, nothing, before=before, dry_run=True).objects.count == 2
        assert sweep(layout, nothing, before=now(layout) + 1, dry_run=True).objects.count == 3


def test_what_a_killed_process_left_half_written_goes(stages):
    from pivot.store.collection import needed, now, sweep

    with Project(str(stages.path)) as project:
        layout = project.store.layout
        half = Path(layout.cache_scratch) / "0123456789abcdef"
        half.parent.mkdir(exist_ok=True)
        half.write_bytes(b"half")
        for dry_run in (True, False):
            assert half.exists()
            found = sweep(layout, needed(layout, []), before=now(layout) + 1, dry_run=dry_run)
            assert found.unfinished == Pile(1, 4)
        assert not half.exists()


def test_sound_objects_are_counted(stages):
    with Project(str(stages.path)) as project:
        found = project.verify()
    assert (found.checked, found.damaged, found.missing) == (2, (), ())


def test_a_damaged_object_is_found_whatever_its_seal_says_and_made_again_of_the_file_in_place(stages):
    (stages.path / "b.txt").unlink()
    for path in stages.objects():
        stat = path.stat()
        path.chmod(0o644)
        path.write_bytes(path.read_bytes().upper())
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    with Project(str(stages.path)) as project:
        found = project.verify()
        assert sorted(need.path for need in found.damaged) == ["a.txt", "b.txt"]
        assert [need.path for need in found.damaged if need.digest in found.mended] == ["a.txt"]
        assert [need.path for need in project.verify().missing] == ["b.txt"]
    assert stages.outcomes() == {"a": "unchanged", "b": "ran"}


def test_objects_that_no_lock_names_are_checked_only_if_asked_for(stages):
    old = set(stages.objects())
    run_with(stages, "two")
    for path in old:
        spoil(path)
    with Project(str(stages.path)) as project:
        assert project.verify().checked == 2
        found = project.verify(everything=True)
    assert found.checked == 4
    assert [need.path for need in found.damaged] == ["", ""]


def test_runs_and_collections_at_once_lose_nothing(stages):
    """Each round switches between two versions, so that what the collections see is needed again and again."""
    versions = ("one", "two")
    run_with(stages, "two")
    rounds = 6

    def collecting() -> None:
        for _ in range(rounds):
            with contextlib.suppress(StoreError):  # a run is at work
                collect(stages, keep_runs=0)

    with ThreadPoolExecutor() as pool:
        collections = [pool.submit(collecting) for _ in range(2)]
        for number in range(rounds):
            version = versions[number % 2]
            stages.write("version.txt", version)
            assert stages.repro()[0].ok
            assert stages.read("b.txt") == version * 3 + "!"
        for one in collections:
            one.result(60)
    with Project(str(stages.path)) as project:
        assert project.collect(keep_runs=0).kept.count == 2
        found = project.verify(everything=True)
        assert (found.checked, found.damaged, found.missing) == (2, (), ())


def test_what_took_longest_the_last_time_begins_first(folder):
    folder.write("long.txt", "")
    folder.stage("short", "pass")
    folder.stage("slow", "time.sleep(0.3 if os.path.exists('long.txt') else 0)")
    folder.write("pivot.yaml", folder.yaml)

    def order(**options: object) -> list[str]:
        _, events = folder.repro(jobs=1, force=True, **options)
        return [event.stage for event in events if isinstance(event, StageStarted)]

    first = order()
    assert sorted(first) == ["short", "slow"]
    assert order() == ["slow", "short"]
    (folder.path / ".pivot/state.db").unlink()
    assert order() == first
