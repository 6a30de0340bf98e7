"""What a push or a pull of some stages has to move, and the moving of it.

A push takes what the stages' locks name. A pull takes the same or, where a stage's inputs are others by now, what the
remote's run cache has under those; a stage's outputs tell the inputs of the stages after it, so that all of a
pipeline can be found before any of its files is there.
"""

import contextlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from pivot.config.settings import Settings
from pivot.core.decide import is_incremental
from pivot.core.graph import Graph
from pivot.core.items import base_key, mapped_path
from pivot.engine.checkout import CheckedOut, put_in_place
from pivot.engine.deps import Known
from pivot.engine.keys import known_puts
from pivot.engine.observe import NOTHING, Observer
from pivot.errors import PivotError, StoreError
from pivot.model.digest import Digest
from pivot.model.record import OutputState, StageRecord
from pivot.model.stage import Stage
from pivot.model.stored import shown_name
from pivot.model.tree import TreeEntry, read_tree
from pivot.model.upstream import is_listed
from pivot.paths import ProjectPath, absolute, is_folder
from pivot.remote.address import choose, open_remote
from pivot.remote.items import pull_items, push_items
from pivot.remote.names import pull_names, push_names
from pivot.remote.transfer import Failed, Link, Transferred, Wanted
from pivot.store.folders import keep_in_place
from pivot.store.ledger import Ledger
from pivot.store.store import Store


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a push or pull did.

    Attributes:
        transferred: objects and records together.
        unknown: stages of which no result is known.
        found: of a pull: stage → the result whose bytes it brought.
        placed: what became of those in the workspace, if they were to be put there.
        notices: what a person should know: keys that were left as they are.
    """

    transferred: Transferred
    unknown: tuple[str, ...]
    found: Mapping[str, StageRecord] = field(default_factory=dict)
    placed: tuple[CheckedOut, ...] = ()
    notices: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether all that is known is on the other side now, and in place if it was to be."""
        return not self.transferred.failed and all(one.ok for one in self.placed)


@dataclass(frozen=True, slots=True)
class _Parcel:
    """The cached outputs of a record.

    Attributes:
        files: of single files, and of all folders whose trees are known.
        folders: the trees, with the files that each names.
        entries: the same by the folders' paths.
    """

    record: StageRecord
    files: list[Wanted] = field(default_factory=list)
    folders: dict[Wanted, list[Wanted]] = field(default_factory=dict)
    entries: dict[ProjectPath, tuple[TreeEntry, ...]] = field(default_factory=dict)


def push_to(
    store: Store, settings: Settings, observer: Observer, graph: Graph, remote: str | None, jobs: int
) -> Exchange:
    """Bring the last results of all stages of a graph to a remote, with what items of mapped stages gave.

    The keys that people put into the object store come along, too.

    Args:
        remote: its name; ``None`` for the one that is meant where none is named.
        jobs: how many files are moved at once.

    Raises:
        UsageError: no such remote.
        PivotError: it cannot be used at all.
    """
    link = _open_link(store, settings, remote, jobs, create=True)
    with store.in_use():
        done = push(store, graph.stages, link)
        ledgers = {s.name: ledger for s in graph.stages if (ledger := _ledger(store, observer, graph, s, {}))}
        return replace(done, transferred=done.transferred + push_items(link, ledgers) + push_names(link))


def pull_from(
    store: Store,
    settings: Settings,
    observer: Observer,
    graph: Graph,
    remote: str | None,
    jobs: int,
    place: bool,
) -> Exchange:
    """Bring the results of all stages of a graph from a remote; see `push_to`.

    Args:
        place: also put them in place in the workspace.
    """
    link = _open_link(store, settings, remote, jobs, create=False)
    store.create()
    with store.in_use():
        moved, notices = pull_names(link) if place else (Transferred(), ())
        done = pull(store, observer, graph, link)
        done = replace(done, transferred=moved + done.transferred, notices=notices)
        found = done.found.items() if place else ()
        return replace(
            done, placed=tuple(put_in_place(store, graph.stage(name), record) for name, record in found)
        )


def push(store: Store, stages: Iterable[Stage], link: Link) -> Exchange:
    """Bring the last results of some stages to the other side of a link."""
    link.agree(write=True)
    unknown: list[str] = []
    parcels: list[_Parcel] = []
    problems: list[Failed] = []
    for stage in stages:
        record = store.lock(stage.key)
        if record is None:
            unknown.append(stage.name)
            continue
        keep_objects(store, record)
        parcel = _Parcel(record)
        parcel.files.extend(_put(record))
        for path, one in _cached(record):
            if _is_tree(path):
                problems += _open_folder(store, path, one, parcel)
            else:
                parcel.files.append(one)
        parcels.append(parcel)
    # files before the trees that name them, all before the record: whatever can be found there is whole
    done = link.push(one for parcel in parcels for one in parcel.files)
    lost = {failure.digest for failure in (*done.failed, *problems)}
    trees = [(tree, files) for parcel in parcels for tree, files in parcel.folders.items()]
    done += link.push(tree for tree, files in trees if lost.isdisjoint(one.digest for one in files))
    done += Transferred(failed=tuple(problems))
    lost |= {failure.digest for failure in done.failed}
    whole = (p.record for p in parcels if lost.isdisjoint(_digests(p)))
    done += link.push_records(whole)
    return Exchange(done, tuple(unknown))


def pull(store: Store, observer: Observer, graph: Graph, link: Link) -> Exchange:
    """Bring the results of a graph's stages into the cache: none need run that ran where they were made."""
    link.agree(write=False)
    unknown: list[str] = []
    known: dict[ProjectPath, OutputState] = {}
    found: dict[str, StageRecord] = {}
    files: list[Wanted] = []
    done = Transferred()
    for name in graph.order:
        record, moved = _find(store, observer, graph, graph.stage(name), known, link)
        done += moved
        if record is None:
            unknown.append(name)
            done += _pull_items(store, observer, graph, graph.stage(name), known, link)
            continue
        found[name] = record
        known.update(record.outputs)
        known.update(known_puts(record, store.lock(record.stage)))
        keep_objects(store, record)
        files.extend(_put(record))
        for path, one in _cached(record):
            if not _is_tree(path):
                files.append(one)
                continue
            moved = link.pull([one])
            parcel = _Parcel(record)
            problems = () if moved.failed else tuple(_open_folder(store, path, one, parcel))
            done += moved + Transferred(failed=problems)
            files += parcel.files
            known.update(
                (p, replace(record.outputs[p], entries=entries)) for p, entries in parcel.entries.items()
            )
        done += _pull_items(store, observer, graph, graph.stage(name), known, link)
    return Exchange(done + link.pull(files), tuple(unknown), found)


def _open_link(store: Store, settings: Settings, remote: str | None, jobs: int, *, create: bool) -> Link:
    name = choose(settings.remotes, settings.default_remote, remote)
    return Link(store.objects, open_remote(settings.remotes[name], store.root, create=create), jobs)


def keep_objects(store: Store, record: StageRecord) -> None:
    """Make objects that the cache lacks of files in place that are just those."""
    for path, _ in _cached(record):
        with contextlib.suppress(StoreError, FileNotFoundError):  # else it has to come from the other side
            keep_in_place(store.objects, absolute(path, store.root), path, record.outputs[path])


def _find(
    store: Store, observer: Observer, graph: Graph, stage: Stage, known: Known, link: Link
) -> tuple[StageRecord | None, Transferred]:
    """The record of a stage's inputs as they are now, else of its lock; what had to be moved to know."""
    lock = store.lock(stage.key)
    try:
        digests = {path: observer.dep_digest(path, graph, known) for path in stage.dep_paths()}
        deps = {path: digest for path, digest in digests.items() if digest is not None}
        if len(deps) < len(digests) or is_incremental(stage):
            return lock, _of_lock(lock, link)
        now = observer.inputs(
            stage, deps, lock.inputs.observed if lock else NOTHING, graph=graph, known=known
        )
        if lock is not None and now.key == lock.inputs.key:
            return lock, _of_lock(lock, link)
        moved = link.pull_records(stage.key, link.record_keys(stage.key, now.declared_key))
        for record in store.cached(stage.key, now.declared_key):
            if record.inputs.observed.has_state:
                continue
            found = observer.inputs(stage, deps, record.inputs.observed, graph=graph, known=known)
            if found.key == record.inputs.key:
                return record, moved
    except PivotError as error:
        if lock is None:
            return None, Transferred(failed=(Failed(f"stage '{stage.name}'", error),))
        return lock, _of_lock(lock, link)  # code or a dep that cannot be read: the lock tells enough
    return lock, moved + _of_lock(lock, link)


def _pull_items(
    store: Store, observer: Observer, graph: Graph, stage: Stage, known: Known, link: Link
) -> Transferred:
    ledger = _ledger(store, observer, graph, stage, known)
    return Transferred() if ledger is None else pull_items(link, stage.name, ledger)


def _ledger(store: Store, observer: Observer, graph: Graph, stage: Stage, known: Known) -> Ledger | None:
    """What items of a mapped stage gave under all else that it rests on now; ``None`` where nobody knows that."""
    if stage.map is None:
        return None
    over = mapped_path(stage)
    try:
        digests = {p: observer.dep_digest(p, graph, known) for p in stage.dep_paths() if p != over}
        deps = {path: digest for path, digest in digests.items() if digest is not None}
        inputs = observer.inputs(stage, deps, NOTHING, graph=graph, known=known)
    except PivotError:
        return None
    return store.ledger(stage.key, base_key(stage, inputs)) if len(deps) == len(digests) else None


def _of_lock(lock: StageRecord | None, link: Link) -> Transferred:
    return Transferred() if lock is None else link.pull_records(lock.stage, [link.record_key(lock)])


def _cached(record: StageRecord) -> list[tuple[ProjectPath, Wanted]]:
    """The cached outputs of a record, each with what it is to people."""
    return [
        (out.path, Wanted(record.outputs[out.path].digest, f"stage '{record.stage}': {out.path}"))
        for out in record.inputs.outs
        if out.cache and out.path in record.outputs
    ]


def _is_tree(path: ProjectPath) -> bool:
    """Whether an output is a text that names other objects: a folder, or what a mapped stage gave."""
    return is_folder(path) or is_listed(path)


def _put(record: StageRecord) -> list[Wanted]:
    """What a record has in the object store."""
    return [
        Wanted(one.digest, f"stage '{record.stage}': key {shown_name(name)}")
        for name, one in record.puts.items()
    ]


def _open_folder(store: Store, path: ProjectPath, tree: Wanted, parcel: _Parcel) -> list[Failed]:
    """Put the files of a folder, whose tree the cache has, into the parcel; gives what stands against it."""
    try:
        entries = _entries(store, tree)
    except PivotError as error:
        return [Failed(tree.label, error, tree.digest)]
    files = [Wanted(entry.digest, f"{tree.label}{entry.path}") for entry in entries]
    parcel.folders[tree] = files
    parcel.files.extend(files)
    if is_folder(path):
        parcel.entries[path] = entries
    return []


def _entries(store: Store, tree: Wanted) -> tuple[TreeEntry, ...]:
    if not store.objects.has(tree.digest):
        raise StoreError("its bytes are not in the cache", "run the stage again, or pull them first")
    path = store.layout.object_file(tree.digest)
    try:
        with open(path, encoding="utf-8") as file:
            return read_tree(file.read())
    except (OSError, ValueError) as error:
        raise StoreError(f"{os.path.basename(path)} names no files", "run the stage again") from error


def _digests(parcel: _Parcel) -> set[Digest]:
    return {one.digest for one in (*parcel.files, *parcel.folders)}
