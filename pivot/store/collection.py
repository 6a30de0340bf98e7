"""Garbage collection: what a cache holds that nobody needs is taken away, whole files at a time.

The collector is alone in the cache (`usage.alone`). What was written since it began is left alone all the same: a
process that mends a killed run's work needs no leave of anybody.
"""

import contextlib
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

from pivot.model.digest import Digest
from pivot.model.record import StageRecord
from pivot.store import atomic
from pivot.store.layout import Layout
from pivot.store.ledger import any_result
from pivot.store.needs import needs


@dataclass(frozen=True, slots=True)
class Pile:
    """Some files.

    Attributes:
        size: of all together, in bytes.
    """

    count: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class Collected:
    """What a collection took away, or would.

    Attributes:
        kept: the objects that stay.
        texts: of modules that ran.
        damaged: objects that had been put aside because their bytes were wrong.
        unfinished: what killed processes had begun to write.
    """

    objects: Pile
    kept: Pile
    records: Pile
    texts: Pile
    damaged: Pile
    unfinished: Pile


NOTHING = Collected(Pile(), Pile(), Pile(), Pile(), Pile(), Pile())
"""Of a cache that is not there."""


@dataclass(frozen=True, slots=True)
class Needed:
    """What must stay."""

    objects: frozenset[Digest]
    texts: frozenset[str]
    records: frozenset[str]


def needed(layout: Layout, records: Iterable[StageRecord], named: Collection[Digest] = ()) -> Needed:
    """What some records need: objects, run cache entries and texts.

    Args:
        named: objects that stay whoever needs them.
    """
    objects, texts, files = set(named), set[str](), set[str]()
    for record in records:
        inputs = record.inputs
        objects.update(need.digest for need in needs(layout, record))
        texts.update(layout.source_file(digest) for digest in record.sources.values())
        files.add(layout.record_file(record.stage, inputs.declared_key, inputs.observed.digest))
    return Needed(frozenset(objects), frozenset(texts), frozenset(files))


def sweep(layout: Layout, needed: Needed, *, before: int, dry_run: bool) -> Collected:
    """Takes away what is not needed, records before the objects that they name.

    Args:
        before: only what was written before this time: ns, on the clock of the cache's file system.
        dry_run: only count.

    Raises:
        StoreError: something cannot be taken away.
    """

    def clear(folder: str, is_needed: Callable[[str], bool]) -> tuple[Pile, Pile]:
        gone, stays = Pile(), Pile()
        for path, stat in _files(os.path.join(layout.cache, folder)):
            one = Pile(1, stat.st_size)
            if is_needed(path) or stat.st_ctime_ns >= before:
                stays = _sum(stays, one)
                continue
            gone = _sum(gone, one)
            if not dry_run:
                with atomic.explained(path):
                    atomic.discard(path)
                with contextlib.suppress(OSError):  # it holds others
                    os.rmdir(os.path.dirname(path))
        return gone, stays

    records, _ = clear("runs", needed.records.__contains__)
    ledgers, _ = clear("items", lambda path: any_result(path, needed.objects))
    records = _sum(records, ledgers)
    objects, kept = clear("files", lambda path: _digest(path) in needed.objects)
    texts, _ = clear("sources", needed.texts.__contains__)
    damaged, _ = clear("quarantine", lambda _path: False)
    unfinished, _ = clear("tmp", lambda _path: False)
    return Collected(objects, kept, records, texts, damaged, unfinished)


def now(layout: Layout) -> int:
    """The time (ns) of the cache's file system, whose clock may be another machine's."""
    path = os.path.join(layout.cache_scratch, atomic.token())
    with atomic.explained(path):
        fd = atomic.create(path)
        try:
            return os.fstat(fd).st_ctime_ns
        finally:
            os.close(fd)
            atomic.discard(path)


def object_digests(layout: Layout) -> Iterator[Digest]:
    """The names of all objects in the cache."""
    for path, _ in _files(layout.objects):
        yield _digest(path)


def _digest(path: str) -> Digest:
    folder, name = os.path.split(path)
    return Digest(os.path.basename(folder) + name)


def _sum(a: Pile, b: Pile) -> Pile:
    return Pile(a.count + b.count, a.size + b.size)


def _files(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """All files at any depth, without following links."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _files(entry.path)
        else:
            with contextlib.suppress(FileNotFoundError):
                yield entry.path, entry.stat(follow_symlinks=False)
