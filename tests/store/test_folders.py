"""Folders as outputs: put in place as a whole, kept file by file, and given back as they were."""

import contextlib
import os
import stat
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pivot.errors import StoreError
from pivot.model.digest import digest_bytes, digest_text
from pivot.model.record import DeclaredOut, OutputState
from pivot.model.stage import OutKind
from pivot.model.tree import TreeEntry, tree_digest, tree_text
from pivot.store.checkout import checkout
from pivot.store.commit import abort, begin, commit_record, recover
from pivot.store.folders import folder_entries, is_obtainable
from pivot.store.lockfile import read_lock
from pivot.store.objects import MissingObjectError

D = "parts/"


def write_tree(folder, files, executable=()):
    for name, data in files.items():
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        if name in executable:
            path.chmod(0o755)


def read_tree(folder):
    return {os.path.relpath(p, folder): p.read_bytes() for p in Path(folder).rglob("*") if p.is_file()}


def state_of(files, executable=()):
    entries = tuple(sorted(TreeEntry(n, digest_bytes(d), len(d), n in executable) for n, d in files.items()))
    return OutputState(tree_digest(entries), sum(map(len, files.values())), entries=entries)


@pytest.fixture
def made(record):
    """The record of a stage whose only output is a folder."""

    def make(files, *, code="v1", cache=True, executable=()):
        empty = record({}, code=code)
        out = DeclaredOut(D, OutKind.DIRECTORY, cache, digest_text("l"))
        inputs = replace(empty.inputs, outs=(out,))
        return replace(empty, inputs=inputs, outputs={D: state_of(files, executable)})

    return make


def run(project, record, files, previous=None, *, written=False, executable=()):
    journal = begin(project.objects, record.stage, [D], [D] if written else [])
    place = journal.target(D) if written else journal.staging(D)
    os.makedirs(place)
    write_tree(place, files, executable)
    return commit_record(project.objects, journal, record, previous)


OLD = {"a.json": b"1", "deep/b.json": b"2", "same.txt": b"same"}
NEW = {"a.json": b"one", "c.json": b"3", "same.txt": b"same"}


@pytest.mark.parametrize("written", [False, True], ids=["saved by Pivot", "written by the stage"])
def test_a_folder_is_replaced_as_a_whole_and_kept_file_by_file(project, made, written):
    old, new = made(OLD), made(NEW, code="v2")
    run(project, old, OLD, written=written)
    assert run(project, new, NEW, old, written=written) == ()
    assert read_tree(project.path / D) == NEW
    assert not (project.path / D / "deep").exists()
    for data in (*OLD.values(), *NEW.values()):
        assert project.objects.has(digest_bytes(data))
    assert project.objects.read(new.outputs[D].digest).decode() == tree_text(new.outputs[D].entries)
    lock, _ = read_lock(project.layout, "train")
    assert (lock.outputs[D].digest, lock.outputs[D].size) == (state_of(NEW).digest, 8)
    assert project.leftovers() == []


def test_a_folder_that_holds_the_result_already_stays_where_programs_are_at_work_in_it(project, made):
    old, same = made(OLD), made(OLD, code="v2")
    run(project, old, OLD)
    before = [(project.path / D / name).stat().st_ino for name in ("", *OLD)]
    assert run(project, same, OLD, old) == ()
    assert [(project.path / D / name).stat().st_ino for name in ("", *OLD)] == before
    assert project.leftovers() == []


@pytest.mark.parametrize("end", ["abort", "recover"])
@pytest.mark.parametrize("written", [False, True], ids=["saved by Pivot", "written by the stage"])
@pytest.mark.parametrize("before", [OLD, None], ids=["replaced", "new"])
def test_a_run_that_fails_leaves_the_folder_as_it_was(project, made, end, written, before):
    if before is not None:
        run(project, made(before), before)
    journal = begin(project.objects, "train", [D], [D] if written else [])
    write_tree(journal.target(D) if written else journal.staging(D), {"a.json": b"half", "x/y.json": b"made"})
    abort(project.objects, journal) if end == "abort" else recover(project.objects)
    assert read_tree(project.path / D) == (before or {})
    assert (project.path / D).exists() == (before is not None)
    assert project.leftovers() == []
    if end == "recover" and written:
        assert project.objects.has(digest_bytes(b"made")), "what a killed run left is kept"


def test_files_of_a_person_are_kept_before_the_folder_goes(project, made):
    old, new = made(OLD), made(NEW, code="v2")
    run(project, old, OLD)
    project.write(f"{D}a.json", b"my own")
    project.write(f"{D}notes/mine.txt", b"notes")
    (notice,) = run(project, new, NEW, old)
    assert "'a.json', 'notes/mine.txt' were not as Pivot had left it" in notice
    assert read_tree(project.path / D) == NEW
    assert project.objects.has(digest_bytes(b"my own"))
    tree = (project.path / notice.rpartition(" ")[2].rstrip(")")).read_text()
    assert '"notes/mine.txt"' in tree


def test_a_copy_that_rotted_unseen_is_no_reason_to_let_a_persons_file_go(project, made):
    digest = project.objects.add_bytes(b"my own")
    place = Path(project.layout.object_file(digest))
    stat_before = place.stat()
    place.chmod(0o644)
    place.write_bytes(b"by own")
    os.utime(place, ns=(stat_before.st_atime_ns, stat_before.st_mtime_ns))
    run(project, made(OLD), OLD)
    project.write("parts/mine.txt", b"my own")
    run(project, made(NEW, code="v2"), NEW, made(OLD))
    assert place.read_bytes() == b"my own"


def test_files_that_the_cache_has_go_without_a_word(project, made):
    old, new = made(OLD), made(NEW, code="v2")
    run(project, new, NEW)
    run(project, old, OLD, new)
    project.write(f"{D}c.json", b"3")
    (project.path / D / "a.json").unlink()
    assert run(project, new, NEW, old) == ()


def test_a_restore_writes_only_files_that_differ(project, made):
    old, new = made(OLD), made(NEW, code="v2")
    run(project, old, OLD)
    run(project, new, NEW, old)
    same = (project.path / D / "same.txt").stat()
    assert checkout(project.objects, old, new) == ()
    assert read_tree(project.path / D) == OLD
    after = (project.path / D / "same.txt").stat()
    assert (after.st_ino, after.st_mtime_ns, after.st_nlink) == (same.st_ino, same.st_mtime_ns, 1)
    assert read_lock(project.layout, "train")[0].inputs == old.inputs
    assert project.leftovers() == []


def test_a_lock_alone_brings_a_folder_back(project, made):
    run(project, made(OLD, executable=["a.json"]), OLD, executable=["a.json"])
    lock, _ = read_lock(project.layout, "train")
    assert lock.outputs[D].entries is None
    for name in ("a.json", "deep/b.json"):
        (project.path / D / name).unlink()
    assert checkout(project.objects, lock, lock) == ()
    assert read_tree(project.path / D) == OLD
    assert (project.path / D / "a.json").stat().st_mode & stat.S_IXUSR


def test_a_folder_without_files_comes_back(project, made):
    empty = made({})
    run(project, empty, {})
    (project.path / D).rmdir()
    checkout(project.objects, empty, empty)
    assert (project.path / D).is_dir()


def test_a_file_that_lost_its_object_is_taken_from_the_folder_in_place(project, made):
    old = made(OLD)
    run(project, old, OLD)
    os.unlink(project.layout.object_file(digest_bytes(b"2")))
    (project.path / D / "a.json").unlink()
    folder = str(project.path / D)
    assert is_obtainable(project.objects, folder, old.outputs[D].digest)
    checkout(project.objects, replace(old, outputs={D: replace(old.outputs[D], entries=None)}), old)
    assert read_tree(folder) == OLD
    assert project.objects.has(digest_bytes(b"2")), "made again"


def as_link(file):
    os.rename(file, file.parent.parent / "beyond")
    os.symlink("../beyond", file)


@pytest.mark.parametrize("change", [lambda file: file.chmod(0o755), as_link], ids=["executable", "a link"])
def test_a_file_that_lost_its_object_and_is_not_as_recorded_still_gives_its_bytes(project, made, change):
    old = made(OLD)
    run(project, old, OLD)
    os.unlink(project.layout.object_file(digest_bytes(b"1")))
    (project.path / D / "same.txt").unlink()
    change(project.path / D / "a.json")
    folder = str(project.path / D)
    assert is_obtainable(project.objects, folder, old.outputs[D].digest)
    checkout(project.objects, replace(old, outputs={D: replace(old.outputs[D], entries=None)}), old)
    assert read_tree(folder) == OLD
    assert folder_entries(project.objects.index, folder) == old.outputs[D].entries


@pytest.mark.parametrize("lost", ["tree", "file"])
def test_a_folder_with_lost_objects_cannot_be_restored_and_stays(project, made, lost):
    old, new = made(OLD), made(NEW, code="v2")
    run(project, old, OLD)
    run(project, new, NEW, old)
    digest = old.outputs[D].digest if lost == "tree" else digest_bytes(b"2")
    os.unlink(project.layout.object_file(digest))
    lock = replace(old, outputs={D: replace(old.outputs[D], entries=None)})
    assert not is_obtainable(project.objects, str(project.path / D), old.outputs[D].digest)
    with pytest.raises(MissingObjectError, match="'parts/' cannot be restored"):
        checkout(project.objects, lock, new)
    assert read_tree(project.path / D) == NEW
    assert project.leftovers() == []


def test_an_uncached_folder_leaves_no_objects_and_is_right_as_long_as_it_is_there(project, made):
    old = made(OLD, cache=False)
    run(project, old, OLD)
    assert not any(project.objects.has(digest_bytes(data)) for data in OLD.values())
    lock, _ = read_lock(project.layout, "train")
    assert checkout(project.objects, lock, lock) == ()
    (project.path / D / "a.json").unlink()
    with pytest.raises(MissingObjectError):
        checkout(project.objects, lock, lock)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: Path(folder, "a.json").write_bytes(b"longer"),
        lambda folder: Path(folder, "more.json").write_bytes(b""),
        lambda folder: Path(folder, "a.json").unlink(),
    ],
    ids=["another size", "one more", "one less"],
)
def test_a_folder_that_changed_after_the_stage_is_an_error(project, made, spoil):
    new = made(NEW)
    journal = begin(project.objects, "train", [D])
    write_tree(journal.staging(D), NEW)
    spoil(journal.staging(D))
    with pytest.raises(StoreError, match="'parts/' changed after it was looked at"):
        commit_record(project.objects, journal, new)
    assert not (project.path / D).exists()
    assert project.leftovers() == []


def test_a_file_where_a_folder_must_go_is_an_error_before_anything_changes(project):
    project.write("parts", b"file")
    with pytest.raises(StoreError, match="a file is where its output 'parts/' must go"):
        begin(project.objects, "train", [D])
    assert project.read("parts") == b"file"
    assert project.leftovers() == []


def test_a_folder_behind_a_symbolic_link_changes_where_it_lies(project, made, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("big disk") / "parts"
    elsewhere.mkdir()
    (project.path / "parts").symlink_to(elsewhere)
    run(project, made(OLD), OLD)
    assert (project.path / "parts").is_symlink()
    assert read_tree(elsewhere) == OLD


def test_a_folder_that_did_not_change_costs_stats_only(project, made):
    run(project, made(OLD), OLD)
    folder = project.path / D
    for path in folder.rglob("*"):  # written long ago
        os.utime(path, ns=(10**18, 10**18))
    folder_entries(project.index, str(folder))
    opened = []
    watching = True

    def hook(event, args):
        if watching and event == "open" and str(args[0]).startswith(str(folder)):
            opened.append(args[0])

    sys.addaudithook(hook)
    try:
        found = folder_entries(project.index, str(folder))
        assert opened == []
        project.write(f"{D}a.json", b"edited")
        assert tree_digest(folder_entries(project.index, str(folder))) != tree_digest(found)
        assert {*opened} == {str(folder / "a.json")}
    finally:
        watching = False


def test_a_name_that_is_no_text_is_an_error(project):
    folder = project.path / D
    folder.mkdir()
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff.txt")).write_bytes(b"")
    with pytest.raises(StoreError, match="name that is not UTF-8"):
        folder_entries(project.index, str(folder))


NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="/\0", exclude_categories=("Cs",)), min_size=1, max_size=8
)
TREES = st.dictionaries(
    st.lists(
        NAMES.filter(lambda n: n not in (".", "..") and not n.startswith(".pivot")), min_size=1, max_size=3
    ).map("/".join),
    st.binary(max_size=20),
    max_size=8,
).filter(lambda tree: not any(a != b and b.startswith(f"{a}/") for a in tree for b in tree))


@given(first=TREES, second=TREES, edits=TREES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_was_committed_can_be_checked_out_again(project, made, first, second, edits):
    one, two = made(first, code="one"), made(second, code="two")
    run(project, one, first)
    run(project, two, second, one)
    folder = project.path / D
    for name, data in edits.items():
        with contextlib.suppress(FileExistsError, NotADirectoryError, IsADirectoryError):
            write_tree(folder, {name: data})
    kept = read_tree(folder)
    checkout(project.objects, read_lock_again(one), two)
    assert read_tree(folder) == first
    for data in kept.values():
        assert project.objects.has(digest_bytes(data)), "nothing that was there is lost"
    checkout(project.objects, read_lock_again(two), one)
    assert read_tree(folder) == second
    assert project.leftovers() == []


def read_lock_again(record):
    """The record as a lock file has it: without the folder's files."""
    return replace(record, outputs={D: replace(record.outputs[D], entries=None)})
