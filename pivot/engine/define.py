"""Reading the stage definitions in a process of their own, so that the caller's process never holds user code.

Definitions that rest on nothing but source text are kept: while those texts, the folders in which modules are looked
for, and the libraries are the same, no user code is imported. Bodies of functions that did not run while they were
read do not count: an edited helper is no reason to read them anew. Ones that were seen to ask for anything else (a
file, the environment, the clock) are read anew each time.
"""

import dataclasses
import io
import os
import pickle
import re
import sys
import sysconfig
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pivot.define.locate import PIPELINE_FILES, pipeline_file
from pivot.errors import DefinitionError, DefinitionErrors, UsageError, WorkerError
from pivot.executors.base import Executor
from pivot.model.digest import Digest, digest_bytes, digest_parts
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
        bodies: absolute path of a module → its functions that ran, and its digest without the others' bodies.
    """

    stages: bytes  # pickled: most looks at the rest need not make them
    files: dict[str, Digest | None]
    folders: dict[str, Digest]
    path: tuple[str, ...]
    surroundings: Digest
    bodies: dict[str, "Bodies"]


@dataclass(frozen=True, slots=True)
class Bodies:
    """What of a module counts, see `pivot.define.skeleton`.

    Attributes:
        text: the digest of the bytes that were looked at.
        ran: the functions that ran.
        rest: the digest of the module without the bodies of the others.
    """

    text: Digest
    ran: frozenset[str]
    rest: Digest


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
    place = digest_parts([file, *_shape()])
    kept = _load(store.definitions.load(place))
    if kept is not None and (now := _held(kept, store)) is not None:
        if now is not kept:
            store.definitions.save(place, pickle.dumps(now))
        known: tuple[Stage, ...] = pickle.loads(kept.stages)
        return known
    try:
        with workers() as executor:
            answer = executor.call(ObjectRef(__name__, "define_in_worker"), pickle.dumps((path, store.root)))
    except WorkerError as error:
        hint = "one of the modules that it imports ended the process: import them one by one in a Python of your own"
        raise DefinitionErrors(
            [DefinitionError(f"reading {file} failed: {error.message} ({file}:1)", hint)]
        ) from None
    said: Answer = pickle.loads(answer)
    if said.pure:
        files = {name: store.file_digest(name) for name in said.files}
        listings = {folder: _listing(folder) for folder in said.folders}
        # one that was edited meanwhile has another text now
        bodies = {file: one for file, one in said.bodies.items() if one.text == files.get(file)}
        kept = Kept(said.stages, files, listings, said.path, _surroundings(said.path), bodies)
        store.definitions.save(place, pickle.dumps(kept))
    found: tuple[Stage, ...] = pickle.loads(said.stages)
    return found


@dataclass(frozen=True, slots=True)
class Answer:
    """What a worker says of definitions that it has read.

    Attributes:
        stages: pickled.
        pure: whether they rest on nothing but text.
        files: absolute paths of all that was read.
        folders: in which project modules were looked for.
        path: the search path.
        bodies: as of `Kept`.
    """

    stages: bytes
    pure: bool
    files: tuple[str, ...]
    folders: tuple[str, ...]
    path: tuple[str, ...]
    bodies: dict[str, Bodies] = field(default_factory=dict)


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
    with questions(ProjectImporter(roots).holds) as heard:
        found = definition(path, root)
    said = answer(found, pure=not heard.asked)
    if said.pure and heard.complete:
        said = replace(said, bodies=_bodies(said.files, heard.ran, found.stages, root))
    return pickle.dumps(said)


def answer(found: "Definition", *, pure: bool) -> Answer:
    """What a worker says of definitions that it has read.

    Args:
        pure: whether they rest on nothing but text.
    """
    sources = {*(file for file in found.read if file.endswith(".py")), *_loaded_sources()}
    files = [*found.read, *sorted(sources - {*found.read})]
    present = {os.path.dirname(file) for file in sources if os.path.isfile(file)}
    folders = [*filter(os.path.isdir, found.roots), *sorted(present)]
    return Answer(_packed(found.stages), pure, tuple(files), tuple(folders), tuple(sys.path))


class _Packer(pickle.Pickler):
    """Pickles dataclasses as calls of their classes: of thousands of stages, that is read three times as fast."""

    def reducer_override(self, value: object) -> Any:
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return type(value), tuple(getattr(value, each.name) for each in dataclasses.fields(value))
        return NotImplemented


def _packed(stages: tuple[Stage, ...]) -> bytes:
    with io.BytesIO() as file:
        _Packer(file, protocol=5).dump(stages)
        return file.getvalue()


def _bodies(
    files: Iterable[str], ran: Collection[tuple[str, str, int]], stages: Iterable[Stage], root: str
) -> dict[str, Bodies]:
    """Of the modules that were executed, what counts; none if any of them may look at code.

    Left out are those that stages were defined in: an edit may move the lines that messages name.
    """
    from pivot.define.skeleton import ran_functions, skeleton  # lazy: needs ast, which a no-op does not

    executed = {file for file, name, _ in ran if name == "<module>"}
    found: dict[str, Bodies] = {}
    for file in (file for file in files if file in executed):
        with open(file, "rb") as source:
            data = source.read()
        functions = ran_functions(data, {line for name, _, line in ran if name == file})
        rest = None if functions is None else skeleton(data, functions)
        if functions is None or rest is None:
            return {}
        found[file] = Bodies(digest_bytes(data), functions, rest)
    for place in {stage.place.file for stage in stages}:
        found.pop(os.path.normpath(os.path.join(root, place)), None)
    return found


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
    for kind in (
        Kept,
        Bodies,
        Stage,
        StageDep,
        StageOut,
        StageParameters,
        StageVariant,
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
        _listing(folder) != digest for folder, digest in kept.folders.items()
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
