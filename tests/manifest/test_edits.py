"""Whatever a verdict rests on: touch it, and the manifest no longer says that there is nothing to do.

Each edit is one of a kind. It is undone afterwards, which the manifest must not take for "as before" either, where the
file is another one now.
"""

import contextlib
import os
import shutil
import sys
from pathlib import Path

import pytest

from pivot.model.stored import key_name
from pivot.store.layout import plan_layout


@contextlib.contextmanager
def rewritten(path, text):
    before = path.read_text()
    path.write_text(text)
    yield
    path.write_text(before)


@contextlib.contextmanager
def same_size_and_time(path):
    before, stat = path.read_bytes(), path.stat()
    path.write_bytes(before[::-1])
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    yield
    path.write_bytes(before)


@contextlib.contextmanager
def made(path, text=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    yield
    path.unlink()


@contextlib.contextmanager
def made_folder(path):
    path.mkdir()
    yield
    path.rmdir()


@contextlib.contextmanager
def gone(path):
    aside = path.parent.parent / "aside" if path.is_dir() else path.parent.parent / f"aside-{path.name}"
    shutil.move(path, aside)
    yield
    shutil.move(aside, path)


@contextlib.contextmanager
def with_mode(path, mode):
    before = path.stat().st_mode
    path.chmod(mode)
    yield
    path.chmod(before)


@contextlib.contextmanager
def linked_to(path, target):
    before = os.readlink(path)
    path.unlink()
    path.symlink_to(target)
    yield
    path.unlink()
    path.symlink_to(before)


@contextlib.contextmanager
def replaced_by_link(path):
    aside = path.with_name(f"{path.name}.real")
    path.rename(aside)
    path.symlink_to(aside.name)
    yield
    path.unlink()
    aside.rename(path)


@contextlib.contextmanager
def copied_over(path):
    aside = path.with_name(f"{path.name}.copy")
    shutil.copy2(path, aside)
    aside.rename(path)
    yield


@contextlib.contextmanager
def touched(path):
    os.utime(path)
    yield


@contextlib.contextmanager
def second_name(path):
    os.link(path, path.parent.parent / "second-name")
    yield
    (path.parent.parent / "second-name").unlink()


@contextlib.contextmanager
def variable(name, value):
    before = os.environ.pop(name, None)
    if value is not None:
        os.environ[name] = value
    yield
    os.environ.pop(name, None)
    if before is not None:
        os.environ[name] = before


@contextlib.contextmanager
def searched(folder):
    sys.path.append(str(folder))
    yield
    sys.path.remove(str(folder))


def lock(root, stage):
    return root / ".pivot" / "stages" / f"{stage}.lock"


def key(root, name):
    return Path(plan_layout(str(root), None).key_file(key_name(name)))


def an_object(root):
    return next(path for path in (root / ".pivot/cache/files").glob("*/*") if path.stat().st_size)


EDITS = {
    "the pipeline file": lambda r: rewritten(r / "pivot.yaml", (r / "pivot.yaml").read_text() + "# more\n"),
    "a second pipeline file, which is an error": lambda r: made(r / "pipeline.py"),
    "the stage's module": lambda r: rewritten(r / "stages.py", (r / "stages.py").read_text() + "X = 1\n"),
    "a helper": lambda r: rewritten(r / "helpers.py", "def shout(x):\n    return x + '?'\n"),
    "other bytes of the same size, its time put back": lambda r: same_size_and_time(r / "helpers.py"),
    "a touch of a module": lambda r: touched(r / "tools/words.py"),
    "a package's __init__": lambda r: rewritten(r / "tools/__init__.py", "X = 1\n"),
    "a new module that shadows a library": lambda r: made(r / "acme.py", "NAME = 'other'\n"),
    "a new package that shadows a module": lambda r: made(r / "helpers/__init__.py"),
    "a new compiled module beside a source": lambda r: made(r / "tools/words.abi3.so"),
    "a module that was looked for in vain": lambda r: made(r / "maybe.py"),
    "a new folder src/": lambda r: made(r / "src/other.py"),
    "the values of params": lambda r: rewritten(r / "params.yaml", "first:\n  times: 3\n"),
    "no params any more": lambda r: gone(r / "params.yaml"),
    "the project's settings": lambda r: rewritten(r / ".pivot/config.yaml", "seed: 2\n"),
    "no settings any more": lambda r: gone(r / ".pivot/config.yaml"),
    "a dep": lambda r: rewritten(r / "data.txt", "other\n"),
    "a dep of the same size and time": lambda r: same_size_and_time(r / "data.txt"),
    "a dep that is a copy, times and all": lambda r: copied_over(r / "data.txt"),
    "a dep that has gone": lambda r: gone(r / "data.txt"),
    "a dep that is a link to itself now": lambda r: replaced_by_link(r / "data.txt"),
    "a dep with a second name": lambda r: second_name(r / "data.txt"),
    "the file behind a link": lambda r: rewritten(r / "real.txt", "REAL\n"),
    "a link that leads elsewhere": lambda r: linked_to(r / "linked.txt", "other.txt"),
    "a link that leads nowhere": lambda r: linked_to(r / "linked.txt", "nowhere.txt"),
    "a file in a folder dep": lambda r: rewritten(r / "in/raw/a.txt", "A\n"),
    "a file deep in a folder dep": lambda r: rewritten(r / "in/raw/b/c.txt", "C\n"),
    "a new file deep in a folder dep": lambda r: made(r / "in/raw/b/d.txt"),
    "a new folder in a folder dep": lambda r: made_folder(r / "in/raw/new"),
    "a file in a folder dep that may be executed": lambda r: with_mode(r / "in/raw/a.txt", 0o755),
    "the ignore file": lambda r: rewritten(r / ".pivotignore", "*.tmp\nb/\n"),
    "no ignore file any more": lambda r: gone(r / ".pivotignore"),
    "a new ignore file on the way": lambda r: made(r / "in/.pivotignore", "a.txt\n"),
    "a new ignore file in the folder": lambda r: made(r / "in/raw/.pivotignore", "a.txt\n"),
    "an output": lambda r: rewritten(r / "sizes.json", "{}"),
    "an output that has gone": lambda r: gone(r / "sizes.json"),
    "a file of an output folder": lambda r: rewritten(r / "parts/sub/b.txt", "b\n"),
    "one more file in an output folder": lambda r: made(r / "parts/sub/new.txt"),
    "an output folder that has gone": lambda r: gone(r / "parts"),
    "a file that was read": lambda r: rewritten(r / "config.txt", "CONFIG\n"),
    "a file that was read has gone": lambda r: gone(r / "config.txt"),
    "a file that was asked for in vain": lambda r: made(r / "lacking.txt"),
    "a folder that was listed": lambda r: made(r / "listed/y"),
    "a variable that was read": lambda _: variable("MODE", "slow"),
    "a variable that was read is gone": lambda _: variable("MODE", None),
    "another cache": lambda r: variable("PIVOT_CACHE_DIR", str(r.parent / "cache")),
    "full checks wanted": lambda _: variable("PIVOT_FULL_CHECK", "1"),
    "another home, where ~ leads": lambda r: variable("HOME", str(r)),
    "another Python path": lambda r: variable("PYTHONPATH", str(r / "tools")),
    "one more folder on the search path": lambda r: searched(r / "in"),
    "a distribution installed anew": lambda r: made(r / "../lib/site-packages/acme-1.0.dist-info/INSTALLER"),
    "one more distribution": lambda r: made_folder(r / "../lib/site-packages/more-1.0.dist-info"),
    "a line of a .pth file": lambda r: made(r / "../lib/site-packages/more.pth", "in"),
    "what a distribution holds": lambda r: touched(r / "../lib/site-packages/acme-1.0.dist-info/RECORD"),
    "a module of a library": lambda r: touched(r / "../lib/site-packages/acme/__init__.py"),
    "a lock file": lambda r: rewritten(lock(r, "first"), "<<<<<<< ours\n"),
    "a lock file that has gone": lambda r: gone(lock(r, "second")),
    "a key that was looked for in vain": lambda r: made(key(r, "sought"), '{"name": ":sought", "schema": 1}'),
    "a key that a stage put": lambda r: rewritten(key(r, "made"), key(r, "made").read_text() + "\n"),
    "a key that has gone": lambda r: gone(key(r, "made")),
    "an object of the cache": lambda r: with_mode(an_object(r), 0o644),
    "an object that has gone": lambda r: gone(an_object(r)),
    "a change that a killed process left half-done": lambda r: made(r / ".pivot/journal/first.json"),
    "the format": lambda r: touched(r / ".pivot/format.json"),
    "a project around this one": lambda r: made_folder(r.parent / ".pivot"),
    "a damaged manifest": lambda r: damaged(r / ".pivot/manifests"),
    "a manifest cut short": lambda r: cut(r / ".pivot/manifests"),
}


@contextlib.contextmanager
def damaged(folder):
    for path in folder.glob("[0-9]*"):
        data = bytearray(path.read_bytes())
        data[-9] ^= 1
        path.write_bytes(data)
    yield


@contextlib.contextmanager
def cut(folder):
    for path in folder.glob("[0-9]*"):
        path.write_bytes(path.read_bytes()[:-9])
    yield


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_an_edit_of_what_the_verdict_rests_on_asks_for_a_full_check(settled, edit):
    with edit(settled.path):
        assert not settled.known()
    assert settled.check()


QUESTIONS = {
    "a target": {"targets": ["second"]},
    "a single stage": {"single_stage": True},
    "another folder": {"here": "in"},
}


@pytest.mark.parametrize("asked", QUESTIONS.values(), ids=QUESTIONS)
def test_the_answer_to_one_question_answers_no_other(settled, asked):
    assert not settled.known(**asked)


def test_what_nothing_rests_on_may_change(settled):
    (settled.path / "notes/y").write_text("none of the stages reads this")
    assert settled.known()
