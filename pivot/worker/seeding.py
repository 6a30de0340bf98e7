"""Randomness that a stage did not seed itself: Python's and NumPy's global generators."""

import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

_NUMPY_LIMIT = 2**32


State = tuple[Any, ...]
"""Of one generator; two equal ones give the same numbers."""


@contextlib.contextmanager
def seeded(seed: int | None) -> Iterator[Callable[[], dict[str, State]]]:
    """Seed now, and NumPy's generator also when it is first imported inside the block.

    Gives a function that tells the states of the generators that code in the block has seeded or drawn from.

    Args:
        seed: ``None`` seeds from the system's entropy, as a new interpreter does, lest an earlier stage or
            the fork server be seen.
    """
    seed_generators(seed)
    before = states()
    finder = _SeedOnImport(seed)
    sys.meta_path.insert(0, finder)

    def moved() -> dict[str, State]:
        if "numpy" not in before and "numpy" in sys.modules and seed is not None:
            import numpy.random

            before["numpy"] = _plain(numpy.random.RandomState(seed % _NUMPY_LIMIT).get_state())
        return {name: state for name, state in states().items() if state != before.get(name)}

    try:
        yield moved
    finally:
        with contextlib.suppress(ValueError):  # a stage may have replaced what is in the list
            sys.meta_path.remove(finder)


def put_back(states: Mapping[str, State]) -> None:
    """Let generators go on from earlier states."""
    if "random" in states:
        random.setstate(states["random"])
    if "numpy" in states:
        import numpy as np

        kind, keys, *rest = states["numpy"]
        np.random.set_state((kind, np.frombuffer(keys, dtype=np.uint32), *rest))


def states() -> dict[str, State]:
    """Of the generators of Python and, if it is loaded, NumPy, for `put_back`."""
    found: dict[str, State] = {"random": random.getstate()}
    if "numpy" in sys.modules:
        import numpy.random

        found["numpy"] = _plain(numpy.random.get_state())
    return found


def _plain(state: Any) -> State:
    kind, keys, *rest = state
    return (kind, keys.tobytes(), *rest)


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
