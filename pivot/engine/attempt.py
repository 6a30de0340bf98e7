"""One execution of a stage: what is prepared before it, and what becomes of its result."""

import codecs
import contextlib
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pivot.config.settings import Settings
from pivot.core.graph import Graph
from pivot.core.items import mapped_path
from pivot.engine.keys import Keys, puts_after, require_own_keys, with_keys
from pivot.engine.lists import list_entries
from pivot.engine.observation import Reader
from pivot.engine.observe import Observer
from pivot.engine.progress import ProgressTail
from pivot.errors import PivotError
from pivot.model.context import run_context
from pivot.model.decision import ChangeKind, Decision
from pivot.model.executor import LOCAL, ExecutorSpec
from pivot.model.fingerprint import ModuleText
from pivot.model.observation import Observation
from pivot.model.record import Inputs, StageRecord
from pivot.model.stage import OutKind, Stage, StageDep
from pivot.model.task import Success, Task, TaskDep, TaskOut
from pivot.model.tree import TreeEntry
from pivot.model.upstream import is_listed
from pivot.paths import ProjectPath, absolute, is_folder, relative_to_folder
from pivot.store.guard import Guard
from pivot.store.journal import Journal
from pivot.store.store import Store

LARGEST_PIECE = 1 << 20
"""Bytes of a log that are read at once."""


class Tail:
    """What was appended to a log since the last look, as text.

    Args:
        path: of the file; it need not be there yet.
        offset: where to begin, in bytes.
    """

    def __init__(self, path: str, offset: int = 0) -> None:
        self._path = path
        self._offset = offset
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    @classmethod
    def from_end(cls, path: str) -> "Tail":
        """Only what comes after that which is there now: an attempt before wrote that."""
        try:
            return cls(path, os.stat(path).st_size)
        except OSError:
            return cls(path)

    def read(self) -> str:
        """The new text, at most `LARGEST_PIECE` bytes of it; empty if there is none."""
        return self._decoder.decode(self._bytes())

    def rest(self) -> Iterator[str]:
        """All text that is left, in pieces, once nobody writes any more."""
        while data := self._bytes():
            if text := self._decoder.decode(data):
                yield text
        if text := self._decoder.decode(b"", final=True):
            yield text

    def _bytes(self) -> bytes:
        try:
            if os.stat(self._path).st_size <= self._offset:  # as most often
                return b""
            with open(self._path, "rb", buffering=0) as file:
                file.seek(self._offset)
                data = file.read(LARGEST_PIECE) or b""
        except OSError:  # not made yet, or taken away: nothing rests on it
            return b""
        self._offset += len(data)
        return data


@dataclass(frozen=True, slots=True)
class Attempt:
    """An execution under way.

    Attributes:
        log: project path of its output.
        guard: held until the result is committed or undone.
        reader: makes an observation of what the worker saw.
        named: files that the code names, as they were before.
        folders: the deps that are folders.
        lost: what a person should know of last values that the stage does not get.
        began: when, on the monotonic clock.
        merged: what all items of a mapped stage observed; ``None``: what the worker saw of the stage counts.
    """

    stage: Stage
    inputs: Inputs
    task: Task
    log: ProjectPath
    tail: Tail
    progress: ProgressTail
    guard: Guard
    journal: Journal
    store: Store
    observer: Observer
    reader: Reader
    named: Mapping[ProjectPath, str]
    folders: Mapping[ProjectPath, tuple[TreeEntry, ...]]
    lost: tuple[str, ...]
    began: float
    merged: Observation | None = None

    def commit(self, result: Success, ended: Mapping[str, StageRecord]) -> tuple[StageRecord, Sequence[str]]:
        """Put the outputs in place and record them, all or nothing; gives notices for a person, too.

        Args:
            ended: results of this run that have to do with the object store.

        Raises:
            PivotError: they could not be recorded, the stage read what it does not declare though it must, or a dep
                was changed meanwhile, so that nobody can say what the result rests on; the old outputs are in place
                again.
        """
        try:
            self.require_same_deps(self.inputs.deps)
            hints = self.reader.require_declared(result.seen)
            observed = self.merged or self.reader.observation(result.seen, self.named)
            Keys(self.store.layout, self.stage, self.reader.graph, {}).require_order(observed.keys)
            fingerprint = self.observer.fingerprint(self.stage, observed)
            if observed.has_code:
                observed = replace(observed, code=fingerprint.digest)
            held = {module.name for module in self.task.modules}
            found = (m for m in fingerprint.modules if m.name not in held)
            texts = [*self.task.modules, *(self.observer.text(self.stage, module) for module in found)]
        except BaseException:
            self.undo()
            raise
        record = StageRecord(
            self.stage.key,
            replace(self.inputs, parts=fingerprint.parts, observed=observed),
            result.outputs,
            {module.place: module.digest for module in fingerprint.modules},
            puts_after(self.task, result.seen),
        )
        try:
            require_own_keys(self.reader.graph, self.stage, record, ended)
        except PivotError:
            self.undo()
            raise
        self.store.keep_texts(texts)
        self.store.keep_trees(self.folders.values())
        return record, (*self.lost, *hints, *self.store.commit(self.journal, record))

    def say(self, text: str) -> None:
        """Add lines to the end of the log."""
        if text:
            with contextlib.suppress(OSError), open(self.task.log, "a", encoding="utf-8") as file:
                file.write(text.strip() + "\n")

    def undo(self) -> None:
        """Put the previous outputs back."""
        self.store.abort(self.journal)

    def require_same_deps(self, deps: Iterable[ProjectPath]) -> None:
        """Raise a `PivotError` if some of the deps were changed since the beginning."""
        graph = self.reader.graph
        now = {path: self.observer.dep_digest(path, graph) for path in deps}
        changed = [path for path, digest in now.items() if self.inputs.deps[path] != digest]
        if changed:
            raise PivotError(
                f"stage '{self.stage.name}': {', '.join(changed)} changed while the stage ran, "
                "so its outputs were dropped",
                "run again when the file no longer changes"
                if len(changed) == 1
                else "run again when the files no longer change",
            )


@dataclass(frozen=True, slots=True)
class Conditions:
    """What is the same for all executions of a run.

    Attributes:
        run: its id; logs lie in its folder.
        environment: of the stages, complete.
        seed: for random generators; ``None`` leaves them.
        strict: whether reading an undeclared file is an error.
        ignored_environment: patterns of variables that are not observed.
        executor: what runs them.
        capacity: resource → how much of it there is here, as far as the project says it.
    """

    run: str
    graph: Graph
    environment: Mapping[str, str]
    seed: int | None
    strict: bool
    ignored_environment: tuple[str, ...]
    executor: ExecutorSpec = LOCAL
    capacity: Mapping[str, float] = field(default_factory=dict)


def conditions_for(
    settings: Settings,
    graph: Graph,
    environment: Mapping[str, str],
    run: str,
    executor: ExecutorSpec = LOCAL,
) -> Conditions:
    """Conditions by the project's settings; the rest as of `Conditions`."""
    return Conditions(
        run=run,
        graph=graph,
        environment=environment,
        seed=settings.seed,
        strict=settings.strict,
        ignored_environment=settings.ignore_env,
        executor=executor,
        capacity=settings.capacity,
    )


def begin(
    store: Store,
    observer: Observer,
    stage: Stage,
    decision: Decision,
    guard: Guard,
    conditions: Conditions,
    number: int = 1,
) -> Attempt:
    """Prepare an execution, the `number`-th of the run: staging folders, old files moved aside, log, task.

    Raises:
        PivotError: a dep is gone, the last value of an incremental output is lost (and the run not forced), or the
            folder cannot be written.
    """
    if decision.inputs is None:
        raise _nowhere(stage, [ProjectPath(change.name) for change in decision.changes], conditions.graph)
    fingerprint = observer.fingerprint(stage)
    fingerprinter = observer.fingerprinter(stage.roots)
    reader = Reader(store.root, conditions.graph, stage, fingerprint, fingerprinter, conditions.strict)
    named = reader.named_files(store.file_digest)
    texts = observer.texts(stage)
    folders = {
        path: observer.dep_entries(path, conditions.graph) for path in filter(is_folder, stage.dep_paths())
    }
    forced = any(change.kind is ChangeKind.FORCED for change in decision.changes)
    values = store.last_values(stage, anew=forced)
    log = store.log_file(conditions.run, stage.key)
    journal = store.begin(stage)  # whatever fails below must undo it
    try:
        previous = store.place_last_values(journal, stage, values)
        is_value = any(out.kind is OutKind.VALUE for out in stage.outs)
        token = _token(stage, decision.inputs, conditions) if is_value else ""
        places = Places(journal, folders, previous, item_files(store, stage), log, token)
    except BaseException:
        store.abort(journal)
        raise
    task = task_for(stage, texts, fingerprint.libraries, places, store.root, conditions, number)
    task = replace(task, named=tuple(absolute(path, store.root) for path in named))
    return Attempt(
        stage=stage,
        inputs=decision.inputs,
        task=with_keys(task, store, stage, conditions.graph),
        log=store.shown(log),
        tail=Tail.from_end(log),
        progress=ProgressTail(stage.name, log),
        guard=guard,
        journal=journal,
        store=store,
        observer=observer,
        reader=reader,
        named=named,
        folders=folders,
        lost=values.notices,
        began=time.monotonic(),
    )


def _token(stage: Stage, inputs: Inputs, conditions: Conditions) -> str:
    """What the value of a stage that returns nothing differs by: nobody can tell what it did.

    What one that always runs did, nobody can tell from what it rests on either.
    """
    return inputs.key + (conditions.run if stage.always else "")


def item_files(store: Store, stage: Stage) -> dict[ProjectPath, tuple[str, ...]]:
    """The files that hold the items of mapped stages' values that a stage reads, by the value's path.

    Raises:
        PivotError: one is lost.
    """
    found: dict[ProjectPath, tuple[str, ...]] = {}
    for path in filter(is_listed, stage.dep_paths()):
        if stage.map is None or path != mapped_path(stage):  # else an item is read at a time
            entries = list_entries(store, path)
            found[path] = tuple(store.objects.layout.object_file(entry.digest) for entry in entries)
    return found


def _nowhere(stage: Stage, deps: Sequence[ProjectPath], graph: Graph) -> PivotError:
    """The error that deps are not there, though the stages that could have written them are done."""
    makers = dict.fromkeys(maker for path in deps for maker in graph.producers(path))
    by_whom = "".join(f"; stage '{maker}' did not write it" for maker in makers)
    return PivotError(f"stage '{stage.name}': {', '.join(deps)} does not exist{by_whom} ({stage.place})")


@dataclass(frozen=True, slots=True)
class Places:
    """Where the files of an execution are.

    Attributes:
        folders: of each that is a dep, the files in it that count.
        previous: where the stage reads what its incremental outputs held last.
        log: absolute path.
        lists: of each dep that is the value of a mapped stage, the files that hold its items, absolute.
        token: what the value of a stage that returns nothing differs by, see `loaders.value.null`.
    """

    journal: Journal
    folders: Mapping[ProjectPath, tuple[TreeEntry, ...]]
    previous: Mapping[ProjectPath, str]
    lists: Mapping[ProjectPath, tuple[str, ...]]
    log: str
    token: str


def _task_dep(dep: StageDep, places: Places, root: str) -> TaskDep:
    files = tuple(entry.path for entry in places.folders[dep.path]) if is_folder(dep.path) else None
    items = places.lists.get(dep.path)
    place = absolute(dep.path, root)
    return TaskDep(dep.name, place, dep.loader, dep.argument, dep.index, files, items)


def task_for(
    stage: Stage,
    texts: tuple[ModuleText, ...],
    libraries: tuple[str, ...],
    places: Places,
    root: str,
    conditions: Conditions,
    number: int = 1,
) -> Task:
    """What a worker needs to run a stage for the `number`-th time; `libraries` are those that the texts import."""
    return Task(
        stage=stage.name,
        function=stage.function,
        modules=texts,
        libraries=libraries,
        roots=tuple(absolute(folder, root) for folder in stage.roots),
        cwd=absolute(stage.folder, root),
        environment=dict(conditions.environment),
        deps=tuple(_task_dep(dep, places, root) for dep in stage.deps),
        outs=tuple(
            TaskOut(
                name=out.name,
                path=out.path,
                declared=relative_to_folder(out.path, stage.folder),
                target=places.journal.target(out.path),
                staging=places.journal.staging(out.path),
                loader=out.loader,
                written_by_stage=out.written_by_stage,
                inline=not out.cache,
                directory=is_folder(out.path),
                index=out.index,
                argument=out.argument,
                previous=places.previous.get(out.path),
                token=places.token if out.kind is OutKind.VALUE else None,
            )
            for out in stage.outs
        ),
        returns=stage.returns,
        params=stage.params,
        log=places.log,
        seed=conditions.seed,
        root=root,
        unobserved=tuple(absolute(path, root) for path in (*stage.dep_paths(), *stage.out_paths())),
        ignored_environment=conditions.ignored_environment,
        variant=stage.variant.argument if stage.variant else None,
        key=stage.key,
        executor=conditions.executor.kind,
        resources=stage.resources,
        timeout=stage.timeout,
        attempt=number,
        context=run_context(
            stage.context,
            stage.params.values if stage.params else None,
            stage=stage.name,
            run=conditions.run,
            executor=conditions.executor.kind,
            attempt=number,
        ),
    )
