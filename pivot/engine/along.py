"""What a pipeline needs in another folder to have nothing to run there: its modules, its results, and its inputs.

The other folder becomes a project root of its own; everything lies there at the path that it has here.
"""

import contextlib
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pivot.engine.exchange import keep_objects
from pivot.engine.observe import NOTHING, Observer
from pivot.errors import UsageError
from pivot.model.digest import Digest
from pivot.model.record import StageRecord
from pivot.model.stage import Stage
from pivot.paths import ProjectPath, absolute, is_folder, relative_to_root
from pivot.store import atomic
from pivot.store.hashing import hash_file
from pivot.store.layout import Layout, create
from pivot.store.lockfile import write_lock
from pivot.store.root import find_root
from pivot.store.runcache import write_record
from pivot.store.store import Store

_SETTINGS = (".pivot/config.yaml", ".pivotignore")


@dataclass(frozen=True, slots=True)
class Along:
    """What was brought into another folder.

    Attributes:
        files: modules, params and inputs that were copied.
        results: stages whose last result is known there.
        unknown: stages that have none.
        inputs: files that no stage writes, which are not there: nobody asked for them.
    """

    files: tuple[ProjectPath, ...]
    results: tuple[str, ...]
    unknown: tuple[str, ...]
    inputs: tuple[ProjectPath, ...]


def take_along(
    store: Store, observer: Observer, stages: Sequence[Stage], folder: str, *, data: bool
) -> Along:
    """Bring what some stages need into another folder.

    Args:
        observer: knows the modules of the stages; of those only files are copied.
        folder: absolute.
        data: also copy the files that no stage writes.

    Raises:
        UsageError: the folder lies in a project, or files of another content are in the way; nothing has changed.
    """
    if (above := find_root(folder)) is not None and above != folder:
        where = os.path.relpath(above, folder)
        raise UsageError(
            f"the folder lies in the project {where}, which would keep its results there",
            "name a folder outside of any project; inside of one its stages are in place already",
        )
    records = {stage.name: store.whole_lock(stage.key) for stage in stages}
    code = list(dict.fromkeys(_code(store, observer, stages)))
    inputs = list(dict.fromkeys(_inputs(store, stages, records.values())))
    wanted = [*code, *(inputs if data else ())]
    _refuse_others(store.root, folder, wanted)
    layout = create(folder)
    for path in wanted:
        _copy(absolute(path, store.root), absolute(path, folder))
    for record in records.values():
        if record is not None:
            keep_objects(store, record)
            _bring(store, layout, record)
    return Along(
        files=tuple(wanted),
        results=tuple(name for name, record in records.items() if record is not None),
        unknown=tuple(name for name, record in records.items() if record is None),
        inputs=() if data else tuple(p for p in inputs if not os.path.exists(absolute(p, folder))),
    )


def _code(store: Store, observer: Observer, stages: Iterable[Stage]) -> Iterator[ProjectPath]:
    """The project's modules in reach, the params beside the pipeline, and the settings that act on results."""
    for stage in stages:
        lock = store.lock(stage.key)
        for module in observer.fingerprint(stage, lock.inputs.observed if lock else NOTHING).modules:
            if os.path.isfile(module.filename):
                yield relative_to_root(module.filename, store.root)
        beside = os.path.join(stage.home, "params.yaml")
        yield from (ProjectPath(os.path.normpath(p)) for p in (beside, *_SETTINGS) if _is_there(store, p))


def _is_there(store: Store, path: str) -> bool:
    return os.path.isfile(os.path.join(store.root, path))


def _inputs(
    store: Store, stages: Sequence[Stage], records: Iterable[StageRecord | None]
) -> Iterator[ProjectPath]:
    """The files and folders that none of the stages writes and some read, declared or not."""
    written = {out.rstrip("/") for stage in stages for out in stage.out_paths()}
    read = [dep for stage in stages for dep in stage.dep_paths()]
    read += [p for r in records if r is not None for p in r.inputs.observed.files if _is_there(store, p)]
    for path in read:
        folders = path.rstrip("/").split("/")
        within = {"/".join(folders[:count]) for count in range(1, len(folders) + 1)}
        if written.isdisjoint(within) and os.path.exists(absolute(path, store.root)):
            yield path


def _refuse_others(root: str, folder: str, paths: Iterable[ProjectPath]) -> None:
    files = [file for path in paths if not is_folder(path) for file in [path]]
    different = [path for path in files if _differs(absolute(path, root), absolute(path, folder))]
    if different:
        raise UsageError(
            f"{', '.join(different[:3])}{' and others' if len(different) > 3 else ''} there "
            f"{'has' if len(different) == 1 else 'have'} another content",
            "name an empty folder, or move away what is in it",
        )


def _differs(here: str, there: str) -> bool:
    return os.path.lexists(there) and (not os.path.isfile(there) or hash_file(here)[0] != hash_file(there)[0])


def _copy(here: str, there: str) -> None:
    if os.path.isdir(here):
        for name in sorted(os.listdir(here)):
            _copy(os.path.join(here, name), os.path.join(there, name))
    elif not os.path.lexists(there):
        os.makedirs(os.path.dirname(there), exist_ok=True)
        shutil.copy2(here, there)


def _bring(store: Store, layout: Layout, record: StageRecord) -> None:
    """Objects and texts before the record, and that before the lock: what can be found there is whole."""
    for digest in _objects(store, record):
        if store.objects.has(digest):
            _share(store.layout.object_file(digest), layout.object_file(digest))
    for digest in record.sources.values():
        with contextlib.suppress(FileNotFoundError):  # it only shows what changed
            _share(store.layout.source_file(digest), layout.source_file(digest))
    write_record(layout, record)
    write_lock(layout, record)


def _objects(store: Store, record: StageRecord) -> Iterator[Digest]:
    for out in record.inputs.outs:
        if out.cache and out.path in record.outputs:
            state = record.outputs[out.path]
            yield state.digest
            if is_folder(out.path):
                yield from (entry.digest for entry in store.tree(state.digest) or ())
    yield from (one.digest for one in record.puts.values())


def _share(here: str, there: str) -> None:
    """One file of the cache in another cache: a link, or a copy where there can be none."""
    if os.path.exists(there):
        return
    os.makedirs(os.path.dirname(there), exist_ok=True)
    temporary = f"{there}.{atomic.token()}"
    try:
        try:
            os.link(here, temporary)
        except FileNotFoundError:
            raise
        except OSError:
            shutil.copy2(here, temporary)
        atomic.rename(temporary, there)
    finally:
        atomic.discard(temporary)
