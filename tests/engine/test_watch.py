"""What two looks at a project's files tell, and the sleep between them."""

import os
import threading
from pathlib import Path

import pytest

from pivot.core.interest import Interest
from pivot.engine.watch import changes, look, wait
from pivot.errors import PivotError
from pivot.paths import ProjectPath

SOME = Interest(
    files=frozenset(map(ProjectPath, ["data/raw.csv", "late/er/x.csv"])),
    folders=frozenset({ProjectPath("images/")}),
    listed=frozenset({ProjectPath("inbox")}),
    own=frozenset({ProjectPath("out.csv")}),
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("stages.py", "pkg/helper.py", "data/raw.csv", "images/.hidden/a.png", "inbox/a", "out.csv"):
        write(tmp_path / name)
    for name in (
        ".git/x.py",
        "env/pyvenv.cfg",
        "env/lib/x.py",
        "node_modules/a.yaml",
        "big/1.bin",
        ".pivot/state.db",
    ):
        write(tmp_path / name)
    return tmp_path


def write(path: Path, text: str = "text") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_look_sees_what_matters_and_nothing_else(root: Path) -> None:
    assert sorted(look(str(root), SOME).files) == [
        "data/raw.csv",
        "images/.hidden/a.png",
        "inbox/a",
        "pkg/helper.py",
        "stages.py",
    ]


def again(path: Path) -> None:
    os.utime(path, (1, 1))


CHANGES = {
    "saved": (lambda root: again(root / "stages.py"), ["stages.py"]),
    "removed": (lambda root: (root / "data/raw.csv").unlink(), ["data/raw.csv"]),
    "made": (lambda root: write(root / "late/er/x.csv"), ["late/er/x.csv"]),
    "renamed": (lambda root: (root / "stages.py").rename(root / "other.py"), ["other.py", "stages.py"]),
    "replaced": (
        lambda root: (
            write(root / "x", "TEXT"),
            again(root / "x"),
            (root / "x").rename(root / "pkg/helper.py"),
        ),
        ["pkg/helper.py"],
    ),
    "a folder moved": (lambda root: (root / "pkg").rename(root / "lib"), ["lib/helper.py", "pkg/helper.py"]),
    "a name in a listed folder": (lambda root: write(root / "inbox/b"), ["inbox/b"]),
    "the content of what was only listed": (lambda root: write(root / "inbox/a", "new"), []),
    "an output": (lambda root: write(root / "out.csv", "new"), []),
    "a file that nobody reads": (lambda root: write(root / "big/2.bin"), []),
    "a library": (lambda root: write(root / "env/lib/x.py", "new"), []),
    "settings": (lambda root: write(root / ".pivot/config.yaml"), [".pivot/config.yaml"]),
    "an ignored file": (
        lambda root: (write(root / "pkg/.pivotignore", "*.py\n"), write(root / "pkg/new.py")),
        ["pkg/.pivotignore", "pkg/helper.py"],
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_two_looks_differ_by_what_was_done_between_them(root: Path, case: str) -> None:
    do, expected = CHANGES[case]
    before = look(str(root), SOME)
    do(root)
    assert list(changes(before, look(str(root), SOME))) == expected


def test_what_matters_only_since_the_run_counts_if_it_was_saved_after_the_look(root: Path) -> None:
    for name in ("data/raw.csv", "images/.hidden/a.png"):
        os.utime(root / name, (1, 1))
    before = look(str(root), Interest())
    write(root / "images/new.png")
    assert ProjectPath("images/new.png") in changes(before, look(str(root), SOME))


def test_symbolic_links_are_followed_once(root: Path) -> None:
    (root / "pkg/loop").symlink_to(root)
    (root / "broken.py").symlink_to(root / "nowhere")
    assert "pkg/loop/stages.py" in look(str(root), Interest()).files


def test_a_project_that_is_gone_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(PivotError, match="is gone"):
        look(str(tmp_path / "nothing"), SOME)


@pytest.mark.parametrize(
    "name",
    ["stages.py", "data/raw.csv", "late/er/x.csv", "images/new/b.png", "inbox/new", "pkg/sub/deep/new.py"],
)
def test_a_change_ends_the_sleep(root: Path, name: str) -> None:
    before = look(str(root), SOME)
    writer = threading.Thread(target=lambda: write(root / name, "something new"))
    writer.start()
    found = changes(before, wait(str(root), before, 0.02))
    writer.join()
    assert list(found) == [name]


def test_many_changes_at_once_end_it_once(root: Path) -> None:
    before = look(str(root), SOME)
    names = [f"pkg/m{n:03d}.py" for n in range(50)]
    writer = threading.Thread(target=lambda: [write(root / name) for name in names])
    writer.start()
    found = changes(before, wait(str(root), before, 0.3))
    writer.join()
    assert list(found) == names
