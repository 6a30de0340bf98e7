"""Code that is deep or long is read like any other, and in no more time than its size asks for."""

import sys

import pytest

from pivot.fingerprint.index import index_source

DEEP = {
    "a chain of calls": lambda n: "def f(x): return x" + "".join(f".add({i})" for i in range(n)),
    "a long sum": lambda n: "def f(x): return " + " + ".join(f"x * {i}" for i in range(n)),
    "a long text in parts": lambda n: "K = " + " + ".join(f"'{i}'" for i in range(n)),
    "many branches": lambda n: (
        "def f(x):\n  if x: return 0\n" + "".join(f"  elif x == {i}: return {i}\n" for i in range(n))
    ),
    "many branches at module level": lambda n: (
        "x = 1\nif x: K = 0\n" + "".join(f"elif x == {i}: K = {i}\n" for i in range(n))
    ),
}


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP.keys())
def test_code_may_be_as_deep_as_python_takes_it(text):
    limit = sys.getrecursionlimit()
    source = text(600)
    compile(source, "deep", "exec")
    assert index_source(source).definitions != index_source(source.replace("599", "598")).definitions
    assert sys.getrecursionlimit() == limit


REGISTERING = "REGISTRY = {}\ndef register(f):\n    REGISTRY[f.__name__] = f\n    return f\n"
LONG = {
    "functions that are registered": lambda n: (
        REGISTERING
        + "".join(f"@register\ndef f{i}(x): return f{max(i - 1, 0)}(x)\n" for i in range(n))
        + "def train(x): return REGISTRY\n"
    ),
    "values made of each other": lambda n: (
        "def make(x): return [x]\nK0 = make(0)\n"
        + "".join(f"K{i} = make(K{i - 1})\n" for i in range(1, n))
        + f"def train(x): return K{n - 1}\n"
    ),
    "a list that grows": lambda n: (
        "K = []\n" + "".join(f"K.append({i})\n" for i in range(n)) + "def train(x): return K\n"
    ),
}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG.keys())
def test_twice_the_code_is_not_four_times_the_work(folder, second_folder, text):
    calls = [calls_of(each, text(n)) for each, n in ((folder, 100), (second_folder, 200))]
    assert calls[1] < 3 * calls[0]


def calls_of(folder, text: str) -> int:
    """How many Python functions are called for the fingerprint of ``train``."""
    count = 0

    def counted(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call"

    folder.write({"stages.py": text})
    before = sys.getprofile()
    sys.setprofile(counted)
    try:
        folder.static()
    finally:
        sys.setprofile(before)
    return count
