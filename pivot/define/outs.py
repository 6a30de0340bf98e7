"""What a stage writes: the annotated return type and the paths of ``@stage`` → StageOuts."""

import pathlib
from collections.abc import Mapping
from typing import Any

from pivot.config.pivotfile import PathEntry
from pivot.config.spelling import did_you_mean
from pivot.define.declared import SINGLE_OUT
from pivot.define.decorator import Mark
from pivot.define.draft import Draft, called, is_several, names_folder
from pivot.define.incremental import last_value_arguments
from pivot.define.loader_ref import loader_ref
from pivot.define.shapes import dict_item, is_mapping, list_item, may_be
from pivot.errors import PivotError
from pivot.loaders import ByExtension, PathOnly, infer_loader, loader_by_type
from pivot.loaders.value import Value
from pivot.model.stage import OutKind, PlotView, Returns, StageOut, stage_key
from pivot.model.upstream import value_path
from pivot.outputs import DirectoryOut, IncrementalOut, Metric, Out, Plot
from pivot.paths import ProjectPath, is_folder

Given = Mapping[OutKind | None, Mapping[str, PathEntry]]
"""The kind of output that paths were given for (``None``: any) → output → paths."""

_VALUE = Value()
_KINDS: Mapping[type[Out[Any]], OutKind] = {
    Metric: OutKind.METRIC,
    Plot: OutKind.PLOT,
    IncrementalOut: OutKind.INCREMENTAL,
    DirectoryOut: OutKind.DIRECTORY,
    Out: OutKind.OUT,
}
_SECTION = {OutKind.OUT: "outs", OutKind.METRIC: "metrics", OutKind.PLOT: "plots"}


def annotated_outs(draft: Draft, given: Given) -> list[StageOut]:
    """The outs that the return type is annotated with.

    Args:
        draft: what is wrong is added to its errors.
        given: paths and options over the annotated ones.
    """
    names = _named(draft, given)
    arguments = last_value_arguments(draft)
    found: list[StageOut | None] = []
    for key, (out, kind) in draft.declared.outs.items():
        name, entry = names.get(key, (key, None))
        place = entry.place if entry else draft.code
        raw = entry.path if entry else out.path
        view = _view(draft, name, out, entry)
        _check_options(draft, name, out)
        if not _is_right_kind(draft, name, out, raw, entry):
            continue
        cache = out.cache if entry is None or entry.cache is None else entry.cache
        argument = arguments.get(key)
        for index, path in draft.paths(out.path, raw, f"out {name!r}", place, kind):
            item = kind if index is None else list_item(kind, index)
            try:
                loader = _loader(out, item, path)
                ref, is_own = draft.signatures.writer(loader), isinstance(loader, PathOnly)
                found.append(StageOut(name, path, kind_of(out), ref, cache, is_own, index, argument, view))
            except PivotError as error:
                draft.wrong(f"out {name!r}: {error.message}", draft.code, error.hint)
    return [out for out in found if out is not None]


def plain_outs(draft: Draft, mark: Mark | None) -> list[StageOut]:
    """The files and folders that a plain function writes on its own."""
    raws = mark.outs if mark else ()
    paths = [(raw, draft.path(raw, called(raw, "out"), draft.code)) for raw in raws]
    return [
        StageOut(
            raw,
            path,
            OutKind.DIRECTORY if is_folder(path) else OutKind.OUT,
            loader_ref(PathOnly()),
            True,
            True,
        )
        for raw, path in paths
        if path is not None
    ]


def value_out(draft: Draft, home: ProjectPath, *, mapped: bool) -> StageOut:
    """What a stage without outputs returns: an output that has no file in the workspace.

    Args:
        home: the folder of the file that defines the stage, which says where its bytes lie.
    """
    kind = OutKind.VALUES if mapped else OutKind.VALUE
    path = value_path(stage_key(draft.stage, home), listed=mapped)
    return StageOut(SINGLE_OUT, path, kind, draft.signatures.loader(_VALUE), True, False)


def kind_of(out: Out[Any]) -> OutKind:
    """Which kind of output a word of the annotations makes."""
    found = _KINDS.get(type(out))
    return found or next((kind for word, kind in _KINDS.items() if isinstance(out, word)), OutKind.OUT)


def _named(draft: Draft, given: Given) -> dict[str, tuple[str, PathEntry]]:
    """Declared out → the name and paths given to it; errors for those that nobody declares."""
    known = draft.declared.outs
    entries = [(section, key, entry) for section, table in given.items() for key, entry in table.items()]
    is_single = draft.declared.returns is Returns.SINGLE
    names: dict[str, tuple[str, PathEntry]] = {}
    for section, key, entry in entries:
        target = next(iter(known)) if is_single else key
        if target not in known:
            message = f"out {key!r} is not an output of {draft.function}"
            draft.wrong(message, entry.place, did_you_mean(key, known))
            continue
        kind = kind_of(known[target][0])
        home = kind if kind in _SECTION else OutKind.OUT
        if kind is OutKind.INCREMENTAL:
            hint = f"change it in {draft.function}: on the parameter and in the return type"
            draft.wrong(f"the path of IncrementalOut {key!r} cannot be overridden", entry.place, hint)
        elif section not in (None, home):
            message = f"{key!r} is declared as {type(known[target][0]).__name__} in {draft.function}"
            draft.wrong(message, entry.place, f"give its path under {_SECTION[home]}")
        elif target in names:
            twice = (
                f"{key!r} and {names[target][0]!r} both name" if is_single else f"{key!r} is given twice for"
            )
            draft.wrong(f"{twice} the one output of {draft.function}", entry.place, "keep one")
        else:
            names[target] = (key, entry)
    return names


def _view(draft: Draft, name: str, out: Out[Any], entry: PathEntry | None) -> PlotView | None:
    said = (entry.x, entry.y, entry.template) if entry else (None, None, None)
    if isinstance(out, Plot):
        declared = (out.x, out.y, out.template)
        return PlotView(*(old if new is None else new for old, new in zip(declared, said, strict=True)))
    if entry is not None and said != (None, None, None):
        words = [word for word, value in zip(("x", "y", "template"), said, strict=True) if value is not None]
        message = f"out {name!r} is no Plot, but {', '.join(words)} is given"
        draft.wrong(message, entry.place, f"declare it as a Plot in {draft.function}, or leave it out")
    return None


def _check_options(draft: Draft, name: str, out: Out[Any]) -> None:
    """Whether what stands beside the path is of its type: a text for ``cache`` would count as true."""
    cache: Any = out.cache
    if not isinstance(cache, bool):
        draft.wrong(f"out {name!r}: cache is True or False, not {cache!r}", draft.code)
    for word in ("x", "y", "template") if isinstance(out, Plot) else ():
        value = getattr(out, word)
        if not isinstance(value, (str, type(None))):
            draft.wrong(f"out {name!r}: {word} is a text, not {value!r}", draft.code)


def _is_right_kind(draft: Draft, name: str, out: Out[Any], raw: Any, entry: PathEntry | None) -> bool:
    """Whether a folder is given for a DirectoryOut and files for all others."""
    place = entry.place if entry else draft.code
    for path in raw if is_several(raw) else (raw,):
        if isinstance(out, DirectoryOut) and not is_several(raw) and not names_folder(path):
            message = f"out {name!r} is a DirectoryOut, but the file {path!r} is given"
            draft.wrong(message, place, f"the path of a folder ends with /: {f'{path}/'!r}")
            return False
        if not isinstance(out, DirectoryOut) and names_folder(path):
            message = f"out {name!r}: {path!r} is a folder, but {type(out).__name__} writes files"
            hint = "annotate DirectoryOut; with loaders.PathOnly() the stage fills the folder itself"
            draft.wrong(message, place, hint)
            return False
    return True


def _loader(out: Out[Any], kind: Any, path: str) -> Any:
    if not isinstance(out, DirectoryOut):
        return out.loader if out.loader is not None else infer_loader(path, kind)
    loader = out.loader
    if loader is None:
        is_own = not is_mapping(kind) and not may_be(kind, dict) and may_be(kind, pathlib.Path)
        loader = PathOnly() if is_own else loader_by_type(dict_item(kind)) or ByExtension()
    if isinstance(loader, PathOnly):
        if is_mapping(kind):
            raise PivotError(
                "with PathOnly the stage fills the folder itself and returns its path, no dict",
                "annotate pathlib.Path, or name the loader of each file",
            )
    elif not may_be(kind, dict) and not isinstance(loader, type):
        name = getattr(kind, "__name__", kind)
        raise PivotError(
            f"a DirectoryOut takes a dict from path to value, not {name}", f"annotate dict[str, {name}]"
        )
    return loader
