"""Why a stage runs: two records become reasons as data, and reasons become lines to read."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from pivot.model.decision import Change, ChangeKind, Decision, Verdict
from pivot.model.fingerprint import Part, PartKind
from pivot.model.record import DeclaredOut, Inputs
from pivot.model.stage import Stage

_Key = TypeVar("_Key", bound=str)
_Value = TypeVar("_Value", bound=str)

_RESOLUTION = "names in "  # marks the one code change in which no definition of its own differs
_ORDER = f"{PartKind.EFFECT}:order of statements"  # the part of a fingerprint that names no definition
_WIDEST_VALUE = 40
_DIGESTS = frozenset(
    (ChangeKind.CODE, ChangeKind.DEP, ChangeKind.LOADER, ChangeKind.OUTPUT_ALTERED, ChangeKind.OBJECT_MISSING)
)
_STATUS = {
    Verdict.UNCHANGED: "CACHED",
    Verdict.RESTORE: "WILL RESTORE",
    Verdict.RUN: "WILL RUN",
    Verdict.WAITS: "WAITS",
}
_PREFIX = {
    ChangeKind.PACKAGE: "package:",
    ChangeKind.PARAM: "param:",
    ChangeKind.DEP: "dep:",
    ChangeKind.MISSING_DEP: "dep:",
    ChangeKind.LOADER: "loader:",
    ChangeKind.OUT: "out:",
    ChangeKind.OUTPUT_MISSING: "out:",
    ChangeKind.OUTPUT_ALTERED: "out:",
    ChangeKind.OBJECT_MISSING: "object:",
    ChangeKind.SETTING: "setting:",
}
_NOUN = {
    ChangeKind.PACKAGE: "Package",
    ChangeKind.PARAM: "Parameter",
    ChangeKind.DEP: "Dependency",
    ChangeKind.LOADER: "Loader",
    ChangeKind.OUT: "Output declaration",
    ChangeKind.SETTING: "Setting",
}


def changes(before: Inputs, after: Inputs) -> tuple[Change, ...]:
    """What differs between two inputs, most telling first; empty exactly if their keys are equal.

    Order: code (the stage's own function first), params, deps, loaders, outs, settings, packages. Code is
    compared definition by definition; one that only moved is no change.
    """
    code, packages = _code_changes(before, after)
    return (
        *code,
        *_table_changes(ChangeKind.PARAM, before.params, after.params),
        *_table_changes(ChangeKind.DEP, before.deps, after.deps),
        *_table_changes(ChangeKind.LOADER, before.loaders, after.loaders),
        *_table_changes(ChangeKind.OUT, _declarations(before.outs), _declarations(after.outs)),
        *_table_changes(ChangeKind.SETTING, before.settings, after.settings),
        *packages,
    )


def headline(decision: Decision) -> str:
    """The reason in one line: ``Parameter changed: lr 0.01 → 0.05 and 2 more``."""
    if not decision.changes:
        return "Nothing changed"
    if decision.verdict is Verdict.WAITS:
        return "Waits for " + ", ".join(change.name for change in decision.changes)
    more = len(decision.changes) - 1
    return _phrase(decision.changes[0]) + (f" and {more} more" if more else "")


def explain_lines(stage: Stage, decision: Decision) -> list[str]:
    """All reasons for a verdict, as ``pivot status --explain`` prints them; digests in 8 characters."""
    lines = [
        f"Stage: {decision.stage}",
        f"  Status: {_STATUS[decision.verdict]}",
        f"  Reason: {headline(decision)}",
    ]
    details = [
        line
        for change in decision.changes
        if change.kind not in (ChangeKind.FIRST_RUN, ChangeKind.FORCED, ChangeKind.UPSTREAM)
        for line in _detail_lines(stage, change)
    ]
    return [*lines, "", "  Changes:", *details] if details else lines


def _detail_lines(stage: Stage, change: Change) -> Iterator[str]:
    yield f"    {_PREFIX.get(change.kind, '')}{change.name}"
    if change.kind is ChangeKind.MISSING_DEP:
        yield "      Missing: there is no such file, and no stage writes it"
        yield f"      File: {stage.place}"
        return
    if change.kind is ChangeKind.OUTPUT_MISSING:
        yield "      Missing: in the workspace"
        return
    if change.kind is ChangeKind.OBJECT_MISSING:
        yield "      Missing: in the cache"
    if change.before is not None:
        yield f"      Old: {_shown(change, change.before)}"
    if change.after is not None:
        yield f"      New: {_shown(change, change.after)}"
    if change.place is not None:
        label, where = "File", str(change.place)
        if where.startswith("Cell "):
            label, where = "Cell", where.removeprefix("Cell ")
        yield f"      {label}: {where}"


def _phrase(change: Change) -> str:
    match change.kind:
        case ChangeKind.FIRST_RUN:
            return "Never run"
        case ChangeKind.FORCED:
            return "Forced"
        case ChangeKind.UPSTREAM:
            return f"Waits for {change.name}"
        case ChangeKind.MISSING_DEP:
            return f"Dependency missing: {change.name}"
        case ChangeKind.OUTPUT_MISSING:
            return f"Output missing: {change.name}"
        case ChangeKind.OUTPUT_ALTERED:
            return f"Output altered: {change.name}"
        case ChangeKind.OBJECT_MISSING:
            return f"Not in the cache: {change.name}"
        case ChangeKind.CODE if change.name.startswith(_RESOLUTION):
            return "Code changed: names resolve differently"
        case ChangeKind.CODE if change.name.startswith(f"{PartKind.STAGE}:"):
            return "Stage code changed"
        case ChangeKind.CODE:
            return "Code dependency changed"
    verb = "added" if change.before is None else "removed" if change.after is None else "changed"
    text = f"{_NOUN[change.kind]} {verb}: {change.name}"
    valued = change.kind in (ChangeKind.PARAM, ChangeKind.PACKAGE, ChangeKind.SETTING)
    if not valued or change.before is None or change.after is None:
        return text
    return f"{text} {_shown(change, change.before)} → {_shown(change, change.after)}"


def _shown(change: Change, value: str) -> str:
    if change.kind in _DIGESTS:
        return value[:8]
    line = " ".join(value.split())
    return line if len(line) <= _WIDEST_VALUE else line[: _WIDEST_VALUE - 1] + "…"


def _table_changes(
    kind: ChangeKind, before: Mapping[_Key, _Value], after: Mapping[_Key, _Value]
) -> Iterator[Change]:
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if old != new:
            yield Change(kind, name, old, new)


def _declarations(outs: Sequence[DeclaredOut]) -> dict[str, str]:
    return {
        out.path: f"{out.kind}, {'cached' if out.cache else 'not cached'}, loader {out.loader[:8]}"
        for out in outs
    }


def _code_changes(before: Inputs, after: Inputs) -> tuple[list[Change], list[Change]]:
    """The changes of definitions and those of packages."""
    if before.code == after.code:
        return [], []
    pairs = [
        pair
        for key in _keys(before, after)
        for pair in _unequal(_with_key(before, key), _with_key(after, key))
    ]
    found = [_part_change(old, new) for old, new in pairs]
    code = [change for change in found if change.kind is ChangeKind.CODE]
    packages = [change for change in found if change.kind is ChangeKind.PACKAGE]
    if not found:
        own = next((part for part in after.parts if part.kind is PartKind.STAGE), None)
        name = _RESOLUTION + (own.key if own else "the code")
        code = [Change(ChangeKind.CODE, name, before.code, after.code, own.place if own else None)]
    code.sort(key=_telling)
    return code, packages


def _telling(change: Change) -> tuple[bool, bool, bool]:
    """The stage's own function first, then what changed before what came or went; mere order comes last."""
    own = change.name.startswith(f"{PartKind.STAGE}:")
    return (change.name == _ORDER, not own, change.before is None or change.after is None)


def _keys(before: Inputs, after: Inputs) -> list[str]:
    return sorted({part.key for part in (*before.parts, *after.parts)})


def _with_key(inputs: Inputs, key: str) -> list[Part]:
    return [part for part in inputs.parts if part.key == key]


def _unequal(before: list[Part], after: list[Part]) -> Iterator[tuple[Part | None, Part | None]]:
    """Pairs the parts of one name that differ; two modules may each have a function of that name."""
    kept = list(after)
    gone: list[Part] = []
    for part in before:
        twin = next((other for other in kept if other.digest == part.digest), None)
        if twin is None:
            gone.append(part)
        else:
            kept.remove(twin)
    for part in gone:
        same_file = next(
            (o for o in kept if o.place and part.place and o.place.file == part.place.file), None
        )
        heir = same_file or (kept[0] if kept else None)
        if heir is not None:
            kept.remove(heir)
        yield part, heir
    for part in kept:
        yield None, part


def _part_change(before: Part | None, after: Part | None) -> Change:
    part = after or before
    assert part is not None
    place = part.place
    if part.kind is PartKind.PACKAGE:
        old = (before.detail or before.digest) if before else None
        new = (after.detail or after.digest) if after else None
        return Change(ChangeKind.PACKAGE, part.name, old, new, place)
    return Change(
        ChangeKind.CODE, part.key, before.digest if before else None, after.digest if after else None, place
    )
