"""The value of an output, as its loader reads it."""

import contextlib
import os
import pickle
import sys
from collections.abc import Iterator, Sequence

from pivot.errors import UsageError
from pivot.loaders import PathOnly
from pivot.model.stage import Stage, StageOut
from pivot.paths import absolute, is_folder
from pivot.store.folders import list_files
from pivot.store.store import Store


def load_output(store: Store, stage: Stage, out: str | None) -> object:
    """The value of a stage's output, from the workspace or the cache.

    Args:
        out: which one, by its key; ``None`` for the only one.

    Returns:
        the value; of a folder a dict from the path inside it to the value of each file (with `PathOnly` the folder),
        of an output with several paths the list of their values.

    Raises:
        UsageError: no such output, or a loader that cannot read.
        StoreError: it has never been made, or its bytes are lost.
    """
    keys = tuple(dict.fromkeys(o.name for o in stage.outs))
    wanted = [o for o in stage.outs if o.name == out or (out is None and len(keys) == 1)]
    if not wanted:
        known = ", ".join(keys) or "none"
        raise UsageError(f"say which output of stage '{stage.name}' to load", f"it has: {known}")
    with _importable([absolute(root, store.root) for root in stage.roots]):
        values = [_load(store, stage, one) for one in sorted(wanted, key=lambda one: one.index or 0)]
    return values[0] if wanted[0].index is None else values


def _load(store: Store, stage: Stage, out: StageOut) -> object:
    with store.output(stage.key, out.path) as path:
        loader = pickle.loads(out.loader.payload)
        if not hasattr(loader, "load"):
            raise UsageError(f"the loader of '{out.path}' can only write", f"open {path} yourself")
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
