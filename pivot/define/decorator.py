"""``@pivot.stage``: marks a function as a stage and leaves it as it is."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FunctionType, ModuleType
from typing import Any, TypeVar, overload

from pivot.errors import DefinitionError

_MARK = "__pivot_stage__"

Function = TypeVar("Function", bound=Callable[..., Any])
_Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


@dataclass(frozen=True, slots=True)
class Mark:
    """What a decorator said about its function.

    Attributes:
        deps, outs: paths that the function reads and writes on its own.
        params: the params model, or an instance of it.
        depends_on, map: as they were given; checked with all else.
        rules: ``resources``, ``always``, ``retries`` and ``timeout``, as given; ``None`` where they were not.
    """

    name: str | None
    deps: tuple[str, ...]
    outs: tuple[str, ...]
    params: Any
    mutex: tuple[str, ...]
    depends_on: Any = None
    map: Any = None
    rules: Mapping[str, Any] = field(default_factory=dict)


@overload
def stage(function: Function, /) -> Function: ...


@overload
def stage(
    *,
    deps: _Paths = (),
    outs: _Paths = (),
    params: Any = None,
    mutex: str | Sequence[str] = (),
    resources: Mapping[str, float | str] | None = None,
    always: bool | None = None,
    retries: int | Mapping[str, Any] | None = None,
    timeout: float | str | None = None,
    name: str | None = None,
    depends_on: str | Sequence[str] | None = None,
    map: str | Mapping[str, Any] | None = None,
) -> Callable[[Function], Function]: ...


def stage(
    function: Any = None,
    /,
    *,
    deps: _Paths = (),
    outs: _Paths = (),
    params: Any = None,
    mutex: str | Sequence[str] = (),
    resources: Mapping[str, float | str] | None = None,
    always: bool | None = None,
    retries: int | Mapping[str, Any] | None = None,
    timeout: float | str | None = None,
    name: str | None = None,
    depends_on: str | Sequence[str] | None = None,
    map: str | Mapping[str, Any] | None = None,  # noqa: A002 - the word of all doors
) -> Any:
    """Mark a module-level function as a stage; calling it stays what it was.

    Bare, on an annotated function, it only marks. With paths, the function is a plain one that opens its
    files on its own.

    Args:
        function: in the bare spelling, the annotated function.
        deps: paths of files that the function reads, relative to the file that defines it.
        outs: paths of files that it writes.
        params: a pydantic model; the argument annotated with it (or named ``params``) gets its values.
        mutex: groups of which no two stages run at once; ``"*"`` runs alone.
        resources: what it takes of the machine while it runs: ``{"cpus": 2, "gpus": 1, "memory": "8GB"}``, and
            labels of your own.
        always: run it in every run, whatever has changed: for stages that fetch live data.
        retries: further attempts after a failure: how many, or ``{"times": 3, "delay": "10s", "on": [OSError]}``.
        timeout: ends an attempt that takes longer: ``"90s"``, ``"10m"``, or seconds.
        name: of the stage; the function's name by default.
        depends_on: stages whose returned values fill the parameters that nothing else provides, in this order; with
            no such parameter only the order counts.
        map: a stage (or ``params.key``) that gives a list: the function runs for each item of it. The long form is
            ``{"over": …, "on_error": "drop", "max_parallel": 4}``.

    Raises:
        DefinitionError: it stands on something that is no function.
    """
    if function is not None and not callable(function):
        hint = (
            f"write @stage(name={function!r})"
            if isinstance(function, str)
            else "write @stage(deps=…, outs=…)"
        )
        raise DefinitionError(f"@stage marks a function, not {function!r}", hint)
    groups = (mutex,) if isinstance(mutex, str) else tuple(mutex)
    rules = {"resources": resources, "always": always, "retries": retries, "timeout": timeout}
    mark = Mark(name, _paths(deps), _paths(outs), params, groups, depends_on, map, rules)

    def marked(target: Any) -> Any:
        setattr(target, _MARK, mark)
        return target

    return marked if function is None else marked(function)


def mark_of(function: object) -> Mark | None:
    """What `stage` said about a function; ``None`` if it was not marked."""
    mark = getattr(function, _MARK, None)
    return mark if isinstance(mark, Mark) else None


def marked_functions(module: ModuleType) -> tuple[Callable[..., Any], ...]:
    """The marked functions that a module itself defines, in the order of its text."""
    own: dict[int, Callable[..., Any]] = {}
    for value in vars(module).values():
        if mark_of(value) is not None and getattr(value, "__module__", None) == module.__name__:
            own[id(value)] = value
    return tuple(sorted(own.values(), key=_line))


def _line(function: Any) -> int:
    while not isinstance(function, FunctionType) and hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    code = getattr(function, "__code__", None)
    return code.co_firstlineno if code is not None else 0


def _paths(given: Any) -> tuple[Any, ...]:
    """Paths as they were given; what is none of them is said later, with all that is wrong."""
    is_one = isinstance(given, (str, os.PathLike, Mapping)) or not isinstance(given, Iterable)
    several = (given,) if is_one else given
    return tuple(os.fspath(path) if isinstance(path, os.PathLike) else path for path in several)
