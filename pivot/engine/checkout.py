"""Puts the outputs of the last results back into the workspace, without running anything."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from pivot.errors import PivotError
from pivot.model.record import StageRecord
from pivot.model.stage import Stage
from pivot.paths import ProjectPath
from pivot.store.checkout import checkout, with_contents
from pivot.store.needs import needs
from pivot.store.objects import MissingObjectError
from pivot.store.store import Store


@dataclass(frozen=True, slots=True)
class CheckedOut:
    """What became of a stage's outputs.

    Attributes:
        restored: the outputs that were not in place before.
        notices: files of a person that were kept.
        missing: what cannot be put in place, as its bytes are nowhere; then nothing was.
        error: why nothing was done, where it is something else.
        unknown: whether no result of the stage is known.
    """

    stage: str
    restored: tuple[ProjectPath, ...] = ()
    notices: tuple[str, ...] = ()
    missing: tuple[ProjectPath, ...] = ()
    error: PivotError | None = None
    unknown: bool = False

    @property
    def ok(self) -> bool:
        """Whether the outputs are in place now, as far as there is a result."""
        return not self.missing and self.error is None


def check_out(store: Store, stages: Iterable[Stage], *, force: bool = False) -> tuple[CheckedOut, ...]:
    """Put in place what the lock files of some stages say; one that fails does not keep the others.

    Args:
        force: what a person wrote over an output is replaced without being kept.
    """
    store.create()
    with store.in_use():
        return tuple(put_in_place(store, stage, store.lock(stage.key), force=force) for stage in stages)


def put_in_place(
    store: Store, stage: Stage, record: StageRecord | None, *, force: bool = False
) -> CheckedOut:
    """Put the outputs of a result in place and make it the stage's last one; call it while the store is in use.

    Args:
        record: the result; ``None`` where none is known.
        force: as of `check_out`.
    """
    if record is None:
        return CheckedOut(stage.name, unknown=True)
    try:
        with store.own_guard(stage.key):
            away = tuple(_not_in_place(store, record))
            previous = _as_ours(store, record) if force else store.lock(stage.key)
            try:
                notices = checkout(store.objects, record, previous)
            except MissingObjectError:
                missing = tuple(_missing(store, with_contents(store.objects, record), away))
                if not missing:
                    raise
                return CheckedOut(stage.name, missing=missing)
            return CheckedOut(stage.name, away, notices)
    except PivotError as error:
        return CheckedOut(stage.name, error=error)


def _not_in_place(store: Store, record: StageRecord) -> Iterator[ProjectPath]:
    for path, state in record.outputs.items():
        if store.digest(path) != state.digest:
            yield path


def _missing(store: Store, record: StageRecord, away: tuple[ProjectPath, ...]) -> Iterator[ProjectPath]:
    """The outputs (and files of folders) that are neither in place nor in the cache."""
    cached = {out.path for out in record.inputs.outs if out.cache}
    yield from (path for path in away if path not in cached and record.outputs[path].content is None)
    for need in needs(store.layout, record):
        wanted = any(need.path == path or need.path.startswith(path) for path in away)
        if wanted and not store.available(need.digest) and store.digest(need.path) != need.digest:
            yield need.path


def _as_ours(store: Store, record: StageRecord) -> StageRecord:
    """The record as if Pivot had made whatever lies at its outputs now."""
    found = {path: store.digest(path) for path in record.outputs}
    outputs = {
        path: replace(state, digest=found[path] or state.digest) for path, state in record.outputs.items()
    }
    return replace(record, outputs=outputs)
