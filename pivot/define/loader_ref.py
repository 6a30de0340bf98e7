"""Loaders as data: the class's name, its options as canonical text, its version, a pickle for the worker."""

import dataclasses
import enum
import functools
import pickle
import re
from collections.abc import Iterator, Mapping
from types import BuiltinFunctionType, FunctionType
from typing import Any

from pivot.errors import PivotError
from pivot.loaders import Loader, PathOnly
from pivot.model.stage import LoaderRef

_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def loader_ref(loader: Any) -> LoaderRef:
    """A loader as data. Equal loaders give equal text in every process.

    Raises:
        PivotError: the loader cannot be pickled, or an option has no stable text.
    """
    kind = type(loader)
    is_ours = kind.__module__.startswith("pivot.loaders.")
    home = "pivot.loaders" if is_ours else kind.__module__
    try:
        payload = pickle.dumps(loader, protocol=5)
    except Exception as error:
        raise PivotError(
            f"loader {kind.__name__} cannot be sent to workers: {_ADDRESS.sub('', str(error))}",
            "define its class (and the functions that it is given) at module level, and give it plain options",
        ) from error
    version = getattr(kind, "version", 1)
    return LoaderRef(
        f"{home}.{kind.__qualname__}",
        ", ".join(
            f"{name}={canonical_text(value)}"
            for name, value in _options(loader)
            # so that an option which a later Pivot adds runs nothing again; a change of a default is a new version
            if not (is_ours and canonical_text(value) == canonical_text(getattr(kind, name, None)))
        ),
        version if isinstance(version, int) else 1,
        payload,
        tuple(getattr(kind, "libraries", ())),
        tuple(sorted({name for _, value in _options(loader) for name in _code_in(value)})),
    )


def check_reader(loader: Any) -> None:
    """Raise a `PivotError` unless a loader can read."""
    _check(loader, ("load",), "read", "a Dep needs a loader with load(path)")


def check_writer(loader: Any) -> None:
    """Raise a `PivotError` unless a loader can write."""
    _check(loader, ("save",), "write", "an Out needs a loader with save(value, path)")


def check_incremental(loader: Any) -> None:
    """Raise a `PivotError` unless a loader can read and write and knows the value to begin with.

    The path itself needs no such value: where the stage handles the file on its own, it sees whether it is there.
    """
    if not isinstance(loader, PathOnly):
        hint = "an IncrementalOut needs a loader with load(path), save(value, path) and empty()"
        _check(loader, ("load", "save", "empty"), "both read and write and give an empty value", hint)


def canonical_text(value: Any) -> str:
    """A value as text without addresses: equal values give equal text, in every process.

    Raises:
        PivotError: the value has no such text.
    """
    return _text(value, ())


def _options(loader: Any) -> list[tuple[str, Any]]:
    if dataclasses.is_dataclass(loader):
        return [(field.name, getattr(loader, field.name)) for field in dataclasses.fields(loader)]
    return sorted(vars(loader).items()) if hasattr(loader, "__dict__") else []


def _code_in(value: Any) -> Iterator[str]:
    """The dotted names of functions and classes that a value holds, at any depth."""
    if isinstance(value, (type, FunctionType, BuiltinFunctionType)):
        if value.__module__ != "builtins":
            yield f"{value.__module__}.{value.__qualname__}"
    elif isinstance(value, functools.partial):
        yield from _code_in((value.func, value.args, value.keywords))
    elif isinstance(value, Mapping):
        yield from _code_in((*value, *value.values()))
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            yield from _code_in(item)
    elif value is not None:
        yield from _code_in(type(value))
        for _, inner in [] if isinstance(value, enum.Enum) else _options(value):
            yield from _code_in(inner)


def _check(loader: Any, methods: tuple[str, ...], verb: str, hint: str) -> None:
    if isinstance(loader, type):
        raise PivotError(f"loader {loader.__name__} is a class", f"call it: {loader.__name__}()")
    if not all(_has(loader, method) for method in methods):
        raise PivotError(f"loader {type(loader).__name__} cannot {verb}", hint)


def _has(loader: Any, method: str) -> bool:
    """Whether a loader has a method of its own: those that the protocols only name do nothing."""
    stubs = [vars(protocol)[method] for protocol in Loader.__mro__ if method in vars(protocol)]
    return callable(getattr(loader, method, None)) and getattr(type(loader), method, None) not in stubs


def _text(value: Any, around: tuple[int, ...]) -> str:
    if isinstance(value, enum.Enum):
        return f"{type(value).__module__}.{type(value).__qualname__}.{value.name}"
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes)):
        return repr(value)
    if id(value) in around:
        raise PivotError("an option of a loader contains itself")
    around = (*around, id(value))
    if isinstance(value, (type, FunctionType, BuiltinFunctionType)):
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, functools.partial):
        return f"partial({_text((value.func, value.args, value.keywords), around)})"
    if isinstance(value, Mapping):
        items = sorted((_text(key, around), _text(item, around)) for key, item in value.items())
        return "{" + ", ".join(f"{key}: {item}" for key, item in items) + "}"
    if isinstance(value, (set, frozenset)):
        return "{" + ", ".join(sorted(_text(item, around) for item in value)) + "}"
    if isinstance(value, (list, tuple)):
        inner = ", ".join(_text(item, around) for item in value)
        return f"[{inner}]" if isinstance(value, list) else f"({inner},)"
    name = f"{type(value).__module__}.{type(value).__qualname__}"
    shown = repr(value)
    has_own_repr = "__repr__" in {name for kind in type(value).__mro__[:-1] for name in vars(kind)}
    if has_own_repr and not _ADDRESS.search(shown):
        return f"{name}:{shown}"
    if dataclasses.is_dataclass(value) or hasattr(value, "__dict__"):
        inner = ", ".join(f"{key}={_text(item, around)}" for key, item in _options(value))
        return f"{name}({inner})"
    raise PivotError(f"option of type {name} has no stable text", "use plain options or a frozen dataclass")
