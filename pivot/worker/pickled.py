"""The code that unpickled objects bring along: what they are asked to do may run, though no name leads to it."""

import functools
import sys
from collections.abc import Callable, Iterable, Iterator
from types import FunctionType, GetSetDescriptorType, MemberDescriptorType

_NO_CODE = frozenset((str, int, tuple, dict, type(None), bool, GetSetDescriptorType, MemberDescriptorType))
"""Most of what stands in a class beside its methods."""


def code_of(names: Iterable[tuple[str, str]], is_project: Callable[[str], bool]) -> Iterator[tuple[str, int]]:
    """Where the project's functions are written that stand under some names, or are methods of classes that do.

    Args:
        names: module and qualified name, as a pickle holds them.
        is_project: whether a source file is the project's own.

    Returns:
        file name of the code, first line.
    """
    for module, name in names:
        found: object = sys.modules.get(module)
        for part in name.split("."):
            found = getattr(found, part, None)
        if not isinstance(found, type):
            held: Iterable[object] = (found,)
        else:  # what `object` has is C code
            held = (value for kind in found.__mro__ if kind is not object for value in vars(kind).values())
        for value in held:
            if type(value) in _NO_CODE:
                continue
            for function in (value,) if type(value) is FunctionType else _functions(value):
                code = function.__code__
                if is_project(code.co_filename):
                    yield code.co_filename, code.co_firstlineno


def _functions(value: object) -> Iterable[FunctionType]:
    if isinstance(value, property):
        inner: tuple[object, ...] = (value.fget, value.fset, value.fdel)
    elif isinstance(value, functools.cached_property):
        inner = (value.func,)
    else:
        inner = (getattr(value, "__func__", value),)
    return [one for one in inner if isinstance(one, FunctionType)]
