"""The outputs of a stage change all together or not at all, also when the process is killed in between.

    begin ──► the stage runs ──► commit_record
      └────────── abort ◄────────────┘ failure

Every prefix of these file operations is undone (until the journal has the record) or finished (from then on)
by `recover`.

All but `recover` are called under the stage's guard.
"""

import os
import stat
from collections.abc import Sequence
from dataclasses import replace

from pivot.errors import FormatError, StoreError
from pivot.model.record import OutputState, StageRecord
from pivot.model.stage import OutKind
from pivot.model.tree import TreeEntry
from pivot.paths import ProjectPath, is_folder
from pivot.store import atomic
from pivot.store.codec import both_texts
from pivot.store.folders import find_entries, folder_entries, keep_in_place, keep_tree, list_files, renamed
from pivot.store.guard import try_guard
from pivot.store.journal import Journal, add_record, drop_journal, read_journal, write_journal
from pivot.store.keytable import follow_record
from pivot.store.layout import Layout
from pivot.store.lockfile import write_lock
from pivot.store.objects import ObjectStore
from pivot.store.replaced import (
    keep,
    keep_foreign_keys,
    keep_replaced,
    keep_strangers,
    remember_placed,
    require_key_objects,
)
from pivot.store.runcache import write_record


def begin(
    objects: ObjectStore,
    stage: str,
    outs: Sequence[ProjectPath],
    written_by_stage: Sequence[ProjectPath] = (),
) -> Journal:
    """Makes room for new outputs: staging folders, and files that the stage writes itself are moved aside.

    Args:
        objects: the cache, which takes what must not be lost.
        stage: its name.
        outs: all outputs that may change.
        written_by_stage: those of them that the stage writes at their targets.

    Returns:
        the journal, whose `Journal.staging` says where the new files go.

    Raises:
        StoreError: a folder is where an output must go, or a file where a folder must, or something cannot be
            written; nothing has changed.
    """
    layout = objects.layout
    # whoever held the guard before may have died; the guard is ours, so the journal is nobody else's
    notices = _settle(objects, layout.journal_file(stage))
    journal = Journal(layout, stage, tuple(outs), tuple(written_by_stage), (), {}, notices=tuple(notices))
    for path in outs:
        if _is_in_the_way(journal.target(path), path):
            what = "file" if is_folder(path) else "folder"
            raise StoreError(
                f"stage {stage!r}: a {what} is where its output {path!r} must go", f"move the {what} away"
            )
    journal = replace(
        journal, existed=tuple(p for p in written_by_stage if os.path.lexists(journal.target(p)))
    )
    with atomic.explained(layout.folder):
        _clear(objects, journal)
        write_journal(journal)
        try:
            _make_room(objects, journal)
        except BaseException:
            abort(objects, journal)
            raise
    return journal


def abort(objects: ObjectStore, journal: Journal) -> None:
    """Puts everything back as it was before `begin`, unless the result counts already.

    Raises:
        StoreError: something cannot be put back; the next `recover` tries again.
    """
    with atomic.explained(journal.layout.folder):
        found = read_journal(journal.layout, journal.layout.journal_file(journal.stage))
        if found is not None and found.record is None:
            _put_back(objects, found, keep_targets=False)


def commit_record(
    objects: ObjectStore,
    journal: Journal,
    record: StageRecord,
    previous: StageRecord | None = None,
    texts: tuple[str, str] | None = None,
) -> tuple[str, ...]:
    """Makes a result count: objects, run cache, outputs and lock file, in this order, then drops the journal.

    Args:
        objects: the cache.
        journal: of `begin`; the new files are in its staging places, or at their targets.
        record: the result.
        previous: the stage's last record: what Pivot put in place itself may be replaced, a file with other
            content is kept as an object first.
        texts: what `codec.both_texts` gives for the record, where that is known.

    Returns:
        notices: files that were kept.

    Raises:
        StoreError: an output is missing or not as recorded, or something cannot be written. Unless the record
            was in the journal already (then `recover` finishes), everything is as before `begin`.
    """
    try:
        with atomic.explained(journal.layout.folder):
            before, notices = keep_replaced(objects, journal, record, previous)
            notices += keep_foreign_keys(objects, record)
            _store_outputs(objects, journal, record)
            lock, full = texts or both_texts(record)
            # the last that a full or read-only cache can refuse
            write_record(objects.layout, record, full, is_first=previous is None)
            final = replace(journal, before=before, record=record)
            add_record(final, full)
            _finish(objects, final, record, lock)
    except BaseException:
        abort(objects, journal)
        raise
    return (*journal.notices, *notices)


def recover(objects: ObjectStore) -> list[str]:
    """Undoes or finishes what killed processes left half-done. The first thing a command does with a project.

    Returns:
        notices: what was undone, finished, kept, or could not be settled (it is tried again the next time).

    Raises:
        FormatError: a newer Pivot left it.
        StoreError: nobody can say whether there is anything.
    """
    layout = objects.layout
    try:
        names = sorted(os.listdir(layout.journals))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise StoreError(f"cannot read {layout.journals}: {error.strerror}", "make it readable") from error
    notices = []
    for name in names:
        path = os.path.join(layout.journals, name)
        try:
            journal = read_journal(layout, path)
            guard = None if journal is None else try_guard(layout, journal.stage)
            if guard is not None:  # else a living process is at it
                with guard:
                    notices += _settle(objects, path)
        except ValueError:
            notices.append(_set_aside(layout, path))
        except StoreError as error:
            if isinstance(error, FormatError):
                raise
            notices.append(f"an interrupted change ({path}) is still to be settled: {error}")
    return notices


def _settle(objects: ObjectStore, path: str) -> list[str]:
    """Undoes or finishes what a journal tells, if there is one."""
    try:
        journal = read_journal(objects.layout, path)
    except ValueError:
        return [_set_aside(objects.layout, path)]
    if journal is None:
        return []
    with atomic.explained(path):
        if journal.record is None:
            return [
                *_put_back(objects, journal, keep_targets=True),
                f"stage {journal.stage!r}: an interrupted run was undone",
            ]
        notices = keep_strangers(objects, journal, journal.record)
        notices += keep_foreign_keys(objects, journal.record)
        write_record(objects.layout, journal.record)  # it was not flushed
        _finish(objects, journal, journal.record)
        _store_again(objects, journal, journal.record)
    return [*notices, f"stage {journal.stage!r}: the result of an interrupted run was put in place"]


def _set_aside(layout: Layout, path: str) -> str:
    target = os.path.join(layout.scratch, f"{os.path.basename(path)}.{atomic.token()}")
    with atomic.explained(path):
        atomic.rename(path, target)
    return (
        f"{path} was damaged and is now {target}; files that it had moved are in folders named .pivot-old.*"
    )


def _make_room(objects: ObjectStore, journal: Journal) -> None:
    for path in journal.outs:
        staging = os.path.dirname(journal.staging(path))
        try:
            os.mkdir(staging)
        except FileExistsError:  # for another output of the stage
            continue
        except FileNotFoundError:
            atomic.make_folder(os.path.dirname(journal.target(path)))
            os.makedirs(staging, exist_ok=True)
    for path in journal.existed:
        target, aside = journal.target(path), journal.aside(path)
        os.makedirs(os.path.dirname(aside), exist_ok=True)
        os.rename(target, aside)
        objects.index.moved(target, aside)


def _is_in_the_way(target: str, path: ProjectPath) -> bool:
    """Whether there is a folder where a file must go, or the other way round."""
    return os.path.lexists(target) and os.path.isdir(target) != is_folder(path)


def _clear(objects: ObjectStore, journal: Journal) -> None:
    """Removes folders of ours that no journal tells of; what was moved aside may be the last of its kind."""
    left = {folder for folder in journal.folders() if os.path.lexists(folder)}
    for path in journal.outs:
        aside = journal.aside(path)
        if os.path.dirname(aside) not in left:
            continue
        if os.path.isdir(aside):
            keep_tree(objects, aside, folder_entries(objects.index, aside) or ())
        elif os.path.isfile(aside):
            objects.add_file(aside)
    for folder in left:
        atomic.discard_tree(folder)


def _put_back(objects: ObjectStore, journal: Journal, *, keep_targets: bool) -> list[str]:
    """Undoes a run whose result does not count; ``keep_targets``: they may be somebody else's by now."""
    notices = []
    for path in journal.written:
        target, aside = journal.target(path), journal.aside(path)
        moved = os.path.lexists(aside)
        if path in journal.existed and not moved:
            continue  # not moved yet, or back already
        if _is_in_the_way(target, path):
            spare = f"{target}.{atomic.token()}"
            os.rename(target, spare)
            what = "file" if is_folder(path) else "folder"
            notices.append(f"stage {journal.stage!r}: a {what} was where {path!r} must be; it is now {spare}")
        elif keep_targets:
            notices += keep(objects, journal.stage, path, target, ())
        if is_folder(path) and os.path.lexists(target):
            _take_away(target, journal.staging(path))
        if moved:
            os.rename(aside, target)
            objects.index.moved(aside, target)
        else:
            atomic.discard(target)
    drop_journal(journal)
    return notices


def _take_away(folder: str, to: str) -> None:
    """Moves a folder to where it goes with the journal: at once, however many files it holds."""
    atomic.discard_tree(to)
    atomic.rename(folder, to)


def linkable(record: StageRecord) -> frozenset[ProjectPath]:
    """The outputs that may be links to objects: none that is read and written again, or belongs into git."""
    kinds = (OutKind.OUT, OutKind.PLOT, OutKind.DIRECTORY)
    return frozenset(out.path for out in record.inputs.outs if out.cache and out.kind in kinds)


def _store_outputs(objects: ObjectStore, journal: Journal, record: StageRecord) -> None:
    """Makes objects of the new files that are cached; those of keys are there, made as they were put."""
    require_key_objects(objects, record)
    cached = {out.path for out in record.inputs.outs if out.cache}
    linked = linkable(record)
    for path, state in record.outputs.items():
        staged = journal.staging(path)
        place = staged if os.path.lexists(staged) else journal.target(path)
        found = _stat(place)
        if found is None and path not in journal.written:  # it was there when it was looked at
            raise _changed(record.stage, path)
        if found is None or stat.S_ISDIR(found.st_mode) != is_folder(path):
            message = f"stage {record.stage!r}: it did not write {path!r}"
            raise StoreError(message, "write it, or declare it no out")
        if is_folder(path):
            entries = _store_folder(objects, record.stage, path, state, place, cache=path in cached)
        elif found.st_size != state.size:
            raise _changed(record.stage, path)
        else:
            entries = (TreeEntry("", state.digest, state.size, state.executable),)
            if path in cached:
                objects.add_file(place, state.digest)
        if path in linked and path in journal.outs:
            for entry in entries:
                file = os.path.join(place, entry.path) if is_folder(path) else place
                if not entry.executable:
                    objects.share(entry.digest, file, os.path.dirname(staged))


def _store_folder(
    objects: ObjectStore, stage: str, path: ProjectPath, state: OutputState, folder: str, *, cache: bool
) -> tuple[TreeEntry, ...]:
    entries = find_entries(objects, folder, state)
    sizes = {entry.path: entry.size for entry in entries}
    files = list_files(folder) or ()
    if {*files} != {*sizes} or any(os.stat(os.path.join(folder, f)).st_size != sizes[f] for f in files):
        raise _changed(stage, path)
    if cache:
        keep_tree(objects, folder, entries)
    return entries


def _stat(place: str) -> os.stat_result | None:
    try:
        return os.stat(place)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _changed(stage: str, path: ProjectPath) -> StoreError:
    return StoreError(
        f"stage {stage!r}: {path!r} changed after it was looked at",
        "let only the stage write it; run it again",
    )


def _finish(
    objects: ObjectStore, journal: Journal, record: StageRecord, lock_text: str | None = None
) -> None:
    """From the journal's record on: everything that is still to be done, however much is done already."""
    cached = {out.path for out in record.inputs.outs if out.cache}
    layout = journal.layout
    swapped: dict[ProjectPath, tuple[str, ...]] = {}
    for path in record.outputs:
        staged, target = journal.staging(path), journal.target(path)
        if not os.path.lexists(staged):
            continue
        if is_folder(path) and journal.before.get(path) == record.outputs[path].digest:
            continue  # it holds just that: programs may be at work in it
        if is_folder(path):
            swapped[path] = list_files(staged) or ()
            if os.path.lexists(target):
                _take_away(target, journal.aside(path))
            atomic.rename(staged, target)
        else:
            atomic.rename(staged, target)
            objects.index.moved(staged, target)
    keys = follow_record(layout, record)
    write_lock(layout, record, lock_text)
    remember_placed(objects, record)
    drop_journal(journal)
    for path, files in swapped.items():
        renamed(objects.index, journal.staging(path), journal.target(path), files)
    # the folder last: where a file system has a journal, it takes all earlier renames with it
    lock = layout.lock_file(record.stage)
    only_copies = [file for path in record.outputs if path not in cached for file in _files(journal, path)]
    objects.flusher.add((*only_copies, *keys, lock, os.path.dirname(lock)))


def _files(journal: Journal, path: ProjectPath) -> list[str]:
    """The files of an output, absolute."""
    target = journal.target(path)
    return [os.path.join(target, file) for file in list_files(target) or ()] if is_folder(path) else [target]


def _store_again(objects: ObjectStore, journal: Journal, record: StageRecord) -> None:
    """Makes objects that did not outlast a power failure again, from outputs that did."""
    for out in record.inputs.outs:
        state = record.outputs.get(out.path)
        if out.cache and state is not None:
            keep_in_place(objects, journal.target(out.path), out.path, state)
