"""What git holds, asked of a real repository."""

import os
import subprocess
from pathlib import Path

import pytest

from pivot.engine.revision import is_revision, revision, ways_to_revisions
from pivot.errors import PivotError, UsageError

NAMES = ["plain.txt", "with space.txt", "ünï/cödé.json", "new\nline", 'quo"te', "empty"]


class Repository:
    """A git repository in a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str) -> str:
        who = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
        done = subprocess.run(
            ["git", *who, *arguments], cwd=self.path, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def commit(self, **files: bytes) -> str:
        for name, data in files.items():
            (self.path / name).parent.mkdir(parents=True, exist_ok=True)
            (self.path / name).write_bytes(data)
        self.git("add", "-A")
        self.git("commit", "-qm", "a commit", "--allow-empty")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def test_files_of_a_revision_are_read_whatever_their_names(repository):
    contents = {name: f"bytes of {name}\r\n\0".encode() * index for index, name in enumerate(NAMES)}
    commit = repository.commit(**contents)
    (repository.path / "plain.txt").write_bytes(b"edited since")
    found = revision(str(repository.path), "HEAD")
    assert found.commit == commit
    assert set(found.files) == set(NAMES)
    assert found.read([*NAMES, "none.txt"]) == contents
    assert found.read(["none.txt"]) == {}


@pytest.mark.parametrize("name", ["HEAD", "main", "v1", "HEAD~0", "@"])
def test_a_revision_has_any_name_that_git_knows(repository, name):
    commit = repository.commit(a=b"1")
    repository.git("tag", "-a", "v1", "-m", "annotated")
    assert revision(str(repository.path), name).commit == commit
    assert is_revision(str(repository.path), commit[:7])


@pytest.mark.parametrize("name", ["nonsense", "HEAD~5", "--help", "-1", "", "HEAD:a", "a\0b"])
def test_other_names_are_errors(repository, name):
    repository.commit(a=b"1")
    assert not is_revision(str(repository.path), name)
    with pytest.raises(UsageError, match="git knows no revision"):
        revision(str(repository.path), name)


def test_a_project_in_a_folder_of_the_repository_sees_its_own_files_only(repository):
    repository.commit(**{"sub/in.txt": b"inside", "out.txt": b"outside"})
    found = revision(str(repository.path / "sub"), "HEAD")
    assert list(found.files) == ["in.txt"]
    assert found.read(["in.txt"]) == {"in.txt": b"inside"}


def test_symbolic_links_are_left_out(repository):
    os.symlink("a", repository.path / "link")
    repository.commit(a=b"1")
    assert list(revision(str(repository.path), "HEAD").files) == ["a"]


def test_no_repository_and_no_commit_are_told_apart(tmp_path):
    with pytest.raises(UsageError, match="is in no git repository"):
        revision(str(tmp_path), "HEAD")
    assert not is_revision(str(tmp_path), "HEAD")
    Repository(tmp_path)
    with pytest.raises(UsageError, match="has no commit yet"):
        revision(str(tmp_path), "HEAD")
    with pytest.raises(UsageError, match="git knows no revision 'main'"):
        revision(str(tmp_path), "main")


def test_an_object_that_git_has_lost_is_named(repository):
    repository.commit(a=b"1")
    found = revision(str(repository.path), "HEAD")
    oid = found.files["a"]
    (repository.path / ".git/objects" / oid[:2] / oid[2:]).unlink()
    with pytest.raises(PivotError, match=f"git lacks an object: {oid}"):
        found.read(["a"])


def test_in_a_clone_without_history_a_person_is_told_how_to_get_it(repository, tmp_path):
    repository.commit(file=b"1")
    repository.commit(file=b"2")
    words = ["git", "clone", "-q", "--depth", "1", f"file://{tmp_path}", str(tmp_path / "clone")]
    subprocess.run(words, check=True)
    with pytest.raises(UsageError) as caught:
        revision(str(tmp_path / "clone"), "HEAD~1")
    assert "git fetch --unshallow" in caught.value.hint
    assert ways_to_revisions(str(tmp_path)) == "git log --oneline"
