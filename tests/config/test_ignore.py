"""``.pivotignore``: git's syntax, judged by git itself."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pivot.config.ignore import ignore_rules, ignored
from pivot.errors import PivotError
from pivot.paths import ProjectPath

CASES = [
    ("*.log\n", "a.log", True),
    ("*.log\n", "deep/er/a.log", True),
    ("*.log\n!keep.log\n", "keep.log", False),
    ("/only.txt\n", "only.txt", True),
    ("/only.txt\n", "sub/only.txt", False),
    ("build/\n", "build/x/y.csv", True),
    ("build/\n", "build", False),
    ("build/\n", "build/", True),
    ("build/\n!build/x\n", "build/x", True),
    ("data/**/tmp\n", "data/a/b/tmp", True),
    ("# no *.csv\n\n*.tsv\n", "a.csv", False),
    ("a b.txt\n", "a b.txt", True),
    ("ünï*\n", "ünïcode.txt", True),
    ("", "anything", False),
    ("*\n", ".", False),
    ("data/**\n!data/x/\n", "data/x/", False),
    ("b\n!a/\n", "a/b/c", True),
    ("a/**\n", "a/", False),
]


@pytest.mark.parametrize(("rules", "path", "expected"), CASES)
def test_patterns_mean_what_they_mean_to_git(tmp_path: Path, rules: str, path: str, expected: bool) -> None:
    (tmp_path / ".pivotignore").write_text(rules, encoding="utf-8")
    assert ignored(str(tmp_path))(ProjectPath(path)) is expected


def test_without_a_file_only_what_is_pivots_own_is_ignored(tmp_path: Path) -> None:
    is_ignored = ignored(str(tmp_path))
    paths = [".pivot/state.db", "data/.pivot-new.12/a.csv", "data/.pivotal/a.csv", "a.csv"]
    assert [is_ignored(ProjectPath(path)) for path in paths] == [True, True, False, False]


def test_a_deeper_file_wins_over_one_above(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / ".pivotignore").write_text("*.csv\n")
    (tmp_path / "sub" / ".pivotignore").write_text("!good.csv\n/here.txt\n")
    is_ignored = ignored(str(tmp_path))
    paths = ["good.csv", "sub/good.csv", "sub/bad.csv", "here.txt", "sub/here.txt"]
    assert [is_ignored(ProjectPath(path)) for path in paths] == [True, False, True, False, True]


def test_the_rule_that_decides_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / ".pivotignore").write_text("# logs\n\n*.log\n!keep.log\n")
    rule = ignore_rules(str(tmp_path))
    assert str(rule(ProjectPath("x/a.log"))) == ".pivotignore:3:*.log"
    assert str(rule(ProjectPath("keep.log"))) == ".pivotignore:4:!keep.log"
    assert rule(ProjectPath("a.csv")) is None


def test_a_line_that_is_no_pattern_is_named(tmp_path: Path) -> None:
    (tmp_path / ".pivotignore").write_text("*.log\n!\n")
    with pytest.raises(PivotError, match=r"'!' is no pattern \(\.pivotignore:2\)"):
        ignored(str(tmp_path))(ProjectPath("a.csv"))


NAMES = st.sampled_from(["a", "b", "c.log", "d.csv"])
PATTERNS = st.lists(
    st.sampled_from(["*.log", "/a", "a/", "!b", "b", "**/b", "a/**", "!*.log", "a/b", "*", "!a/", "/b/*"]),
    max_size=4,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rules=PATTERNS,
    deeper=PATTERNS,
    paths=st.sets(st.lists(NAMES, min_size=1, max_size=3).map("/".join), min_size=1),
)
def test_git_agrees(tmp_path_factory, rules: list[str], deeper: list[str], paths: set[str]) -> None:
    root = tmp_path_factory.mktemp("repository")
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    (root / "a").mkdir()
    for name in (".gitignore", ".pivotignore"):
        (root / name).write_text("".join(f"{line}\n" for line in rules))
        (root / "a" / name).write_text("".join(f"{line}\n" for line in deeper))
    # git takes a name that is there as a folder for one: here no path is both
    files = sorted(p for p in paths if p != "a" and not any(other.startswith(p + "/") for other in paths))
    asked = subprocess.run(
        ["git", "-c", "core.excludesFile=", "check-ignore", "--no-index", "--stdin"],
        cwd=root,
        input="".join(f"{path}\n" for path in files),
        capture_output=True,
        text=True,
        check=False,
    )
    is_ignored = ignored(str(root))
    assert [p for p in files if is_ignored(ProjectPath(p))] == asked.stdout.splitlines()
