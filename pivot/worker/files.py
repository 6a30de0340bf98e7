"""What a stage does to the files of its project: reads, looks for, lists, writes, makes, removes; in this order.

Knows nothing of how that is found out. What is under the root but not the project's work is left out: Pivot's
and git's folders, bytecode, installed libraries, and what the task declares.
"""

import os
import stat
import sys
import threading
from collections.abc import Iterable, Sequence

from pivot.errors import StoreError
from pivot.model.observation import (
    ABSENT,
    FOLDER,
    PRESENT,
    UNREADABLE,
    folder_state,
    is_counted,
    is_link,
    link_state,
    made_state,
    undeclared,
)
from pivot.store.hashing import hash_file
from pivot.worker.installed import installed

INSTALLED = frozenset(("site-packages", "dist-packages"))
"""Folders of libraries, by name."""


Entry = tuple[str | None, Sequence[str] | None, str | None, Sequence[bool]]
"""Of a path: its state, its listing, its state before it was appended to; whether it was written, created, made."""


class FileLog:
    """What happened to files so far. Threads may write to it at once.

    Args:
        root: absolute; only what is under it is kept.
        unobserved: absolute paths of files and folders that are left out.
    """

    def __init__(self, root: str, unobserved: Iterable[str]) -> None:
        self._root = os.path.normpath(root)
        self._under = self._root.rstrip(os.sep) + os.sep
        self._under_real = os.path.realpath(root).rstrip(os.sep) + os.sep
        self._unobserved = frozenset(os.path.normpath(path) for path in unobserved)
        self._installed = _installations_under(self._under)
        self._lock = threading.RLock()
        self._places: dict[str, str | None] = {}
        self._states: dict[str, str] = {}
        self._listings: dict[str, tuple[str, ...]] = {}
        self._written: set[str] = set()
        self._before: dict[str, str] = {}
        self._created: set[str] = set()
        self._made: set[str] = set()

    def place(self, path: object, *, folder: str | None = None) -> str | None:
        """The normalized absolute path of what is observed; ``None`` for all else, descriptors included.

        Args:
            folder: of a relative path, if not the current one.
        """
        if not isinstance(path, str | bytes | os.PathLike):
            return None
        text = os.fsdecode(path)
        if not text.startswith(os.sep):
            text = os.path.join(folder or os.getcwd(), text)
        if text not in self._places:
            self._places[text] = self._place(text)
        return self._places[text]

    def is_near(self, path: object) -> bool:
        """Whether a path may lie under the root; quick, and says yes when in doubt."""
        if type(path) is str and path.startswith(os.sep):
            return path.startswith((self._under, self._under_real)) or path == self._root
        return not isinstance(path, int)

    def read(self, path: str) -> None:
        """Somebody is about to read a file; it is hashed now, since the stage may change it later."""
        with self._lock:
            state = self._states.get(path)
            if not _says_little(state) or self._is_own(path):
                return
            if path in self._before:
                self._states[path] = self._before[path]
                return
            found = _content(path)
            if found is not None:
                self._states[path] = found

    def look(self, path: str, state: str) -> None:
        """Somebody asked whether something is there; told was `ABSENT`, `PRESENT` or `FOLDER`."""
        with self._lock:
            if path not in self._states and not self._is_own(path):
                self._states[path] = state

    def follow(self, path: str, target: str) -> None:
        """Somebody asked where a link leads."""
        with self._lock:
            if self._states.get(path, PRESENT) == PRESENT and not self._is_own(path):
                self._states[path] = link_state(target)

    def given(self, word: object, *, folder: str | None, afar: bool) -> None:
        """Somebody is about to start a program with this argument, which it may read as a file.

        Args:
            folder: see `place`.
            afar: whether what is no file here may be one where the project is.
        """
        path = self.place(word, folder=folder)
        if path is not None and os.path.isfile(path):
            self.read(path)
        elif afar and isinstance(word, str | bytes):
            command = os.fsdecode(word)
            for piece in {command, *command.split()}:
                path = self.place(piece.partition("*")[0].rstrip("/") or os.curdir, folder=folder)
                if path is not None and not os.path.lexists(path):
                    self.look(path, ABSENT)

    def listing(self, path: str) -> None:
        """Somebody is about to list a folder."""
        with self._lock:
            if path in self._listings or self._is_own(path):
                return
            try:
                names = os.listdir(path)
            except (FileNotFoundError, NotADirectoryError):
                self._states.setdefault(path, _presence(path) or UNREADABLE)
            except OSError:
                self._states.setdefault(path, UNREADABLE)
            else:
                self._listings[path] = tuple(undeclared(path, names, self._unobserved))

    def write(self, path: str, *, anew: bool = True) -> None:
        """Somebody is about to write a file; ``anew``: nothing of its content is left."""
        with self._lock:
            if path in self._written or not _can_be_written(path):
                return
            if not anew and path in self._before:
                return
            if not anew and path not in self._states and not self._is_own(path):
                found = _content(path)
                if found is not None:  # a later read gives what is there now, too
                    self._before[path] = found
                    return
            self._before.pop(path, None)
            self._written.add(path)

    def try_to_make(self, path: str, *, by_chance: bool) -> None:
        """Somebody is about to make a file or folder, which fails if it is there.

        Args:
            by_chance: whether the name was drawn, so that it says nothing once the file is gone.
        """
        with self._lock:
            if path not in self._states and not self._is_own(path):
                self._states[path] = _presence(path) or PRESENT
                if by_chance:
                    self._created.add(path)

    def make_folder(self, path: str) -> None:
        """Somebody is about to make a folder: what is in it is the stage's own from then on."""
        with self._lock:
            if not os.path.lexists(path) and not self._is_own(path):
                self._made.add(path)

    def move(self, source: str | None, target: str | None) -> None:
        """Somebody is about to give a file or folder another (or a second) name."""
        with self._lock:
            if source is not None and os.path.isdir(source):
                if target is not None and self._is_own(source):
                    self._made.add(target)
                return
            if source is not None:
                self.read(source)
                if not os.path.lexists(source):
                    return
                self._written.add(source)
            if target is not None:
                self._before.pop(target, None)
                self._written.add(target)

    def remove(self, path: str, *, asks: bool) -> None:
        """Somebody is about to remove a file: that it is gone afterwards is the stage's doing.

        Args:
            asks: whether it is told that the file was not there.
        """
        with self._lock:
            if asks and (state := _presence(path)) is not None:
                self.look(path, state)
            self._before.pop(path, None)
            self._written.add(path)

    def renew_lock(self) -> None:
        """In a forked child, which may find the lock taken by a thread that it has not."""
        self._lock = threading.RLock()

    def entry(self, path: str) -> Entry:
        """All that is known of a path, for `adopt` in another process."""
        with self._lock:
            kinds = tuple(path in paths for paths in (self._written, self._created, self._made))
            return self._states.get(path), self._listings.get(path), self._before.get(path), kinds

    def adopt(self, path: str, entry: Entry) -> None:
        """What a forked child learned."""
        state, listing, before, kinds = entry
        with self._lock:
            if not self._is_own(path):
                if state is not None and _says_little(self._states.get(path)):
                    self._states[path] = state
                if listing is not None:
                    self._listings.setdefault(path, tuple(listing))
                if before is not None and path not in self._states:
                    self._before.setdefault(path, before)
            for paths, known in zip((self._written, self._created, self._made), kinds, strict=True):
                if known:
                    paths.add(path)

    def states(self) -> dict[str, str]:
        """Path → state of all that was read, looked for or listed, in the words of `Seen`."""
        with self._lock:
            files = {
                path: self._state(path, state)
                for path, state in self._states.items()
                if path not in self._created
                or os.path.lexists(path)  # the name of a passing file says nothing
            }
            own: dict[str, list[str]] = {}
            for path in (*self._written, *self._made):
                own.setdefault(os.path.dirname(path), []).append(path)
            return files | {
                path: folder_state(self._lasting(path, own.get(path, ()))) for path in self._listings
            }

    def written(self) -> tuple[str, ...]:
        """Files that the stage wrote before it read them, and that are still there."""
        with self._lock:
            own = {
                path for path in self._written if path not in self._states or self._states[path] == PRESENT
            }
            appended = {path for path in self._before if path not in self._states}
            return tuple(sorted(path for path in own | appended if os.path.isfile(path)))

    def _place(self, text: str) -> str | None:
        if "\0" in text:
            return None
        folder, name = os.path.split(text)
        if os.pardir in folder.split(os.sep):
            text = os.path.join(os.path.realpath(folder), name)  # "link/.." is not where the link is
        text = os.path.normpath(text)
        if not text.startswith(self._under):
            if text == self._root:
                return text
            real = os.path.realpath(text) + os.sep
            if not real.startswith(self._under_real):
                return None
            text = os.path.join(self._root, real[len(self._under_real) : -1]).rstrip(os.sep)
        return text if self._is_observed(text) else None

    def _state(self, path: str, state: str) -> str:
        if state != ABSENT:
            return state
        if path in self._written or self._before.get(path) == ABSENT:
            left = _content(path)
            return state if left is None or left == ABSENT else made_state(left)
        return made_state(PRESENT) if path in self._made and os.path.isdir(path) else state

    def _lasting(self, folder: str, added: Iterable[str]) -> Iterable[str]:
        """The names that the next listing gives if only this stage was there meanwhile.

        Without what it had made in the folder and then took away again, with what it added later.
        """
        for name in self._listings[folder]:
            path = os.path.join(folder, name)
            own = path in self._written or path in self._made
            if not own or path in self._states or os.path.lexists(path):
                yield name
        yield from (os.path.basename(path) for path in added if os.path.lexists(path))

    def _is_own(self, path: str) -> bool:
        if path in self._written or path in self._made:
            return True
        while self._made and len(path) > len(self._root):
            path = path[: path.rindex(os.sep)]
            if path in self._made:
                return True
        return False

    def _is_observed(self, path: str) -> bool:
        parts = path[len(self._under) :].split(os.sep)
        if not all(map(is_counted, parts)) or not INSTALLED.isdisjoint(parts):
            return False
        if (path + os.sep).startswith(self._installed):
            return False
        while len(path) > len(self._root):
            if path in self._unobserved:
                return False
            path = path[: path.rindex(os.sep)]
        return True


def _content(path: str) -> str | None:
    """The digest of a file, `ABSENT`, `UNREADABLE`; ``None`` for what holds no bytes: a folder, a pipe."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return None
        return hash_file(path)[0]
    except (FileNotFoundError, NotADirectoryError):
        return ABSENT
    except (OSError, StoreError):
        return UNREADABLE


def _can_be_written(path: str) -> bool:
    return not os.path.lexists(path) or os.access(path, os.W_OK)


def _presence(path: str) -> str | None:
    """`ABSENT`, `FOLDER` or `PRESENT`; ``None`` for a pipe and the like, of which nobody sees who made it."""
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return ABSENT
    if os.path.isdir(path):
        return FOLDER
    return PRESENT if stat.S_ISREG(mode) or stat.S_ISLNK(mode) else None


def _says_little(state: str | None) -> bool:
    """Whether a state would not tell that the content changed."""
    return state is None or state == PRESENT or is_link(state)


def _installations_under(under: str) -> tuple[str, ...]:
    """Folders of this interpreter, its standard library and its environment that lie in the project."""
    folders = {sys.prefix, sys.base_prefix, sys.exec_prefix, *installed().values()}
    return tuple(sorted(folder + os.sep for folder in folders if folder.startswith(under)))
