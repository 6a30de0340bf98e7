"""The bars of the tqdm library, as a stage uses them: they are watched, and go on as they do without Pivot.

The library is never imported here. Where the stage has it already, or as soon as the stage imports it, three
methods of its one base class tell of each bar, whatever the variant: in a terminal, in a notebook, of pandas.
"""

import contextlib
import functools
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import Any

from pivot.worker.report import Reporter, Standing

_MODULE = "tqdm.std"
_USUAL_UNIT = "it"


@contextlib.contextmanager
def tqdm_bars(reporter: Reporter) -> Iterator[None]:
    """Meanwhile what tqdm's bars say is reported, too."""
    with contextlib.ExitStack() as undo:
        module = sys.modules.get(_MODULE)
        if module is not None:
            _watch(module, reporter, undo)
        else:
            finder = _Finder(lambda module: _watch(module, reporter, undo))
            sys.meta_path.insert(0, finder)
            undo.callback(_take_away, finder)
        yield


class _Finder(importlib.abc.MetaPathFinder):
    """Finds nothing but tqdm, and that as Python itself would; says when it has been executed."""

    def __init__(self, ready: Callable[[ModuleType], None]) -> None:
        self._ready = ready

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != _MODULE:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.loader is None:
            return None
        loader: Any = spec.loader
        execute = loader.exec_module

        def execute_and_say(module: ModuleType) -> None:
            execute(module)
            self._ready(module)

        with contextlib.suppress(AttributeError):  # not every loader lets itself be changed
            loader.exec_module = execute_and_say
        return spec


def _take_away(finder: _Finder) -> None:
    with contextlib.suppress(ValueError):  # a stage may have replaced what is in the list
        sys.meta_path.remove(finder)


def _watch(module: ModuleType, reporter: Reporter, undo: contextlib.ExitStack) -> None:
    bar_class = getattr(module, "tqdm", None)

    def moved(bar: Any) -> None:
        if not getattr(bar, "disable", True):
            reporter.report(id(bar), _standing(bar))

    def over(bar: Any) -> None:
        if not getattr(bar, "disable", True):
            reporter.end(id(bar), _standing(bar))

    own = dict(vars(bar_class)) if isinstance(bar_class, type) else {}
    wanted = {"__init__": (_nothing, moved), "refresh": (_nothing, moved), "close": (over, _nothing)}
    for name in wanted.keys() & own.keys():
        watched = _watched(getattr(bar_class, name), *wanted[name])
        setattr(bar_class, name, watched)
        undo.callback(_put_back, bar_class, name, watched, own[name])


def _put_back(bar_class: Any, name: str, watched: object, original: object) -> None:
    if vars(bar_class).get(name) is watched:
        setattr(bar_class, name, original)


def _watched(
    original: Callable[..., object], before: Callable[[object], None], after: Callable[[object], None]
) -> Callable[..., object]:
    @functools.wraps(original)
    def method(self: object, *args: object, **options: object) -> object:
        with contextlib.suppress(Exception):
            before(self)
        answer = original(self, *args, **options)
        with contextlib.suppress(Exception):
            after(self)
        return answer

    return method


def _standing(bar: Any) -> Standing:
    words = (bar.desc or "").removesuffix(": ")
    if not words and bar.unit != _USUAL_UNIT:
        words = bar.unit.strip()
    return Standing(bar.n, bar.total, words)


def _nothing(_bar: object) -> None:
    """Nothing is to be told of this."""
