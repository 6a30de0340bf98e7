"""A folder as data: which files it holds, and its digest. Equal files under equal names, equal digest."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from json.encoder import encode_basestring_ascii

from pivot.model.digest import Digest, digest_text


@dataclass(frozen=True, slots=True, order=True)
class TreeEntry:
    """One file of a folder.

    Attributes:
        path: relative to the folder, POSIX.
        size: in bytes.
        executable: whether the owner may execute it.
    """

    path: str
    digest: Digest
    size: int
    executable: bool = False


def tree_text(entries: Iterable[TreeEntry]) -> str:
    """The text that stands for a folder: a line of JSON for each file, sorted by path."""
    flag = {False: "false", True: "true"}
    return "".join(
        [
            f'[{encode_basestring_ascii(e.path)}, "{e.digest}", {e.size}, {flag[e.executable]}]\n'
            for e in sorted(entries, key=_path)
        ]
    )


def _path(entry: TreeEntry) -> str:
    return entry.path


def tree_digest(entries: Iterable[TreeEntry]) -> Digest:
    """The digest of a folder: that of its text."""
    return digest_text(tree_text(entries))


def read_tree(text: str) -> tuple[TreeEntry, ...]:
    """The files that a tree's text names.

    Raises:
        ValueError: it is no tree's text.
    """
    entries = []
    for line in text.splitlines():
        match json.loads(line):
            case [str(path), str(digest), int(size), bool(executable)]:
                entries.append(TreeEntry(path, Digest(digest), size, executable))
            case _:
                raise ValueError(f"{line!r} is no file of a folder")
    return tuple(entries)
