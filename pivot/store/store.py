"""The store of one project: the face through which the engine uses everything under ``.pivot/``."""

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence

from pivot.errors import StoreError
from pivot.model.digest import Digest, digest_text
from pivot.model.fingerprint import ModuleText
from pivot.model.record import OutputState, StageRecord
from pivot.model.stage import Stage
from pivot.model.stored import KeyName, Stored
from pivot.model.tree import TreeEntry, tree_text
from pivot.model.upstream import is_listed
from pivot.paths import ProjectPath, absolute, is_folder, relative_to_root
from pivot.store import atomic
from pivot.store.checkout import checkout, with_contents
from pivot.store.codec import both_texts
from pivot.store.commit import abort, begin, commit_record, recover
from pivot.store.folders import (
    files_digest,
    find_entries,
    folder_digest,
    hash_entries,
    is_obtainable,
    keep_in_place,
    list_files,
    load_tree,
    place_tree,
)
from pivot.store.guard import Guard, holder, try_guard
from pivot.store.history import keep_record, list_runs
from pivot.store.index import SourceIndex, StateDb, StatIndex
from pivot.store.journal import Journal
from pivot.store.keytable import keys_of
from pivot.store.last import LastValues, find_last_values, incremental_outs, place_last_values
from pivot.store.layout import create, open_layout, plan_layout
from pivot.store.ledger import Ledger
from pivot.store.listings import Listings
from pivot.store.lockfile import read_lock
from pivot.store.objects import MissingObjectError, ObjectStore
from pivot.store.runcache import read_records
from pivot.store.texts import keep_texts, read_text
from pivot.store.usage import in_use, register_project


class Store:
    """Records, objects and the memory of file digests.

    Nothing is written before `create`; in a project that never ran, everything is simply absent.

    Args:
        root: the project root, absolute.
        cache_dir: another place for the cache; ``None`` for ``.pivot/cache``.
        checkout_mode: how files come from the cache into the workspace, see `ObjectStore`.

    Raises:
        FormatError: a newer Pivot wrote it.
        StoreError: it is damaged.
    """

    def __init__(self, root: str, cache_dir: str | None, checkout_mode: str = "copy") -> None:
        self.root = root
        self._cache_dir = cache_dir
        self._notices: list[str] = []
        self._taken = 0  # so many of them were given
        self._exists = os.path.lexists(os.path.join(root, ".pivot"))
        self.layout = open_layout(root, cache_dir) if self._exists else plan_layout(root, cache_dir)
        self._db = StateDb(self.layout)
        self._index = StatIndex(self._db)
        self._objects = ObjectStore(self.layout, self._index, mode=checkout_mode)
        self._last_text: tuple[StageRecord, str] | None = None  # of the result that was committed last
        self._locks: dict[str, tuple[object, StageRecord | None, str]] = {}  # by stage, with the file's stamp
        self._kept_texts: set[Digest] = set()
        self.names = Listings().names
        self.sources = SourceIndex(self._db)
        self.definitions = SourceIndex(self._db, "definition")
        self._durations = SourceIndex(self._db, "duration")
        if self._exists:
            self._notices += recover(self._objects)

    @property
    def objects(self) -> ObjectStore:
        """The cache."""
        return self._objects

    def create(self) -> None:
        """Get ready for a run: make ``.pivot/`` where it is missing, settle what killed processes left half-done.

        What a person should know of it is among the notices.
        """
        if self._exists:
            self._notices += recover(self._objects)
        else:
            create(self.root, self._cache_dir)
            self._exists = True
            self._notices.append(f"made {os.path.join(self.root, '.pivot')}")
        register_project(self.layout)

    def in_use(self) -> contextlib.AbstractContextManager[None]:
        """Keeps garbage collectors off the cache while results are made or put in place."""
        return in_use(self.layout)

    def take_notices(self) -> list[str]:
        """What a person should know of what was found or mended on disk; each is given once."""
        taken = self._notices[self._taken :]
        self._taken = len(self._notices)
        damaged, self._objects.notices = self._objects.notices, []
        return taken + damaged

    def puts(self, stage: str) -> dict[KeyName, Stored]:
        """What a stage has in the object store now."""
        return keys_of(self.layout, stage)

    def tell(self, notice: str) -> None:
        """Add a notice that was not found on disk, unless it has been told."""
        if notice not in self._notices:
            self._notices.append(notice)

    def flush(self) -> None:
        """Write what was learned about files, where there is a place for it."""
        if self._exists:
            self._objects.flusher.flush()
            self._index.flush()
            self.sources.flush()
            self.definitions.flush()
            self._durations.flush()

    def close(self) -> None:
        """Give back what is open."""
        self.flush()
        self._db.close()

    def digest(self, path: ProjectPath) -> Digest | None:
        """The digest of a file, or of a folder with all its files; ``None`` if there is none."""
        place = absolute(path, self.root)
        return folder_digest(self._index, place) if is_folder(path) else self._index.digest(place)

    def list_files(self, folder: ProjectPath) -> tuple[str, ...] | None:
        """The files in a folder of the workspace, relative to it; ``None`` if there is no folder."""
        return list_files(absolute(folder, self.root))

    def hash_files(self, folder: ProjectPath, files: Iterable[str]) -> tuple[TreeEntry, ...]:
        """What some files of a folder hold; those that are gone are left out."""
        return hash_entries(self._index, absolute(folder, self.root), files)

    def files_digest(self, folder: ProjectPath, files: Sequence[str]) -> Digest:
        """The digest of a folder that holds just these files, sorted."""
        return files_digest(self._index, absolute(folder, self.root), files)

    def entries(self, folder: ProjectPath, state: OutputState) -> tuple[TreeEntry, ...]:
        """The files of a folder that a stage wrote.

        Raises:
            MissingObjectError: neither the cache nor the workspace has it.
        """
        try:
            return find_entries(self._objects, absolute(folder, self.root), state)
        except MissingObjectError as error:
            raise MissingObjectError(
                f"what {folder} held is lost: it is neither there nor in the cache",
                "run the stage that makes it again",
            ) from error

    def ledger(self, stage: str, base: Digest) -> Ledger:
        """What is known of the items of a mapped stage."""
        return Ledger(self.layout, stage, base)

    def expect(self, paths: Iterable[ProjectPath]) -> None:
        """The digests of these files will be asked for: what is known of them is fetched at once."""
        self._index.fetch(absolute(path, self.root) for path in paths)

    def file_digest(self, path: str) -> Digest | None:
        """The digest of any file, by its absolute path."""
        return self._index.digest(path)

    def shown(self, path: str) -> ProjectPath:
        """The project path of an absolute one."""
        return relative_to_root(path, self.root)

    def lock(self, stage: str) -> StageRecord | None:
        """The record of a stage's last result."""
        stamp = self.lock_stamp(stage)
        known = self._locks.get(stage)
        if known is None or known[0] != stamp:
            known = self._locks[stage] = (stamp, *read_lock(self.layout, stage))
        _, record, problem = known
        if problem and problem not in self._notices:
            self._notices.append(problem)
        return record

    def lock_stamp(self, stage: str) -> object:
        """Something that differs when the lock file was written anew."""
        try:
            stat = os.stat(self.layout.lock_file(stage))
        except OSError:
            return None
        return (stat.st_ino, stat.st_ctime_ns, stat.st_mtime_ns, stat.st_size)

    def cached(self, stage: str, declared: Digest) -> list[StageRecord]:
        """The records of a stage under what is known before a run; each may have observed something else."""
        return read_records(self.layout, stage, declared)

    def keep_texts(self, modules: Iterable[ModuleText]) -> None:
        """Keep the texts of modules that ran, to show later what has changed."""
        new = [module for module in modules if module.digest not in self._kept_texts]
        keep_texts(self.layout, new)
        self._kept_texts.update(module.digest for module in new)

    def keep_trees(self, trees: Iterable[Sequence[TreeEntry]]) -> None:
        """Keep which files folders held that were read, to show later what has changed; the files are not kept."""
        for entries in trees:
            self._objects.add_bytes(tree_text(entries).encode())

    def tree(self, digest: Digest) -> tuple[TreeEntry, ...] | None:
        """The files of a folder that was read or written, where that is still known."""
        try:
            return load_tree(self._objects, digest)
        except MissingObjectError:
            return None

    def source(self, digest: Digest) -> str | None:
        """The text of a module that ran, where it is still known."""
        return read_text(self.layout, digest)

    def obtainable(self, path: ProjectPath, digest: Digest) -> bool:
        """Whether the bytes of an output can be had from the cache (of a folder: or from the one in place)."""
        if is_folder(path) or is_listed(path):
            return is_obtainable(self._objects, absolute(path, self.root), digest)
        return self._objects.has(digest)

    def available(self, digest: Digest) -> bool:
        """Whether the cache has the object, sound."""
        return self._objects.has(digest)

    def guard(self, stage: str) -> Guard | None:
        """The stage's guard, or ``None`` while another run holds it."""
        return try_guard(self.layout, stage)

    def own_guard(self, stage: str) -> Guard:
        """The right to change a stage's record, for a command that does not wait.

        Raises:
            StoreError: a run has it.
        """
        guard = self.guard(stage)
        if guard is None:
            raise StoreError(
                f"another run is at work on it ({self.guard_holder(stage)})", "try again when it has ended"
            )
        return guard

    def guard_holder(self, stage: str) -> str:
        """Who holds it, in words."""
        return holder(self.layout, stage)

    def log_file(self, run: str, stage: str) -> str:
        """Where the output of a stage in a run goes, absolute; its folder is made."""
        path = self.layout.log_file(run, stage)
        folder = os.path.dirname(path)
        if not os.path.isdir(folder):
            with atomic.explained(path):
                atomic.make_folder(folder)
        return path

    def begin(self, stage: Stage) -> Journal:
        """Make room for a stage's new outputs; end it with `commit` or `abort`."""
        written = [out.path for out in stage.outs if out.written_by_stage]
        return begin(self._objects, stage.key, stage.out_paths(), written)

    def last_values(self, stage: Stage, *, anew: bool) -> LastValues:
        """What the stage's incremental outputs held after its last result; see `find_last_values`."""
        if not incremental_outs(stage):
            return LastValues({})
        return find_last_values(self._objects, stage, self.whole_lock(stage.key), anew=anew)

    def place_last_values(self, journal: Journal, stage: Stage, values: LastValues) -> dict[ProjectPath, str]:
        """Put them where the stage reads them; gives these places, absolute."""
        return place_last_values(self._objects, journal, stage, values)

    def whole_lock(self, stage: str) -> StageRecord | None:
        """The record of a stage's last result with the bytes of small outputs, which its lock file does not hold."""
        record = self.lock(stage)
        return None if record is None else with_contents(self._objects, record)

    def commit(self, journal: Journal, record: StageRecord) -> Sequence[str]:
        """Put new outputs in place and record them, all or nothing; gives notices."""
        self._put_damaged_aside(record)
        texts = both_texts(record)
        notices = commit_record(self._objects, journal, record, self.lock(record.stage), texts)
        self._last_text = (record, texts[1])
        return notices

    def accept(self, record: StageRecord) -> Sequence[str]:
        """Record the files in place, which nobody but a person may have made, as a stage's result; gives notices."""
        self._put_damaged_aside(record)
        journal = begin(self._objects, record.stage, tuple(record.outputs))
        return commit_record(self._objects, journal, record, self.lock(record.stage))

    def _put_damaged_aside(self, record: StageRecord) -> None:
        """Make room for good bytes, which are at hand now: a seal does not see every damage to an object."""
        for out in record.inputs.outs:
            state = record.outputs.get(out.path)
            if out.cache and state is not None:
                for digest in (state.digest, *(entry.digest for entry in state.entries or ())):
                    self._objects.verify(digest)

    def abort(self, journal: Journal) -> None:
        """Put everything back as it was before `begin`."""
        abort(self._objects, journal)

    def restore(self, record: StageRecord) -> Sequence[str]:
        """Put a record's outputs in place; gives notices.

        Raises:
            MissingObjectError: some bytes are gone; nothing has changed.
        """
        return checkout(self._objects, record, self.lock(record.stage))

    def keep_objects(self, record: StageRecord) -> None:
        """Make objects that are missing from the files in place, which match the record."""
        for out in record.inputs.outs:
            if out.cache:
                keep_in_place(
                    self._objects, absolute(out.path, self.root), out.path, record.outputs[out.path]
                )

    def duration(self, stage: str) -> float | None:
        """How long the stage ran the last time here, in seconds; ``None`` where nobody remembers."""
        known = self._durations.load(digest_text(stage))
        with contextlib.suppress(ValueError):
            return None if known is None else float(known)
        return None

    def keep_duration(self, stage: str, seconds: float) -> None:
        """Remember how long a stage ran, to know what to begin with the next time."""
        self._durations.save(digest_text(stage), b"%.3f" % seconds)

    def keep_record(self, record: StageRecord) -> Digest:
        """Keep a result for the history; gives the name under which it has it."""
        known = self._last_text
        return keep_record(self.layout, record, known[1] if known and known[0] is record else None)

    def last_log(self, stage: str) -> str:
        """The text of the log of a stage's last execution; empty if there is none.

        Raises:
            StoreError: there is one that cannot be read.
        """
        for run in reversed(list_runs(self.layout)):
            path = self.layout.log_file(run, stage)
            try:
                with open(path, encoding="utf-8", errors="replace") as file:
                    return file.read()
            except FileNotFoundError:
                continue
            except OSError as error:
                raise StoreError(f"cannot read {path}: {error.strerror}", "make it readable") from error
        return ""

    @contextlib.contextmanager
    def output(self, stage: str, path: ProjectPath, record: StageRecord | None = None) -> Iterator[str]:
        """A file or folder with a stage's output: in the workspace, or a copy of the objects.

        Args:
            record: of the result that is meant; ``None`` for the last.

        Raises:
            StoreError: the stage never ran, or the bytes are lost.
        """
        record = record or self.lock(stage)
        if record is None or path not in record.outputs:
            raise StoreError(f"stage '{stage}' has not made {path} yet", f"run it: pivot repro {stage}")
        state = record.outputs[path]
        if self.digest(path) == state.digest:
            yield absolute(path, self.root)
            return
        with tempfile.TemporaryDirectory() as folder:
            copy = os.path.join(folder, os.path.basename(path.rstrip("/")))
            try:
                if is_folder(path):
                    place_tree(self._objects, self.entries(path, state), copy)
                else:
                    self._objects.place(state.digest, copy)
            except MissingObjectError as error:
                raise MissingObjectError(
                    f"what stage '{stage}' wrote to {path} is lost: it is neither there nor in the cache",
                    f"make it again: pivot repro {stage}",
                ) from error
            yield copy
