"""Reading the stage definitions in a process of their own, so that the caller's process never holds user code.

Definitions that rest on nothing but source text are kept: while those texts, the folders in which modules are looked
for, and the libraries are the same, no user code is imported. Bodies of functions that did not run while they were
read do not count: an edited helper is no reason to read them anew. Ones that were seen to ask for anything else (a
file, the environment, the clock) are read anew each time.
"""

import os
import pickle
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from pivot.define.glance import named_modules
from pivot.engine.importable import listing, packages_in
from pivot.errors import DefinitionError, DefinitionErrors, UsageError, WorkerError
from pivot.executors.base import Executor
from pivot.model.context import FileContext
from pivot.model.definitions import Bodies, Definitions
from pivot.model.digest import Digest, digest_bytes, digest_parts
from pivot.model.place import Place
from pivot.model.resources import Resources
from pivot.model.retries import Retries
from pivot.model.stage import LoaderRef, ObjectRef, Stage, StageDep, StageOut, StageParameters, StageVariant
from pivot.model.upstream import StageMap, Upstream
from pivot.store.index import settled_before
from pivot.store.lockfile import read_locks
from pivot.store.root import PIPELINE_FILES
from pivot.store.store import Store

_READER = "pivot.worker.definitions"
"""Where workers read definitions. It is not imported here, as it brings pydantic and YAML along."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Stages, and what they rest on.

    Attributes:
        files: absolute path → digest of its bytes; ``None`` for a file that is not there.
        folders: where project modules were looked for → digest of the names in it that an import may find.
        sought: the names that were looked for there, see `pivot.engine.importable`.
        path: in which libraries are looked for.
        surroundings: what the code runs on: Python, the distributions in `path`.
        bodies: absolute path of a module → its functions that ran, and its digest without the others' bodies.
    """

    stages: bytes  # pickled: most looks at the rest need not make them
    files: dict[str, Digest | None]
    folders: dict[str, Digest]
    sought: frozenset[str] | None
    path: tuple[str, ...]
    surroundings: Digest
    bodies: dict[str, Bodies]


def no_pipeline_file(store: Store) -> UsageError:
    """The error of a folder at or above which nothing defines stages; it says where the project's are defined."""
    homes = {record.stage.rpartition(":")[0] for record in read_locks(store.layout)[0]}
    folders = [
        home
        for home in sorted(homes - {""})
        if any(os.path.isfile(os.path.join(store.root, home, name)) for name in PIPELINE_FILES)
    ]
    if folders:
        named = ", ".join(folders)
        way_out = f"this project's stages are defined in {named}: go there, or name it: pivot -C FOLDER …"
    else:
        way_out = "write a pivot.yaml that names your functions"
    return UsageError("there is no pivot.yaml and no pipeline.py here or in a folder above", way_out)


def define(
    store: Store,
    workers: Callable[[Sequence[str]], AbstractContextManager[Executor]],
    path: str,
    params: Mapping[str, object],
) -> tuple[Stage, ...]:
    """The stages that a pipeline file defines; its code is imported only if they are not known.

    Args:
        workers: give the executor in one of whose workers, discarded afterwards, the code is imported; take the
            modules that will be.
        path: of the pipeline file, absolute.
        params: values over those of the files; definitions with such are not kept.

    Raises:
        DefinitionErrors: everything that is wrong with the definitions.
    """
    file = os.path.relpath(path, store.root)
    place = _place(store, path)
    kept = None if params else _load(store.definitions.load(place))
    if kept is not None and (now := _held(kept, store)) is not None:
        if now is not kept:
            store.definitions.save(place, pickle.dumps(now))
        known: tuple[Stage, ...] = pickle.loads(kept.stages)
        return known
    try:
        with workers(named_modules(path)) as executor:
            argument = pickle.dumps((path, store.root, params))
            answer = executor.call(ObjectRef(_READER, "define_in_worker"), argument)
    except WorkerError as error:
        hint = "one of the modules that it imports ended the process: import them one by one in a Python of your own"
        raise DefinitionErrors(
            [DefinitionError(f"reading {file} failed: {error.message} ({file}:1)", hint)]
        ) from None
    said: Definitions = pickle.loads(answer)
    for notice in said.notices:
        store.tell(notice)
    if (
        said.pure
        and not params
        and _settled((*said.files, *said.folders, *packages_in(said.folders)), said.began)
    ):
        files = {name: store.file_digest(name) for name in said.files}
        listings = {folder: listing(folder, said.sought) for folder in said.folders}
        surroundings = _surroundings(said.path)
        kept = Kept(said.stages, files, listings, said.sought, said.path, surroundings, said.bodies)
        store.definitions.save(place, pickle.dumps(kept))
    found: tuple[Stage, ...] = pickle.loads(said.stages)
    return found


def known_definitions(store: Store, path: str) -> Kept | None:
    """What the stages of a pipeline file rest on; ``None`` if they must be read anew, now or each time."""
    kept = _load(store.definitions.load(_place(store, path)))
    return None if kept is None else _held(kept, store)


def _place(store: Store, path: str) -> Digest:
    return digest_parts([os.path.relpath(path, store.root), *_shape()])


def _shape() -> Iterator[str]:
    """The fields of what is kept: what a Pivot with other ones kept is not even looked at."""
    for kind in (
        Kept,
        Bodies,
        Stage,
        StageDep,
        StageOut,
        StageParameters,
        StageVariant,
        FileContext,
        Resources,
        Retries,
        Upstream,
        StageMap,
        LoaderRef,
        ObjectRef,
        Place,
    ):
        yield f"{kind.__qualname__} {' '.join(kind.__slots__)}"


def _load(data: bytes | None) -> Kept | None:
    if data is None:
        return None
    try:
        found = pickle.loads(data)
    except Exception:  # noqa: BLE001 - of another Pivot, or damaged: the definitions are read anew
        return None
    return found if isinstance(found, Kept) else None


def _held(kept: Kept, store: Store) -> Kept | None:
    """What is kept, with the files as they are now; ``None`` if the definitions may be others."""
    if kept.surroundings != _surroundings(kept.path) or any(
        listing(folder, kept.sought) != digest for folder, digest in kept.folders.items()
    ):
        return None
    files = {file: store.file_digest(file) for file in kept.files}
    edited = [file for file, digest in files.items() if digest != kept.files[file]]
    if not edited:
        return kept
    bodies = dict(kept.bodies)
    for file in edited:
        now = _same_but_for_bodies(file, kept.bodies.get(file))
        if now is None or now.text != files[file]:
            return None
        bodies[file] = now
    return replace(kept, files=files, bodies=bodies)


def _same_but_for_bodies(file: str, before: Bodies | None) -> Bodies | None:
    """A module of which only bodies that did not run were edited; else ``None``."""
    if before is None:
        return None
    from pivot.define.skeleton import skeleton  # lazy: needs ast, which a no-op does not

    try:
        with open(file, "rb") as source:
            data = source.read()
    except OSError:
        return None
    return replace(before, text=digest_bytes(data)) if skeleton(data, before.ran) == before.rest else None


def _settled(paths: Iterable[str], moment: int) -> bool:
    """Whether files and folders are as they were at a moment (ns); of a name that nobody has, the folder counts."""
    for path in paths:
        try:
            found = os.stat(path)
        except OSError:
            try:
                found = os.stat(os.path.dirname(path))
            except OSError:
                return False
        if not settled_before(found, moment):
            return False
    return True


def _surroundings(path: Iterable[str]) -> Digest:
    """Python, its search path as far as a person sets it, and the installed distributions."""
    python = [sys.version, sys.prefix, os.environ.get("PYTHONPATH", "")]
    return digest_parts([*python, *_distributions(path)])


def _distributions(folders: Iterable[str]) -> list[str]:
    found: list[str] = []
    for folder in folders:
        try:
            names = os.listdir(folder or ".")
        except OSError:
            continue
        found += sorted(
            name for name in names if name.endswith((".dist-info", ".egg-info", ".pth", ".egg-link"))
        )
    return found
