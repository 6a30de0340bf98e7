"""The arguments of a stage: its deps as values, its params as an instance of their model."""

import os
import pickle

from pivot.model.task import Task, TaskDep
from pivot.worker.failures import TaskError, failure_of
from pivot.worker.modules import resolve


def arguments(task: Task) -> dict[str, object]:
    """What to call the stage's function with.

    Raises:
        TaskError: a dep cannot be read, or the params do not fit their model.
    """
    values = {dep.argument: _loaded(dep, task) for dep in task.deps if dep.argument is not None}
    if task.params is not None:
        values[task.params.argument] = _params(task)
    return values


def _loaded(dep: TaskDep, task: Task) -> object:
    doing = f"dep {dep.name!r} ({shown(dep.path, task.cwd)})"
    try:
        return pickle.loads(dep.loader.payload).load(dep.path)
    except Exception as error:
        hint = None
        if isinstance(error, FileNotFoundError) and not os.path.exists(dep.path):
            hint = "make the file, or let a stage declare it as its output"
        raise TaskError(failure_of(error, "load", task.modules, doing=doing, hint=hint)) from error


def _params(task: Task) -> object:
    assert task.params is not None
    params = task.params
    doing = f"params {params.argument!r} ({params.model})"
    try:
        return resolve(params.model).model_validate_json(params.values)
    except Exception as error:
        raise TaskError(failure_of(error, "load", task.modules, doing=doing)) from error


def shown(path: str, cwd: str) -> str:
    """A path as the stage's author would write it: relative to the stage's folder."""
    return os.path.relpath(path, cwd)
