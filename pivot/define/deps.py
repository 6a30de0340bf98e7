"""What a stage reads: annotated parameters and the paths of ``@stage`` → StageDeps."""

import pathlib
from collections.abc import Mapping
from typing import Any

from pivot.config.pivotfile import PathEntry
from pivot.config.spelling import did_you_mean
from pivot.define.decorator import Mark
from pivot.define.draft import Draft, called, is_several, names_folder
from pivot.define.loader_ref import loader_ref
from pivot.define.shapes import dict_item, is_mapping, list_item, may_be
from pivot.errors import PivotError
from pivot.loaders import ByExtension, PathOnly, infer_loader, loader_by_type
from pivot.model.stage import StageDep
from pivot.outputs import Dep
from pivot.paths import ProjectPath, is_folder


def annotated_deps(draft: Draft, given: Mapping[str, PathEntry]) -> list[StageDep]:
    """The deps that parameters are annotated with.

    Args:
        draft: what is wrong is added to its errors.
        given: parameter → paths over the annotated ones.
    """
    known = draft.declared.deps
    for key, entry in given.items():
        if key in draft.declared.incremental:
            hint = f"change it in {draft.function}: on the parameter and in the return type"
            draft.wrong(f"the path of IncrementalOut {key!r} cannot be overridden", entry.place, hint)
        elif key not in known:
            is_parameter = key in draft.declared.parameters
            what = "is not annotated with Dep in" if is_parameter else "is not a parameter of"
            draft.wrong(f"dep {key!r} {what} {draft.function}", entry.place, did_you_mean(key, known))
    found = []
    for key, (dep, kind) in known.items():
        over = given.get(key)
        if over is not None and not _same_kind(draft, dep, over, key):
            continue
        raw, place = (over.path, over.place) if over is not None else (dep.path, draft.code)
        for index, path in draft.paths(dep.path, raw, f"dep {key!r}", place, kind):
            item = kind if index is None else list_item(kind, index)
            found.append(_dep(draft, key, dep, item, path, index))
    return [dep for dep in found if dep is not None]


def plain_deps(draft: Draft, mark: Mark | None) -> list[StageDep]:
    """The files and folders that a plain function opens on its own."""
    raws = mark.deps if mark else ()
    paths = [(raw, draft.path(raw, called(raw, "dep"), draft.code)) for raw in raws]
    return [StageDep(raw, path, loader_ref(PathOnly()), None) for raw, path in paths if path is not None]


def _same_kind(draft: Draft, dep: Dep[Any], entry: PathEntry, key: str) -> bool:
    """Whether files are given for files and folders for folders: the stage gets another type of value else."""
    if isinstance(dep.loader, PathOnly):
        return True
    if (
        isinstance(dep.path, str)
        and isinstance(entry.path, str)
        and names_folder(dep.path) == names_folder(entry.path)
    ):
        return True
    declared = {names_folder(raw) for raw in (dep.path if is_several(dep.path) else (dep.path,))}
    given = entry.path if is_several(entry.path) else (entry.path,)
    for raw in given:
        if names_folder(raw) not in declared and declared:
            what, other = ("a file", "folder") if names_folder(raw) else ("a folder", "file")
            hint = "end a folder's path with /, and a file's not"
            draft.wrong(f"dep {key!r} is {what}, but the {other} {raw!r} is given", entry.place, hint)
            return False
    return True


def _dep(
    draft: Draft, key: str, dep: Dep[Any], kind: Any, path: ProjectPath, index: int | None
) -> StageDep | None:
    try:
        loader = _loader(dep, kind, path)
        return StageDep(key, path, draft.signatures.reader(loader), key, index)
    except PivotError as error:
        draft.wrong(f"dep {key!r}: {error.message}", draft.code, error.hint)
        return None


def _loader(dep: Dep[Any], kind: Any, path: ProjectPath) -> Any:
    if not is_folder(path):
        return dep.loader if dep.loader is not None else infer_loader(path, kind)
    loader: Any = dep.loader
    if loader is None:
        loader = PathOnly()
        if is_mapping(kind):
            loader = loader_by_type(dict_item(kind)) or ByExtension()
        elif not may_be(kind, pathlib.Path):
            message = f"the value of the folder {path!r} is no {getattr(kind, '__name__', kind)}"
            raise PivotError(message, "annotate pathlib.Path, or dict[str, …] for the value of each file")
    if isinstance(loader, PathOnly):
        if is_mapping(kind):
            raise PivotError(f"PathOnly gives the folder {path!r} itself, no dict", "annotate pathlib.Path")
    elif not isinstance(loader, type) and not may_be(kind, dict):
        raise PivotError(f"a loader gives the files of {path!r} as a dict", "annotate dict[str, …]")
    return loader
