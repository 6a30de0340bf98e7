"""What stands for a value that cannot be pickled but can be compared: what a function does, what a variable holds."""

import contextvars
import io
import logging
import pickle
import sys
from bisect import bisect_left
from types import CodeType, FunctionType, ModuleType
from typing import Any

_KIND_FLAGS = 0x02AC  # *args, **kwargs, generator, coroutine, asynchronous generator


class Portrait:
    """Stands for a value of another process.

    Attributes:
        facts: plain data that is equal exactly for values that are alike.
        parts: further values, to be compared each by its own rules.
    """

    def __init__(self, facts: tuple[object, ...], parts: tuple[object, ...] = ()) -> None:
        self.facts = facts
        self.parts = parts

    def __call__(self) -> object:
        """Callable like the function that it stands for, since `functools.partial` asks for that."""
        raise TypeError("it only stands for a function")


def portrait_of(value: object) -> Portrait | None:
    """What stands for a function that no module holds, a module, a context variable or a logger.

    Returns:
        ``None`` for anything else: it speaks for itself.
    """
    if isinstance(value, FunctionType) and not _is_importable(value):
        cells = tuple(_content(cell) for cell in value.__closure__ or ())
        given = (value.__defaults__, value.__kwdefaults__, vars(value))
        return Portrait(("function", *_code_facts(value.__code__)), (*given, *cells))
    if isinstance(value, ModuleType):
        return Portrait(("module", value.__name__))
    if isinstance(value, contextvars.ContextVar):
        held = value.get(None)
        return Portrait(("context variable", value.name, value in contextvars.copy_context()), (held,))
    if isinstance(value, logging.Logger):
        # its name is often that of the module, which is __main__ in a kernel; handlers are no part of a result
        return Portrait(("logger", value.level, value.disabled, value.propagate))
    return None


def pickle_with_portraits(value: object) -> bytes:
    """A pickle in which portraits stand for what cannot be pickled.

    Raises:
        Exception: whatever the value's own code raises; something in it can neither be pickled nor portrayed.
    """
    stream = io.BytesIO()
    _Pickler(stream).dump(value)
    return stream.getvalue()


class _Pickler(pickle.Pickler):
    def reducer_override(self, obj: Any) -> Any:
        portrait = portrait_of(obj)
        if portrait is None:
            return NotImplemented
        # the parts are state, set when the object is known already: a function may hold itself
        return Portrait, (portrait.facts,), {"parts": portrait.parts}


def _is_importable(function: FunctionType) -> bool:
    found: object = sys.modules.get(function.__module__ or "")
    for name in function.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is function


def _content(cell: Any) -> object:
    try:
        return cell.cell_contents
    except ValueError:
        return None  # not filled yet


def _code_facts(code: CodeType) -> tuple[object, ...]:
    """What a code object does, without where it was written."""
    constants = tuple(map(_constant_facts, code.co_consts))
    kinds = code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags & _KIND_FLAGS
    names = code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars
    return (code.co_qualname, _steps(code), constants, *kinds, *names)


def _steps(code: CodeType) -> tuple[object, ...]:
    """The instructions, and where they are protected.

    How a function is called does not count: Python calls ``np.abs`` in another way where ``np`` was imported by the
    text that was compiled together with the call, and a cell is compiled alone.
    """
    import dis  # lazy: few values hold code

    bytecode = dis.Bytecode(code)
    kept = [step for step in bytecode if step.opname not in {"EXTENDED_ARG", "PUSH_NULL"}]
    offsets = [step.offset for step in kept]
    jumps = {*dis.hasjrel, *dis.hasjabs}

    def fact(step: dis.Instruction) -> tuple[str, object]:
        if step.opcode in jumps:
            return step.opname, bisect_left(offsets, step.argval)
        name = "LOAD_ATTR" if step.opname == "LOAD_METHOD" else step.opname
        return name, step.argval if step.opcode in dis.hasname else step.arg

    guarded = tuple(
        (
            *(bisect_left(offsets, at) for at in (entry.start, entry.end, entry.target)),
            entry.depth,
            entry.lasti,
        )
        for entry in bytecode.exception_entries  # type: ignore[attr-defined] # typeshed lacks it
    )
    return (*map(fact, kept), guarded)


def _constant_facts(constant: object) -> object:
    if isinstance(constant, CodeType):
        return _code_facts(constant)
    if isinstance(constant, tuple):
        return tuple(map(_constant_facts, constant))
    if isinstance(constant, frozenset):
        return frozenset(map(_constant_facts, constant))
    return type(constant).__name__, repr(constant)
