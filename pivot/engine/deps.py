"""What the deps of stages hold: what lies in the workspace, and what stages upstream will have put there."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from pivot.config.ignore import IGNORE_FILE
from pivot.model.digest import Digest
from pivot.model.observation import is_counted
from pivot.model.record import OutputState, StageRecord
from pivot.model.tree import TreeEntry, tree_digest
from pivot.paths import ProjectPath, is_folder
from pivot.store.store import Store

Known = Mapping[ProjectPath, OutputState]
"""What stages wrote (or will restore), where the workspace need not be asked."""


@dataclass(frozen=True, slots=True)
class DepReader:
    """Finds out what deps hold.

    Attributes:
        store: remembers the digests of files.
        ignored: files that no folder holds for a stage, unless a stage writes them.
        trees: known folders that were looked into, by digest: many stages may each read one file of a large one.
    """

    store: Store
    ignored: Callable[[ProjectPath], bool]
    trees: dict[Digest, dict[str, Digest]] = field(default_factory=dict)

    def digest(self, path: ProjectPath, outs: tuple[ProjectPath, ...], known: Known) -> Digest | None:
        """The digest of a dep; ``None`` if it is nowhere.

        Args:
            outs: all outputs that the dep reads, whoever writes them.
            known: some of these outputs; what they hold counts, not what lies there.

        Raises:
            StoreError: something cannot be read.
        """
        if path in known:
            return known[path].digest
        if is_folder(path):
            if not any(out in known for out in outs) and _holder(path, known) is None:
                files = self.store.list_files(path)
                if files is None:
                    return None
                return self.store.files_digest(path, tuple(self._counted(path, files, outs)))
            entries = self.entries(path, outs, known)
            return None if entries is None else tree_digest(entries)
        holder = _holder(path, known)
        if holder is None:
            return self.store.digest(path)
        tree = self.trees.get(known[holder].digest)
        if tree is None:
            tree = {entry.path: entry.digest for entry in self.store.entries(holder, known[holder])}
            self.trees[known[holder].digest] = tree
        return tree.get(path[len(holder) :])

    def entries(
        self, folder: ProjectPath, outs: tuple[ProjectPath, ...], known: Known
    ) -> tuple[TreeEntry, ...] | None:
        """The files of a folder that count as a dep, see `digest`; ``None`` if it is nowhere."""
        holder = folder if folder in known else _holder(folder, known)
        if holder is not None:
            return tuple(_below(folder, holder, self.store.entries(holder, known[holder])))
        made = tuple(path for path in outs if path in known and path.startswith(folder))
        files = self.store.list_files(folder)
        if files is None and not made:
            return None
        is_made = _among(made)
        others = [name for name in self._counted(folder, files or (), outs) if not is_made(folder + name)]
        found = [*self.store.hash_files(folder, others)]
        for path in made:
            state, inner = known[path], path[len(folder) :]
            if is_folder(path):
                found += (
                    TreeEntry(inner + e.path, e.digest, e.size, e.executable)
                    for e in self.store.entries(path, state)
                )
            else:
                found.append(TreeEntry(inner, state.digest, state.size, state.executable))
        return tuple(sorted(found))

    def _counted(
        self, folder: ProjectPath, files: tuple[str, ...], outs: tuple[ProjectPath, ...]
    ) -> Iterator[str]:
        """Without ignored files and those of tools; what stages write always counts."""
        is_out = _among(outs)
        inside: dict[str, bool] = {}  # folder → whether it counts
        for name in files:
            above, _, own = name.rpartition("/")
            if above not in inside:
                inside[above] = all(map(is_counted, above.split("/")))
            path = ProjectPath(folder + name)
            if (inside[above] and is_counted(own) and own != IGNORE_FILE and not self.ignored(path)) or (
                outs and is_out(path)
            ):
                yield name


def last_digests(lock: StageRecord | None) -> dict[ProjectPath, Digest]:
    """What the deps and outs of a stage held when it last ran."""
    if lock is None:
        return {}
    return {**lock.inputs.deps, **{path: state.digest for path, state in lock.outputs.items()}}


def _holder(path: ProjectPath, known: Known) -> ProjectPath | None:
    """The known folder that a path lies in."""
    return next((folder for folder in map(ProjectPath, _folders(path)) if folder in known), None)


def _below(folder: ProjectPath, holder: ProjectPath, entries: tuple[TreeEntry, ...]) -> Iterator[TreeEntry]:
    prefix = folder[len(holder) :]
    for entry in entries:
        if entry.path.startswith(prefix):
            yield TreeEntry(entry.path[len(prefix) :], entry.digest, entry.size, entry.executable)


def _among(outs: tuple[ProjectPath, ...]) -> Callable[[str], bool]:
    """Whether a file is one of some outputs, or lies in one that is a folder."""
    places = frozenset(outs)
    if not any(map(is_folder, outs)):
        return places.__contains__
    return lambda path: path in places or any(folder in places for folder in _folders(path))


def _folders(path: str) -> Iterator[str]:
    """The folders that a path lies in, innermost first, each with ``/`` at its end."""
    end = len(path.rstrip("/"))
    while (end := path.rfind("/", 0, end)) != -1:
        yield path[: end + 1]
