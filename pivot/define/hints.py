"""The annotations of a function or TypedDict as objects, however they were written.

Strings (``from __future__ import annotations``) are evaluated; a name that exists for type checkers only
(``if TYPE_CHECKING``) does not stand in the way, since only the `Dep`, `Out` and params beside it matter.
"""

import builtins
import sys
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ForwardRef, get_args, get_origin

from pivot.errors import PivotError


class UnknownName:
    """Stands for a name in an annotation that nothing defines at run time."""

    def __init__(self, name: str) -> None:
        # an annotation may use it in any way that it uses a type
        self.__name__ = name.rpartition(".")[2]
        self.dotted = name

    def __getattr__(self, name: str) -> "UnknownName":
        if name.startswith("__"):
            raise AttributeError(name)
        return UnknownName(f"{self.dotted}.{name}")

    def __getitem__(self, item: object) -> "UnknownName":
        return self

    def __call__(self, *_: object, **__: object) -> "UnknownName":  # noqa: D102
        return self

    def __or__(self, other: object) -> "UnknownName":
        return self

    __ror__ = __or__

    def __repr__(self) -> str:
        return self.dotted


class _Scope(Mapping[str, Any]):
    """The names that an annotation can see; one that is missing becomes an `UnknownName`."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        self._names = names

    def __getitem__(self, name: str) -> Any:
        if name in self._names:
            return self._names[name]
        return getattr(builtins, name, None) or UnknownName(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def hints_of(target: Any) -> dict[str, Any]:
    """The annotations of a function or a TypedDict, evaluated, with what ``Annotated`` adds.

    Raises:
        PivotError: an annotation is no expression, or raises.
    """
    try:
        found = typing.get_type_hints(target, include_extras=True)
    except Exception:  # noqa: BLE001 - an annotation is any code; the second way names the one that fails
        found = {name: _evaluated(name, value, target) for name, value in _raw(target).items()}
    return {name: _unwrapped(value) for name, value in found.items()}


def annotation_parts(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """The type and the things that ``Annotated`` adds to it."""
    if get_origin(annotation) is Annotated:
        kind, *extras = get_args(annotation)
        return kind, tuple(extras)
    return annotation, ()


def inner_annotations(annotation: Any) -> Iterator[Any]:
    """All annotations inside one (the members of a union, the items of a list), at any depth."""
    for inner in get_args(annotation):
        value = _unwrapped(inner)
        yield value
        yield from inner_annotations(value)


def without_none(annotation: Any) -> Any:
    """``T`` for ``T | None``."""
    if get_origin(annotation) not in (typing.Union, types.UnionType):
        return annotation
    choices = [kind for kind in get_args(annotation) if kind is not type(None)]
    return choices[0] if len(choices) == 1 else annotation


def _raw(target: Any) -> dict[str, Any]:
    return dict(getattr(target, "__annotations__", {}))


def _evaluated(name: str, value: Any, target: Any) -> Any:
    home: Any = getattr(target, "__module__", "")
    if isinstance(value, ForwardRef):
        home = value.__forward_module__ or home
        value = value.__forward_arg__
    if not isinstance(value, str):
        return value
    while hasattr(target, "__wrapped__"):
        target = target.__wrapped__
    module = home if not isinstance(home, str) else sys.modules.get(home)
    names = dict(getattr(target, "__globals__", None) or vars(module or object))
    names.update({parameter.__name__: parameter for parameter in getattr(target, "__type_params__", ())})
    try:
        return eval(value, {"__builtins__": {}}, _Scope(names))  # noqa: S307 - the user's own annotation
    except Exception as error:
        raise PivotError(f"annotation of {name!r} cannot be read: {type(error).__name__}: {error}") from error


def _unwrapped(annotation: Any) -> Any:
    """An alias (``type X = …``) and ``Required[…]`` replaced by what they stand for."""
    while True:
        origin = get_origin(annotation)
        if _is_alias(annotation):
            annotation = annotation.__value__
        elif _is_alias(origin):
            annotation = origin.__value__[get_args(annotation)]
        elif getattr(origin, "_name", None) in ("Required", "ReadOnly"):
            annotation = get_args(annotation)[0]
        elif origin is Annotated and _is_alias(get_args(annotation)[0]):
            kind, *extras = get_args(annotation)
            annotation = Annotated[(_unwrapped(kind), *extras)]
        else:
            return annotation


def _is_alias(annotation: Any) -> bool:
    return type(annotation).__name__ == "TypeAliasType" and hasattr(annotation, "__value__")
