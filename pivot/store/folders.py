"""Folders in the workspace and in the cache: a tree that names the files, and an object for each of them."""

import os
import stat
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from operator import attrgetter

from pivot.errors import StoreError
from pivot.model.digest import Digest
from pivot.model.record import OutputState
from pivot.model.tree import TreeEntry, read_tree, tree_digest, tree_text
from pivot.paths import ProjectPath, is_folder
from pivot.store import atomic
from pivot.store.contents import NOT_TEXT, contents
from pivot.store.index import StatIndex, Versions
from pivot.store.objects import MissingObjectError, ObjectStore
from pivot.store.trees import digest_by_pieces


def list_files(folder: str) -> tuple[str, ...] | None:
    """The files in a folder at any depth, relative to it; ``None`` where there is no folder.

    Raises:
        StoreError: it cannot be listed, or holds a name that cannot be written down.
    """
    try:
        found = contents(folder)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        where = os.fsdecode(error.filename or folder)
        raise StoreError(f"cannot read {where}: {error.strerror}", "make it a readable folder") from error
    for path, problem in found.broken:
        if problem == NOT_TEXT:
            raise StoreError(f"{os.path.join(folder, path)!r} {problem}", "rename it")
    return found.files


def hash_entries(index: StatIndex, folder: str, files: Iterable[str]) -> tuple[TreeEntry, ...]:
    """What some files of a folder hold, without those that are gone; only what may have changed is read.

    Raises:
        StoreError: one cannot be read.
    """
    places = _places(folder, files)
    return tuple(sorted(_entries(places, index.versions(places)), key=attrgetter("path")))


def files_digest(index: StatIndex, folder: str, files: Sequence[str]) -> Digest:
    """The digest of a folder that holds just these files, sorted; without those that are gone.

    Raises:
        StoreError: one cannot be read.
    """
    places = _places(folder, files)
    return digest_by_pieces(index, places, partial(_entries, places))


def _entries(places: Mapping[str, str], versions: Versions) -> list[TreeEntry]:
    return [
        TreeEntry(places[place], found[0], found[1].st_size, bool(found[1].st_mode & stat.S_IXUSR))
        for place, found in versions.items()
        if found is not None
    ]


def _places(folder: str, files: Iterable[str]) -> dict[str, str]:
    begin = os.path.join(folder, "")
    return {begin + path: path for path in files}


def folder_entries(index: StatIndex, folder: str) -> tuple[TreeEntry, ...] | None:
    """All files of a folder; ``None`` where there is no folder.

    Raises:
        StoreError: something in it cannot be read.
    """
    files = list_files(folder)
    return None if files is None else hash_entries(index, folder, files)


def folder_digest(index: StatIndex, folder: str) -> Digest | None:
    """The digest of a folder with all its files; ``None`` where there is no folder.

    Raises:
        StoreError: something in it cannot be read.
    """
    files = list_files(folder)
    return None if files is None else files_digest(index, folder, files)


def load_tree(objects: ObjectStore, digest: Digest) -> tuple[TreeEntry, ...]:
    """The files that a tree of the cache names.

    Raises:
        MissingObjectError: it is not there, or no tree.
    """
    try:
        return read_tree(objects.read(digest).decode())
    except ValueError as error:  # UnicodeDecodeError is one
        raise MissingObjectError(
            f"object {digest} names no files", "run the stage that makes it again"
        ) from error


def find_entries(objects: ObjectStore, folder: str, state: OutputState) -> tuple[TreeEntry, ...]:
    """The files of a recorded folder: as a run just gave them, of the cache, or of the folder in place.

    Args:
        folder: where it lies, absolute, if it does.

    Raises:
        MissingObjectError: nobody knows.
    """
    if state.entries is not None:
        return state.entries
    try:
        return load_tree(objects, state.digest)
    except MissingObjectError:
        entries = folder_entries(objects.index, folder)
        if entries is None or tree_digest(entries) != state.digest:
            raise
        return entries


def is_obtainable(objects: ObjectStore, folder: str, digest: Digest) -> bool:
    """Whether every file of a folder can be had from the cache, or from the folder that is there now."""
    try:
        wanted = load_tree(objects, digest)
    except MissingObjectError:
        return False
    lacking = [entry for entry in wanted if not objects.has(entry.digest)]
    if not lacking:
        return True
    there = {entry.path: entry.digest for entry in folder_entries(objects.index, folder) or ()}
    return all(there.get(entry.path) == entry.digest for entry in lacking)


def keep_tree(objects: ObjectStore, folder: str, entries: Sequence[TreeEntry]) -> Digest:
    """Makes objects of a folder's files and of its tree, where the cache lacks them; gives the tree's name.

    Raises:
        StoreError: the cache cannot be written, or a file is not what its entry says.
        FileNotFoundError: one is gone.
    """
    for entry in entries:
        objects.add_file(os.path.join(folder, entry.path), entry.digest)
    # last: whoever finds the tree finds its files
    return objects.add_bytes(tree_text(entries).encode())


def keep_in_place(objects: ObjectStore, place: str, path: ProjectPath, state: OutputState) -> None:
    """Makes the objects of an output that the cache lacks, if the output lies at its place just so.

    Raises:
        StoreError: something cannot be read or written.
    """
    if not is_folder(path):
        if not objects.has(state.digest) and objects.index.digest(place) == state.digest:
            objects.add_file(place, state.digest)
        return
    try:
        if all(objects.has(entry.digest) for entry in load_tree(objects, state.digest)):
            return
    except MissingObjectError:
        pass
    entries = folder_entries(objects.index, place)
    if entries is not None and tree_digest(entries) == state.digest:
        keep_tree(objects, place, entries)


def place_tree(
    objects: ObjectStore,
    entries: Iterable[TreeEntry],
    folder: str,
    present: str | None = None,
    *,
    link: bool = False,
) -> None:
    """Makes a new folder with these files. Those that lie in another folder just so get a second name.

    Args:
        folder: must not be there.
        present: the other folder, if there is one, in the same file system; it is about to go.
        link: whether links to the objects will do.

    Raises:
        MissingObjectError: a file is neither there nor in the cache.
        StoreError: the folder cannot be written.
    """
    now = folder_entries(objects.index, present) if present is not None else None
    there = {(entry.path, entry.digest): entry for entry in now or ()}
    with atomic.explained(folder):
        atomic.make_folder(folder)
        for entry in entries:
            target = os.path.join(folder, entry.path)
            found = there.get((entry.path, entry.digest))
            source = os.path.join(present or "", entry.path)
            if found == entry and _link(source, target):
                continue
            if found is not None:  # not just so; its object may be lost
                objects.add_file(source, entry.digest)
            objects.place(entry.digest, target, executable=entry.executable, link=link)


def _link(source: str, target: str) -> bool:
    if os.path.realpath(source) != os.path.join(
        os.path.realpath(os.path.dirname(source)), os.path.basename(source)
    ):
        return False  # a symbolic link: the file behind it may be anywhere
    try:
        atomic.make_folder(os.path.dirname(target))
        os.link(source, target)
    except OSError:  # not here, or too many already
        return False
    return True


def renamed(index: StatIndex, source: str, target: str, files: Collection[str]) -> None:
    """What is known of the files of a folder holds after it was renamed; so for those that had lain at the target."""
    for path in files:
        place = os.path.join(target, path)
        index.moved(os.path.join(source, path), place)
        index.moved(place, place)
