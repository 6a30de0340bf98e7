"""Which modules can remember something from one stage to the next."""

import types

import pytest

from pivot.worker.residue import remembers


def module(text):
    made = types.ModuleType("mod")
    exec(compile(text, "mod.py", "exec"), vars(made))
    return made


@pytest.mark.parametrize(
    "text",
    [
        "",
        "from __future__ import annotations\nimport os, numpy as np\nfrom pathlib import Path\nfrom typing import Any",
        "A = 1\nB = 'text'\nC = (1, ('a', None))\nD = frozenset({1})\nE = 1.5",
        "import re, pathlib, datetime\nP = re.compile('x')\nQ = pathlib.Path('a')\nT = datetime.date(2020, 1, 1)",
        "def f(x, y=1, *, z='a'): return x\ng = f\nh = lambda: 0",
        "class A:\n    N = 1\n    def m(self): return self\n    @property\n    def p(self): return 1\n    @staticmethod\n    def s(): pass",
        "import enum\nclass E(enum.Enum):\n    A = []",
        "import dataclasses\n@dataclasses.dataclass\nclass D:\n    a: int = 0",
        "import dataclasses\n@dataclasses.dataclass(frozen=True)\nclass D:\n    a: int = 0\nX = D(3)",
        "from typing import TypedDict\nclass T(TypedDict):\n    a: int",
        "import pydantic\nclass P(pydantic.BaseModel):\n    model_config = {'frozen': True}\n    a: list[int] = []",
        "import abc\nclass A(abc.ABC):\n    __slots__ = ('x',)\n    @abc.abstractmethod\n    def m(self): ...",
        "from typing import Generic, TypeVar, Protocol\nT = TypeVar('T')\nclass A(Generic[T]):\n    x: T\nclass P(Protocol):\n    y: int",
        "from typing import Optional, List, Dict, Union, TypeVar\nA = Optional[int]\nB = List[int]\nC = Union[int, str]\nT = TypeVar('T')\nD = int | None",
        "import logging\nlog = logging.getLogger('x')",
        "import functools\n@functools.cache\ndef f(): return 1",
        "__all__ = ['a']\na = 1",
        "import functools\nclass A:\n    @functools.cached_property\n    def p(self): return 1",
        "import pivot.loaders\nOUT = pivot.loaders.JSON()",
        "def outer():\n    x = 1\n    def inner(): return x\n    return inner\nf = outer()",
    ],
)
def test_plain_code_remembers_nothing(text):
    assert not remembers(module(text))


@pytest.mark.parametrize(
    "text",
    [
        "A = []",
        "A = {}",
        "A = (1, [2])",
        "import collections\nA = collections.Counter()",
        "import random\nR = random.Random(0)",
        "import numpy\nA = numpy.zeros(3)",
        "import functools\n@functools.cache\ndef f(): return 1\nf()",
        "N = 0\ndef f():\n    global N\n    N = 1",
        "def f():\n    def g():\n        global N\n        N = 1\n    return g",
        "class A:\n    def m(self):\n        global N\n        N = 1",
        "class A:\n    @property\n    def p(self):\n        global N\n        N = 1",
        "class A:\n    seen = set()",
        "def f(seen=[]): pass",
        "def f(*, seen={}): pass",
        "def f(): pass\nf.calls = []",
        "def outer():\n    seen = []\n    def inner(): seen.append(1)\n    return inner\nf = outer()",
        "import dataclasses\n@dataclasses.dataclass\nclass D:\n    a: int = 0\nX = D(3)",
        "import dataclasses\n@dataclasses.dataclass(frozen=True)\nclass D:\n    a: list\nX = D([])",
        "class A: pass\nX = A()",
        "import dataclasses\nfrom typing import ClassVar\n@dataclasses.dataclass\nclass D:\n    seen: ClassVar[list] = []",
        "class A:\n    def __init__(self, seen=[]): pass",
        "import itertools\nC = itertools.count()",
        "X = iter([1, 2])",
    ],
)
def test_whatever_can_change_counts_as_memory(text):
    assert remembers(module(text))
