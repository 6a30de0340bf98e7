"""What differs between two inputs of a stage, as data."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from pivot.core.items import DROPPED
from pivot.model.context import shown_asked, shown_pointer
from pivot.model.decision import Change, ChangeKind
from pivot.model.digest import Digest
from pivot.model.fingerprint import ORDER_KEY, Part, PartKind
from pivot.model.observation import Observation
from pivot.model.record import DeclaredOut, Inputs
from pivot.model.stored import shown_name
from pivot.model.tree import TreeEntry

_Key = TypeVar("_Key", bound=str)
_Value = TypeVar("_Value", bound=str)

RESOLUTION = "names in "
"""Begins the name of a code change in which no definition of its own differs: a name means something else."""

RUNNING = "calls of "
"""Begins the name of a code change in which only other definitions ran, or were looked for, than before."""


def changes(before: Inputs, after: Inputs) -> tuple[Change, ...]:
    """What differs between two inputs, most telling first; empty exactly if their keys are equal.

    Order: code (the stage's own function first), params, deps, files, variables and keys (of the config, of the
    object store) that were read, loaders, outs, settings, packages. Code is compared definition by definition; one
    that only moved is no change.
    """
    code, packages = _code_changes(before, after)
    dropped = before.params.get(DROPPED)
    if dropped is not None:
        before = replace(before, params={name: v for name, v in before.params.items() if name != DROPPED})
    found = (
        *code,
        *([] if dropped is None else [Change(ChangeKind.DROPPED, json.loads(dropped))]),
        *_table_changes(ChangeKind.PARAM, before.params, after.params),
        *_table_changes(ChangeKind.DEP, before.deps, after.deps),
        *_table_changes(ChangeKind.FILE, before.observed.files, after.observed.files),
        *_table_changes(ChangeKind.ENVIRONMENT, before.observed.environment, after.observed.environment),
        *(
            Change(
                change.kind, shown_pointer(change.name), shown_asked(change.before), shown_asked(change.after)
            )
            for change in _table_changes(ChangeKind.CONTEXT, before.observed.context, after.observed.context)
        ),
        *_key_changes(before.observed, after.observed),
        *_table_changes(ChangeKind.LOADER, before.loaders, after.loaders),
        *_table_changes(ChangeKind.OUT, _declarations(before.outs), _declarations(after.outs)),
        *_table_changes(ChangeKind.SETTING, before.settings, after.settings),
        *packages,
    )
    # paths that come or go are told above; what is left is that some changed places
    return found or tuple(_table_changes(ChangeKind.NAME, before.names, after.names))


MOST_FILES = 10
"""Files of a folder that are named one by one."""


def folder_changes(before: Sequence[TreeEntry], after: Sequence[TreeEntry]) -> tuple[str, ...]:
    """What differs between two folders, as lines of a diff: ``- gone.txt``, ``+ new.txt``, both for other content."""
    gone, new = set(before) - set(after), set(after) - set(before)
    names = sorted({entry.path for entry in (*gone, *new)})
    lines = [
        f"{sign} {name}"
        for name in names[:MOST_FILES]
        for sign, entries in (("-", gone), ("+", new))
        if any(entry.path == name for entry in entries)
    ]
    more = len(names) - MOST_FILES
    return (*lines, f"… and {more} more files") if more > 0 else tuple(lines)


def _table_changes(
    kind: ChangeKind, before: Mapping[_Key, _Value], after: Mapping[_Key, _Value]
) -> Iterator[Change]:
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if old != new:
            yield Change(kind, name, old, new)


def _key_changes(before: Observation, after: Observation) -> Iterator[Change]:
    for name in sorted({*before.keys, *after.keys}):
        old, new = before.keys.get(name), after.keys.get(name)
        if old != new:
            yield Change(ChangeKind.KEY, shown_name(name), old, new)


def _declarations(outs: Sequence[DeclaredOut]) -> dict[str, str]:
    return {
        out.path: f"{out.kind}, {'cached' if out.cache else 'not cached'}, loader {out.loader[:8]}"
        for out in outs
    }


def _code_changes(before: Inputs, after: Inputs) -> tuple[list[Change], list[Change]]:
    """The changes of definitions and those of packages."""
    old, new = _code_seen(before.observed), _code_seen(after.observed)
    if before.code == after.code and old == new:
        return [], []
    old_parts, new_parts = _by_key(before.parts), _by_key(after.parts)
    found = [
        _part_change(*pair)
        for key in sorted({*old_parts, *new_parts})
        for pair in _unequal(old_parts.get(key, []), new_parts.get(key, []))
    ]
    code = [change for change in found if change.kind is ChangeKind.CODE]
    packages = [change for change in found if change.kind is ChangeKind.PACKAGE]
    if not found:
        code = [_unnamed_change(before, after, old, new)]
    code.sort(key=_telling)
    return code, packages


def _code_seen(observed: Observation) -> Digest:
    """All that a run said about code."""
    return replace(observed, files={}, environment={}, context={}, keys={}).digest


def _unnamed_change(before: Inputs, after: Inputs, old: Digest, new: Digest) -> Change:
    """The change of code in which no definition differs; `old` and `new` stand for what was seen of it."""
    own = [part for part in (*after.parts, *before.parts) if part.kind is PartKind.STAGE]
    name = own[0].key if own else "the code"
    places = (own[0].place, own[-1].place) if own else (None, None)
    if before.code != after.code:
        return Change(ChangeKind.CODE, RESOLUTION + name, before.code, after.code, *places)
    same_run = before.observed.ran == after.observed.ran
    return Change(ChangeKind.CODE, (RESOLUTION if same_run else RUNNING) + name, old, new, *places)


def _telling(change: Change) -> tuple[bool, bool, bool]:
    """The stage's own function first, then what changed before what came or went; mere order comes last."""
    own = change.name.startswith(f"{PartKind.STAGE}:")
    return (change.name == ORDER_KEY, not own, change.before is None or change.after is None)


def _by_key(parts: Sequence[Part]) -> dict[str, list[Part]]:
    table: dict[str, list[Part]] = {}
    for part in parts:
        table.setdefault(part.key, []).append(part)
    return table


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
    if part.kind is PartKind.PACKAGE:
        old = (before.detail or before.digest) if before else None
        new = (after.detail or after.digest) if after else None
        return Change(ChangeKind.PACKAGE, part.name, old, new)
    return Change(
        ChangeKind.CODE,
        part.key,
        before.digest if before else None,
        after.digest if after else None,
        part.place,
        before.place if before else None,
    )
