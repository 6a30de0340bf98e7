"""The values of mapped stages: lists whose items are objects of the cache."""

from pivot.model.digest import Digest
from pivot.model.tree import TreeEntry
from pivot.model.upstream import value_owner
from pivot.paths import ProjectPath, absolute
from pivot.store.folders import load_tree
from pivot.store.objects import MissingObjectError
from pivot.store.store import Store


def list_entries(store: Store, path: ProjectPath) -> tuple[TreeEntry, ...]:
    """The results of the items of a mapped stage, in order, as its value lies in place.

    Raises:
        StoreError: it is not there, or an item's result is lost.
    """
    digest = store.digest(path)
    if digest is None:
        raise _lost(path)
    store.objects.add_file(absolute(path, store.root), digest)
    entries = load_tree(store.objects, digest)
    if not all(store.available(entry.digest) for entry in entries):
        raise _lost(path)
    return entries


def item_file(store: Store, path: ProjectPath, digest: Digest) -> str:
    """The file that holds what an item of a mapped stage gave, absolute; not to be written to.

    Raises:
        MissingObjectError: it is lost.
    """
    if not store.available(digest):
        raise _lost(path)
    return store.layout.object_file(digest)


def _lost(path: ProjectPath) -> MissingObjectError:
    who = value_owner(path)
    return MissingObjectError(
        f"what stage '{who}' returned is lost: the cache lacks the results of some items",
        f"make them again: pivot repro --force {who}",
    )
