"""Reading the stage definitions in a process of their own, so that the caller's process never holds user code."""

import pickle

from pivot.define.discover import Definition, definition
from pivot.executors.base import Executor
from pivot.model.stage import ObjectRef


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


def define_in_worker(argument: bytes) -> bytes:
    """The worker's half: a pickled (path, root) in, a pickled `Definition` out."""
    path, root = pickle.loads(argument)
    return pickle.dumps(definition(path, root))
