"""A pipeline written in Python: stages are registered in ``pipeline.py``.

Registering only takes down what was said; everything is checked together when the file is read as a whole.
"""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from pivot.errors import DefinitionError

DepPath = str | Sequence[str] | Mapping[str, Any]
"""Another path to read, several, or ``{"path": …}``."""
OutPath = str | Sequence[str] | Mapping[str, Any]
"""Another path to write, several, or ``{"path": …, "cache": …, "x": …, "y": …, "template": …}``."""
Scalar = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Registration:
    """One call of `Pipeline.register`.

    Attributes:
        rules: ``resources``, ``always``, ``retries`` and ``timeout``, as given; ``None`` where they were not.
        variant: dimension → value; empty for a stage that is no variant.
        file, line: where the call stands.
    """

    function: Callable[..., Any]
    name: str | None
    dep_paths: Mapping[str, DepPath]
    out_paths: Mapping[str, OutPath]
    params: Any
    mutex: tuple[str, ...]
    rules: Mapping[str, Any]
    variant: Mapping[str, Scalar]
    file: str
    line: int
    depends_on: Any = None
    map: Any = None


class Pipeline:
    """A named list of stages.

    Args:
        name: of the pipeline, for people.
        params: values for every stage that has a param of that name; what a stage is registered with wins over them.
        config: what stages read through ``pivot.run_context().config``: a mapping, the path of a YAML file, or a
            list of such, merged deeply; what comes later wins.

    Raises:
        DefinitionError: params that are no mapping.
    """

    def __init__(
        self,
        name: str,
        *,
        params: Mapping[str, Any] | None = None,
        config: str | Mapping[str, Any] | Sequence[str | Mapping[str, Any]] | None = None,
    ) -> None:
        caller = sys._getframe(1)  # noqa: SLF001 - its paths are relative to that file
        given: Any = params
        if not isinstance(given, Mapping | None):
            hint = 'write params={"name": value}'
            raise DefinitionError(f"params is a dict from name to value, not {params!r}", hint)
        self.name = name
        self.params: Mapping[str, Any] = MappingProxyType(dict(params or {}))
        self.config = config
        self.file, self.line = caller.f_code.co_filename, caller.f_lineno
        self._registrations: list[Registration] = []
        self._included: list[Pipeline] = []

    def register(
        self,
        function: Callable[..., Any],
        *,
        name: str | None = None,
        dep_path_overrides: Mapping[str, DepPath] | None = None,
        out_path_overrides: Mapping[str, OutPath] | None = None,
        params: Any = None,
        mutex: str | Sequence[str] = (),
        resources: Mapping[str, float | str] | None = None,
        always: bool | None = None,
        retries: int | Mapping[str, Any] | None = None,
        timeout: float | str | None = None,
        variant: Scalar | Mapping[str, Scalar] | None = None,
        depends_on: str | Sequence[str] | None = None,
        map: str | Mapping[str, Any] | None = None,  # noqa: A002 - the word of all doors
    ) -> None:
        """Make a stage of an annotated function at module level.

        Args:
            function: its annotations say what it reads and writes.
            name: of the stage; the function's name by default.
            dep_path_overrides: parameter → another path to read, or several.
            out_path_overrides: output → another path, several, or
                ``{"path": …, "cache": …, "x": …, "y": …, "template": …}``; for a single output the key may be any
                name.
            params: an instance of the params model, or a mapping of values over its defaults.
            mutex: groups of which no two stages run at once; ``"*"`` runs alone.
            resources, always, retries, timeout: how it is run, as `pivot.stage` has it.
            variant: makes the stage ``name@variant``; of a mapping, the values joined by ``_``. A parameter
                ``variant`` of the function gets it (of a mapping with one key, that value).
            depends_on, map: see `pivot.stage`.

        Raises:
            DefinitionError: overrides that are no mapping, a mutex that is no list. All else is told later, at once.
        """
        caller = sys._getframe(1)  # noqa: SLF001 - the place of the call, for messages
        _require_kinds({"dep": dep_path_overrides, "out": out_path_overrides}, mutex)
        rules = {"resources": resources, "always": always, "retries": retries, "timeout": timeout}
        if not isinstance(variant, Mapping):
            variant = {} if variant is None else {"variant": variant}
        self._registrations.append(
            Registration(
                function,
                name,
                MappingProxyType(dict(dep_path_overrides or {})),
                MappingProxyType(dict(out_path_overrides or {})),
                params,
                (mutex,) if isinstance(mutex, str) else tuple(mutex),
                MappingProxyType(rules),
                MappingProxyType(dict(variant)),
                caller.f_code.co_filename,
                caller.f_lineno,
                depends_on,
                map,
            )
        )

    def include(self, other: "Pipeline") -> None:
        """Take in all stages of another pipeline.

        The paths of one that another ``pipeline.py`` made stay relative to that file; its stages are called
        ``folder:name`` here.

        Args:
            other: e.g. of ``from prepare.pipeline import pipeline as prepare``.

        Raises:
            DefinitionError: it is no Pipeline.
        """
        if not isinstance(other, Pipeline):
            raise DefinitionError(
                f"include takes a Pipeline, not {other!r}", "from folder.pipeline import pipeline as other"
            )
        self._included.append(other)

    @property
    def registrations(self) -> tuple[Registration, ...]:
        """What was registered, in order."""
        return tuple(self._registrations)

    @property
    def included(self) -> tuple["Pipeline", ...]:
        """The pipelines whose stages are taken in, in order."""
        return tuple(self._included)

    def __repr__(self) -> str:
        return f"Pipeline({self.name!r})"


def _require_kinds(overrides: Mapping[str, Any], mutex: Any) -> None:
    for word, paths in overrides.items():
        if not isinstance(paths, Mapping | None):
            hint = f'write {word}_path_overrides={{"name": "path"}}'
            raise DefinitionError(f"{word}_path_overrides is a dict from name to path, not {paths!r}", hint)
    if not isinstance(mutex, Iterable):
        raise DefinitionError(f"mutex is a list of names, not {mutex!r}", 'write mutex=["gpu"]')
