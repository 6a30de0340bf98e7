import os
import sqlite3
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pivot.errors import StoreError
from pivot.model.digest import digest_bytes
from pivot.model.tree import TreeEntry, tree_digest
from pivot.store import hashing
from pivot.store.folders import hash_entries
from pivot.store.index import SourceIndex, StateDb, StatIndex, Versions
from pivot.store.layout import plan_layout
from pivot.store.trees import digest_by_pieces

LATER = 10_000_000_000


def fresh(project, later: int = LATER) -> tuple[StateDb, StatIndex]:
    """Another process's index, whose clock is so many ns ahead."""
    db = StateDb(project.layout)
    return db, StatIndex(db, lambda: time.time_ns() + later)


def plant(index: StatIndex, path: Path, wrong: bytes) -> None:
    """Makes the index believe that the file as it is now has other content, to see when it is believed."""
    index.remember(str(path), digest_bytes(wrong), path.stat())


def test_the_digest_follows_the_content(project):
    file = project.write("a.txt", b"one")
    assert project.index.digest(str(file)) == digest_bytes(b"one")
    file.write_bytes(b"two")
    assert project.index.digest(str(file)) == digest_bytes(b"two")
    file.unlink()
    assert project.index.digest(str(file)) is None


def test_a_database_that_another_process_has_to_itself_is_waited_for_once(project):
    file = project.write("a.txt", b"one")
    db, index = fresh(project)
    plant(index, file, b"believed")
    index.flush()
    db.close()
    other = sqlite3.connect(project.layout.state_db, isolation_level=None)
    other.execute("PRAGMA locking_mode=EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    db = StateDb(project.layout, 0.01)
    assert StatIndex(db).digest(str(file)) == digest_bytes(b"one")
    assert db.patience == 0
    other.close()
    assert StatIndex(db).digest(str(file)) == digest_bytes(b"believed")
    db.close()


def test_what_was_written_within_a_tick_is_read_again(project):
    file = project.write("a.txt", b"one")
    db, _ = fresh(project)
    index = StatIndex(db, lambda: file.stat().st_mtime_ns)
    plant(index, file, b"wrong")
    assert index.digest(str(file)) == digest_bytes(b"one")
    db.close()


def test_a_clock_that_went_back_makes_files_be_read_again(project):
    file = project.write("a.txt", b"one")
    db, index = fresh(project, -LATER)
    plant(index, file, b"wrong")
    assert index.digest(str(file)) == digest_bytes(b"one")
    db.close()


def test_an_unchanged_file_is_not_read_again_even_by_another_process(project):
    file = project.write("a.txt", b"one")
    db, index = fresh(project)
    plant(index, file, b"believed")
    index.flush()
    db.close()
    db, index = fresh(project)
    assert index.digest(str(file)) == digest_bytes(b"believed")
    db.close()


def looked(
    index: StatIndex, folder: Path, times: list[str], meanwhile: Callable[[], object] = lambda: None
) -> str:
    """The digest of a folder; each time that it is worked out is noted."""

    def entries(versions: Versions) -> list[TreeEntry]:
        times.append("worked out")
        meanwhile()
        return [
            TreeEntry(Path(place).name, one[0], one[1].st_size, bool(one[1].st_mode & stat.S_IXUSR))
            for place, one in versions.items()
            if one is not None
        ]

    files = sorted(path.name for path in folder.iterdir())
    before = tree_digest(hash_entries(index, str(folder), files))
    found = digest_by_pieces(index, {str(folder / name): name for name in files}, entries)
    assert found == before
    return found


def test_a_folder_is_worked_out_anew_only_after_a_change_even_by_another_process(project):
    files = [project.write(f"d/{name}", name.encode()) for name in "abc"]
    db, index = fresh(project)
    times: list[str] = []
    before = looked(index, files[0].parent, times)
    index.flush()
    db.close()
    db, index = fresh(project)
    assert looked(index, files[0].parent, times) == before
    assert len(times) == 1
    known = {before}
    for change in (
        lambda: files[0].write_bytes(b"other"),
        lambda: files[1].chmod(0o755),
        lambda: files[2].unlink(),
        lambda: files[0].rename(files[2]),
    ):
        change()
        known.add(looked(index, files[0].parent, times))
    assert len(known) == len(times) == 5
    db.close()


def test_of_a_large_folder_only_the_part_is_looked_up_in_which_something_changed(project):
    """What one file of thousands costs must not grow with them."""
    files = [project.write(f"d/{number}", b"%d" % number) for number in range(3000)]
    folder = files[0].parent
    db, index = fresh(project)
    looked_up: list[int] = []

    def found() -> str:
        names = sorted(path.name for path in folder.iterdir())
        places = {str(folder / name): name for name in names}

        def entries(versions: Versions) -> list[TreeEntry]:
            looked_up.append(len(versions))
            return [
                TreeEntry(places[place], one[0], one[1].st_size, bool(one[1].st_mode & stat.S_IXUSR))
                for place, one in versions.items()
                if one is not None
            ]

        digest = digest_by_pieces(index, places, entries)
        assert digest == tree_digest(hash_entries(index, str(folder), names))
        return digest

    known = {found()}
    assert sum(looked_up) == 3000
    index.flush()
    db.close()
    for change in (
        lambda: files[7].write_bytes(b"other"),
        lambda: files[8].chmod(0o755),
        lambda: files[9].unlink(),
        lambda: (folder / "70a").write_bytes(b"new"),
        lambda: files[10].rename(folder / "zz"),
    ):
        change()
        looked_up.clear()
        db, index = fresh(project)
        known.add(found())
        assert 0 < sum(looked_up) < 2000
        index.flush()
        db.close()
    assert len(known) == 6


def test_what_is_written_while_a_folder_is_worked_out_counts_the_next_time(project):
    file = project.write("d/a", b"one")
    db, index = fresh(project)
    times: list[str] = []
    before = looked(index, file.parent, times, lambda: file.write_bytes(b"two"))
    assert looked(index, file.parent, times) != before
    assert len(times) == 2
    db.close()


def test_of_a_folder_with_a_file_written_within_a_tick_nothing_is_remembered(project):
    file = project.write("d/a", b"one")
    db, _ = fresh(project)
    index = StatIndex(db, lambda: file.stat().st_mtime_ns)
    times: list[str] = []
    looked(index, file.parent, times)
    looked(index, file.parent, times)
    assert len(times) == 2
    db.close()


@pytest.mark.parametrize("change", ["touch", "size", "replace", "chmod"])
def test_any_change_of_the_stat_makes_a_file_be_read_again(project, change):
    file = project.write("a.txt", b"one")
    os.utime(file, ns=(1, 1_500_000_001))
    db, index = fresh(project)
    plant(index, file, b"wrong")
    if change == "touch":
        os.utime(file, ns=(1, 1_500_000_002))
    elif change == "size":
        file.write_bytes(b"longer")
        os.utime(file, ns=(1, 1_500_000_001))
    elif change == "replace":
        project.write("b.txt", b"two").rename(file)
        os.utime(file, ns=(1, 1_500_000_001))
    else:
        file.chmod(0o600)  # moves ctime, which nobody can set back
    assert index.digest(str(file)) == digest_bytes(file.read_bytes())
    db.close()


def test_what_is_known_of_a_file_moves_with_it(project):
    file = project.write("a.txt", b"one")
    db, index = fresh(project)
    plant(index, file, b"believed")
    file.rename(project.path / "b.txt")
    index.moved(str(file), str(project.path / "b.txt"))
    assert index.digest(str(project.path / "b.txt")) == digest_bytes(b"believed")
    db.close()


def test_many_files_at_once(project):
    files = {str(project.write(f"{n}.txt", b"%d" % n)): digest_bytes(b"%d" % n) for n in range(1200)}
    absent = str(project.path / "absent")
    assert project.index.digests([*files, absent]) == files | {absent: None}


def test_names_that_are_no_utf8_are_files_too(project):
    path = os.fsencode(project.path) + b"/caf\xe9"
    try:
        with open(path, "wb") as file:
            file.write(b"x")
    except OSError:
        pytest.skip("the file system takes only UTF-8 names")
    db, index = fresh(project)
    assert index.digest(os.fsdecode(path)) == digest_bytes(b"x")
    index.flush()
    db.close()


@pytest.mark.parametrize(
    "damage", [b"not a database at all, but long enough to look at" * 100, b"", b"\0" * 8192]
)
def test_a_damaged_database_is_replaced_without_a_word(project, damage):
    file = project.write("a.txt", b"one")
    Path(project.layout.state_db).write_bytes(damage)
    for _ in range(2):
        db, index = fresh(project)
        assert index.digest(str(file)) == digest_bytes(b"one")
        index.flush()
        db.close()
    with sqlite3.connect(project.layout.state_db) as db:
        assert db.execute("SELECT digest FROM stat").fetchall() == [(digest_bytes(b"one"),)]
    db.close()


def test_a_database_of_another_version_is_replaced(project):
    with sqlite3.connect(project.layout.state_db) as other:
        other.execute("PRAGMA user_version=99")
        other.execute("CREATE TABLE stat (other)")
    other.close()
    db, _ = fresh(project)
    sources = SourceIndex(db)
    sources.save(digest_bytes(b"a"), b"index of a")
    sources.flush()
    assert SourceIndex(db).load(digest_bytes(b"a")) == b"index of a"
    db.close()


def test_a_database_that_cannot_be_opened_or_is_locked_is_done_without(project):
    file = project.write("a.txt", b"one")
    db, index = fresh(project)
    index.digest(str(file))
    holder = sqlite3.connect(project.layout.state_db)
    index.flush()
    holder.execute("BEGIN IMMEDIATE")
    other_db = StateDb(project.layout, 0.01)
    other = StatIndex(other_db, lambda: time.time_ns() + LATER)
    plant(other, file, b"x")
    other.flush()
    assert other.digest(str(project.write("b.txt", b"two"))) == digest_bytes(b"two")
    holder.rollback()
    holder.close()
    db.close()
    other_db.close()
    Path(project.layout.state_db).unlink()
    Path(project.layout.state_db).mkdir()
    db, index = fresh(project)
    assert index.digest(str(file)) == digest_bytes(b"one")
    index.flush()
    SourceIndex(db).save(digest_bytes(b"a"), b"b")
    db.close()


def test_results_are_kept_by_kind_and_digest(project):
    db = StateDb(project.layout)
    sources, specs = SourceIndex(db), SourceIndex(db, "spec")
    key = digest_bytes(b"text")
    assert sources.load(key) is None
    sources.save(key, b"index")
    assert sources.load(key) == b"index"
    sources.flush()
    assert sources.load(key) == b"index"
    assert specs.load(key) is None
    db.close()


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo], ids=["folder", "pipe"])
def test_what_is_no_file_is_an_error_that_names_it(project, make):
    path = project.path / "odd"
    make(path)
    with pytest.raises(StoreError, match="odd"):
        project.index.digest(str(path))


def test_a_link_that_leads_in_a_circle_leads_nowhere(project):
    path = project.path / "odd"
    path.symlink_to(path)
    assert project.index.digest(str(path)) is None


def test_a_file_that_is_written_all_the_time_is_an_error_and_never_a_wrong_digest(tmp_path):
    path = tmp_path / "busy.bin"
    path.touch()
    os.truncate(path, 256 << 20)
    stop = threading.Event()

    def scribble() -> None:
        with open(path, "r+b") as file:
            n = 0
            while not stop.is_set():
                n += 1
                file.seek(n % 1000)
                file.write(b"%d" % n)
                file.flush()

    writer = threading.Thread(target=scribble)
    writer.start()
    try:
        with pytest.raises(StoreError, match="changes while it is read"):
            hashing.hash_file(str(path))
    finally:
        stop.set()
        writer.join()
    digest, _ = hashing.hash_file(str(path))
    assert digest == digest_bytes(path.read_bytes())


def test_files_are_looked_up_in_a_project_that_has_no_store_yet(tmp_path):
    layout = plan_layout(str(tmp_path), None)
    (tmp_path / "a").write_bytes(b"1")
    index = StatIndex(StateDb(layout))
    assert index.digest(str(tmp_path / "a")) == digest_bytes(b"1")
    index.flush()
    assert not (tmp_path / ".pivot").exists()


def test_what_is_known_of_many_files_is_fetched_at_once_whatever_their_names(project):
    for number in range(3):
        Path(project.layout.root, f"{number}.txt").write_text(str(number))
        os.utime(Path(project.layout.root, f"{number}.txt"), (1, 1))
    paths = [os.path.join(project.layout.root, f"{number}.txt") for number in range(3)]
    found = project.objects.index.digests(paths)
    project.objects.index.flush()
    db = StateDb(project.layout)
    index = StatIndex(db)
    index.fetch([*paths, *paths, "/nowhere", "/no text \ud800", "/no file \0"])
    db.close()
    Path(project.layout.state_db).unlink()
    assert index.digests(paths) == found
