"""Reading the stage definitions in a process of their own, so that the caller's process never holds user code.

Definitions that rest on nothing but source text are kept: while those texts, the folders in which modules are looked
for, and the libraries are the same, no user code is imported. Ones that were seen to ask for anything else (a file,
the environment, the clock) are read anew each time.
"""

import os
import pickle
import re
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pivot.define.locate import PIPELINE_FILES, pipeline_file
from pivot.errors import DefinitionError, DefinitionErrors, UsageError, WorkerError
from pivot.executors.base import Executor
from pivot.model.digest import Digest, digest_parts
from pivot.model.place import Place
from pivot.model.stage import LoaderRef, ObjectRef, Stage, StageDep, StageOut, StageParameters, StageVariant
from pivot.paths import absolute
from pivot.store.lockfile import read_locks
from pivot.store.store import Store

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from pivot.define.discover import Definition

_PYTHON_KEY = re.compile(r"""^[ \t]+python:[ \t]*["']?([\w.]+)\.\w+""", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Kept:
    """Stages, and what they rest on.

    Attributes:
        files: absolute path → digest of its bytes; ``None`` for a file that is not there.
        folders: where project modules were looked for → digest of the names in it that may be modules.
        path: in which libraries are looked for.
        surroundings: what the code runs on: Python, the distributions in `path`.
    """

    stages: tuple[Stage, ...]
    files: dict[str, Digest | None]
    folders: dict[str, Digest]
    path: tuple[str, ...]
    surroundings: Digest


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
    store: Store, workers: Callable[[], "AbstractContextManager[Executor]"], path: str
) -> tuple[Stage, ...]:
    """The stages that a pipeline file defines; its code is imported only if they are not known.

    Args:
        workers: give the executor in one of whose workers, discarded afterwards, the code is imported.
        path: of the pipeline file, absolute.

    Raises:
        DefinitionErrors: everything that is wrong with the definitions.
    """
    file = os.path.relpath(path, store.root)
    place = _place(store, path)
    kept = known_definitions(store, path)
    if kept is not None:
        return kept.stages
    try:
        with workers() as executor:
            answer = executor.call(ObjectRef(__name__, "define_in_worker"), pickle.dumps((path, store.root)))
    except WorkerError as error:
        hint = "one of the modules that it imports ended the process: import them one by one in a Python of your own"
        raise DefinitionErrors(
            [DefinitionError(f"reading {file} failed: {error.message} ({file}:1)", hint)]
        ) from None
    stages, pure, files, folders, search = pickle.loads(answer)
    if pure:
        files = {name: store.file_digest(name) for name in files}
        listings = {folder: _listing(folder) for folder in folders}
        kept = Kept(stages, files, listings, search, _surroundings(search))
        store.definitions.save(place, pickle.dumps(kept))
    found: tuple[Stage, ...] = stages
    return found


def known_definitions(store: Store, path: str) -> Kept | None:
    """What the stages of a pipeline file rest on; ``None`` if they must be read anew, now or each time."""
    kept = _load(store.definitions.load(_place(store, path)))
    return kept if kept is not None and _holds(kept, store) else None


def _place(store: Store, path: str) -> Digest:
    return digest_parts([os.path.relpath(path, store.root), *_shape()])


def named_modules(path: str) -> tuple[str, ...]:
    """The modules that a pipeline file names, read without YAML: a hint for preloading, nothing rests on it."""
    if path.endswith(".py"):
        return (os.path.basename(path)[:-3],)
    with open(path, encoding="utf-8", errors="replace") as file:
        return tuple(dict.fromkeys(_PYTHON_KEY.findall(file.read())))


def define_in_worker(argument: bytes) -> bytes:
    """The worker's half: takes a pickled (path, root), gives an `answer`."""
    # lazy: these bring pydantic and YAML along, which the driver of a run where nothing changed can do without
    from pivot.define.discover import definition
    from pivot.define.sources import ProjectImporter
    from pivot.worker.observe import questions

    path, root = pickle.loads(argument)
    home = pipeline_file(path, root)
    roots = [absolute(folder, root) for folder in home.roots]
    with questions(ProjectImporter(roots).holds) as asked:
        found = definition(path, root)
    return answer(found, pure=not asked)


def answer(found: "Definition", *, pure: bool) -> bytes:
    """What a worker says of definitions that it has read.

    Args:
        pure: whether they rest on nothing but text.

    Returns:
        pickled (stages, pure, files, folders in which project modules were looked for, search path).
    """
    sources = {*(file for file in found.read if file.endswith(".py")), *_loaded_sources()}
    files = [*found.read, *sorted(sources - {*found.read})]
    present = {os.path.dirname(file) for file in sources if os.path.isfile(file)}
    folders = [*filter(os.path.isdir, found.roots), *sorted(present)]
    return pickle.dumps((found.stages, pure, files, folders, tuple(sys.path)))


def _loaded_sources() -> Iterator[str]:
    """The files of loaded modules that are no library's: of editable installs and of other folders in the path."""
    libraries = tuple(sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib", "platlib"))
    own = os.path.dirname(os.path.dirname(__file__))
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and os.path.isabs(file) and not file.startswith((*libraries, own)):
            yield file


def _shape() -> Iterator[str]:
    """The fields of what is kept: what a Pivot with other ones kept is not even looked at."""
    for kind in (Kept, Stage, StageDep, StageOut, StageParameters, StageVariant, LoaderRef, ObjectRef, Place):
        yield f"{kind.__qualname__} {' '.join(kind.__slots__)}"


def _load(data: bytes | None) -> Kept | None:
    if data is None:
        return None
    try:
        found = pickle.loads(data)
    except Exception:  # noqa: BLE001 - of another Pivot, or damaged: the definitions are read anew
        return None
    return found if isinstance(found, Kept) else None


def _holds(kept: Kept, store: Store) -> bool:
    return (
        kept.surroundings == _surroundings(kept.path)
        and all(_listing(folder) == digest for folder, digest in kept.folders.items())
        and all(store.file_digest(file) == digest for file, digest in kept.files.items())
    )


def _listing(folder: str) -> Digest:
    """The names in a folder that an import may find: a new one can shadow a module, or be one that was missing."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if _may_be_module(entry)]
    except OSError:
        names = ["?"]
    return digest_parts(sorted(names))


def _may_be_module(entry: os.DirEntry[str]) -> bool:
    if entry.name.endswith((".py", ".so")):
        return True
    return entry.name.isidentifier() and entry.is_dir() and entry.name != "__pycache__"


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
