"""A pipeline written in Python: stages are registered in ``pipeline.py``.

Registering only takes down what was said; everything is checked together when the file is read as a whole.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

OutPath = str | Mapping[str, Any]
"""A new path, or ``{"path": …, "cache": …}``."""


@dataclass(frozen=True, slots=True)
class Registration:
    """One call of `Pipeline.register`.

    Attributes:
        file, line: where the call stands.
    """

    function: Callable[..., Any]
    name: str | None
    dep_paths: Mapping[str, str]
    out_paths: Mapping[str, OutPath]
    params: Any
    mutex: tuple[str, ...]
    file: str
    line: int


class Pipeline:
    """A named list of stages.

    Args:
        name: of the pipeline, for people.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._registrations: list[Registration] = []

    def register(
        self,
        function: Callable[..., Any],
        *,
        name: str | None = None,
        dep_path_overrides: Mapping[str, str] | None = None,
        out_path_overrides: Mapping[str, OutPath] | None = None,
        params: Any = None,
        mutex: str | Sequence[str] = (),
    ) -> None:
        """Make a stage of an annotated function at module level.

        Args:
            function: its annotations say what it reads and writes.
            name: of the stage; the function's name by default.
            dep_path_overrides: parameter → another path to read.
            out_path_overrides: output → another path, or ``{"path": …, "cache": …}``; for a single output the
                key may be any name.
            params: an instance of the params model, or a mapping of values over its defaults.
            mutex: groups of which no two stages run at once; ``"*"`` runs alone.
        """
        caller = sys._getframe(1)  # noqa: SLF001 - the place of the call, for messages
        self._registrations.append(
            Registration(
                function,
                name,
                MappingProxyType(dict(dep_path_overrides or {})),
                MappingProxyType(dict(out_path_overrides or {})),
                params,
                (mutex,) if isinstance(mutex, str) else tuple(mutex),
                caller.f_code.co_filename,
                caller.f_lineno,
            )
        )

    @property
    def registrations(self) -> tuple[Registration, ...]:
        """What was registered, in order."""
        return tuple(self._registrations)

    def __repr__(self) -> str:
        return f"Pipeline({self.name!r})"
