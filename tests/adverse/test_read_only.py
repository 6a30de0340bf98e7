"""A cache or a project that cannot be written: what can be done is done, and the rest says what is in the way."""

import pytest

MODES = pytest.mark.parametrize("mode", ["copy", "hardlink", "symlink"])


def read_only(folder) -> str:
    """A script that makes a folder read-only for those in the room."""
    return f"mount --bind {folder} {folder}; mount -o remount,ro,bind {folder}"


@MODES
@pytest.mark.parametrize("shared", [False, True], ids=["own cache", "shared cache"])
def test_from_a_cache_that_is_read_only_everything_can_be_restored(
    kinds, room, tmp_path, expected, every, mode: str, shared: bool
):
    cache = tmp_path / ("shared" if shared else "project/.pivot/cache")
    if shared:
        kinds.environment["PIVOT_CACHE_DIR"] = str(cache)
    kinds.make("one", f"cache:\n  checkout_mode: {mode}\n")
    assert kinds.outcomes() == every("ran")
    kinds.prefix = room(read_only(cache)).prefix
    assert kinds.outcomes() == every("unchanged")
    for name in expected(""):
        if not name.startswith("loose"):
            (kinds.path / name).unlink()
    assert kinds.pivot("status").code == 0
    assert kinds.outcomes() == every("restored", loose="unchanged", state="unchanged")
    assert kinds.held() == expected("one")
    assert kinds.leftovers() == []
    for words in (("verify", "--all"), ("checkout",), ("gc", "--dry-run")):
        assert kinds.pivot(*words).told.count("error: ") == (words[0] == "gc"), words


@MODES
def test_what_must_be_kept_in_a_cache_that_is_read_only_fails_and_the_old_outputs_stay(
    kinds, room, tmp_path, expected, every, mode: str
):
    kinds.make("one", f"cache:\n  checkout_mode: {mode}\n")
    assert kinds.outcomes() == every("ran")
    kinds.prefix = room(read_only(kinds.path / ".pivot/cache")).prefix
    kinds.edit("two")
    done = kinds.pivot("repro", "--keep-going")
    assert done.code == 1
    for stage in ("file", "folder", "own", "uncached", "plot", "state", "loose"):
        assert f"--- {stage} failed ---\ncannot write {kinds.path}/.pivot/cache/" in done.out, done
    assert done.out.count("Read-only file system") == 14
    assert "hint: make " in done.out
    assert kinds.held() == expected("one")
    assert kinds.state() == ["one"]
    assert kinds.leftovers() == []
    assert kinds.pivot("gc").code == 1
    kinds.prefix = ()
    assert kinds.outcomes() == every("ran")
    assert kinds.held() == expected("two")


def test_a_project_that_is_read_only_can_be_looked_at(kinds, room, expected, every):
    assert kinds.outcomes() == every("ran")
    (kinds.path / "file.txt").unlink()
    kinds.prefix = room(read_only(kinds.path)).prefix
    done = kinds.pivot("status")
    assert (done.code, done.err) == (0, "")
    assert "1 of 9 stages will run" not in done.out
    for words in (
        ("verify", "--all"),
        ("history",),
        ("metrics", "show"),
        ("log", "file"),
        ("list",),
        ("status", "--explain"),
    ):
        assert (kinds.pivot(*words).code, words) == (0, words)
    for words in (("repro",), ("checkout",), ("commit",), ("gc",)):
        done = kinds.pivot(*words)
        assert done.code == 1, done
        assert "Read-only file system" in done.told, done
        assert "hint: make " in done.told, done
    kinds.prefix = ()
    assert kinds.outcomes() == every("unchanged", file="restored")
    assert kinds.held() == expected("one")
