"""Which functions can be stages: those that a worker can import by name."""

import functools
import inspect
import os
import sys
from collections.abc import Callable
from typing import Any

from pivot.errors import DefinitionError
from pivot.model.place import Place
from pivot.model.stage import ObjectRef
from pivot.paths import relative_to_root

_WAY_OUT = "Move the function to module level and pass values through parameters instead."


def check_function(function: Any, stage: str, place: Place) -> DefinitionError | None:
    """Why a worker cannot import and call a function, or ``None`` if it can."""
    name = str(getattr(function, "__qualname__", None) or _shown(function))
    if isinstance(function, type) or not callable(function) or not _code_of(function):
        hint = "a stage is a function that stands at the top level of a module"
        if isinstance(function, str):
            hint = "import the function, and pass it without quotes"
        elif isinstance(function, functools.partial):
            hint = "write a function with def, and give it the values as params"
        return DefinitionError(f"stage {stage!r}: {name} is no function ({place})", hint)
    if "<lambda>" in name:
        message = f"stage {stage!r}: Can't pickle <lambda>: it has no name to import ({place})"
        return DefinitionError(message, "write it as a function with def at module level")
    if "<locals>" in name:
        return DefinitionError(_captured(function, stage, place), _WAY_OUT)
    if "." in name:
        return DefinitionError(
            f"stage {stage!r}: {name} is a method ({place})",
            "move it out of the class: a stage is a function at module level",
        )
    if function.__module__ == "__main__":
        message = f"stage {stage!r}: {name} is defined in __main__, which workers cannot import ({place})"
        return DefinitionError(
            message, "put it in a module, e.g. stages.py, outside if __name__ == '__main__'"
        )
    plain = inspect.unwrap(function)
    kinds = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
    if any(is_kind(plain) for is_kind in kinds):
        message = f"stage {stage!r}: {name} is a coroutine or generator ({place})"
        return DefinitionError(message, "a stage is a plain function that returns its values")
    return None


def reference(function: Any, stage: str, place: Place) -> ObjectRef | DefinitionError:
    """The name under which workers import a function; an error where that name holds something else."""
    module = sys.modules.get(function.__module__)
    found: Any = getattr(module, function.__qualname__, None)
    if found is function:
        return ObjectRef(function.__module__, function.__qualname__)
    name = f"{function.__module__}.{function.__qualname__}"
    holds = "does not exist" if found is None else "is another object"
    return DefinitionError(
        f"stage {stage!r}: workers import it by name, but {name} {holds} ({place})",
        "register the function that the module holds under that name",
    )


def code_place(function: Callable[..., Any], root: str) -> Place | None:
    """Where a function is written: project path and line; ``None`` if it lies outside the project."""
    code = _code_of(function)
    if not code:
        return None
    file = os.path.realpath(code.co_filename)
    base = os.path.realpath(root)
    if not file.startswith(base.rstrip(os.sep) + os.sep):
        return None
    return Place(relative_to_root(file, base), code.co_firstlineno)


def name_of(function: object) -> str:
    """What a function is called; of what is none, what it is, without its address."""
    return str(getattr(function, "__name__", None) or _shown(function))


def _shown(thing: object) -> str:
    if isinstance(thing, functools.partial):
        return f"partial of {getattr(thing.func, '__qualname__', type(thing.func).__qualname__)}"
    shown = repr(thing)
    return f"an object of {type(thing).__qualname__}" if " at 0x" in shown else shown


def _code_of(function: Any) -> Any:
    return getattr(inspect.unwrap(function), "__code__", None) if callable(function) else None


def _captured(function: Any, stage: str, place: Place) -> str:
    plain = inspect.unwrap(function)
    outer = function.__qualname__.rpartition(".<locals>")[0].rpartition(".")[2]
    names = [repr(name) for name in plain.__code__.co_freevars]
    what = (
        f"{plain.__name__} captures {', '.join(names)} from {outer}"
        if names
        else f"it is defined inside {outer}"
    )
    return f"stage {stage!r}: Could not pickle the task to send it to the workers: {what} ({place})"
