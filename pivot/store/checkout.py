"""Workspace ← cache: puts the outputs of a record in place."""

import contextlib
import os
import stat
from collections.abc import Iterator
from dataclasses import replace

from pivot.model.digest import digest_bytes
from pivot.model.record import OutputState, StageRecord
from pivot.paths import ProjectPath, absolute, is_folder
from pivot.store import atomic
from pivot.store.commit import abort, begin, commit_record, linkable
from pivot.store.folders import find_entries, folder_digest, place_tree
from pivot.store.objects import MissingObjectError, ObjectStore
from pivot.store.runcache import read_record


def checkout(
    objects: ObjectStore, record: StageRecord, previous: StageRecord | None = None
) -> tuple[str, ...]:
    """Puts a record's outputs in place, all together, and makes it the stage's last result.

    Call it under the stage's guard. Files that are right already are not touched; missing objects are made
    from them.

    Args:
        objects: the cache.
        record: of the run cache or of the lock file.
        previous: the stage's last record. A file that is neither its nor in the cache is kept as an object.

    Returns:
        notices: files that were kept.

    Raises:
        MissingObjectError: some bytes are nowhere to be found; nothing has changed, and the stage must run.
        StoreError: something cannot be written; nothing has changed.
    """
    record = with_contents(objects, record)
    root = objects.layout.root
    wanted = [p for p in record.outputs if not _in_place(objects, absolute(p, root), p, record.outputs[p])]
    linked = linkable(record)
    journal = begin(objects, record.stage, wanted)
    try:
        for path in wanted:
            state = record.outputs[path]
            with _explained(record.stage, path):
                if is_folder(path):
                    entries = find_entries(objects, journal.target(path), state)
                    place_tree(
                        objects, entries, journal.staging(path), journal.target(path), link=path in linked
                    )
                else:
                    place_state(objects, state, journal.staging(path), link=path in linked)
    except BaseException:
        abort(objects, journal)
        raise
    return commit_record(objects, journal, record, previous)


def with_contents(objects: ObjectStore, record: StageRecord) -> StageRecord:
    """The record with the bytes of small outputs, which a lock file does not hold."""
    cached = {out.path for out in record.inputs.outs if out.cache}
    lacking = [p for p, state in record.outputs.items() if p not in cached and state.content is None]
    if not lacking:
        return record
    whole = read_record(objects.layout, record.stage, record.inputs)
    outputs = dict(record.outputs)
    for path in lacking:
        found = None if whole is None else whole.outputs.get(path)
        if found is not None and found.digest == outputs[path].digest:
            outputs[path] = replace(outputs[path], content=found.content)
    return replace(record, outputs=outputs)


def place_state(objects: ObjectStore, state: OutputState, path: str, *, link: bool = False) -> None:
    """Makes a new file of a recorded output, from the record's own bytes or from the cache.

    Args:
        link: whether a link to the object will do.

    Raises:
        MissingObjectError: its bytes are nowhere to be found.
        StoreError: it cannot be written.
    """
    if state.content is None or digest_bytes(state.content) != state.digest:
        objects.place(state.digest, path, executable=state.executable, link=link)
        return
    with atomic.explained(path):
        fd = atomic.create(path, 0o777 if state.executable else 0o666)
        try:
            atomic.write_all(fd, state.content, path)
        finally:
            os.close(fd)


def _in_place(objects: ObjectStore, target: str, path: ProjectPath, state: OutputState) -> bool:
    if is_folder(path):
        return folder_digest(objects.index, target) == state.digest
    if os.path.isdir(target) or objects.index.digest(target) != state.digest:
        return False
    return bool(os.stat(target).st_mode & stat.S_IXUSR) == state.executable


@contextlib.contextmanager
def _explained(stage: str, path: ProjectPath) -> Iterator[None]:
    try:
        yield
    except MissingObjectError as error:
        raise MissingObjectError(
            f"stage {stage!r}: {path!r} cannot be restored: {error.message}", "run the stage again"
        ) from error
