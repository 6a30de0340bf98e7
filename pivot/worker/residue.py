"""What an earlier stage may have left behind in a module: a memo, a filled list, a rebound global.

A stage that runs on a warm worker must give what it would give in a new process. So a module that can
remember serves one stage; the next one that reaches it gets a fresh fork. Doubt counts as memory.
"""

import __future__

import dataclasses
import datetime as dt
import decimal
import enum
import functools
import logging
import opcode
import pathlib
import re
import types
from collections.abc import Iterable

_REBINDS_GLOBALS = frozenset(opcode.opmap[name] for name in ("STORE_GLOBAL", "DELETE_GLOBAL"))
_CONSTANT = (
    *(type(None), bool, int, float, complex, str, bytes, range, type(...), type(NotImplemented)),
    *(dt.date, dt.time, dt.timedelta, dt.tzinfo, decimal.Decimal),
    *(enum.Enum, pathlib.PurePath, re.Pattern, logging.Logger, __future__._Feature),  # noqa: SLF001
    *(types.ModuleType, types.BuiltinFunctionType, types.GenericAlias, types.UnionType),
    *(types.MemberDescriptorType, types.GetSetDescriptorType, functools.cached_property),
)
_WRITTEN_BY_PYTHON = frozenset(
    {
        "__all__",
        "__annotations__",
        "__builtins__",
        "__loader__",
        "__path__",
        "__spec__",
        "__warningregistry__",
    }
)


def remembers(module: types.ModuleType) -> bool:
    """Whether running code of the module may have changed what the module's code does next time."""
    return any(
        _can_change(value, module.__name__, 0)
        for name, value in list(vars(module).items())
        if name not in _WRITTEN_BY_PYTHON
    )


def _can_change(value: object, module: str, depth: int) -> bool:
    if isinstance(value, functools._lru_cache_wrapper):  # noqa: SLF001 - the only name of that type
        return value.cache_info().currsize > 0
    if isinstance(value, types.FunctionType):
        return value.__module__ == module and _function_can_change(value, module, depth)
    if isinstance(value, type):
        return value.__module__ == module and _class_can_change(value, module, depth)
    if isinstance(value, tuple | frozenset):
        return depth > 3 or any(_can_change(one, module, depth + 1) for one in value)
    if isinstance(value, staticmethod | classmethod):
        return _can_change(value.__func__, module, depth)
    if isinstance(value, property):
        return any(_can_change(one, module, depth) for one in (value.fget, value.fset, value.fdel))
    if dataclasses.is_dataclass(value) and vars(type(value))["__dataclass_params__"].frozen:
        fields = (getattr(value, field.name, None) for field in dataclasses.fields(value))
        return depth > 3 or any(_can_change(one, module, depth + 1) for one in fields)
    return not isinstance(value, _CONSTANT) and type(value).__module__ != "typing"


def _function_can_change(function: types.FunctionType, module: str, depth: int) -> bool:
    held: Iterable[object] = (
        *(function.__defaults__ or ()),
        *(function.__kwdefaults__ or {}).values(),
        *(cell.cell_contents for cell in function.__closure__ or () if not _is_empty(cell)),
        *function.__dict__.values(),
    )
    if _rebinds_globals(function.__code__):
        return True
    return depth > 3 or any(_can_change(one, module, depth + 1) for one in held)


def _is_empty(cell: types.CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - asking is the only way to know
    except ValueError:
        return True
    return False


def _rebinds_globals(code: types.CodeType) -> bool:
    if not _REBINDS_GLOBALS.isdisjoint(code.co_code[::2]):
        return True
    return any(_rebinds_globals(const) for const in code.co_consts if isinstance(const, types.CodeType))


def _class_can_change(cls: type, module: str, depth: int) -> bool:
    if issubclass(cls, enum.Enum):
        return False
    own = (value for name, value in vars(cls).items() if not _is_machinery(name, value))
    return depth > 3 or any(_can_change(value, module, depth + 1) for value in own)


def _is_machinery(name: str, value: object) -> bool:
    """Whether it was written when the class was made: by Python, ABCMeta, dataclasses or pydantic."""
    dunder = name.startswith("__") and name.endswith("__")
    return (dunder and not isinstance(value, types.FunctionType)) or name in {"_abc_impl", "model_config"}
