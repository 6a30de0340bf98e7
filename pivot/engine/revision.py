"""What git holds: the files of a revision, read with the ``git`` program."""

import contextlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NewType

from pivot.errors import PivotError, UsageError
from pivot.paths import ProjectPath

Oid = NewType("Oid", str)
"""The name of one of git's objects, in hexadecimal."""

_RUN_INSTEAD = "compare runs instead: pivot history"
_REGULAR = (b"100644", b"100755", b"100664")


@dataclass(frozen=True, slots=True)
class Revision:
    """A commit, and which files it has under the project root.

    Attributes:
        root: the project root, absolute; it may be a folder inside the repository.
        name: as a person wrote it.
        commit: its full name.
        files: project path → object; symbolic links and submodules are left out.
    """

    root: str
    name: str
    commit: str
    files: Mapping[ProjectPath, Oid]

    @property
    def short(self) -> str:
        """The beginning of the commit's name."""
        return self.commit[:8]

    def read(self, paths: Iterable[ProjectPath]) -> dict[ProjectPath, bytes]:
        """The bytes of some files; those that the revision has not are left out.

        Raises:
            PivotError: git cannot read them.
        """
        wanted = {path: self.files[path] for path in paths if path in self.files}
        if not wanted:
            return {}
        names = "".join(f"{oid}\n" for oid in wanted.values()).encode("ascii")
        return dict(zip(wanted, _split(_git(self.root, "cat-file", "--batch", given=names)), strict=True))


def revision(root: str, name: str) -> Revision:
    """The revision of a name: a commit, branch or tag, ``HEAD~2``.

    Raises:
        UsageError: there is none of that name, or no repository.
        PivotError: git cannot be run.
    """
    commit = _commit(root, name)
    if commit is None:
        raise UsageError(f"git knows no revision {name!r}", f"see them: {ways_to_revisions(root)}")
    listed = _git(root, "ls-tree", "-r", "-z", commit)
    files: dict[ProjectPath, Oid] = {}
    for entry in listed.split(b"\0"):
        head, _, path = entry.partition(b"\t")
        mode, _, kind_and_oid = head.partition(b" ")
        if mode in _REGULAR:
            files[ProjectPath(os.fsdecode(path))] = Oid(kind_and_oid.partition(b" ")[2].decode("ascii"))
    return Revision(root, name, commit, files)


def named_files(root: str, folder: ProjectPath) -> tuple[bytes, ...]:
    """What the files below a folder hold, in each commit that HEAD, a branch, a tag or the stash stands for.

    Nothing outside a repository.

    Raises:
        PivotError: git cannot be run, or the repository cannot be read.
    """
    if not _in_repository(root):
        return ()
    listed = _git(root, "for-each-ref", "--format=%(objectname)", "refs/heads", "refs/tags", "refs/stash")
    commits = {line.decode("ascii") for line in listed.split()}
    for name in ("HEAD", "MERGE_HEAD"):
        with contextlib.suppress(UsageError):
            commits.update(filter(None, [_commit(root, name)]))
    found: set[Oid] = set()
    for commit in sorted(commits):
        try:
            tree = _git(root, "ls-tree", "-r", "-z", commit, "--", folder)
        except _GitError:
            continue  # a tag of something else than a commit
        heads = (entry.partition(b"\t")[0].split() for entry in tree.split(b"\0") if entry)
        found.update(Oid(head[2].decode("ascii")) for head in heads if head[1] == b"blob")
    names = "".join(f"{oid}\n" for oid in sorted(found)).encode("ascii")
    return tuple(_split(_git(root, "cat-file", "--batch", given=names))) if found else ()


def _in_repository(folder: str) -> bool:
    while not os.path.exists(os.path.join(folder, ".git")):
        folder, last = os.path.dirname(folder), folder
        if folder == last:
            return False
    return True


def is_revision(root: str, name: str) -> bool:
    """Whether git knows a commit of that name; no without git, or outside a repository."""
    try:
        return _commit(root, name) is not None
    except PivotError:
        return False


def ways_to_revisions(root: str) -> str:
    """The git commands that show a person the revisions, or bring them where a clone was made without its history."""
    with contextlib.suppress(PivotError):
        if _git(root, "rev-parse", "--is-shallow-repository").strip() == b"true":
            return "git log --oneline (this clone is a shallow one; git fetch --unshallow brings the rest)"
    return "git log --oneline"


def _commit(root: str, name: str) -> str | None:
    """The full name of a commit; ``None`` where git knows none.

    Raises:
        UsageError: there is no repository, or no commit in it.
    """
    if not name or name.startswith("-") or "\0" in name:
        return None
    try:
        return _git(root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}").decode("ascii").strip()
    except _GitError as error:
        if error.text:
            raise  # a repository that cannot be read, and not a name that is unknown
    if name == "HEAD":
        raise UsageError(f"{root} has no commit yet, so there is no HEAD", _RUN_INSTEAD)
    return None


class _GitError(PivotError):
    """git ended with an error; `text` is what it said, in one line."""

    def __init__(self, message: str, hint: str | None = None, text: str = "") -> None:
        super().__init__(message, hint)
        self.text = text


def _git(root: str, *arguments: str, given: bytes = b"") -> bytes:
    import subprocess  # lazy: start-up time

    # from a hook, git names its repository in variables; they would be wrong for a project elsewhere
    environment = {
        k: v for k, v in os.environ.items() if k not in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
    }
    environment |= {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"}
    try:
        done = subprocess.run(
            ["git", "-C", root, *arguments], input=given, capture_output=True, env=environment, check=False
        )
    except FileNotFoundError:
        raise PivotError("git is not installed, so there is no HEAD to compare with", _RUN_INSTEAD) from None
    except OSError as error:
        raise PivotError(f"git cannot be run: {error.strerror}", _RUN_INSTEAD) from error
    if done.returncode == 0:
        return done.stdout
    said = " ".join(done.stderr.decode("utf-8", "replace").split())
    if "not a git repository" in said:
        raise UsageError(f"{root} is in no git repository, so there is no HEAD", _RUN_INSTEAD)
    raise _GitError(f"git {arguments[0]} failed: {said}", "run it yourself to see more", said)


def _split(batch: bytes) -> Iterable[bytes]:
    """The contents in what ``git cat-file --batch`` wrote: ``<oid> blob <size>``, then the bytes, a line each."""
    start = 0
    while start < len(batch):
        end = batch.index(b"\n", start)
        header = batch[start:end].split(b" ")
        if len(header) != 3:
            raise PivotError(
                f"git lacks an object: {batch[start:end].decode('utf-8', 'replace')}", "fetch it: git fetch"
            )
        size = int(header[2])
        yield batch[end + 1 : end + 1 + size]
        start = end + size + 2
