"""What functions declare, and their loaders as data, worked out once for all stages that one file makes of them.

A ``pivot.yaml`` may make thousands of stages of one function, and between two of them no code of the project runs
that would change what was declared. A ``pipeline.py`` is such code: of what it registers, each stage asks anew.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pivot.define.declared import Declared, declared_by
from pivot.define.decorator import Mark
from pivot.define.functions import check_function
from pivot.define.loader_ref import check_reader, check_writer, loader_ref
from pivot.errors import DefinitionError
from pivot.model.place import Place
from pivot.model.stage import LoaderRef


@dataclass(frozen=True, slots=True)
class Signatures:
    """Answers by identity; what was asked about is held, so that nothing else gets its id."""

    _declared: dict[tuple[int, bool], tuple[object, Declared]] = field(default_factory=dict)
    _loaders: dict[int, tuple[object, LoaderRef]] = field(default_factory=dict)
    _readers: set[int] = field(default_factory=set)
    _writers: set[int] = field(default_factory=set)
    _callable: dict[int, object] = field(default_factory=dict)

    def declared(self, function: Callable[..., Any], mark: Mark | None, *, is_variant: bool) -> Declared:
        """As `declared_by`."""
        key = (id(function), is_variant)
        if key not in self._declared:
            self._declared[key] = (function, declared_by(function, mark, is_variant=is_variant))
        return self._declared[key][1]

    def check(self, function: Callable[..., Any], stage: str, place: Place) -> DefinitionError | None:
        """As `check_function`."""
        if id(function) in self._callable:
            return None
        problem = check_function(function, stage, place)
        if problem is None:
            self._callable[id(function)] = function
        return problem

    def reader(self, loader: Any) -> LoaderRef:
        """A loader as data.

        Raises:
            PivotError: it cannot read; and as `loader_ref`.
        """
        if id(loader) not in self._readers:
            check_reader(loader)
        ref = self.loader(loader)
        self._readers.add(id(loader))
        return ref

    def writer(self, loader: Any) -> LoaderRef:
        """A loader as data.

        Raises:
            PivotError: it cannot write; and as `loader_ref`.
        """
        if id(loader) not in self._writers:
            check_writer(loader)
        ref = self.loader(loader)
        self._writers.add(id(loader))
        return ref

    def loader(self, loader: Any) -> LoaderRef:
        """As `loader_ref`."""
        if id(loader) not in self._loaders:
            self._loaders[id(loader)] = (loader, loader_ref(loader))
        return self._loaders[id(loader)][1]
