"""One execution of a stage: what is prepared before it, and what becomes of its result."""

import codecs
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pivot.core.graph import Graph
from pivot.engine.observation import Reader
from pivot.engine.observe import Observer
from pivot.errors import PivotError
from pivot.model.decision import Decision
from pivot.model.fingerprint import ModuleText
from pivot.model.record import Inputs, StageRecord
from pivot.model.stage import Stage
from pivot.model.task import Success, Task, TaskDep, TaskOut
from pivot.paths import ProjectPath, absolute, relative_to_folder
from pivot.store.guard import Guard
from pivot.store.journal import Journal
from pivot.store.store import Store

LARGEST_PIECE = 1 << 20
"""Bytes of a log that are read at once."""


class Tail:
    """What was appended to a log since the last look, as text.

    Args:
        path: of the file; it need not be there yet.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._offset = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

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
            with open(self._path, "rb") as file:
                file.seek(self._offset)
                data = file.read(LARGEST_PIECE)
        except FileNotFoundError:
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
        began: when, on the monotonic clock.
    """

    stage: Stage
    inputs: Inputs
    task: Task
    log: ProjectPath
    tail: Tail
    guard: Guard
    journal: Journal
    store: Store
    observer: Observer
    reader: Reader
    named: Mapping[ProjectPath, str]
    began: float

    def commit(self, result: Success) -> tuple[StageRecord, Sequence[str]]:
        """Put the outputs in place and record them, all or nothing; gives notices for a person, too.

        Raises:
            PivotError: they could not be recorded, the stage read what it does not declare though it must, or a dep
                was changed meanwhile, so that nobody can say what the result rests on; the old outputs are in place
                again.
        """
        try:
            self._require_same_deps()
            hints = self.reader.require_declared(result.seen)
            observed = self.reader.observation(result.seen, self.named)
            fingerprint = self.observer.fingerprint(self.stage, observed)
            if observed.has_code:
                observed = replace(observed, code=fingerprint.digest)
            held = {module.name for module in self.task.modules}
            found = (m for m in fingerprint.modules if m.name not in held)
            texts = [*self.task.modules, *(self.observer.text(self.stage, module) for module in found)]
        except BaseException:
            self.undo()
            raise
        self.store.keep_texts(texts)
        record = StageRecord(
            self.stage.name,
            replace(self.inputs, parts=fingerprint.parts, observed=observed),
            result.outputs,
            {module.place: module.digest for module in fingerprint.modules},
        )
        return record, (*hints, *self.store.commit(self.journal, record))

    def undo(self) -> None:
        """Put the previous outputs back."""
        self.store.abort(self.journal)

    def _require_same_deps(self) -> None:
        changed = [path for path, digest in self.inputs.deps.items() if self.store.digest(path) != digest]
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
    """

    run: str
    graph: Graph
    environment: Mapping[str, str]
    seed: int | None
    strict: bool
    ignored_environment: tuple[str, ...]


def begin(
    store: Store, observer: Observer, stage: Stage, decision: Decision, guard: Guard, conditions: Conditions
) -> Attempt:
    """Prepare an execution: staging folders, files that the stage writes itself moved aside, log, task.

    Raises:
        PivotError: a dep is gone, or the folder cannot be written.
    """
    if decision.inputs is None:
        gone = ", ".join(change.name for change in decision.changes)
        raise PivotError(f"stage '{stage.name}': {gone} does not exist ({stage.place})")
    fingerprint = observer.fingerprint(stage)
    reader = Reader(
        root=store.root,
        graph=conditions.graph,
        stage=stage,
        static=fingerprint,
        fingerprinter=observer.fingerprinter(stage.roots),
        strict=conditions.strict,
    )
    named = reader.named_files(store.file_digest)
    texts = observer.texts(stage)
    log = store.log_file(conditions.run, stage.name)
    journal = store.begin(stage)  # nothing below can fail: it would have to be undone
    return Attempt(
        stage=stage,
        inputs=decision.inputs,
        task=_task(stage, texts, fingerprint.libraries, journal, log, store.root, conditions),
        log=store.shown(log),
        tail=Tail(log),
        guard=guard,
        journal=journal,
        store=store,
        observer=observer,
        reader=reader,
        named=named,
        began=time.monotonic(),
    )


def _task(
    stage: Stage,
    texts: tuple[ModuleText, ...],
    libraries: tuple[str, ...],
    journal: Journal,
    log: str,
    root: str,
    conditions: Conditions,
) -> Task:
    return Task(
        stage=stage.name,
        function=stage.function,
        modules=texts,
        libraries=libraries,
        roots=tuple(absolute(folder, root) for folder in stage.roots),
        cwd=absolute(stage.folder, root),
        environment=dict(conditions.environment),
        deps=tuple(
            TaskDep(dep.name, absolute(dep.path, root), dep.loader, dep.argument) for dep in stage.deps
        ),
        outs=tuple(
            TaskOut(
                name=out.name,
                path=out.path,
                declared=relative_to_folder(out.path, stage.folder),
                target=journal.target(out.path),
                staging=journal.staging(out.path),
                loader=out.loader,
                written_by_stage=out.written_by_stage,
                inline=not out.cache,
            )
            for out in stage.outs
        ),
        returns=stage.returns,
        params=stage.params,
        log=log,
        seed=conditions.seed,
        root=root,
        unobserved=tuple(absolute(path, root) for path in (*stage.dep_paths(), *stage.out_paths())),
        ignored_environment=conditions.ignored_environment,
    )
