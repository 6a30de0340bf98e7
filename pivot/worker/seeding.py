"""Randomness that a stage did not seed itself: Python's and NumPy's global generators."""

import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import random
import sys
from collections.abc import Iterator, Sequence
from types import ModuleType

_NUMPY_LIMIT = 2**32


@contextlib.contextmanager
def seeded(seed: int | None) -> Iterator[None]:
    """Seed now, and NumPy's generator also when it is first imported inside the block.

    Args:
        seed: ``None`` seeds from the system's entropy, as a new interpreter does, lest an earlier stage or
            the fork server be seen.
    """
    seed_generators(seed)
    finder = _SeedOnImport(seed)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def seed_generators(seed: int | None) -> None:
    """Seed ``random`` and, if NumPy is loaded, its global generator."""
    random.seed(seed)
    if "numpy" in sys.modules:
        import numpy.random

        numpy.random.seed(None if seed is None else seed % _NUMPY_LIMIT)


class _SeedOnImport(importlib.abc.MetaPathFinder):
    """Finds ``numpy.random`` as the others do, and seeds it once it is there."""

    def __init__(self, seed: int | None) -> None:
        self.seed = seed

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != "numpy.random":
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _SeedingLoader(spec.loader, self.seed)
        return spec


class _SeedingLoader(importlib.abc.Loader):
    def __init__(self, loader: importlib.abc.Loader, seed: int | None) -> None:
        self.loader = loader
        self.seed = seed

    def __getattr__(self, name: str) -> object:
        return getattr(self.loader, name)  # get_source and the like, for linecache and inspect

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self.loader.exec_module(module)
        module.seed(None if self.seed is None else self.seed % _NUMPY_LIMIT)
