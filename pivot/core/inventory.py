"""All that a stage's fingerprint holds, and what was observed when the stage last ran: as data, and as lines."""

from collections.abc import Iterator
from dataclasses import dataclass

from pivot.core.explain import Paths, unseen, unseen_lines, way
from pivot.core.shown import shown_state, shown_value
from pivot.model.context import shown_asked, shown_pointer
from pivot.model.decision import ChangeKind
from pivot.model.digest import Digest
from pivot.model.fingerprint import Fingerprint, Part, PartKind
from pivot.model.observation import Observation
from pivot.model.record import StageRecord
from pivot.model.stage import Stage
from pivot.model.stored import shown_name

MOST_ROWS = 20
"""Definitions beyond the reach that are listed unless all are wanted."""

_WIDEST_NAME = 28
_WIDEST_LINE = 80


@dataclass(frozen=True, slots=True)
class Reached:
    """One definition or package and how the stage reaches it.

    Attributes:
        path: titles from the stage's function to it, both included; empty where none is known.
    """

    part: Part
    path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Inventory:
    """What one stage rests on, as far as code decides it.

    Attributes:
        code: the definitions in reach: the stage's own function first, then by key.
        packages: with their versions.
        weak: definitions (``module:title``) that count only if they run, and did not.
        observed: when the stage last ran; ``None`` if it never did.
        unseen: what was not observed then; empty if nothing was missed.
        python: the version of the Python that runs the stages; it does not count.
    """

    stage: Stage
    digest: Digest
    code: tuple[Reached, ...]
    packages: tuple[Reached, ...]
    weak: tuple[str, ...]
    observed: Observation | None
    unseen: str
    python: str


def inventory(
    stage: Stage, fingerprint: Fingerprint, record: StageRecord | None, *, paths: Paths, python: str
) -> Inventory:
    """What a fingerprint holds, put in order.

    Args:
        record: of the last run.
        paths: to the definitions in reach.
        python: ``3.12.1``.
    """
    observed = record.inputs.observed if record is not None else None
    packages = [part for part in fingerprint.parts if part.kind is PartKind.PACKAGE]
    ran = frozenset(observed.ran if observed is not None else ())
    code = [part for part in fingerprint.parts if part.kind is not PartKind.PACKAGE]
    code.sort(key=lambda part: part.kind is not PartKind.STAGE)
    return Inventory(
        stage=stage,
        digest=fingerprint.digest,
        code=tuple(Reached(part, paths.get((part.key, part.place), ())) for part in code),
        packages=tuple(Reached(part, paths.get((part.key, None), ())) for part in packages),
        weak=tuple(name for name in fingerprint.weak if name not in ran),
        observed=observed,
        unseen=unseen(record),
        python=python,
    )


def inventory_lines(found: Inventory, *, everything: bool = False) -> list[str]:
    """What ``pivot fingerprint`` prints; digests in 8 characters.

    Args:
        everything: also list what is weak, and all that ran beyond the reach.
    """
    count = len(found.code)
    lines = [
        f"Stage: {found.stage.name}",
        f"  Fingerprint: {found.digest[:8]}",
        f"  Python: {found.python} (does not count)",
        "",
        f"  Code: {count} {'definition' if count == 1 else 'definitions'}",
        *_code_lines(found),
    ]
    if found.packages:
        lines += ["", "  Packages:", *_package_lines(found)]
    lines += ["", *_observed_lines(found, everything=everything)]
    if found.weak:
        listed = ":" if everything else " (--all lists them)"
        lines += ["", f"  Weak: {len(found.weak)} more would count if they ran{listed}"]
        lines += [f"    {name}" for name in found.weak] if everything else []
    return [*lines, "", *unseen_lines(found.unseen)] if found.unseen else lines


def inventory_data(found: Inventory) -> dict[str, object]:
    """The same for programs, complete, as values that JSON has."""
    observed = found.observed
    return {
        "stage": found.stage.name,
        "digest": found.digest,
        "python": found.python,
        "parts": [
            {
                "kind": str(item.part.kind),
                "name": item.part.name,
                "digest": item.part.digest,
                "file": str(item.part.place) if item.part.place else None,
                "path": list(item.path),
            }
            for item in found.code
        ],
        "packages": [
            {"name": item.part.name, "version": item.part.detail, "path": list(item.path)}
            for item in found.packages
        ],
        "weak": list(found.weak),
        "observed": None
        if observed is None
        else {
            "files": {str(path): state for path, state in observed.files.items()},
            "environment": {name: shown_state(s, "set") for name, s in observed.environment.items()},
            "context": {shown_pointer(at): shown_asked(state) for at, state in observed.context.items()},
            "keys": {str(name): state for name, state in observed.keys.items()},
            "ran": list(observed.ran),
            "imported": list(observed.imported),
            "missing": list(observed.missing),
            "complete": observed.complete,
        },
        "not_observed": found.unseen,
    }


def _code_lines(found: Inventory) -> Iterator[str]:
    width = min(max((len(item.part.name) for item in found.code), default=0), _WIDEST_NAME)
    for item in found.code:
        part = item.part
        where = str(part.place) if part.place is not None else ""
        line = f"    {part.digest[:8]}  {part.kind:<6}  {part.name:<{width}}  {where}".rstrip()
        yield from _with_way(line, way(found.stage, item.path), 22)


def _package_lines(found: Inventory) -> Iterator[str]:
    width = max(len(item.part.name) for item in found.packages)
    for item in found.packages:
        line = f"    {item.part.name:<{width}}  {item.part.detail}"
        yield from _with_way(line, way(found.stage, item.path), width + 6)


def _with_way(line: str, steps: str, indent: int) -> Iterator[str]:
    """The way on the same line if there is room."""
    if not steps:
        yield line
    elif len(line) + len(steps) + 2 <= _WIDEST_LINE:
        yield f"{line}  {steps}"
    else:
        yield line
        yield " " * indent + steps


def _observed_lines(found: Inventory, *, everything: bool) -> Iterator[str]:
    observed = found.observed
    if observed is None:
        yield "  Observed: nothing yet, it has not run here"
        return
    if observed.is_empty:
        yield "  Observed when it last ran: nothing beyond its declarations and its code"
        return
    rows = [
        *(("file", str(path), shown_state(state)) for path, state in observed.files.items()),
        *(("env", name, shown_state(state, "set")) for name, state in observed.environment.items()),
        *(("asked", shown_pointer(at), shown_asked(state) or "") for at, state in observed.context.items()),
        *(("key", shown_name(n), shown_value(ChangeKind.KEY, s)) for n, s in observed.keys.items()),
        *(("import", name, "") for name in observed.imported),
        *(("import", name, "not found") for name in observed.missing),
    ]
    ran = [("ran" if observed.complete else "may run", name, "") for name in observed.ran]
    hidden = 0 if everything else max(0, len(ran) - MOST_ROWS)
    rows += ran[: len(ran) - hidden]
    width = min(max(len(name) for _, name, _ in rows), _WIDEST_NAME)
    yield "  Observed when it last ran:"
    yield from (f"    {kind:<7}  {name:<{width}}  {state}".rstrip() for kind, name, state in rows)
    if hidden:
        yield f"    … {hidden} more (--all lists them)"
