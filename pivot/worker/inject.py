"""The arguments of a stage: its deps as values, what it wrote last, its params as their model's instance."""

import inspect
import json
import os
import pathlib
import pickle
from collections.abc import Callable, Mapping
from typing import Any, cast

from pivot.config.plain import plain_value
from pivot.define.hints import hints_of
from pivot.loaders import PathOnly
from pivot.model.stage import StageParameters
from pivot.model.task import Task, TaskDep, TaskOut
from pivot.model.upstream import VALUES, shown_path
from pivot.store.contents import contents
from pivot.worker.failures import TaskError, failure_of
from pivot.worker.modules import resolve


def arguments(task: Task) -> dict[str, object]:
    """What to call the stage's function with, by name; see `spread` for ``*args``.

    Raises:
        TaskError: a dep cannot be read, or the params do not fit their model.
    """
    values: dict[str, object] = {}
    several: dict[str, dict[int, object]] = {}
    for dep in task.deps:
        if dep.argument is None:
            continue
        if dep.index is None:
            values[dep.argument] = _dep(dep, task)
        else:
            several.setdefault(dep.argument, {})[dep.index] = _dep(dep, task)
    values |= {name: [found[index] for index in sorted(found)] for name, found in several.items()}
    values |= {out.argument: _last_value(out, task) for out in task.outs if out.argument is not None}
    if task.params is not None:
        values |= _params(task.params, task)
    if task.variant is not None:
        values["variant"] = json.loads(task.variant)
    return values


def spread(
    function: Callable[..., object], values: Mapping[str, object]
) -> tuple[list[object], dict[str, object]]:
    """Values by name → what stands before and behind the ``*`` of a call: ``*args`` takes values by position only."""
    starred = None
    if any(isinstance(value, list) for value in values.values()):
        parameters = inspect.signature(function).parameters
        starred = next((p.name for p in parameters.values() if p.kind is p.VAR_POSITIONAL), None)
    if starred is None or starred not in values:
        return [], dict(values)
    before: list[object] = []
    for name, parameter in parameters.items():
        if name == starred:
            break
        before.append(values.get(name, parameter.default))
    given = cast("list[object]", values[starred])
    named = {name: value for name, value in values.items() if name not in list(parameters)[: len(before) + 1]}
    return [*before, *given], named


def _dep(dep: TaskDep, task: Task) -> object:
    if dep.items is not None:
        return [_loaded(dep, path, task) for path in dep.items]
    if not dep.path.endswith("/"):
        return _loaded(dep, dep.path, task)
    try:
        if isinstance(pickle.loads(dep.loader.payload), PathOnly):
            return pathlib.Path(dep.path)
        names = contents(dep.path).files if dep.files is None else dep.files
    except Exception as error:
        hint = (
            None if os.path.exists(dep.path) else "make the folder, or let a stage declare it as its output"
        )
        doing = f"dep {dep.name!r} ({shown(dep.path, task.cwd)}/)"
        raise TaskError(failure_of(error, "load", task.modules, doing=doing, hint=hint)) from error
    return {name: _loaded(dep, os.path.join(dep.path, name), task) for name in names}


def _loaded(dep: TaskDep, path: str, task: Task) -> object:
    try:
        return pickle.loads(dep.loader.payload).load(path)
    except Exception as error:
        doing = f"dep {dep.name!r} ({shown(path if dep.items is None else dep.path, task.cwd)})"
        hint = None
        if isinstance(error, FileNotFoundError) and not os.path.exists(path):
            hint = "make the file, or let a stage declare it as its output"
        raise TaskError(failure_of(error, "load", task.modules, doing=doing, hint=hint)) from error


def _last_value(out: TaskOut, task: Task) -> object:
    """What an incremental output held after the last run."""
    doing = f"the last value of {out.name!r} ({out.declared})"
    hint = "if it is of no use any more, give the output another path: there it begins anew"
    try:
        loader: Any = pickle.loads(out.loader.payload)
        if out.written_by_stage:
            return pathlib.Path(out.target)
        if out.previous is not None:
            return loader.load(out.previous)
        doing = f"the first value of {out.name!r} ({out.declared})"
        kind = out.loader.name.rpartition(".")[2]
        hint = f"give {kind} a method empty() that returns what the first run begins with"
        return loader.empty()
    except Exception as error:
        raise TaskError(failure_of(error, "load", task.modules, doing=doing, hint=hint)) from error


def _params(params: StageParameters, task: Task) -> dict[str, object]:
    """The params model's instance under its argument, and the plain parameters under their names."""
    found: dict[str, object] = {}
    doing = "params"
    try:
        if not params.plain:
            rest = params.values
        else:
            given = json.loads(params.values)
            values = {name: (given.pop(name), words) for name, words in params.plain}
            rest = json.dumps(given)
            hints = hints_of(resolve(task.function)) if any(words for _, words in params.plain) else {}
            for name, (value, words) in values.items():
                if words is None:
                    continue
                doing = f"param {name!r}"
                found[name] = plain_value(hints.get(name, Any), value) if words else value
        if params.argument is not None and params.model is not None:
            doing = f"params {params.argument!r} ({params.model})"
            found[params.argument] = resolve(params.model).model_validate_json(rest)
    except Exception as error:
        raise TaskError(failure_of(error, "load", task.modules, doing=doing)) from error
    return found


def shown(path: str, cwd: str) -> str:
    """A path as the stage's author would write it: relative to the stage's folder; of a value, whose it is."""
    if f"/{VALUES}" in path:
        return shown_path(VALUES + path.rpartition(f"/{VALUES}")[2])
    return os.path.relpath(path, cwd)
