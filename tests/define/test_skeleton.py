"""What of a module counts for the stage definitions: everything but bodies that did not run."""

import textwrap

import pytest

from pivot.define.skeleton import ran_functions, skeleton

MODULE = '''
import functools

RATE = 3

def helper(x, y=RATE):
    """Helps."""
    return x + y

@functools.cache
def called():
    return helper

class Model:
    size: int = 3

    def fit(self):
        return self.size

    def fit(self):  # again
        return super()

if RATE:
    async def later():
        return 1
else:
    def later():
        yield 2
'''

COUNTS = [
    ("a constant", "RATE = 3", "RATE = 4"),
    ("a name", "def helper", "def helped"),
    ("a default", "y=RATE", "y=1"),
    ("an annotation", "(x, y", "(x: int, y"),
    ("a docstring", "Helps.", "Helped."),
    ("a decorator", "@functools.cache\n", ""),
    ("the body of a function that ran", "return helper", "return None"),
    ("a field of a class", "size: int = 3", "size: int = 4"),
    ("that it makes a generator", "return x + y", "yield x + y"),
    ("that it is a coroutine", "    async def", "    def"),
    ("that a method closes over its class", "return self.size", "return super().size"),
    ("an import", "import functools", "import functools, os"),
    ("a statement between functions", "class Model", "helper = None\nclass Model"),
    ("a new function", "class Model", "def new(): pass\nclass Model"),
]
COUNTS_NOT = [
    ("the body of a function that did not run", "return x + y", "import os; return [x, RATE]"),
    ("the body of a method", "return self.size", "return -self.size"),
    ("the body of the second of one name", "return super()", "return super().fit()"),
    ("a body in a branch", "return 1", "return 2"),
    ("a comment", "# again", "# and again"),
    ("where it stands", "\nRATE = 3", "\n\n\nRATE = 3"),
]


def skeletons(old: str, new: str) -> tuple[object, object]:
    line = MODULE[: MODULE.index("@functools.cache")].count("\n") + 1
    ran = ran_functions(MODULE.encode(), {1, line})
    assert ran == {"called 1"}
    assert MODULE.count(old) == 1
    return skeleton(MODULE.encode(), ran), skeleton(MODULE.replace(old, new).encode(), ran)


@pytest.mark.parametrize(("old", "new"), [c[1:] for c in COUNTS], ids=[c[0] for c in COUNTS])
def test_whatever_may_have_had_a_say_counts(old, new):
    before, after = skeletons(old, new)
    assert before is not None
    assert before != after


@pytest.mark.parametrize(("old", "new"), [c[1:] for c in COUNTS_NOT], ids=[c[0] for c in COUNTS_NOT])
def test_a_body_that_did_not_run_counts_not(old, new):
    before, after = skeletons(old, new)
    assert before is not None
    assert before == after


@pytest.mark.parametrize(
    "line", ["hash(helper.__code__)", "inspect.getsource(helper)", "getattr(code, 'co_names')", "def ("]
)
def test_of_a_module_that_may_look_at_code_or_is_no_python_everything_counts(line):
    text = textwrap.dedent(f"def helper(): pass\n{line}\n").encode()
    assert ran_functions(text, {1}) is None
    assert skeleton(text, ()) is None


def test_all_blocks_of_statements_are_looked_into_and_equal_names_are_told_apart():
    text = """
for i in ():
    def f(): 1
else:
    def f(): 2
try:
    def f(): 3
except E:
    def f(): 4
finally:
    def f(): 5
match x:
    case 1:
        def f(): 6
while x:
    with y:
        def f(): 7
"""
    lines = {number for number, line in enumerate(text.splitlines(), 1) if "def" in line}
    ran = ran_functions(text.encode(), lines)
    assert ran == {f"f {number}" for number in range(1, 8)}
    for number in range(1, 8):
        edited = text.replace(f": {number}\n", f": {number}0\n").encode()
        assert skeleton(edited, ran) != skeleton(text.encode(), ran)
        assert skeleton(edited, ran - {f"f {number}"}) == skeleton(text.encode(), ran - {f"f {number}"})
