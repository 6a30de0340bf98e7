"""Writes ``src/protocol.ts`` from `pivot_jupyter.protocol`."""

import types
import typing
from dataclasses import fields, is_dataclass
from pathlib import Path

from pivot_jupyter import protocol

TARGET = Path(__file__).parent / "src" / "protocol.ts"


def typescript() -> str:
    """The messages as TypeScript types."""
    parts = [
        "// Made from pivot_jupyter/protocol.py by labextension/protocol.py: change it there.\n",
        f"export const PROTOCOL = {protocol.PROTOCOL};\n",
        f"export const TARGET = '{protocol.TARGET}';\n",
        f"export type StateName =\n{_choices(protocol.StateName)};\n",
    ]
    messages = {*typing.get_args(protocol.FromKernel), *typing.get_args(protocol.FromBrowser)}
    for name, value in vars(protocol).items():
        if isinstance(value, type) and is_dataclass(value) and value.__module__ == protocol.__name__:
            parts.append(_interface(name, value, message=value in messages))
    for name in ("FromKernel", "FromBrowser"):
        kinds = " | ".join(kind.__name__ for kind in typing.get_args(getattr(protocol, name)))
        parts.append(f"export type {name} = {kinds};\n")
    return "\n".join(parts)


def _choices(literal: object) -> str:
    return "\n".join(f"  | '{word}'" for word in typing.get_args(literal))


def _interface(name: str, of: type, *, message: bool) -> str:
    hints = typing.get_type_hints(of)
    rows = [f"  kind: '{name}';"] if message else []
    rows += [f"  {field.name}: {_type(hints[field.name])};" for field in fields(of)]  # type: ignore[arg-type]
    first = (of.__doc__ or "").splitlines()[0]
    return "\n".join([f"/** {first} */", f"export interface {name} {{", *rows, "}\n"])


def _type(hint: object) -> str:
    if hint is protocol.StateName:
        return "StateName"
    if typing.get_origin(hint) is typing.Literal:
        return " | ".join(f"'{word}'" for word in typing.get_args(hint))
    if typing.get_origin(hint) is tuple:
        return f"{_type(typing.get_args(hint)[0])}[]"
    if isinstance(hint, types.UnionType):
        return " | ".join(map(_type, typing.get_args(hint)))
    plain = {str: "string", int: "number", float: "number", bool: "boolean", type(None): "null"}
    return plain[hint] if hint in plain else typing.cast("type", hint).__name__


if __name__ == "__main__":
    TARGET.write_text(typescript())
