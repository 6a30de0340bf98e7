import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from pivot.errors import StoreError
from pivot.model.digest import digest_bytes
from pivot.store.objects import MissingObjectError

DATA = b"some bytes" * 1000


def object_path(project, data: bytes = DATA) -> Path:
    return Path(project.layout.object_file(digest_bytes(data)))


def damage(path: Path, data: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(data)


def test_an_object_has_the_files_bytes_is_read_only_and_the_file_stays(project):
    file = project.write("a.bin", DATA)
    digest = project.objects.add_file(str(file))
    assert digest == digest_bytes(DATA)
    assert object_path(project).read_bytes() == DATA
    assert stat.S_IMODE(object_path(project).stat().st_mode) == 0o444
    assert file.read_bytes() == DATA
    assert os.access(file, os.W_OK)
    assert project.leftovers() == []


@pytest.mark.parametrize("size", [0, 1, 65536, 65537, (4 << 20) + 1])
def test_any_size_comes_back_as_it_was(project, size):
    data = os.urandom(size)
    digest = project.objects.add_file(str(project.write("a.bin", data)))
    project.objects.restore(digest, str(project.path / "b.bin"))
    assert project.read("b.bin") == data


@pytest.mark.parametrize("executable", [True, False])
def test_a_restored_file_is_writable_and_executable_if_it_was(project, executable):
    digest = project.objects.add_file(str(project.write("a.sh", DATA)))
    project.objects.restore(digest, str(project.path / "sub/b.sh"), executable=executable)
    mode = (project.path / "sub/b.sh").stat().st_mode
    assert bool(mode & stat.S_IXUSR) == executable
    assert mode & stat.S_IWUSR


def test_a_write_to_a_restored_file_leaves_the_object_alone(project):
    digest = project.objects.add_file(str(project.write("a.bin", DATA)))
    project.objects.restore(digest, str(project.path / "a.bin"))
    with open(project.path / "a.bin", "r+b") as file:
        file.write(b"poison")
    assert object_path(project).read_bytes() == DATA


@pytest.mark.parametrize("wrong", [b"", DATA[:-1], b"x" * len(DATA)])
def test_a_damaged_object_is_put_aside_and_counts_as_missing(project, wrong):
    digest = project.objects.add_file(str(project.write("a.bin", DATA)))
    damage(object_path(project), wrong)
    assert not project.objects.has(digest)
    assert [p.read_bytes() for p in Path(project.layout.quarantine).iterdir()] == [wrong]
    with pytest.raises(MissingObjectError, match=digest):
        project.objects.restore(digest, str(project.path / "b.bin"))
    assert project.read("b.bin") is None
    assert project.leftovers() == []


def test_damage_that_keeps_size_and_time_is_found_when_the_bytes_are_copied(project):
    digest = project.objects.add_file(str(project.write("a.bin", DATA)))
    path = object_path(project)
    before = path.stat()
    damage(path, b"x" * len(DATA))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    project.write("b.bin", b"mine")
    if project.objects.has(digest):
        try:
            project.objects.restore(digest, str(project.path / "b.bin"))
        except MissingObjectError:
            assert project.read("b.bin") == b"mine"
            assert not path.exists()
        else:  # a file system that shares blocks reads nothing
            assert not project.objects.verify(digest)


def test_damage_that_keeps_size_and_time_is_found_when_the_bytes_are_read(project):
    digest = project.objects.add_bytes(DATA)
    path = object_path(project)
    before = path.stat()
    damage(path, b"x" * len(DATA))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(MissingObjectError, match="damaged"):
        project.objects.read(digest)
    assert not path.exists()
    told = f"object {digest} in the cache was damaged; it is put aside in .pivot/cache/quarantine"
    assert project.objects.notices == [told]


def test_a_damaged_object_that_cannot_be_put_aside_is_not_trusted_again(project):
    digest = project.objects.add_bytes(DATA)
    path = object_path(project)
    before = path.stat()
    damage(path, b"x" * len(DATA))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    Path(project.layout.quarantine).write_text("in the way")
    assert project.objects.has(digest)  # its seal is right
    with pytest.raises(MissingObjectError):
        project.objects.read(digest)
    assert not project.objects.has(digest)
    assert [text.partition("; ")[2] for text in project.objects.notices] == ["it cannot be put aside"]
    assert project.objects.add_bytes(DATA) == digest
    assert project.objects.read(digest) == DATA


def test_storing_a_file_again_mends_a_damaged_object(project):
    file = project.write("a.bin", DATA)
    digest = project.objects.add_file(str(file))
    damage(object_path(project), b"wrong")
    assert project.objects.add_file(str(file), digest) == digest
    assert object_path(project).read_bytes() == DATA


def test_a_copied_cache_is_hashed_once_and_then_trusted(project):
    digest = project.objects.add_file(str(project.write("a.bin", DATA)))
    path = object_path(project)
    sealed = path.stat().st_mtime_ns
    os.utime(path)
    assert project.objects.has(digest)
    assert path.stat().st_mtime_ns == sealed


def test_a_file_that_is_not_what_it_should_be_is_not_stored(project):
    file = project.write("a.bin", b"changed")
    with pytest.raises(StoreError, match="changed after it was hashed"):
        project.objects.add_file(str(file), digest_bytes(DATA))
    assert not object_path(project).exists()
    assert project.leftovers() == []


def test_a_full_disk_is_said_and_leaves_nothing_half_written(tmp_path):
    """A limit on the size of files stands in for the disk."""
    code = """
import os, resource, sys
from pivot.errors import StoreError
from pivot.store.index import StateDb, StatIndex
from pivot.store.layout import create
from pivot.store.objects import ObjectStore
os.chdir(sys.argv[1])
layout = create(".")
with open("a.bin", "wb") as file:
    file.write(bytes(200000))
resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))
try:
    ObjectStore(layout, StatIndex(StateDb(layout))).add_file("a.bin")
except StoreError as error:
    print(error)
print(os.listdir(layout.cache_scratch), os.path.exists(layout.objects))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        errors="replace",
    )
    message, hint, rest = done.stdout.splitlines()
    assert message.startswith("cannot write ")
    assert "free some disk space" in hint
    assert rest == "[] False"


def test_processes_that_store_and_restore_the_same_at_once_all_get_it_right(project):
    code = """
import os, sys
from pivot.store.index import StateDb, StatIndex
from pivot.store.layout import open_layout
from pivot.store.objects import ObjectStore
root, who = sys.argv[1:]
layout = open_layout(root)
db = StateDb(layout)
index = StatIndex(db)
objects = ObjectStore(layout, index)
for n in range(40):
    data = b"%d" % n * 5000
    path = os.path.join(root, who)
    with open(path, "wb") as file:
        file.write(data)
    digest = objects.add_file(path)
    objects.restore(digest, path + ".back")
    with open(path + ".back", "rb") as file:
        assert file.read() == data
    assert index.digest(path + ".back") == digest
    index.flush()
db.close()
"""
    children = [
        subprocess.Popen([sys.executable, "-c", code, str(project.path), f"p{n}"], stderr=subprocess.PIPE)
        for n in range(6)
    ]
    for process in children:
        _, errors = process.communicate()
        assert process.returncode == 0, errors.decode()
    files = list(Path(project.layout.objects).glob("*/*"))
    assert len(files) == 40
    assert all(digest_bytes(file.read_bytes()) == file.parent.name + file.name for file in files)
    assert project.leftovers() == []
