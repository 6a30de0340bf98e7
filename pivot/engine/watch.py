"""Waiting for what a person saves.

Before a run the files that matter are looked at, and after it again: what differs was saved meanwhile. Then the
system is asked to wake us; what counts is always the look, so an event that gets lost, comes twice, or tells of our
own writes does no harm.

    look → run → look: differs? → yes: run again
                      ↓ no
            sleep until something stirs, then until it is quiet → look …
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from pivot.config.ignore import ignored
from pivot.core.interest import Interest, is_foreign
from pivot.errors import PivotError
from pivot.model.observation import is_counted
from pivot.paths import ProjectPath, absolute, relative_to_root

HEARTBEAT = 5.0
"""Seconds after which files are looked at though nothing stirred: network folders tell of no change."""
POLL = 1.0
"""The same where the system cannot watch at all."""
_TICK = 50_000_000  # nanoseconds that a file system's clock may lag behind
_BURST = 10  # times the quiet that is waited for: so long may a burst of changes be at most

Stamp = tuple[int, ...]
_THERE: Stamp = ()  # of what only its presence counts


@dataclass(frozen=True, slots=True)
class Sight:
    """The files that matter, as they were at a moment.

    Attributes:
        interest: what was looked for.
        files: each that is there → what differs when it was saved again.
        folders: absolute, where a change may show.
        taken: when the look began, in nanoseconds of the epoch.
    """

    interest: Interest
    files: Mapping[ProjectPath, Stamp]
    folders: frozenset[str]
    taken: int


def look(root: str, interest: Interest) -> Sight:
    """The files that matter as they are now; those that ``.pivotignore`` names are left out.

    Args:
        root: of the project, absolute.

    Raises:
        PivotError: the project's folder is gone.
    """
    taken = time.time_ns() - _TICK
    if not os.path.isdir(root):
        raise PivotError(f"the project folder {root} is gone", "start again in another one")
    search = _Search(root, interest)
    search.walk(ProjectPath(""), everything=False)
    for folder in interest.folders:
        search.walk(ProjectPath(folder.rstrip("/")), everything=True)
    for path in (*interest.files, ProjectPath(".pivot/config.yaml")):
        search.add(path)
    for folder in interest.listed:
        search.listing(folder)
    return Sight(interest, search.files, frozenset(search.folders), taken)


def changes(before: Sight, after: Sight) -> tuple[ProjectPath, ...]:
    """The files that were saved, made or removed between two looks, as far as they matter now."""
    found = []
    for path in {*before.files, *after.files}:
        was, now = before.files.get(path), after.files.get(path)
        if was == now or not after.interest.matters(path):
            continue
        if (
            was is None
            and now is not None
            and not before.interest.matters(path)
            and _newest(now) < before.taken
        ):
            continue  # nobody looked at it before, and it is as it was then
        found.append(path)
    return tuple(sorted(found))


def wait(root: str, sight: Sight, quiet: float) -> Sight:
    """Sleep until a file that matters is not as it was; gives the look that showed it.

    Args:
        sight: how everything was.
        quiet: seconds without a change after which a change counts.

    Raises:
        KeyboardInterrupt: a person pressed Ctrl-C.
        PivotError: the project's folder is gone.
    """
    now = sight
    while True:
        folders = now.folders
        with _alarm(folders, quiet) as stirred:
            # the alarm is set: what came before it shows in this look, what comes after it rings
            now = look(root, sight.interest)
            if changes(sight, now):
                return settle(root, now, quiet)
            while now.folders == folders:
                touched = stirred(HEARTBEAT)
                if touched and not any(_stirs(path, root, now) for path in touched):
                    continue
                now = look(root, sight.interest)
                if changes(sight, now):
                    return now


def settle(root: str, sight: Sight, quiet: float) -> Sight:
    """The next look after so many seconds without a change: an editor may write more than one file."""
    with _alarm(sight.folders, quiet) as stirred:
        stirred(quiet)
    return look(root, sight.interest)


def _stirs(path: str, root: str, sight: Sight) -> bool:
    if not path.startswith(root + os.sep) or path in sight.folders or os.path.isdir(path):
        return True
    return sight.interest.matters(relative_to_root(path, root))


class _Search:
    """Gathers what one look sees."""

    def __init__(self, root: str, interest: Interest) -> None:
        self.files: dict[ProjectPath, Stamp] = {}
        self.folders: set[str] = set()
        self._root = root
        self._interest = interest
        self._rules = ignored(root)
        self._visited: set[tuple[int, int]] = set()

    def add(self, path: ProjectPath) -> None:
        """A single file, there or not."""
        if self._is_ignored(path) and path != ".pivot/config.yaml":
            return
        place = absolute(path, self._root)
        stamp = _stamp(place)
        if stamp is not None:
            self.files[path] = stamp
        folder = os.path.dirname(place)
        while not os.path.isdir(folder) and folder != self._root:
            folder = os.path.dirname(folder)  # it will show there when the folders come
        self.folders.add(folder)

    def listing(self, folder: ProjectPath) -> None:
        """The names in a folder, whatever is in the files."""
        place = absolute(folder, self._root)
        with contextlib.suppress(OSError):
            for name in os.listdir(place):
                path = ProjectPath(name if folder == "." else f"{folder}/{name}")
                if self._interest.matters(path) and not self._is_ignored(path):
                    self.files.setdefault(path, _THERE)
            self.folders.add(place)

    def walk(self, folder: ProjectPath, *, everything: bool) -> None:
        """All files under a folder that matter; of code's folders only those in which code may be."""
        place = absolute(folder, self._root) if folder else self._root
        try:
            with os.scandir(place) as entries:
                found = list(entries)
        except OSError:
            return  # gone, or not for us to read
        if not everything and any(entry.name == "pyvenv.cfg" for entry in found):
            return  # an environment of libraries
        self.folders.add(place)
        for entry in found:
            path = ProjectPath(f"{folder}/{entry.name}" if folder else entry.name)
            if _is_dir(entry):
                if self._enters(entry, path, everything):
                    self.walk(path, everything=everything)
            elif self._interest.reads(path) and not self._is_ignored(path):
                stamp = _stamp(entry.path)
                if stamp is not None:
                    self.files[path] = stamp

    def _enters(self, entry: os.DirEntry[str], path: ProjectPath, everything: bool) -> bool:
        if not is_counted(entry.name) or (is_foreign(entry.name) and not everything):
            return False
        folder = ProjectPath(path + "/")
        if self._interest.is_own(folder) or self._is_ignored(folder):
            return False
        if not entry.is_symlink():
            return True
        with contextlib.suppress(OSError):
            stat = entry.stat()
            known = (stat.st_dev, stat.st_ino) in self._visited  # a link may lead to a folder above it
            self._visited.add((stat.st_dev, stat.st_ino))
            return not known
        return False

    def _is_ignored(self, path: ProjectPath) -> bool:
        try:
            return self._rules(path)
        except PivotError:
            return False  # rules that cannot be read are for the run to tell of


def _newest(stamp: Stamp) -> int:
    """When a file was last touched, in nanoseconds of the epoch."""
    return max(stamp[:2], default=0)


def _is_dir(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _stamp(path: str) -> Stamp | None:
    try:
        stat = os.stat(path)
    except OSError:
        return None
    if os.path.isdir(path):
        return _THERE
    return (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino)


_Stirred = Callable[[float], set[str]]
"""Sleeps at most so many seconds, until something stirs and is quiet again; gives what stirred, empty for nothing."""


@contextlib.contextmanager
def _alarm(folders: frozenset[str], quiet: float) -> Iterator[_Stirred]:
    from watchfiles._rust_notify import RustNotify  # lazy: only `--watch` needs it

    step = max(int(quiet * 1000), 10)
    try:
        # each folder for itself: below some of them lie libraries, caches, data that nobody reads
        notify = RustNotify(sorted(folders), False, False, 0, False, True)
    except (OSError, RuntimeError):  # a folder is gone again, or the system's limit of watches is reached
        yield _poll
        return
    with notify:

        def stirred(seconds: float) -> set[str]:
            found = notify.watch(step * _BURST, step, max(int(seconds * 1000), 1), None)
            if found == "signal":
                raise KeyboardInterrupt
            return set() if isinstance(found, str) else {path for _, path in found}

        yield stirred


def _poll(seconds: float) -> set[str]:
    time.sleep(min(seconds, POLL))
    return set()
