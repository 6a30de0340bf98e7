"""What an annotation says of a value made of several: whether it may be a list or a dict, and of which items."""

import types
import typing
from collections.abc import Mapping
from typing import Any


def may_be(annotated: Any, *kinds: type) -> bool:
    """Whether a value of one of some types can be what an annotation says; what is not understood, may."""
    if typing.get_origin(annotated) in (typing.Union, types.UnionType):
        return any(may_be(choice, *kinds) for choice in typing.get_args(annotated))
    kind = typing.get_origin(annotated) or annotated
    if not isinstance(kind, type) or kind is Any:
        return True  # a type variable, a name for type checkers only
    try:
        return any(issubclass(wanted, kind) or issubclass(kind, wanted) for wanted in kinds)
    except TypeError:
        return not issubclass(kind, Mapping) or dict in kinds  # of a protocol, a TypedDict


def is_mapping(annotated: Any) -> bool:
    """Whether an annotation says dict, also ``dict | None``."""
    return any(
        isinstance(kind, type) and kind is not Any and issubclass(kind, Mapping)
        for kind in _origins(annotated)
    )


def list_item(annotated: Any, index: int) -> Any:
    """The type of one item: ``T`` in ``list[T]``; ``object`` where nothing is said."""
    choices = _choices(annotated)
    for choice in choices:
        arguments = typing.get_args(choice)
        if typing.get_origin(choice) is tuple and arguments[-1:] != (...,):
            return arguments[index] if index < len(arguments) else object
        if arguments:
            return arguments[0]
    return object


def dict_item(annotated: Any) -> Any:
    """The type of the values: ``T`` in ``dict[str, T]``; ``object`` where nothing is said."""
    arguments = [typing.get_args(choice) for choice in _choices(annotated)]
    return next((found[1] for found in arguments if len(found) == 2), object)


def _choices(annotated: Any) -> tuple[Any, ...]:
    is_union = typing.get_origin(annotated) in (typing.Union, types.UnionType)
    return typing.get_args(annotated) if is_union else (annotated,)


def _origins(annotated: Any) -> list[Any]:
    return [typing.get_origin(choice) or choice for choice in _choices(annotated)]
