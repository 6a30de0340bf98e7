"""A remote folder that is full, read-only, or not there: each file that was not moved is named, and nothing half-moved counts."""

import os
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("script", "why", "hint"),
    [
        ("mount --bind {0} {0}; mount -o remount,ro,bind {0}", "Read-only file system", "hint: make "),
        ("mount -t tmpfs -o size=40k tmpfs {0}", "No space left on device", "hint: free some disk space"),
    ],
    ids=["read-only", "full"],
)
def test_what_a_remote_does_not_take_is_named_and_goes_there_later(
    kinds, room, tmp_path, expected, script, why, hint
):
    share = tmp_path / "share"
    share.mkdir()
    for words in (("remote", "add", "share", "../share"), ("repro",)):
        assert kinds.pivot(*words).code == 0
    made = room(script.format(share))
    if "tmpfs" in script:
        inside: Path = made.inside(str(share))
        (inside / "ballast").write_bytes(bytes(8 * os.sysconf("SC_PAGE_SIZE")))
    kinds.prefix = made.prefix
    done = kinds.pivot("push")
    assert done.code == 1
    assert why in done.err
    assert hint in done.err
    kinds.prefix = ()
    assert kinds.pivot("verify", "--all").code == 0
    assert kinds.pivot("push").code == 0
    assert not list(share.glob("tmp/*"))
    for name in expected(""):
        if not name.startswith("loose"):
            (kinds.path / name).unlink()
    (kinds.path / ".pivot/cache").rename(tmp_path / "away")
    assert kinds.pivot("pull").code == 0
    assert "ran" not in kinds.outcomes().values()
    assert kinds.held() == expected("one")


def test_a_remote_that_is_not_there_is_named_with_the_way_out(kinds, tmp_path, expected):
    for words in (("remote", "add", "share", "../away/share"), ("repro",)):
        assert kinds.pivot(*words).code == 0
    for word in ("push", "pull"):
        done = kinds.pivot(word)
        assert done.code == 1
        assert f"cannot use the folder {tmp_path}/away/share: No such file or directory" in done.err
        assert "hint: is it mounted?" in done.err
    (tmp_path / "away/share").mkdir(parents=True)
    assert kinds.pivot("push").code == 0
    assert kinds.held() == expected("one")
