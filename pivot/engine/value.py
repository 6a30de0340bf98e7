"""The value of an output, as its loader reads it."""

import ast
import contextlib
import os
import pickle
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pivot.define.loader_ref import loader_ref
from pivot.engine.lists import item_file
from pivot.errors import PivotError, StoreError, UsageError
from pivot.loaders import PathOnly
from pivot.loaders.infer import ByExtension, infer_loader
from pivot.loaders.value import Value
from pivot.model.record import StageRecord, Unread
from pivot.model.run import Run
from pivot.model.stage import Stage, StageOut
from pivot.model.tree import read_tree
from pivot.model.upstream import is_listed, is_value
from pivot.paths import ProjectPath, absolute, is_folder
from pivot.store.folders import list_files
from pivot.store.history import read_result
from pivot.store.store import Store


@dataclass(frozen=True, slots=True)
class Source:
    """Where the value of an output was read from.

    Attributes:
        in_place: whether from the workspace; else from the cache.
    """

    out: StageOut
    in_place: bool


@dataclass(frozen=True, slots=True)
class Loaded:
    """A value, and where it came from: a source for each output in it."""

    value: object
    sources: tuple[Source, ...]


def load_output(store: Store, stage: Stage, out: str | None, run: Run | None = None) -> Loaded:
    """The value of a stage's output, from the workspace or the cache.

    Args:
        out: which one, by its key; ``None`` for the only one, or for all, by their keys.
        run: the one that made or found it; ``None`` for the last. Another one may have made another since.

    Returns:
        the value; of a folder a dict from the path inside it to the value of each file (with `PathOnly` the folder),
        of an output with several paths the list of their values, of one whose loader can only write `Unread`.

    Raises:
        UsageError: no such output, or a loader that cannot read.
        StoreError: it has never been made, or its bytes are lost.
    """
    end = run.stages.get(stage.name) if run is not None else None
    record = read_result(store.layout, end.record) if end is not None and end.record is not None else None
    return _loaded(store, stage.name, stage.key, stage.outs, stage.roots, out, record)


def load_recorded(store: Store, key: str, roots: Sequence[ProjectPath], out: str | None) -> Loaded | None:
    """What `load_output` gives for a stage of which there is no more than its last record.

    How its files are read is told by their extensions.

    Args:
        key: of the stage on disk.
    """
    record = store.lock(key)
    if record is None:
        return None
    names: dict[str, tuple[str, int | None]] = {}
    for title, text in record.inputs.names.items():
        paths = ast.literal_eval(f"({text},)")
        if title.startswith("out "):
            names |= {p: (title[4:], i if len(paths) > 1 else None) for i, p in enumerate(paths)}
    outs = []
    for declared in record.inputs.outs:
        name, index = names.get(declared.path, (declared.path, None))
        loader = loader_ref(_loader_for(declared.path))
        outs.append(StageOut(name, declared.path, declared.kind, loader, declared.cache, False, index))
    return _loaded(store, key.rpartition(":")[2], key, outs, roots, out)


def _loader_for(path: ProjectPath) -> Any:
    """What reads a file of which only the name is known; where that says nothing, the path is all there is."""
    if is_value(path):
        return Value()
    if is_folder(path):
        return ByExtension()
    try:
        return infer_loader(path, object)
    except PivotError:
        return PathOnly()


def _loaded(
    store: Store,
    stage: str,
    key: str,
    outs: Sequence[StageOut],
    roots: Sequence[ProjectPath],
    wanted: str | None,
    record: StageRecord | None = None,
) -> Loaded:
    names = tuple(dict.fromkeys(one.name for one in outs))
    if (wanted is None and not names) or (wanted is not None and wanted not in names):
        what = f"no output '{wanted}'" if wanted else "no outputs"
        raise UsageError(f"stage '{stage}' has {what}", f"it has: {', '.join(names)}" if names else None)
    sources: list[Source] = []
    with _importable([absolute(root, store.root) for root in roots]):
        values = {
            name: _value(store, key, [one for one in outs if one.name == name], sources, record)
            for name in names
            if wanted in (None, name)
        }
    value: object = values if wanted is None and len(names) > 1 else next(iter(values.values()))
    return Loaded(value, tuple(sources))


def _value(
    store: Store, key: str, outs: Sequence[StageOut], sources: list[Source], record: StageRecord | None
) -> object:
    values = [_load(store, key, one, sources, record) for one in sorted(outs, key=lambda one: one.index or 0)]
    return values[0] if outs[0].index is None else values


def _load(store: Store, key: str, out: StageOut, sources: list[Source], record: StageRecord | None) -> object:
    with store.output(key, out.path, record) as path:
        in_place = path == absolute(out.path, store.root)
        sources.append(Source(out, in_place))
        loader = pickle.loads(out.loader.payload)
        if is_listed(out.path):
            with open(path, encoding="utf-8") as text:
                entries = read_tree(text.read())
            return [loader.load(item_file(store, out.path, entry.digest)) for entry in entries]
        if not hasattr(loader, "load"):
            if is_folder(out.path):
                raise UsageError(f"the loader of '{out.path}' can only write", f"open {path} yourself")
            with open(path, "rb") as file:
                return Unread(out.path, file.read())
        if isinstance(loader, PathOnly) and not in_place:
            raise StoreError(
                f"{out.path} is not in place, and its loader gives no more than the path",
                "put it back: pivot checkout",
            )
        if not is_folder(out.path) or isinstance(loader, PathOnly):
            value: object = loader.load(path)
            return value
        return {name: loader.load(os.path.join(path, name)) for name in list_files(path) or ()}


@contextlib.contextmanager
def _importable(roots: Sequence[str]) -> Iterator[None]:
    """Let this process import the project's modules: a pickled output may hold objects of their classes."""
    before = list(sys.path)
    sys.path[:0] = roots
    try:
        yield
    finally:
        sys.path[:] = before
