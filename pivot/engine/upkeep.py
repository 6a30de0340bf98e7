"""Keeps a cache sound and small: checks the objects that results need, and takes away what none needs."""

import os
import socket
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pivot.engine.revision import named_files
from pivot.errors import PivotError, StoreError
from pivot.model.digest import Digest
from pivot.model.event import StageFinished
from pivot.model.record import StageRecord
from pivot.paths import ProjectPath, absolute, is_folder
from pivot.store.atomic import names_in
from pivot.store.collection import NOTHING, Collected, needed, now, object_digests, sweep
from pivot.store.history import kept_records, list_runs, read_events, read_result
from pivot.store.journal import read_journal
from pivot.store.keytable import entries
from pivot.store.layout import Layout
from pivot.store.lockfile import lock_record, read_locks
from pivot.store.needs import Need, needs, tree_entries
from pivot.store.store import Store
from pivot.store.usage import UsingProject, alone, forget_kept, identity, kept_files, using_projects

_LOCKS = ProjectPath(".pivot/stages/")


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found of the objects.

    Attributes:
        checked: how many were hashed.
        damaged: those whose bytes were wrong; they are put aside. Of one that no lock file needs the path is empty.
        missing: those that lock files need and the cache has not.
        mended: those of both that were made again of the files in place.
    """

    checked: int
    damaged: tuple[Need, ...]
    missing: tuple[Need, ...]
    mended: frozenset[Digest]


def verify(store: Store, *, everything: bool = False) -> Verified:
    """Hash the objects that the project's lock files need, whatever their seals say; wrong ones are put aside.

    A lost object is made again where the file in place has its bytes.

    Args:
        everything: also the objects that no lock file needs.
    """
    records, _ = read_locks(store.layout)
    wanted = {need.digest: need for record in records for need in needs(store.layout, record)}
    others = [d for d in object_digests(store.layout) if d not in wanted] if everything else []
    todo = [*wanted.values(), *(Need("", ProjectPath(""), digest) for digest in others)]

    def state(need: Need) -> str:
        there = os.path.exists(store.layout.object_file(need.digest))
        return "" if store.objects.verify(need.digest) else "damaged" if there else "missing"

    with store.in_use(), ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        found = list(zip(todo, pool.map(state, todo), strict=True))
        # what no lock file needs and is gone by now was collected
        found = [(need, what) for need, what in found if need.path or what != "missing"]
        lost = [need for need, what in found if what]
        mended = frozenset(need.digest for need in lost if _mend(store, need))
        store.flush()
    return Verified(
        sum(what != "missing" for _, what in found),
        tuple(need for need, what in found if what == "damaged"),
        tuple(need for need, what in found if what == "missing"),
        mended,
    )


def _mend(store: Store, need: Need) -> bool:
    """Make a lost object again of the file in place; gives whether that could be done."""
    try:
        if not need.path or is_folder(need.path) or store.digest(need.path) != need.digest:
            return False
        store.objects.add_file(absolute(need.path, store.root), need.digest)
    except (StoreError, FileNotFoundError):
        return False
    return True


def collect(
    store: Store,
    *,
    keep_runs: int | None = None,
    dry_run: bool = False,
    force: bool = False,
    kept: bool = False,
) -> Collected:
    """Take away the objects, run cache entries and texts that nothing needs.

    Needed is what these name: the lock files in the workspace and in every commit that HEAD, a branch, a tag or the
    stash of git stands for; the results of the runs in the history; files of people that were kept. Of all projects
    that use the cache.

    Args:
        keep_runs: only the results of so many of the last runs of this project; ``None`` for all in the history.
        dry_run: only say what would go.
        force: leave out projects and repositories that cannot be read.
        kept: also take away what was kept of files that Pivot replaced.

    Raises:
        StoreError: another process uses the cache, or what is needed cannot be found out.
    """
    if not os.path.exists(store.layout.format_file):  # it never ran
        return NOTHING
    with alone(store.layout) as is_free:
        if not is_free and not dry_run:
            raise StoreError(
                "another run, pull or collection uses the cache now", "try again when it has ended"
            )
        before = now(store.layout)
        records: list[StageRecord] = []
        names: tuple[Digest, ...] = ()
        for layout in _layouts(store.layout, force=force):
            runs = keep_runs if layout.root == store.root else None
            records += _records(layout, runs, force=force)
            names += tuple(_named(layout, force=force))
        names += () if kept else tuple(_kept(store.layout))
        result = sweep(store.layout, needed(store.layout, records, names), before=before, dry_run=dry_run)
        if kept and not dry_run:
            for one in kept_files(store.layout):
                forget_kept(store.layout, one.digest)
        return result


def _layouts(own: Layout, *, force: bool) -> Iterator[Layout]:
    """This project and the others that use its cache."""
    yield own
    for project in using_projects(own):
        layout = Layout(project.root, own.cache)
        # a project that was moved may have left its place to another one, and so may another machine's
        if project.id and identity(layout) == project.id:
            if project.root != own.root:
                yield layout
        elif not force:
            other = bool(project.root) and os.path.isdir(layout.folder)
            why = "another one lies there now" if other else "nobody can say what it needs"
            raise StoreError(f"{_shown(project)} uses this cache, and {why}", _way_out(project))


def _shown(project: UsingProject) -> str:
    if not project.root:
        return "a project of which nothing else is known"
    here = project.host == socket.gethostname()
    return f"the project {project.root}" + ("" if here else f" on {project.host}")


def _way_out(project: UsingProject) -> str:
    return (
        f"if it is no more, or has run where it is now, delete {project.note}; "
        "--force takes away what only it needs"
    )


def _records(layout: Layout, keep_runs: int | None, *, force: bool) -> Iterator[StageRecord]:
    """All records of a project whose outputs somebody may want back."""
    records, problems = read_locks(layout)
    if problems and not force:
        raise StoreError(problems[0], "mend it, or run its stage; --force takes away what only it needs")
    yield from records
    try:
        files = named_files(layout.root, _LOCKS)
    except PivotError:
        if not force:
            raise
        files = ()
    for data in files:
        try:
            yield lock_record(data, f"a lock file of {layout.root} in git")
        except ValueError:
            continue  # of another Pivot, or damaged: nothing could be restored by it
    yield from _journaled(layout)
    if keep_runs is None:
        yield from kept_records(layout)
        return
    runs = list_runs(layout)
    ends = (
        e for run in runs[max(0, len(runs) - keep_runs) :] for e in read_events(layout, run, output=False)
    )
    names = {e.record for e in ends if isinstance(e, StageFinished) and e.record is not None}
    yield from filter(None, (read_result(layout, name) for name in names))


def _named(layout: Layout, *, force: bool) -> Iterator[Digest]:
    """What the names of a project's object store stand for."""
    return (entry.value.digest for entry in entries(layout, strict=not force))


def _journaled(layout: Layout) -> Iterator[StageRecord]:
    """The results of commits that were interrupted."""
    for name in names_in(layout.journals):
        try:
            journal = read_journal(layout, os.path.join(layout.journals, name))
        except ValueError:
            continue
        if journal is not None and journal.record is not None:
            yield journal.record


def _kept(layout: Layout) -> Iterable[Digest]:
    for one in kept_files(layout):
        yield one.digest
        yield from (entry.digest for entry in tree_entries(layout, one.digest))  # if it was a folder
