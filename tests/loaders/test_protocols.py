"""What makes a class a loader."""

import pickle
import posixpath
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Generic, TypeVar

import pytest

from pivot.define.loader_ref import check_incremental, check_reader, check_writer, loader_ref
from pivot.errors import PivotError
from pivot.loaders import CSV, JSON, Loader, MatplotlibFigure, PathOnly, Reader, Writer

T = TypeVar("T")


class Reads:
    def load(self, path):
        return path


class Writes:
    def save(self, value, path): ...


class All(Reads, Writes):
    def empty(self):
        return None


class Versioned(Reads):
    version = 7
    libraries = ("numpy",)


@dataclass(frozen=True)
class Extends(Loader[T, T], Generic[T]):
    sep: str = ","

    def load(self, path): ...

    def save(self, value, path): ...

    def empty(self): ...


@dataclass(frozen=True)
class OnlyReads(Loader[int, int]):
    def load(self, path): ...


@dataclass(frozen=True)
class Inherits(OnlyReads):
    def save(self, value, path): ...


CAN = {
    "by its methods, reads": (Reads(), True, False, False),
    "by its methods, writes": (Writes(), False, True, False),
    "by its methods, all": (All(), True, True, True),
    "extends the protocol": (Extends(), True, True, True),
    "extends and leaves out": (OnlyReads(), True, False, False),
    "extends in two steps": (Inherits(), True, True, False),
    "of Pivot": (CSV(), True, True, True),
    "the path itself": (PathOnly(), True, True, True),
    "figures": (MatplotlibFigure(), False, True, False),
    "no loader": (3, False, False, False),
}


@pytest.mark.parametrize("case", CAN)
def test_a_loader_can_what_it_has_methods_of_its_own_for(case):
    loader, *expected = CAN[case]
    found = []
    for check in (check_reader, check_writer, check_incremental):
        try:
            check(loader)
        except PivotError as error:
            found.append(f"loader {type(loader).__name__} cannot" not in error.message)
        else:
            found.append(True)
    assert found == expected


def test_the_protocols_know_their_loaders():
    assert isinstance(Reads(), Reader)
    assert not isinstance(Reads(), Writer)
    assert isinstance(All(), Loader)
    assert isinstance(Extends(), Loader)
    assert issubclass(Extends, Reader)
    assert isinstance(JSON(), Reader)


def test_a_subclass_of_a_protocol_is_a_frozen_dataclass_like_any_other():
    assert Extends(";") == Extends(sep=";") != Extends()
    assert pickle.loads(pickle.dumps(Extends(";"))) == Extends(";")
    assert loader_ref(Extends(";")).options == "sep=';'"
    assert loader_ref(Extends(";")).digest != loader_ref(Extends()).digest


def test_a_default_of_a_built_in_loader_is_not_told_so_that_new_options_run_nothing():
    assert loader_ref(JSON()).options == loader_ref(JSON(indent=2, empty_factory=dict)).options == ""
    assert loader_ref(JSON(indent=None, empty_factory=list)).options == (
        "indent=None, empty_factory=builtins.list"
    )
    assert loader_ref(CSV(index_col=("a", "b"))).options == "index_col=('a', 'b',)"


def test_what_a_class_calls_version_and_libraries_goes_along():
    ref = loader_ref(Versioned())
    assert (ref.name.rpartition(".")[2], ref.version, ref.libraries) == ("Versioned", 7, ("numpy",))
    assert (loader_ref(CSV()).version, loader_ref(CSV()).libraries) == (1, ("pandas",))


def test_functions_and_classes_among_the_options_are_named_at_any_depth():
    options = {"a": [partial(posixpath.join, Versioned()), {str, All}], Fraction(1, 2): len}
    uses = loader_ref(Extends(options)).uses
    assert [name.rpartition(".")[2] for name in uses] == ["Fraction", "join", "All", "Versioned"]
    assert loader_ref(Extends()).uses == loader_ref(JSON(empty_factory=list)).uses == ()


def test_a_class_that_cannot_be_imported_by_name_is_refused():
    class Local(Reads):
        pass

    with pytest.raises(PivotError, match="loader Local cannot be sent to workers"):
        loader_ref(Local())
