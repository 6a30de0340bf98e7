"""Takes outputs that were made by hand, or by code that was edited since, as the results of their stages."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace

from pivot.core.explain import Explanation
from pivot.core.graph import Graph
from pivot.engine.explain import explain
from pivot.engine.observe import Observer
from pivot.errors import PivotError
from pivot.model.decision import Decision, Verdict
from pivot.model.record import OutputState, StageRecord
from pivot.model.stage import Stage, StageOut
from pivot.paths import absolute, is_folder
from pivot.store.contents import contents
from pivot.store.store import Store
from pivot.worker.save import file_state
from pivot.worker.trees import tree_state


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of a stage that was to be accepted as it is.

    Attributes:
        explanation: what is accepted: all that differs from the last result; ``None`` where nothing does.
        notices: for a person.
        error: why it was not accepted.
    """

    stage: str
    explanation: Explanation | None = None
    notices: tuple[str, ...] = ()
    error: PivotError | None = None


def accept(store: Store, observer: Observer, graph: Graph, stages: Iterable[Stage]) -> tuple[Accepted, ...]:
    """Record what is on disk as the last result of some stages; one that fails does not keep the others.

    Args:
        stages: in topological order: each is judged by what was accepted before it.
    """
    store.create()
    with store.in_use():
        return tuple(_accept(store, observer, graph, stage) for stage in stages)


def _accept(store: Store, observer: Observer, graph: Graph, stage: Stage) -> Accepted:
    try:
        with store.own_guard(stage.key):
            # that a stage always runs is nothing to accept
            decision = observer.decide(replace(stage, always=False), graph=graph, known={})
            if decision.verdict is Verdict.UNCHANGED:
                return Accepted(stage.name)
            found = explain(observer, store, stage, decision)
            record = _record(store, observer, graph, stage, decision)
            _require_what_is_read(graph, stage, record)
            return Accepted(stage.name, found, tuple(store.accept(record)))
    except PivotError as error:
        return Accepted(stage.name, error=error)


def _record(store: Store, observer: Observer, graph: Graph, stage: Stage, decision: Decision) -> StageRecord:
    missing = observer.missing(stage, ())
    if missing:
        raise PivotError(
            f"its dep {_listed(missing)} is not there", "put it there, or run the stages before it"
        )
    lacking = [out.path for out in stage.outs if not os.path.exists(absolute(out.path, store.root))]
    if lacking:
        raise PivotError(
            f"its output {_listed(lacking)} is not there", "make it, or run the stage: pivot repro"
        )
    assert decision.inputs is not None  # all its deps are there
    lock = store.lock(stage.key)
    deps = decision.inputs.deps
    # of a record of the run cache the inputs would hold what was observed in another run
    observed = lock.inputs.observed if lock else decision.inputs.observed
    inputs = observer.inputs(stage, deps, observed, graph=graph)
    fingerprint = observer.fingerprint(stage, inputs.observed)
    outputs = {out.path: _state(store, out) for out in stage.outs}
    store.keep_texts(observer.text(stage, module) for module in fingerprint.modules)
    sources = {module.place: module.digest for module in fingerprint.modules}
    return StageRecord(stage.key, inputs, outputs, sources, store.puts(stage.key))


def _require_what_is_read(graph: Graph, stage: Stage, record: StageRecord) -> None:
    """A folder of which something is gone that another stage names as its dep is no whole result."""
    folders = {path: state.entries or () for path, state in record.outputs.items() if is_folder(path)}
    held = {path + entry.path for path, entries in folders.items() for entry in entries}
    for reader in graph.downstream(stage.name):
        for dep in graph.stage(reader).dep_paths():
            if not any(dep.startswith(path) and dep != path for path in folders):
                continue
            if dep not in held and not (is_folder(dep) and any(file.startswith(dep) for file in held)):
                raise PivotError(
                    f"its output {dep}, which stage '{reader}' reads, is not there",
                    "make it, or run the stage: pivot repro",
                )


def _state(store: Store, out: StageOut) -> OutputState:
    path = absolute(out.path, store.root)
    try:
        if not is_folder(out.path):
            if os.path.isdir(path):
                raise PivotError(f"{out.path} is a folder, not a file", "move the folder away")
            return file_state(path, inline=not out.cache)
        found = contents(path, beyond=False)
        objects = os.path.join(os.path.realpath(store.layout.objects), "")
        odd = [name for name in found.outside if not os.path.realpath(path + name).startswith(objects)]
        odd += [name for name, _ in found.broken]
        if odd:
            raise PivotError(
                f"{_listed(out.path + name for name in odd)} is no file of its own",
                "a folder that is kept holds files only: replace links that lead out of it",
            )
        state = tree_state(path, found.files)
    except OSError as error:
        raise PivotError(f"cannot read {out.path}: {error.strerror}", "make it readable") from error
    return replace(state, content=None)


def _listed(paths: Iterable[str]) -> str:
    """``a.csv``, ``a.csv and 2 more``: singular in what follows."""
    first, *more = paths
    return f"{first} (and {len(more)} more)" if more else first
