"""The law: if the manifest says that there is nothing to do, a full check says so too, after whatever edits."""

import contextlib
import os
import shutil

from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from pivot.errors import PivotError

NAMES = (
    "stages.py",
    "helpers.py",
    "helpers/__init__.py",
    "tools/words.py",
    "maybe.py",
    "params.yaml",
    ".pivotignore",
    "in/.pivotignore",
    "data.txt",
    "linked.txt",
    "real.txt",
    "in/raw/a.txt",
    "in/raw/b/c.txt",
    "in/raw/b/new.txt",
    "in/raw/skipped.tmp",
    "config.txt",
    "lacking.txt",
    "listed/x",
    "listed/new",
    "notes/x",
    "parts/sub/b.txt",
    "sizes.json",
    ".pivot/config.yaml",
    ".pivot/stages/first.lock",
)
ACTIONS = (
    "append",
    "append and put the time back",
    "delete",
    "touch",
    "mode",
    "copy",
    "link",
    "restore",
    "restore",
)


def act(action, path, original):
    """Do to one file what a person or a program may do."""
    there = path.is_file()
    if action == "restore":
        if original is None:
            path.unlink(missing_ok=True)
        elif not there or path.is_symlink() or path.read_bytes() != original:
            path.unlink(missing_ok=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(original)
    elif action == "delete":
        path.unlink(missing_ok=True)
    elif not there:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    elif action.startswith("append"):
        stat = path.stat()
        path.write_bytes(path.read_bytes() + b"\n")
        if action != "append":
            os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    elif action == "touch":
        os.utime(path)
    elif action == "mode":
        path.chmod(path.stat().st_mode ^ 0o100)
    elif action in ("copy", "link"):
        copied, other = path.with_name("copied.tmp"), path.with_name("other-name.tmp")
        shutil.copy2(path, copied)
        copied.replace(other)  # to which the path may link
        path.unlink()
        other.rename(path) if action == "copy" else path.symlink_to(other.name)


def restore(path, originals):
    """Everything as it was at first, down to links."""
    for name in NAMES:
        if (path / name).is_symlink() and name != "linked.txt":
            (path / name).unlink()
        if name != "linked.txt":
            act("restore", path / name, originals[name])
    for name in ("linked.txt", "helpers"):
        with contextlib.suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
            (path / name).unlink()
    shutil.rmtree(path / "helpers", ignore_errors=True)
    (path / "linked.txt").symlink_to("real.txt")
    for other in path.rglob("other-name.tmp"):
        other.unlink()


@settings(
    max_examples=20, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow]
)
@given(st.lists(st.tuples(st.sampled_from(ACTIONS), st.sampled_from(NAMES)), min_size=1, max_size=6))
def test_what_the_manifest_says_a_full_check_says_too(ground, edits):
    originals = {n: (ground.path / n).read_bytes() if (ground.path / n).is_file() else None for n in NAMES}
    ground.run()  # the example before this one may have left a file executable
    ground.settle()
    try:
        for action, name in edits:
            act(action, ground.path / name, originals[name])
            known = ground.known()
            try:
                unchanged = ground.check()
            except PivotError:
                unchanged = False
            assert unchanged or not known, (action, name)
            event("the manifest stands" if known else "a full check is needed")
            if unchanged:
                ground.settle()
    finally:
        restore(ground.path, originals)
