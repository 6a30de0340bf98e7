"""What becomes of files that outputs replace: those that are not ours are kept as objects, and a person is told.

Ours is what the stage's last record names, and what Pivot last put at the place, as another branch's lock may have
come since. Anything else is somebody's own, also where the cache happens to have its bytes: the next collection may
take them away.
"""

import os
from collections.abc import Collection, Sequence

from pivot.model.digest import Digest, digest_text
from pivot.model.record import StageRecord
from pivot.model.stored import shown_name
from pivot.model.tree import TreeEntry, tree_digest
from pivot.paths import ProjectPath, absolute, is_folder
from pivot.store.folders import folder_digest, folder_entries, keep_tree, load_tree
from pivot.store.journal import Journal
from pivot.store.keytable import find_entry
from pivot.store.objects import MissingObjectError, ObjectStore
from pivot.store.usage import name_kept

_MOST = 3  # files of a folder that are named


def keep(
    objects: ObjectStore,
    stage: str,
    path: ProjectPath,
    place: str,
    known: Sequence[Digest | None],
    files: Collection[Digest] = (),
) -> list[str]:
    """Keeps what is about to go from the place of an output, unless Pivot put it there.

    Args:
        place: absolute; nothing need be there.
        known: digests of what Pivot put or will put there, besides what it remembers.
        files: of a folder, digests of files that it will put there.

    Returns:
        notices.
    """
    if os.path.isdir(place):
        known = (*known, _placed(objects, path))
        return _keep_folder(objects, stage, path, place, known, files)
    digest = objects.index.digest(place)
    if digest is None or digest in known or digest == _placed(objects, path):
        return []
    name_kept(objects.layout, digest, absolute(path, objects.layout.root))
    objects.verify(digest)  # this file may be the last good copy, and a seal does not see every damage
    objects.add_file(place, digest)
    where = _shown(objects, digest)
    return [
        f"stage {stage!r}: {path!r} was not as Pivot had left it; the file that was there is kept in {where}"
    ]


def remember_placed(objects: ObjectStore, record: StageRecord) -> None:
    """Remembers that the outputs of a record are in place: they may be replaced without a word."""
    for path, state in record.outputs.items():
        objects.index.placed.save(digest_text(path), state.digest.encode())


def keep_replaced(
    objects: ObjectStore, journal: Journal, record: StageRecord, previous: StageRecord | None
) -> tuple[dict[ProjectPath, Digest], list[str]]:
    """Keeps what is not ours of all that a result replaces.

    Args:
        record: the result; its new files are in their staging places, or at their targets.
        previous: the last one; what it put in place may go.

    Returns:
        the digests of what is replaced, and notices.
    """
    before: dict[ProjectPath, Digest] = {}
    notices: list[str] = []
    for path, state in record.outputs.items():
        if path in journal.existed:
            place = journal.aside(path)
        elif os.path.lexists(journal.staging(path)):
            place = journal.target(path)
        else:
            continue
        if not os.path.lexists(place):
            continue
        last = None if previous is None else previous.outputs.get(path)
        known = (state.digest, last.digest if last else None)
        files = {entry.digest for entry in state.entries or ()}
        notices += keep(objects, journal.stage, path, place, known, files)
        digest = _digest(objects, path, place)
        if digest is not None:
            before[path] = digest
    return before, notices


def keep_strangers(objects: ObjectStore, journal: Journal, record: StageRecord) -> list[str]:
    """Keeps targets that were changed between a kill and now."""
    notices: list[str] = []
    for path, state in record.outputs.items():
        if os.path.lexists(journal.staging(path)):
            known = (state.digest, journal.before.get(path))
            notices += keep(objects, journal.stage, path, journal.target(path), known)
    return notices


def keep_foreign_keys(objects: ObjectStore, record: StageRecord) -> list[str]:
    """Keeps what a person put under keys of the object store that a result takes over; gives notices."""
    notices: list[str] = []
    for name in record.puts:
        entry = find_entry(objects.layout, name)
        if entry is None or entry.owner == record.stage:
            continue
        key = shown_name(name)
        if entry.owner:
            notices.append(f"stage {record.stage!r}: key {key} was that of stage {entry.owner!r}")
            continue
        name_kept(objects.layout, entry.value.digest, f"{objects.layout.root}: key {key}")
        where = _shown(objects, entry.value.digest)
        notices.append(
            f"stage {record.stage!r}: key {key} was put outside of stages; that value is kept in {where}"
        )
    return notices


def require_key_objects(objects: ObjectStore, record: StageRecord) -> None:
    """Makes sure that the cache has all that a result has in the object store, and has it flushed.

    Raises:
        MissingObjectError: it lacks something.
    """
    for name, value in record.puts.items():
        if not objects.has(value.digest):
            raise MissingObjectError(
                f"stage {record.stage!r}: what key {shown_name(name)} stands for is not in the cache",
                "run the stage again",
            )
    objects.flusher.add(objects.layout.object_file(value.digest) for value in record.puts.values())


def _keep_folder(
    objects: ObjectStore,
    stage: str,
    path: ProjectPath,
    folder: str,
    known: Sequence[Digest | None],
    files: Collection[Digest],
) -> list[str]:
    """Keeps the files of a folder that nobody else has, and, if there are any, the tree that names them all."""
    entries = folder_entries(objects.index, folder) or ()
    digest = tree_digest(entries)
    if digest in known:
        return []
    ours = {*files} | {entry.digest for tree in known if tree is not None for entry in _tree(objects, tree)}
    strange = [entry for entry in entries if entry.digest not in ours]
    if not strange:
        return []
    name_kept(objects.layout, digest, absolute(path, objects.layout.root))
    for entry in strange:
        objects.verify(entry.digest)
    where = _shown(objects, keep_tree(objects, folder, entries))
    names = ", ".join(repr(entry.path) for entry in strange[:_MOST])
    more = f" and {len(strange) - _MOST} more" if len(strange) > _MOST else ""
    was, what, are = ("were", "files", "are") if len(strange) > 1 else ("was", "file", "is")
    found = f"in {path!r} {names}{more} {was} not as Pivot had left it"
    return [f"stage {stage!r}: {found}; the {what} that {was} there {are} kept (listed in {where})"]


def _placed(objects: ObjectStore, path: ProjectPath) -> Digest | None:
    found = objects.index.placed.load(digest_text(path))
    return None if found is None else Digest(found.decode())


def _tree(objects: ObjectStore, digest: Digest) -> tuple[TreeEntry, ...]:
    try:
        return load_tree(objects, digest)
    except MissingObjectError:
        return ()


def _digest(objects: ObjectStore, path: ProjectPath, place: str) -> Digest | None:
    return folder_digest(objects.index, place) if is_folder(path) else objects.index.digest(place)


def _shown(objects: ObjectStore, digest: Digest) -> str:
    return os.path.relpath(objects.layout.object_file(digest), objects.layout.root)
