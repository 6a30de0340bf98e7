"""The verdict on a stage: the one function that status, a dry run and the run share."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from pivot.core.reasons import changes
from pivot.model.decision import Change, ChangeKind, Decision, Verdict
from pivot.model.digest import Digest
from pivot.model.record import Inputs, StageRecord
from pivot.model.stage import OutKind, Stage, StageOut
from pivot.model.stored import KeyName, Stored, key_path, shown_name
from pivot.paths import ProjectPath

_NO_KEYS: Mapping[KeyName, Stored] = {}

Available = Callable[[ProjectPath, Digest], bool]
"""Whether the bytes of an out, by its path and digest, can be had."""


def decide(
    stage: Stage,
    inputs: Inputs | None,
    *,
    lock: StageRecord | None,
    cached: StageRecord | None,
    workspace: Mapping[ProjectPath, Digest | None],
    available: Available,
    upstream: Sequence[tuple[str, Verdict]] = (),
    missing: Sequence[ProjectPath] = (),
    force: bool = False,
    placed: Mapping[KeyName, Stored] = _NO_KEYS,
) -> Decision:
    """What a run would do with a stage, and why.

    1. Inputs as in the lock and all outs in place: unchanged. 2. The same, but an out is missing or altered
    and its bytes can be had: restore. 3. A record of the run cache for these inputs, all of whose outs can be
    had: restore (no stage that carries state). 4. Else run. A missing dep, ``force`` and ``always`` come first.

    Args:
        inputs: what the result rests on. While a stage upstream will run or waits, the deps that it writes are
            left out (or all is ``None``, if nothing is known yet).
        lock: the record of the last run, if any.
        cached: a record of the run cache that holds now, with its inputs as they are now; what it observed may be
            something else than what ``inputs`` did.
        workspace: the digest of each out's file as it lies there now; ``None`` if there is no such file.
        upstream: the verdicts on the stages directly upstream that have not ended yet.
        missing: deps that do not exist and that no stage will write.
        placed: what the stage has in the object store now.

    Raises:
        ValueError: ``inputs`` is ``None`` though nothing is waited for and nothing is missing.
    """
    if missing:
        gone = tuple(Change(ChangeKind.MISSING_DEP, path) for path in missing)
        return Decision(stage.name, Verdict.RUN, gone)
    pending = [name for name, verdict in upstream if verdict in (Verdict.RUN, Verdict.WAITS)]
    if pending:
        return _decide_early(stage, inputs, lock, pending, force=force)
    if inputs is None:
        raise ValueError(f"stage '{stage.name}': no inputs, though nothing is waited for or missing")

    same = lock is not None and lock.inputs.agrees(inputs)
    why = () if same else _first_or(stage, lock, inputs)
    if told := _told(stage, force=force):
        return Decision(stage.name, Verdict.RUN, (*why, *told), inputs)
    if lock is not None and same:
        why = (*_faults(stage, lock, workspace), *_key_faults(lock, placed))
        if not why:
            return Decision(stage.name, Verdict.UNCHANGED, (), inputs, lock)
        if _obtainable(stage, lock, workspace, available):
            return Decision(stage.name, Verdict.RESTORE, why, inputs, lock)
    known = (
        cached is not None and cached.inputs.declared_key == inputs.declared_key and not is_incremental(stage)
    )
    if cached is not None and known and _obtainable(stage, cached, workspace, available):
        return Decision(stage.name, Verdict.RESTORE, why, cached.inputs, replace(cached, stage=stage.key))
    if lock is not None and same:
        why = (*why, *_lost(stage, lock, workspace, available))
    return Decision(stage.name, Verdict.RUN, why, inputs)


def _first_or(stage: Stage, lock: StageRecord | None, inputs: Inputs) -> tuple[Change, ...]:
    """That it is the first run, or what differs from the last one."""
    return (Change(ChangeKind.FIRST_RUN, stage.name),) if lock is None else changes(lock.inputs, inputs)


def is_incremental(stage: Stage) -> bool:
    """Whether a result of the stage rests on the one before: then no earlier result with equal inputs is as good."""
    return any(out.kind is OutKind.INCREMENTAL for out in stage.outs)


def _decide_early(
    stage: Stage, inputs: Inputs | None, lock: StageRecord | None, pending: Sequence[str], *, force: bool
) -> Decision:
    """The verdict before all deps are known: run if something of the stage's own has changed, else wait."""
    own: tuple[Change, ...] = ()
    if lock is None:
        own = (Change(ChangeKind.FIRST_RUN, stage.name),)
    elif inputs is not None:
        unknown = {path for path in stage.dep_paths() if path not in inputs.deps}
        known_before = {path: digest for path, digest in lock.inputs.deps.items() if path not in unknown}
        own = changes(replace(lock.inputs, deps=known_before), inputs)
    own = (*own, *_told(stage, force=force))
    if own:
        return Decision(stage.name, Verdict.RUN, own)
    return Decision(stage.name, Verdict.WAITS, tuple(Change(ChangeKind.UPSTREAM, name) for name in pending))


def _told(stage: Stage, *, force: bool) -> tuple[Change, ...]:
    """That a person, or the stage itself, wants it to run whatever has changed."""
    if force:
        return (Change(ChangeKind.FORCED, stage.name),)
    return (Change(ChangeKind.ALWAYS, stage.name),) if stage.always else ()


def _faults(
    stage: Stage, record: StageRecord, workspace: Mapping[ProjectPath, Digest | None]
) -> Iterator[Change]:
    """The outs that are not in place as the record has them."""
    for out in stage.outs:
        placed, state = workspace.get(out.path), record.outputs.get(out.path)
        wanted = state.digest if state else None
        if placed is None or wanted is None:
            yield Change(ChangeKind.OUTPUT_MISSING, out.path, wanted, placed)
        elif placed != wanted:
            yield Change(ChangeKind.OUTPUT_ALTERED, out.path, wanted, placed)


def _obtainable(
    stage: Stage,
    record: StageRecord,
    workspace: Mapping[ProjectPath, Digest | None],
    available: Available,
) -> bool:
    return all(_has(out, record, workspace, available) for out in stage.outs) and not any(
        _lost_keys(record, available)
    )


def _has(
    out: StageOut,
    record: StageRecord,
    workspace: Mapping[ProjectPath, Digest | None],
    available: Available,
) -> bool:
    """Whether an out is in place, or its bytes are in the record or in the cache."""
    state = record.outputs.get(out.path)
    if state is None:
        return False
    if workspace.get(out.path) == state.digest or state.content is not None:
        return True
    return out.cache and available(out.path, state.digest)


def _lost(
    stage: Stage,
    record: StageRecord,
    workspace: Mapping[ProjectPath, Digest | None],
    available: Available,
) -> Iterator[Change]:
    for out in stage.outs:
        state = record.outputs.get(out.path)
        if out.cache and state is not None and not _has(out, record, workspace, available):
            yield Change(ChangeKind.OBJECT_MISSING, out.path, state.digest)
    yield from _lost_keys(record, available)


def _key_faults(record: StageRecord, placed: Mapping[KeyName, Stored]) -> Iterator[Change]:
    """The keys of the object store that are not as the record has them."""
    for name in sorted({*record.puts, *placed}):
        wanted, found = record.puts.get(name), placed.get(name)
        if wanted != found:
            kind = ChangeKind.OUTPUT_MISSING if found is None else ChangeKind.OUTPUT_ALTERED
            before, after = (one.digest if one is not None else None for one in (wanted, found))
            yield Change(kind, f"key {shown_name(name)}", before, after)


def _lost_keys(record: StageRecord, available: Available) -> Iterator[Change]:
    for name, one in record.puts.items():
        if not available(key_path(name), one.digest):
            yield Change(ChangeKind.OBJECT_MISSING, f"key {shown_name(name)}", one.digest)
