"""A disk that is full, wherever in a run that happens: the old outputs stay, and the message says what to do."""

import os
from pathlib import Path

import pytest


def fill(path: Path, free: int) -> None:
    """Leave so many pages of the file system."""
    with path.open("wb", buffering=0) as file:
        stat = os.statvfs(path.parent)
        file.write(bytes(max(0, stat.f_bavail - free) * stat.f_bsize))


@pytest.mark.parametrize("mode", ["copy", "hardlink", "symlink"])
@pytest.mark.timeout(600)
def test_wherever_a_full_disk_stops_a_run_the_old_outputs_stay_and_the_next_run_is_right(
    kinds, room, tmp_path, expected, every, mode: str
):
    (tmp_path / "disk").mkdir()
    made = room(f"mount -t tmpfs -o size=2m tmpfs {tmp_path}/disk")
    inner = f"{tmp_path}/disk/project"
    full = type(kinds)(made.inside(inner), inner, made.prefix, root=str(made.inside("")))
    full.make("before", f"cache:\n  checkout_mode: {mode}\n")
    assert full.outcomes() == every("ran")
    ballast = full.path.parent / "ballast"
    before = ["before"]
    failed = set[str]()
    for free in (0, 8, 14, 20, 28):
        text = f"text {free}"
        old = full.held()
        full.edit(text)
        fill(ballast, free)
        done = full.pivot("repro", "--keep-going")
        if done.code:
            assert "No space left on device" in done.told, done
            assert "hint: free some disk space and run again" in done.told, done
            failed |= {line.split()[1] for line in done.out.splitlines() if line.startswith("--- ")}
        held = full.held()
        assert held.keys() == old.keys()
        for name, new in expected(text).items():
            assert held[name] in (old[name], new), done
        assert full.state() in (before, [*before, text])
        for folder in ("several", "folder"):
            names = {"several": ("x.txt", "y.txt"), "folder": ("folder/a.txt", "folder/deep/b.txt")}[folder]
            assert len({held[name] == expected(text)[name] for name in names}) == 1, "all of them or none"
        assert full.pivot("status").code == 0
        ballast.unlink()
        assert full.pivot("repro").code == 0
        assert full.held() == expected(text)
        before = full.state()
        assert before[-1] == text
        assert full.leftovers() == []
    assert full.pivot("verify", "--all").code == 0
    assert failed >= {"file", "folder", "own", "loose", "uncached", "plot", "state"}
