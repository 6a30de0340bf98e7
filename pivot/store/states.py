"""The state that something has now, of which a stage saw another one when it ran."""

import os
from collections.abc import Callable, Collection

from pivot.errors import StoreError
from pivot.model.digest import Digest
from pivot.model.observation import (
    ABSENT,
    FOLDER,
    PRESENT,
    UNREADABLE,
    folder_state,
    is_link,
    is_listing,
    left_by_stage,
    link_state,
    undeclared,
)

DigestOf = Callable[[str], Digest | None]
"""The digest of a file now, by its absolute path; ``None`` where there is none."""


def state_now(path: str, before: str, declared: Callable[[], Collection[str]], digest: DigestOf) -> str:
    """What the same look at a file or folder would give now.

    Args:
        path: absolute.
        before: what it gave, in the words of `pivot.model.observation.Seen`.
        declared: gives absolute paths of the stage's own deps and outs, which a listing leaves out.
    """
    left = left_by_stage(before)
    if is_link(before) and os.path.islink(path):
        return link_state(os.readlink(path))
    if not os.path.exists(path):
        if before == PRESENT and os.path.lexists(path):
            return PRESENT  # a link that leads nowhere
        return before if left is not None else ABSENT
    if os.path.isdir(path):
        if is_listing(before):
            return folder_state(undeclared(path, os.listdir(path), declared()))
        return before if left == PRESENT else FOLDER
    if before in (ABSENT, PRESENT, FOLDER) or is_link(before) or is_listing(before):
        return PRESENT
    try:
        found = digest(path) or ABSENT
    except StoreError:  # no regular file, or nobody may read it
        found = UNREADABLE
    return before if found == left else found
