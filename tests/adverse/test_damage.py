"""Objects that are deleted, cut off, altered or replaced, of every kind of out: found, told, made again, never served."""

import os
import shutil
from pathlib import Path

import pytest

from pivot.model.digest import digest_bytes


def deleted(path: Path) -> None:
    path.unlink()


def cut_off(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1])


def altered(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[::-1] + b"!")


def altered_at_the_same_size_and_time(path: Path) -> None:
    stat = path.stat()
    path.chmod(0o644)
    path.write_bytes(bytes(byte ^ 1 for byte in path.read_bytes()))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def a_folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


def a_link_to_nothing_instead(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


@pytest.mark.parametrize(
    ("spoil", "mode"),
    [
        (deleted, "copy"),
        (deleted, "symlink"),
        (cut_off, "hardlink"),
        (altered, "symlink"),
        (altered_at_the_same_size_and_time, "copy"),  # where links are made, no byte is read
        (a_link_to_nothing_instead, "copy"),
    ],
)
def test_what_lost_its_objects_and_its_files_is_made_again(kinds, expected, every, spoil, mode: str):
    kinds.make("one", f"cache:\n  checkout_mode: {mode}\n")
    assert kinds.outcomes() == every("ran")
    for path in kinds.objects():
        spoil(path)
    for name in expected(""):
        if not name.startswith("loose"):
            (kinds.path / name).unlink()
    done = kinds.pivot("repro")
    assert done.code == 0, done
    assert kinds.held() == expected("one")
    assert kinds.state() == ["one"]
    kinds.pivot("verify", "--all")  # what nobody has asked for since is put aside
    for path in kinds.objects():
        assert digest_bytes(path.read_bytes()) == path.parent.name + path.name
    assert kinds.pivot("verify", "--all").code == 0
    shutil.rmtree(kinds.path / "folder")
    assert kinds.outcomes() == every("unchanged", folder="restored")
    assert kinds.leftovers() == []


def test_folders_where_objects_must_be_are_named_with_the_way_out(kinds, expected):
    assert kinds.pivot("repro").code == 0
    objects = kinds.objects()
    for path in objects:
        a_folder_instead(path)
    kinds.pivot("verify", "--all")
    kinds.edit("three")
    assert kinds.pivot("repro").code == 0
    assert kinds.held() == expected("three")
    kinds.edit("one")
    done = kinds.pivot("repro", "--keep-going")
    assert done.code == 1
    assert "--- file failed ---\ncannot write " in done.out
    assert "a folder is where a file must go" in done.out
    assert kinds.held()["file.txt"] == expected("three")["file.txt"]
    for path in objects:
        if path.is_dir():
            path.rmdir()
    assert kinds.pivot("repro").code == 0
    assert kinds.held() == expected("one")
