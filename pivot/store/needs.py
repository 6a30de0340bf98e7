"""Which objects a record needs to be put in place: its cached outputs, all files of its folders, what it put."""

from collections.abc import Iterator
from dataclasses import dataclass

from pivot.model.digest import Digest
from pivot.model.record import StageRecord
from pivot.model.stored import key_path
from pivot.model.tree import TreeEntry, read_tree
from pivot.model.upstream import is_listed
from pivot.paths import ProjectPath, is_folder
from pivot.store.layout import Layout


@dataclass(frozen=True, slots=True)
class Need:
    """An object, and what for.

    Attributes:
        path: where its bytes go; of a folder's tree the folder, with ``/`` at its end.
    """

    stage: str
    path: ProjectPath
    digest: Digest


def needs(layout: Layout, record: StageRecord) -> Iterator[Need]:
    """The objects that a record needs, as far as they are known: a tree that is lost names no files."""
    for out in record.inputs.outs:
        state = record.outputs.get(out.path)
        if state is None or not out.cache:
            continue
        yield Need(record.stage, out.path, state.digest)
        if is_folder(out.path) or is_listed(out.path):
            prefix = out.path if is_folder(out.path) else f"{out.path}/"
            for entry in tree_entries(layout, state.digest):
                yield Need(record.stage, ProjectPath(prefix + entry.path), entry.digest)
    for name, one in record.puts.items():
        yield Need(record.stage, key_path(name), one.digest)


def tree_entries(layout: Layout, tree: Digest) -> tuple[TreeEntry, ...]:
    """The files that a tree in the cache names; none where it is lost or is no tree."""
    try:
        with open(layout.object_file(tree), encoding="utf-8") as file:
            return read_tree(file.read())
    except (OSError, ValueError):
        return ()
