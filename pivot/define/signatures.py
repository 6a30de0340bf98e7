"""What functions declare, and their loaders as data, worked out once for all stages that one file makes of them.

A ``pivot.yaml`` may make thousands of stages of one function, and between two of them no code of the project runs
that would change what was declared. A ``pipeline.py`` is such code: of what it registers, each stage asks anew.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pivot.define.declared import Declared, declared_by
from pivot.define.decorator import Mark
from pivot.define.loader_ref import loader_ref
from pivot.model.stage import LoaderRef


@dataclass(frozen=True, slots=True)
class Signatures:
    """Answers by identity; what was asked about is held, so that nothing else gets its id."""

    _declared: dict[tuple[int, bool], tuple[object, Declared]] = field(default_factory=dict)
    _loaders: dict[int, tuple[object, LoaderRef]] = field(default_factory=dict)

    def declared(self, function: Callable[..., Any], mark: Mark | None, *, is_variant: bool) -> Declared:
        """As `declared_by`."""
        key = (id(function), is_variant)
        if key not in self._declared:
            self._declared[key] = (function, declared_by(function, mark, is_variant=is_variant))
        return self._declared[key][1]

    def loader(self, loader: Any) -> LoaderRef:
        """As `loader_ref`."""
        if id(loader) not in self._loaders:
            self._loaders[id(loader)] = (loader, loader_ref(loader))
        return self._loaders[id(loader)][1]
