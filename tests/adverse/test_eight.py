"""Eight processes at once: they run, restore, accept, check, collect and move results, and none harms another."""

import contextlib
import os
import random
import re
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROUNDS = 4
"""Commands of each process."""

COMMANDS = (
    ("repro",),
    ("repro", "--keep-going"),
    ("repro", "--force", "state"),
    ("checkout",),
    ("checkout", "--force"),
    ("commit",),
    ("gc",),
    ("gc", "--keep-runs", "0"),
    ("verify", "--all"),
    ("status",),
)

# what stands in the way of a command while others are at work and files go; all else would be a fault
EXCUSES = [
    r"another run, pull or collection uses the cache now",
    r"stage '\w+': another run is at work on it \(.+\)",
    r"stage '\w+': its (dep|output) .+ is not there",
    r"stage '\w+': the bytes of .+ are not in the cache",
    r"stage '\w+': [\w./]+: its bytes are not in the cache",
    r"stage '\w+': '.+' cannot be restored: object \w+ is not in the cache",  # it was for a moment
    r"stage '\w+': .+ changed while the stage ran, so its outputs were dropped",
    r"stage '\w+': '.+' changed after it was looked at",
    r"what [\w/]+ held is lost: it is neither there nor in the cache",
    r"stage '\w+': .+ does not exist; stage '\w+' did not write it .*",
]


def work(kinds, seed: int, commands, disturb: Callable[[random.Random], None]) -> None:
    """Some commands, one after the other; each does its work, or says what is in its way and what to do."""
    chance = random.Random(seed)
    for _ in range(ROUNDS):
        disturb(chance)
        done = kinds.pivot(*chance.choice(commands))
        errors = re.findall("^error: (.*)$", done.err, re.MULTILINE)
        excused = [text for text in errors if any(re.fullmatch(one, text) for one in EXCUSES)]
        assert errors == excused, done
        assert len(re.findall("^hint: ", done.err, re.MULTILINE)) >= len(errors), done
        assert done.code == 0 or errors or done.words[0] in ("repro", "verify"), done
        if done.code and done.words[0] == "repro":
            failures = re.findall(r"^✗ failed (?:[\d.]+ \w+)? +(\w+) +(.*)$", done.out, re.MULTILINE)
            assert failures, done
            for stage, text in failures:
                assert any(re.fullmatch(one, text) for one in EXCUSES), (done, stage)


def at_once(tasks: list[Callable[[], None]]) -> None:
    with ThreadPoolExecutor(len(tasks)) as pool:
        for one in [pool.submit(task) for task in tasks]:
            one.result()


@pytest.mark.timeout(900)
def test_on_one_project_while_files_and_objects_are_deleted(kinds, expected, every):
    assert kinds.pivot("remote", "add", "share", "../share").code == 0
    for word in ("repro", "push"):
        assert kinds.pivot(word).code == 0
    trash = kinds.path.parent / "trash"
    trash.mkdir()
    # not these two, which no stage names: a folder without them `commit` takes, as a person may want it so
    files = [name for name in expected("") if name not in ("folder/deep/b.txt", "loose/a.txt")]

    def disturb(chance: random.Random) -> None:
        name = chance.choice([*files, "folder", "loose"])
        with contextlib.suppress(FileNotFoundError):  # another one was faster
            os.rename(kinds.path / name, trash / f"{chance.random()}")
        with contextlib.suppress(FileNotFoundError, IndexError):
            os.rename(chance.choice(kinds.objects()), trash / f"{chance.random()}")

    commands = (*COMMANDS, ("push",), ("pull",))
    at_once([lambda seed=seed: work(kinds, seed, commands, disturb) for seed in range(8)])
    assert kinds.pivot("repro").code == 0
    assert kinds.held() == expected("one")
    assert set(kinds.state()) == {"one"}
    assert kinds.pivot("verify", "--all").code == 0
    assert kinds.outcomes() == every("unchanged")
    assert kinds.leftovers() == []


@pytest.mark.timeout(900)
def test_on_four_clones_with_one_cache_while_their_inputs_change(kinds, expected, every, tmp_path):
    clones = []
    for number in range(4):
        clone = type(kinds)(
            tmp_path / f"clone{number}", environment={"PIVOT_CACHE_DIR": str(tmp_path / "shared")}
        )
        clones.append(clone.make("zero"))
    versions = ("one", "two")

    def edit(clone) -> Callable[[random.Random], None]:
        def disturb(chance: random.Random) -> None:
            (clone.path / "in.new").write_text(chance.choice(versions))
            os.replace(clone.path / "in.new", clone.path / "in.txt")
            shutil.rmtree(clone.path / "folder", ignore_errors=True)

        return disturb

    commands = [
        words for words in COMMANDS if words[0] != "commit"
    ]  # it would take one text's outputs for another's
    tasks = [lambda c=clone, n=n: work(c, n, commands, edit(c)) for n, clone in enumerate(clones)]
    tasks += [lambda c=clone, n=n: work(c, 4 + n, commands, lambda _: None) for n, clone in enumerate(clones)]
    at_once(tasks)
    for clone, text in zip(clones, versions * 2, strict=True):
        (clone.path / "in.txt").write_text(text)
        assert clone.pivot("repro").code == 0
    for clone in clones:
        assert clone.pivot("gc", "--keep-runs", "0").code == 0
    for clone, text in zip(clones, versions * 2, strict=True):
        assert clone.pivot("verify", "--all").code == 0
        assert clone.held() == expected(text)
        assert clone.state()[-1] == text
        for name in (*expected(""), "state.json"):
            (clone.path / name).unlink()
        shutil.rmtree(clone.path / "folder")
        (clone.path / "loose/a.txt").write_text(text)  # nobody kept it
        assert clone.outcomes() == every("restored", loose="unchanged")
        assert clone.held() == expected(text)
        assert clone.leftovers() == []
    assert not list(Path(tmp_path / "shared/tmp").glob("*"))
