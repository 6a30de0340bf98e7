"""Reading the stage definitions, in a worker: the half of `pivot.engine.define` that imports user code.

The fork server has loaded it, so that a worker begins at once: each edit of a stage defines anew.
"""

import os
import pickle
import sys
import sysconfig
from collections.abc import Iterator

from pivot.define.discover import Definition, definition
from pivot.define.locate import pipeline_file
from pivot.define.sources import ProjectImporter
from pivot.paths import absolute
from pivot.worker.observe import questions


def define_in_worker(argument: bytes) -> bytes:
    """The worker's half: takes a pickled (path, root), gives an `answer`."""
    path, root = pickle.loads(argument)
    home = pipeline_file(path, root)
    roots = [absolute(folder, root) for folder in home.roots]
    with questions(ProjectImporter(roots).holds) as asked:
        found = definition(path, root)
    return answer(found, pure=not asked)


def answer(found: Definition, *, pure: bool) -> bytes:
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
