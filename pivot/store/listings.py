"""The names in folders, for as long as no folder was touched since it was listed.

Where modules are looked for, the same few folders, some with hundreds of names, are asked about at each look.
"""

import os
import time
from collections.abc import Callable

from pivot.store.index import settled_before

_Stamp = tuple[int, int, int, int]  # inode, device, times of the last write and the last change in ns


class Listings:
    """A memory of folders' names.

    Args:
        clock: the time in ns since 1970, as `time.time_ns`.
    """

    def __init__(self, clock: Callable[[], int] = time.time_ns) -> None:
        self._clock = clock
        self._known: dict[str, tuple[_Stamp, frozenset[str]]] = {}

    def names(self, folder: str) -> frozenset[str]:
        """The names in a folder now; none where there is no folder, or it cannot be read.

        Args:
            folder: absolute.
        """
        try:
            # before the names: what changes between the two makes the next stamp another one
            now, found = self._clock(), os.stat(folder)
            stamp = (found.st_ino, found.st_dev, found.st_mtime_ns, found.st_ctime_ns)
            known = self._known.get(folder)
            if known is not None and known[0] == stamp:
                return known[1]
            names = frozenset(os.listdir(folder))
        except OSError:
            return frozenset()
        if settled_before(found, now):
            self._known[folder] = (stamp, names)
        return names
