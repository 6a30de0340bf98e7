"""Folders as a stage leaves them: what their files hold."""

import os
import stat
from collections.abc import Sequence

from pivot.model.record import OutputState
from pivot.model.tree import TreeEntry, tree_digest
from pivot.store.hashing import hash_files


def tree_state(folder: str, files: Sequence[str]) -> OutputState:
    """The state of a folder that holds these files.

    Raises:
        FileNotFoundError: one of them is gone.
        StoreError: one cannot be read, or changes all the time.
    """
    entries = []
    for path, found in zip(files, hash_files([os.path.join(folder, path) for path in files]), strict=True):
        if found is None:
            raise FileNotFoundError(f"{path} is gone")
        digest, info = found
        entries.append(TreeEntry(path, digest, info.st_size, bool(info.st_mode & stat.S_IXUSR)))
    entries.sort()
    return OutputState(
        digest=tree_digest(entries), size=sum(entry.size for entry in entries), entries=tuple(entries)
    )
