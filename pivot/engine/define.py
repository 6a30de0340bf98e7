"""Reading the stage definitions in a process of their own, so that the caller's process never holds user code."""

import os
import pickle
import re

from pivot.define.discover import Definition, definition
from pivot.executors.base import Executor
from pivot.model.stage import ObjectRef

_PYTHON_KEY = re.compile(r"""^[ \t]+python:[ \t]*["']?([\w.]+)\.\w+""", re.MULTILINE)


def define(executor: Executor, path: str, root: str) -> Definition:
    """What a pipeline file defines, found out in a worker that is discarded afterwards.

    Args:
        path: of the pipeline file, absolute.
        root: of the project, absolute.

    Raises:
        DefinitionErrors: everything that is wrong with the definitions.
    """
    answer = executor.call(ObjectRef(__name__, "define_in_worker"), pickle.dumps((path, root)))
    found: Definition = pickle.loads(answer)
    return found


def named_modules(path: str) -> tuple[str, ...]:
    """The modules that a pipeline file names, read without YAML: a hint for preloading, nothing rests on it."""
    if path.endswith(".py"):
        return (os.path.basename(path)[:-3],)
    with open(path, encoding="utf-8", errors="replace") as file:
        return tuple(dict.fromkeys(_PYTHON_KEY.findall(file.read())))


def define_in_worker(argument: bytes) -> bytes:
    """The worker's half: a pickled (path, root) in, a pickled `Definition` out."""
    path, root = pickle.loads(argument)
    return pickle.dumps(definition(path, root))
