"""Why a stage runs: reasons with the way to them and what changed in the text, and the lines that tell them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from textwrap import wrap
from typing import TYPE_CHECKING, TypeAlias

from pivot.core.reasons import RESOLUTION, RUNNING
from pivot.core.shown import shown_value
from pivot.model.decision import SAID_AT_ONCE, Change, ChangeKind, Decision, Verdict
from pivot.model.fingerprint import ORDER_KEY, PartKind
from pivot.model.observation import (
    ABSENT,
    FOLDER,
    PRESENT,
    Observation,
    is_listing,
)
from pivot.model.place import Place
from pivot.model.record import StageRecord
from pivot.model.stage import Stage
from pivot.model.stored import OWN
from pivot.model.upstream import shown_path

if TYPE_CHECKING:
    from pivot.core.difference import Source

    _Read: TypeAlias = Callable[[str], Source | None]

Paths = Mapping[tuple[str, Place | None], tuple[str, ...]]
"""Key and place of a part → titles from the stage's function to it; of what only ran, the function and it."""

Text = Callable[[str], str | None]
"""The text of a project module by its place (a project path, or a notebook's module); ``None`` if unknown."""

_WIDEST_LINE = 80
_DIFF_INDENT = " " * 8
_CALLS_UNSEEN = (
    "which functions ran (this needs Python 3.12 or newer, and a stage that starts no program); code found by name "
    "at run time counts as far as imports and registrations tell"
)
_OLD_UNKNOWN = "the text that ran last is not known here"
_SAME_TEXT = "the text is the same; what a name in it stands for is not"
_NEWLY = "newly in reach; its text is not new"
_RAN = "it ran, though no name in the stage's code leads to it"
_MAY_RUN = "it may run, though no name in the stage's code leads to it"
_NO_LONGER = "no longer in reach; its text is still there"
_OTHER_CODE = "Code dependency changed"
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
    ChangeKind.FILE: "file:",
    ChangeKind.ENVIRONMENT: "env:",
    ChangeKind.MISSING_DEP: "dep:",
    ChangeKind.KEY: "key:",
    ChangeKind.LOADER: "loader:",
    ChangeKind.OUT: "out:",
    ChangeKind.NAME: "path of ",
    ChangeKind.OUTPUT_MISSING: "out:",
    ChangeKind.OUTPUT_ALTERED: "out:",
    ChangeKind.OBJECT_MISSING: "object:",
    ChangeKind.SETTING: "setting:",
}
_SENTENCE = {
    ChangeKind.FIRST_RUN: "Never run",
    ChangeKind.FORCED: "Forced",
    ChangeKind.ALWAYS: "Always runs",
    ChangeKind.DROPPED: "Items failed and were dropped: {}",
    ChangeKind.UPSTREAM: "Waits for {}",
    ChangeKind.MISSING_DEP: "Dependency missing: {}",
    ChangeKind.OUTPUT_MISSING: "Output missing: {}",
    ChangeKind.OUTPUT_ALTERED: "Output altered: {}",
    ChangeKind.OBJECT_MISSING: "Not in the cache: {}",
    ChangeKind.ENVIRONMENT: "Environment changed: {}",
}
_LOST = {  # of outputs whose bytes are not in the cache, either
    ChangeKind.OUTPUT_MISSING: "Output lost: {}",
    ChangeKind.OUTPUT_ALTERED: "Output altered, not in the cache: {}",
}
_NOUN = {
    ChangeKind.PACKAGE: "Package",
    ChangeKind.PARAM: "Parameter",
    ChangeKind.DEP: "Dependency",
    ChangeKind.CONTEXT: "Run context",
    ChangeKind.LOADER: "Loader",
    ChangeKind.OUT: "Output declaration",
    ChangeKind.NAME: "Path",
    ChangeKind.SETTING: "Setting",
}


@dataclass(frozen=True, slots=True)
class Detail:
    """One reason in full.

    Attributes:
        path: titles from the stage's function to the definition, both included (``train``, ``fit``, ``normalize``);
            empty where none is known.
        diff: of the definition's text, as `pivot.core.difference.diff_lines` gives it.
        note: what to know where the text alone does not tell; else empty.
    """

    change: Change
    path: tuple[str, ...] = ()
    diff: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that is known of why a run would do with a stage what it would do.

    Attributes:
        details: one for each change of the decision, in their order.
        unseen: what was not observed when the stage last ran; empty if nothing was missed.
    """

    stage: Stage
    decision: Decision
    details: tuple[Detail, ...]
    unseen: str = ""


def explanation(
    stage: Stage,
    decision: Decision,
    record: StageRecord | None,
    *,
    paths: Paths,
    old_text: Text,
    new_text: Text,
) -> Explanation:
    """A decision with the way to each definition that changed and the diff of its text.

    Args:
        record: of the last run.
        paths: to the definitions in reach now.
        old_text: modules as they were in the last run.
        new_text: modules as they are now.
    """
    old, new = cache(_reading(old_text)), cache(_reading(new_text))
    found = [_detail(change, paths, old, new) for change in decision.changes]
    observed = record.inputs.observed if record is not None else Observation()
    details = tuple(replace(d, note=_run_note(d, observed)) if not d.note else d for d in found)
    return Explanation(stage, decision, details, unseen(record))


def unseen(record: StageRecord | None) -> str:
    """What was not observed in the run of a record; empty if nothing was missed, or it never ran."""
    return _CALLS_UNSEEN if record is not None and not record.inputs.observed.complete else ""


def _reading(text: Text) -> "_Read":
    def read(place: str) -> "Source | None":
        from pivot.core.difference import read_source  # lazy: start-up time

        found = text(place)
        return read_source(found) if found is not None else None

    return read


def _run_note(detail: Detail, observed: Observation) -> str:
    """What to say of a definition that counts only because it ran, or may have; else empty."""
    place = detail.change.place
    if len(detail.path) != 2 or place is None:
        return ""
    file = place.file.removesuffix(".py").removesuffix("/__init__")
    for module, _, name in (identity.partition(":") for identity in observed.ran):
        if name == detail.path[-1] and file.endswith(module.replace(".", "/")):
            return _RAN if observed.complete else _MAY_RUN
    return ""


def _detail(change: Change, paths: Paths, old_source: "_Read", new_source: "_Read") -> Detail:
    if change.kind is ChangeKind.PACKAGE:
        return Detail(change, paths.get((f"{PartKind.PACKAGE}:{change.name}", None), ()))
    if change.kind is not ChangeKind.CODE or change.place is None:
        return Detail(change)
    path = paths.get((change.name, change.place), ())
    if not change.place.line:  # a compiled module, the module's own name
        return Detail(change, path)
    from pivot.core.difference import diff_lines, stands_in, statement_at  # lazy: start-up time

    before = change.place_before or change.place
    old, new = old_source(before.file), new_source(change.place.file)
    if change.before is not None and old is None:
        return Detail(change, path, note=_OLD_UNKNOWN)
    was = statement_at(old, before.line) if old is not None and change.before is not None else ()
    now = statement_at(new, change.place.line) if new is not None and change.after is not None else ()
    if not was and now and old is not None and stands_in(now, old):
        return Detail(change, path, note=_NEWLY)
    if was and not now and new is not None and stands_in(was, new):
        return Detail(change, path, note=_NO_LONGER)
    found = diff_lines(was, now)
    if found or old is None or new is None or not now:
        return Detail(change, path, found)
    note = "" if change.name.startswith(RUNNING) else _SAME_TEXT
    return Detail(change, path, _imports_diff(old, new, now), note)


def _imports_diff(old: "Source", new: "Source", lines: Iterable[str]) -> tuple[str, ...]:
    """What changed in the imports of the names in some lines."""
    from pivot.core.difference import diff_lines, imports_of, words_in  # lazy: start-up time

    names = words_in(lines)
    return diff_lines(imports_of(old, names), imports_of(new, names))


def headline(decision: Decision) -> str:
    """The reason in one line: ``Parameter changed: lr 0.01 → 0.05 and 2 more``."""
    return _first_reason(decision, _named_phrase)


def _first_reason(decision: Decision, phrase: Callable[[Change], str]) -> str:
    if not decision.changes or decision.verdict is Verdict.WAITS:
        names = ", ".join(change.name for change in decision.changes)
        return f"Waits for {names}" if names else "Nothing changed"
    # an output that is not in place would only be restored; that its bytes are gone is why the stage runs
    lost = {change.name for change in decision.changes if change.kind is ChangeKind.OBJECT_MISSING}
    first = next((change for change in decision.changes if change.name in lost), decision.changes[0])
    text = _LOST[first.kind].format(shown_path(first.name)) if lost and first.kind in _LOST else phrase(first)
    if first.kind is ChangeKind.FIRST_RUN and decision.verdict is Verdict.RESTORE:
        text = "Never run here"  # the result is another branch's or project's, or its lock file is gone
    more = len({c.name for c in decision.changes} if lost else decision.changes) - 1
    return text + (f" and {more} more" if more else "")


def explain_lines(found: Explanation, paint: Callable[[str], str] = str) -> list[str]:
    """All reasons for a verdict, as ``pivot status --explain`` prints them; digests in 8 characters.

    Args:
        paint: colours a line of a diff.
    """
    decision = found.decision
    lines = [
        f"Stage: {decision.stage}",
        f"  Status: {status_word(decision.verdict)}",
        f"  Reason: {_first_reason(decision, _phrase)}",  # names stand below
    ]
    details = [line for detail in found.details for line in _detail_lines(found.stage, detail, paint)]
    if details:
        lines += ["", "  Changes:", *details]
    return [*lines, "", *unseen_lines(found.unseen)] if found.unseen else lines


def brief_lines(found: Explanation, most: int, paint: Callable[[str], str] = str) -> Iterator[str]:
    """What has changed, in short: each thing's title, and the first lines of its diff.

    Args:
        most: how many lines of each diff.
        paint: colours one of them.
    """
    for detail in found.details:
        if title(detail.change):
            yield title(detail.change)
        yield from (f"  {paint(line)}" for line in detail.diff[:most])
        if len(detail.diff) > most:
            yield f"  … {len(detail.diff) - most} more lines"


def unseen_lines(text: str) -> list[str]:
    """``Not observed: …``, at most 80 columns wide."""
    return wrap(f"Not observed: {text}", _WIDEST_LINE, initial_indent="  ", subsequent_indent="    ")


def status_word(verdict: Verdict) -> str:
    """``WILL RUN``."""
    return _STATUS[verdict]


def title(change: Change) -> str:
    """What changed, as a reader finds it again (``func:normalize``); empty where the headline has said all."""
    if change.kind in SAID_AT_ONCE:
        return ""
    if change.kind is ChangeKind.FILE and _is_folder(change):
        return f"folder:{change.name}"
    return _PREFIX.get(change.kind, "") + shown_path(change.name)


def values(change: Change) -> tuple[tuple[str, str], ...]:
    """``Old``, ``New`` or ``Missing`` with what to say of it."""
    if change.kind is ChangeKind.MISSING_DEP:
        return (("Missing", "there is no such file, and no stage writes it"),)
    if change.kind is ChangeKind.OUTPUT_MISSING:
        key = change.name.startswith("key ")
        return (("Missing", "in the object store" if key else "in the workspace"),)
    lost = (("Missing", "in the cache"),) if change.kind is ChangeKind.OBJECT_MISSING else ()
    pairs = (("Old", change.before), ("New", change.after))
    return (*lost, *((label, shown_value(change.kind, text)) for label, text in pairs if text is not None))


def places(stage: Stage, change: Change) -> tuple[tuple[str, str], ...]:
    """``File`` or ``Cell``, and ``Was`` if the definition moved, with the place."""
    place = stage.place if change.kind is ChangeKind.MISSING_DEP else change.place
    if place is None:
        return ()
    label, where = "File", str(place)
    if where.startswith("Cell "):
        label, where = "Cell", where.removeprefix("Cell ")
    moved = change.place_before is not None and change.place_before != place
    return ((label, where), *((("Was", str(change.place_before)),) if moved else ()))


def way(stage: Stage, path: tuple[str, ...]) -> str:
    """``train → fit → normalize``; empty where the stage uses the definition itself."""
    own = stage.function.qualname.partition(".")[0]
    return " → ".join(path) if len(path) > 2 or (len(path) == 2 and path[0] != own) else ""


def _detail_lines(stage: Stage, detail: Detail, paint: Callable[[str], str]) -> Iterator[str]:
    change = detail.change
    if not title(change):
        return
    yield f"    {title(change)}"
    rows: Iterable[tuple[str, str]] = (*values(change), *places(stage, change))
    yield from (f"      {label}: {text}" for label, text in rows)
    steps = way(stage, detail.path)
    if steps:
        yield f"      Path: {steps}"
    if detail.note:
        yield f"      Note: {detail.note}"
    yield from (f"{_DIFF_INDENT}{paint(line)}".rstrip() for line in detail.diff)


def _named_phrase(change: Change) -> str:
    text = _phrase(change)
    return f"{text}: {change.name}" if text == _OTHER_CODE else text


def _phrase(change: Change) -> str:
    if change.kind in _SENTENCE:
        return _SENTENCE[change.kind].format(shown_path(change.name))
    if change.kind is ChangeKind.CODE:
        return _code_phrase(change.name)
    if change.kind is ChangeKind.FILE:
        return _file_phrase(change)
    if change.kind is ChangeKind.KEY:
        return _key_phrase(change)
    verb = "added" if change.before is None else "removed" if change.after is None else "changed"
    text = f"{_NOUN[change.kind]} {verb}: {shown_path(change.name)}"
    valued = change.kind in (ChangeKind.PARAM, ChangeKind.CONTEXT, ChangeKind.PACKAGE, ChangeKind.SETTING)
    if not valued or change.before is None or change.after is None:
        return text
    return f"{text} {shown_value(change.kind, change.before)} → {shown_value(change.kind, change.after)}"


def _code_phrase(name: str) -> str:
    if name.startswith(RESOLUTION):
        return "Code changed: names resolve differently"
    if name.startswith(RUNNING):
        return "Code changed: other definitions run"
    if name == ORDER_KEY:
        return "Code changed: statements run in another order"
    return "Stage code changed" if name.startswith(f"{PartKind.STAGE}:") else _OTHER_CODE


def _file_phrase(change: Change) -> str:
    noun = "Folder" if _is_folder(change) else "File"
    verb = "added" if change.before == ABSENT else "removed" if change.after == ABSENT else "changed"
    was_sought = change.before in (ABSENT, PRESENT, FOLDER)
    looked = "looked for" if was_sought else "listed" if noun == "Folder" else "read"
    return f"{noun} {verb}: {change.name} ({looked}, not declared)"


def _key_phrase(change: Change) -> str:
    verb = "added" if change.before in (ABSENT, OWN) else "removed" if change.after == ABSENT else "changed"
    return f"Key {verb}: {change.name} (of the object store)"


def _is_folder(change: Change) -> bool:
    return any(state is not None and is_listing(state) for state in (change.before, change.after))
