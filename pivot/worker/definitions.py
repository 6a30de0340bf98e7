"""Reading the stage definitions, in a worker: the half of `pivot.engine.define` that imports user code.

The fork server has loaded it, so that a worker begins at once: each edit of a stage defines anew.
"""

import dataclasses
import functools
import io
import itertools
import os
import pickle
import sys
import sysconfig
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from pivot.config.supply import set_values
from pivot.define.discover import Definition, gather
from pivot.define.glance import SOURCES
from pivot.define.locate import pipeline_file
from pivot.define.skeleton import ran_functions, skeleton
from pivot.define.sources import ProjectImporter
from pivot.model.definitions import Bodies, Definitions
from pivot.model.digest import digest_bytes
from pivot.model.stage import Stage
from pivot.paths import absolute
from pivot.store.named import at_desk
from pivot.worker.desk import DefinitionDesk
from pivot.worker.observe import questions


def define_in_worker(argument: bytes) -> bytes:
    """The worker's half: takes a pickled (path, root, params), gives pickled `Definitions`."""
    began = time.time_ns()
    path, root, params = pickle.loads(argument)
    home = pipeline_file(path, root)
    roots = [absolute(folder, root) for folder in home.roots]
    is_project = ProjectImporter(roots).holds
    with at_desk(DefinitionDesk(root)), questions(is_project) as heard:
        gathered = gather(path, root, set_values(params), heard)
    found = gathered.definition()
    sought = {folder: names for folder, names in heard.sought.items() if is_project(folder)}
    said = definitions(found, sought if heard.complete else None, pure=not heard.asked, began=began)
    if said.pure and heard.complete:
        said = replace(said, bodies=_bodies(said.files, heard.ran, found.stages, root))
    return pickle.dumps(said)


def definitions(
    found: Definition, sought: Mapping[str, Collection[str]] | None, *, pure: bool, began: int
) -> Definitions:
    """What a worker says of definitions that it has read.

    Args:
        sought: folder of the project → names of modules that were looked for in it; ``None`` if nobody knows.
        pure: whether they rest on nothing but text.
        began: when the reading began, in ns since 1970.
    """
    sources = {*(file for file in found.read if file.endswith(".py")), *_loaded_sources()}
    files = [*found.read, *sorted(sources - {*found.read})]
    present = {os.path.dirname(file) for file in sources if os.path.isfile(file)}
    folders = filter(os.path.isdir, dict.fromkeys([*found.roots, *sorted({*present, *(sought or ())})]))
    names = None if sought is None else frozenset([*itertools.chain(*sought.values()), *_folders_to_come()])
    packed = _packed(found.stages)
    path, notices = tuple(sys.path), found.notices
    return Definitions(packed, pure, tuple(files), tuple(folders), names, path, began, notices=notices)


def _folders_to_come() -> Iterator[str]:
    """The names of folders that imports look into once they are there."""
    yield SOURCES
    for path in sys.path:
        if not os.path.isdir(path):
            yield from path.split(os.sep)


class _Packer(pickle.Pickler):
    """Pickles dataclasses as calls of their classes: of thousands of stages, that is read three times as fast."""

    def reducer_override(self, value: object) -> Any:
        kind: Any = type(value)
        fields = _fields(kind)
        return (type(value), tuple([getattr(value, name) for name in fields])) if fields else NotImplemented


@functools.cache
def _fields(kind: Any) -> tuple[str, ...]:
    return tuple(each.name for each in dataclasses.fields(kind)) if dataclasses.is_dataclass(kind) else ()


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
    lines: dict[str, set[int]] = {file: set() for file, name, _ in ran if name == "<module>"}
    for file, name, line in ran:
        if file in lines and name != "<module>":  # which begins where its first function may stand
            lines[file].add(line)
    found: dict[str, Bodies] = {}
    for file in (file for file in files if file in lines):
        with open(file, "rb") as source:
            data = source.read()
        functions = ran_functions(data, lines[file])
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
