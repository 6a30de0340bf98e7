"""A value as a text that is equal in every process where the value is equal: what the corpus compares.

A library to the projects under test, where it saves a stage's result. Functions count by name and docstring, objects
by type and attributes, errors by type and message; memory addresses and the names of modules are left out.
"""

import re
import types

DEPTH = 6
LIBRARIES = (
    "numpy",
    "pandas",
    "pyarrow",
    "sklearn",
)  # their repr says all, their attributes may not be stable


class Canonical:
    """Saves any value as its text."""

    def save(self, value, path):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text_of(value))


def text_of(value, depth=0):
    if depth > DEPTH:
        return "…"
    name = type(value).__qualname__
    if isinstance(value, BaseException):
        return f"{name}: {without_addresses(str(value))}"
    if isinstance(value, types.ModuleType):
        return f"module {value.__name__}"
    if isinstance(value, types.FunctionType):
        return f"function {value.__qualname__} {value.__doc__!r} {value.__annotations__!r}"
    if isinstance(value, type):
        return f"class {value.__qualname__} {value.__doc__!r} {attributes_of(value, depth)}"
    if isinstance(value, dict):
        inside = ", ".join(f"{text_of(k, depth + 1)}: {text_of(v, depth + 1)}" for k, v in value.items())
        return f"{name}{{{inside}}}"
    if isinstance(value, (list, tuple)):
        return f"{name}({', '.join(text_of(one, depth + 1) for one in value)})"
    if isinstance(value, (set, frozenset)):
        return f"{name}({', '.join(sorted(text_of(one, depth + 1) for one in value))})"
    shown = without_addresses(repr(value))
    return f"{name} {shown} {attributes_of(value, depth)}"


def attributes_of(value, depth):
    if type(value).__module__.partition(".")[0] in LIBRARIES:
        return {}
    own = getattr(value, "__dict__", {})
    return {k: text_of(v, depth + 1) for k, v in own.items() if not (k.startswith("__") and k.endswith("__"))}


def without_addresses(text):
    text = re.sub(r" at 0x[0-9a-f]+", "", text)
    return re.sub(r"<(?:[A-Za-z_]\w*\.)+(\w+ object)", r"<\1", text)
