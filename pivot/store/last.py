"""What an incremental output held after the stage's last result: it is what the next run begins with.

Such a value cannot be computed again. So where it should be and is not, a run is refused, unless it is forced.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from pivot.errors import StoreError
from pivot.model.digest import Digest, digest_bytes
from pivot.model.record import OutputState, StageRecord
from pivot.model.stage import OutKind, Stage, StageOut
from pivot.paths import ProjectPath, absolute
from pivot.store import atomic, hashing
from pivot.store.checkout import place_state
from pivot.store.journal import Journal
from pivot.store.objects import ObjectStore


@dataclass(frozen=True, slots=True)
class LastValues:
    """The last values of a stage's incremental outputs.

    Attributes:
        states: of those that have one; the others begin with the loader's ``empty()``.
        notices: what a person should know: values that are lost.
    """

    states: Mapping[ProjectPath, OutputState]
    notices: tuple[str, ...] = ()


def find_last_values(
    objects: ObjectStore, stage: Stage, record: StageRecord | None, *, anew: bool
) -> LastValues:
    """The last values of a stage's incremental outputs, all of which can be had.

    Args:
        record: the stage's last result, with the bytes of small outputs.
        anew: whether to begin with nothing where a value is lost, rather than to refuse.

    Raises:
        StoreError: a value is lost, or a file is there of which nobody knows whether it is one.
    """
    states: dict[ProjectPath, OutputState] = {}
    notices: list[str] = []
    for out in incremental_outs(stage):
        place = absolute(out.path, objects.layout.root)
        there = None if os.path.isdir(place) else objects.index.digest(place)
        state = record.outputs.get(out.path) if record is not None else None
        problem = _problem(objects, out.path, state, there)
        if not problem:
            if state is not None:
                states[out.path] = state
            continue
        if not anew:
            raise StoreError(
                f"stage '{stage.name}': {problem} ({stage.place})", _way_out(stage, out.path, there)
            )
        notices.append(f"stage '{stage.name}': {problem}; it begins anew")
    return LastValues(states, tuple(notices))


def place_last_values(
    objects: ObjectStore, journal: Journal, stage: Stage, values: LastValues
) -> dict[ProjectPath, str]:
    """Puts last values where the stage reads them; gives these places, absolute.

    Where the stage itself writes the file, that is a copy at its target; else the file that is there, if it is as
    the stage left it, or a copy beside it, under the same name.

    Raises:
        StoreError: one is gone by now, or cannot be written; the journal is for the caller to abort.
    """
    places: dict[ProjectPath, str] = {}
    for out in incremental_outs(stage):
        state = values.states.get(out.path)
        if state is None:
            continue
        target, aside = journal.target(out.path), journal.aside(out.path)
        if not out.written_by_stage and objects.index.digest(target) == state.digest:
            places[out.path] = target
            continue
        places[out.path] = place = target if out.written_by_stage else aside
        if out.written_by_stage and not _kept(objects, state) and objects.index.digest(aside) == state.digest:
            _copy(aside, place, state)
        else:
            place_state(objects, state, place)
    return places


def incremental_outs(stage: Stage) -> tuple[StageOut, ...]:
    """The outputs of a stage that carry state from run to run."""
    return tuple(out for out in stage.outs if out.kind is OutKind.INCREMENTAL)


def _problem(objects: ObjectStore, path: ProjectPath, state: OutputState | None, there: Digest | None) -> str:
    if state is None:
        return f"{path} is there, but no record says that the stage wrote it" if there is not None else ""
    if there == state.digest or _kept(objects, state):
        return ""
    return f"what {path} held after the last run is lost: it is not in the cache"


def _kept(objects: ObjectStore, state: OutputState) -> bool:
    in_record = state.content is not None and digest_bytes(state.content) == state.digest
    return in_record or objects.has(state.digest)


def _way_out(stage: Stage, path: ProjectPath, there: Digest | None) -> str:
    begin = f"`pivot repro --force {stage.name}` begins anew"
    if there is None:
        return f"`pivot pull {stage.name}` may bring it; {begin}"
    return f"`pivot commit {stage.name}` takes {path} as it is; {begin} and keeps the file in the cache"


def _copy(source: str, target: str, state: OutputState) -> None:
    with atomic.explained(target):
        fd = hashing.open_file(source)
        try:
            made = atomic.create(target, 0o777 if state.executable else 0o666)
            try:
                hashing.copy_hashed(fd, made, target)
            finally:
                os.close(made)
        finally:
            os.close(fd)
