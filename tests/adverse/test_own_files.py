"""What a person put over an output is never replaced silently: also where the cache has the bytes already."""

import shutil

import pytest

CACHED = ("file.txt", "x.txt", "y.txt", "folder/a.txt", "own.txt", "plot.json", "state.json")
UNCACHED = ("uncached.txt", "metric.json")


@pytest.mark.parametrize("command", ["repro", "checkout"])
def test_what_replaced_every_kind_of_output_is_named_and_kept(kinds, expected, every, tmp_path, command: str):
    kinds.edit("other")
    assert kinds.outcomes() == every("ran")
    shutil.copytree(kinds.path, tmp_path / "before", ignore=shutil.ignore_patterns(".pivot"))
    kinds.edit("one")
    assert kinds.outcomes() == every("ran")
    for name in (*CACHED, *UNCACHED):
        shutil.copyfile(tmp_path / "before" / name, kinds.path / name)  # its bytes are in the cache
    done = kinds.pivot(command)
    assert done.code == 0, done
    assert kinds.held() == expected("one")
    assert kinds.state() == ["other", "one"]
    for name in (*CACHED, *UNCACHED):
        folder, _, inner = name.rpartition("/")
        found = f"in 'folder/' '{inner}' was not" if folder else f"'{name}' was not"
        assert f"{found} as Pivot had left it" in done.told, (name, done)
    before = [(tmp_path / "before" / name).read_text() for name in CACHED]
    for more, stay in (((), True), (("--drop-kept",), False)):
        assert kinds.pivot("gc", "--keep-runs", "0", *more).code == 0
        held = {path.read_text() for path in kinds.objects()}
        assert {text in held for text in before} == {stay}


def test_what_another_branch_left_is_no_news(kinds, expected, every):
    kinds.edit("other")
    assert kinds.outcomes() == every("ran")
    locks = kinds.path / ".pivot/stages"
    shutil.copytree(locks, kinds.path / "locks")
    kinds.edit("one")
    assert kinds.outcomes() == every("ran")
    shutil.rmtree(locks)
    (kinds.path / "locks").rename(locks)  # as git does
    kinds.edit("other")
    done = kinds.pivot("repro")
    assert done.code == 0
    assert "as Pivot had left it" not in done.told, done
    assert kinds.held() == expected("other")
