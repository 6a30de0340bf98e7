"""``%pivot load``: the value of a stage's output, and where it came from."""

import contextlib
import pathlib
from typing import Any

from pivot.core.explain import headline
from pivot.errors import PivotError, UsageError
from pivot.model.decision import Decision, Verdict
from pivot.model.record import Unread
from pivot.model.stage import OutKind
from pivot.model.upstream import is_value
from pivot.project import Project
from pivot_jupyter.figures import is_picture, picture
from pivot_jupyter.session import Session


def load(session: Session, stage: str, out: str | None) -> object:
    """The value of an output, or of all by their keys; says in one line where it came from.

    A picture that no loader reads is given as what a cell displays.

    Args:
        out: which output, by its key.

    Raises:
        PivotError: no such stage or output, or it was never made.
    """
    try:
        holding = session.project_of(stage)
    except UsageError:
        loaded = session.project.recorded(stage, out)
        if loaded is None:
            raise
        note = "as it last ran; no cell that was run defines it yet"
    else:
        with holding as project:
            loaded = project.loaded(stage, out)
            note = _note(project, stage)
    print(f"{stage}: {_origin(loaded.sources)}{f'; {note}' if note else ''}")  # noqa: T201
    return _shown(loaded.value, loaded.sources)


def outs_of(session: Session, stage: str) -> tuple[str, ...]:
    """The keys of a stage's outputs, for completion; none where they are not known."""
    with contextlib.suppress(PivotError):
        found = next((one for one in session.project.stages() if one.name == stage), None)
        return tuple(dict.fromkeys(one.name for one in found.outs)) if found else ()
    return ()


def _origin(sources: Any) -> str:
    """``clean.csv, from the workspace``; of a value without a file, that it is one."""
    if all(is_value(source.out.path) for source in sources):
        return "what it returned"
    places = {True: "the workspace", False: "the cache"}
    if len({source.in_place for source in sources}) == 1:
        return f"{', '.join(source.out.path for source in sources)}, from {places[sources[0].in_place]}"
    return ", ".join(f"{source.out.path} from {places[source.in_place]}" for source in sources)


def _note(project: Project, stage: str) -> str:
    """What is to be said where the value is not what a run would give now."""
    decision = next(one for one in project.status([stage]) if one.stage == stage)
    if decision.verdict is Verdict.UNCHANGED:
        return ""
    if decision.verdict is Verdict.RESTORE:
        return (
            "" if _is_last(project, decision) else "of other code or inputs: %pivot run restores those of now"
        )
    if decision.verdict is Verdict.WAITS:
        return f"perhaps out of date: {headline(decision)}"
    return f"out of date: {headline(decision)}"


def _is_last(project: Project, decision: Decision) -> bool:
    """Whether what would be restored is the very result of the last run."""
    lock = project.store.lock(next(one.key for one in project.stages() if one.name == decision.stage))
    return lock is not None and decision.record is not None and lock.outputs == decision.record.outputs


def _shown(value: object, sources: Any) -> object:
    if isinstance(value, Unread):
        return picture(value.path, value.content)
    if len(sources) == 1:
        out = sources[0].out
        is_path = isinstance(value, pathlib.Path) and out.kind is OutKind.PLOT and is_picture(value)
        return picture(out.path, value.read_bytes()) if is_path else value  # type: ignore[attr-defined]
    if isinstance(value, dict):
        return {name: _inner(one) for name, one in value.items()}
    return [_inner(one) for one in value] if isinstance(value, list) else value


def _inner(value: object) -> object:
    """One of several: what no cell can display is given as its bytes."""
    if isinstance(value, Unread):
        return picture(value.path, value.content) if is_picture(value.path) else value.content
    return [_inner(one) for one in value] if isinstance(value, list) else value
