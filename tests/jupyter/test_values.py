"""Which values a module can make again."""

import math

import pytest

from pivot.model.portrait import pickle_with_portraits
from pivot.model.task import Failure, TrialResult
from pivot_jupyter.cells import Cell
from pivot_jupyter.compile import compile_module, part_of_module, read_notebook
from pivot_jupyter.missing import unexplained
from pivot_jupyter.outdated import outdated
from pivot_jupyter.values import refusals


def judge(*texts, change=lambda space: None, stage="def f():\n    return X"):
    """Executes cells as a kernel does, and gives (messages, names that went to a trial)."""
    cells = [Cell(number, text) for number, text in enumerate([*texts, stage], 1)]
    space = {"__name__": "__main__"}
    for cell in cells:
        exec(compile(cell.text, cell.name, "exec"), space)
    change(space)
    notebook = read_notebook(cells)
    tried = []

    def trial(names):
        tried.extend(names)
        fresh = {"__name__": "nb_stages"}
        try:
            exec(compile(part_of_module(notebook, "nb_stages", names).text, "<t>", "exec"), fresh)
        except Exception as error:
            return TrialResult(failure=Failure("import", f"{type(error).__name__}: {error}"))
        values, problems = {}, {}
        for name in names:
            try:
                values[name] = pickle_with_portraits(fresh[name])
            except Exception as error:
                problems[name] = str(error)
        return TrialResult(values, problems)

    errors = refusals(compile_module(notebook, "nb_stages", ["f"]).slice, space, trial)
    return [error.message for error in errors], sorted(set(tried))


@pytest.mark.parametrize(
    "text",
    ["X = 1", "X = [1, {'a': (2, None)}]", "import pathlib\nX = pathlib.Path('a') / 'b'", "X = lambda x: x + 1",
     "import re\nX = re.compile('a+')", "A = 3\nX = A * 2 + 1", "import math\nX = math.pi", "X = -1.5", "X = f'{1}b'"],
)  # fmt: skip
def test_plain_values_need_no_trial(text):
    assert judge(text) == ([], [])


@pytest.mark.parametrize(
    "texts",
    [("import numpy as np", "X = np.arange(5)"), ("def g():\n    return [1]", "X = g()"), ("X = [i for i in range(3)]",),
     ("X = [1]", "X.append(2)"), ("import pandas as pd\nX = pd.DataFrame({'a': [1, 2]})", "X['b'] = 3", "X.head()"),
     ("import random\nX = random.Random(3)",), ("import random\nrandom.seed(3)", "X = random.random()"), ("X = {}", "X.update(a=1)"), ("import pandas as pd\nX = pd.DataFrame",),
     ("import pandas as pd, typing\nX = typing.Annotated[pd.DataFrame, 1]",), ("import numpy as np\nX = list[np.ndarray]",)],
)  # fmt: skip
def test_doubtful_values_are_tried_and_accepted_when_equal(texts):
    assert judge(*texts) == ([], ["X"])


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        (("import random\nX = random.Random()",), "evaluated again it has another value"),
        (("import random", "X = random.random()"), "random.random(…) is random"),
        (("import datetime\nX = datetime.datetime.now()",), "datetime.datetime.now(…) differs each time"),
        (("import os\nwith open(os.devnull) as file:\n    X = file.read()",), "file.read(…) reads a file"),
        (("import io, pandas as pd\nX = pd.read_csv(io.StringIO('a\\n1'))",), "pd.read_csv(…) reads a file"),
        (("import numpy as np\nX = np.zeros(2_000_000)",), "it holds 16 MB of data"),
        (("import threading\nX = threading.local()", "X.a = 1"), "Cell In[2] changes it, and it cannot be compared"),
        (("class Model:\n    def __reduce__(self):\n        raise TypeError\n    def fit(self):\n        pass",
          "X = Model()", "X.fit()"), "Cell In[3] changes it, and it cannot be compared"),
    ],
)  # fmt: skip
def test_what_the_source_does_not_give_again_is_refused_with_its_reason(texts, reason):
    messages, _ = judge(*texts)
    assert len(messages) == 1
    assert "exists only in this kernel" in messages[0]
    assert reason in messages[0]
    assert messages[0].startswith("X in Cell In[")


def test_a_value_changed_out_of_sight_is_refused():
    messages, _ = judge("X = [1]", change=lambda space: space["X"].append(2))
    assert messages == ["X in Cell In[1] exists only in this kernel (evaluated again it has another value)"]


@pytest.mark.parametrize("value", ["0", "0 + 0", "(1, 2)"])
def test_a_value_that_a_function_bound_anew_is_refused(value):
    cells = (f"X = {value}", "def bump():\n    global X\n    X = 5")
    assert judge(*cells) == ([], [])
    messages, _ = judge(*cells, "bump()")
    assert messages == ["X in Cell In[1] exists only in this kernel (evaluated again it has another value)"]


_TIMED = "def timed(n):\n    {}\n    return n", "timed(3)", "def f():\n    return timed(1)"


@pytest.mark.parametrize(
    ("value", "put", "accepted"),
    [
        ("[]", "X.append(n)", True),
        ("{}", "X[n] = 1", True),
        ("{'calls': 0}", "X['calls'] += 1", True),
        ("{}", "X.setdefault(n, []).append(1)", True),
        ("__import__('collections').defaultdict(list)", "X[n].append(n)", True),
        ("__import__('collections').Counter()", "X.update([n])", True),
        ("[]", "return X.append(n)", False),  # who gets it may look at it
        ("[]", "X.append(n); return len(X)", False),
        ("{}", "X[n] = n; return X[n]", False),
        ("{}", "n = X.setdefault(n, 2)", False),
        ("[]", "X.append(n); other = X", False),
        ("[]", "X.append(n); vars()", False),
        ("[1]", "X.pop()", False),  # it fails where nothing is left
        ("0", "global X; X += n", False),
        ("OTHER", "X.append(n); return OTHER", False),  # the same list by another name
    ],
)
def test_a_value_is_accepted_whatever_it_holds_if_nothing_looks_at_it(value, put, accepted):
    timed, call, stage = _TIMED
    messages, _ = judge(f"OTHER = []\nX = {value}", timed.format(put), call, stage=stage)
    if accepted:
        assert messages == []
    else:
        assert any("timed in Cell In[2] changes it when it is called" in message for message in messages)


def test_a_value_older_than_the_function_that_makes_it_is_refused():
    cells = ["def g():\n    return 1", "X = g()", "def g():\n    return 2"]
    messages, tried = judge(*cells)
    assert tried == ["X"]
    assert "evaluated again it has another value" in messages[0]


_MAKER = "def make(n):\n    def inner():\n        return inner, n\n    return inner"
_VARIABLE = "import contextvars\nX = contextvars.ContextVar('X', default=0)"


def _again(space):
    space["X"].append(space["X"][0])


@pytest.mark.parametrize(
    ("texts", "change"),
    [
        (("X = []", "X.append(lambda: 1)"), _again),
        (("X = []", "X.append(lambda: 1)"), lambda space: space["X"].append(lambda: 2)),
        (
            ("X = []", "X.append(lambda a=(): a)"),
            lambda space: space["X"][0].__defaults__[:0] or _again(space),
        ),
        (("X = []", _MAKER, "X.append(make(1))"), lambda space: space["X"].__setitem__(0, space["make"](2))),
        (
            ("import functools", "X = {}", "X['f'] = functools.partial(lambda a: a, 1)"),
            lambda s: s["X"].clear(),
        ),
        (("import json", "X = []", "X.append(json)"), _again),
        (
            ("import math", "X = {}", "X['f'] = lambda a: [math.floor(b) for b in a if b] or math.pi"),
            lambda space: space["X"].update(f=lambda a: [math.ceil(b) for b in a if b] or math.pi),
        ),
        ((_VARIABLE, "X.set(1)"), lambda space: space["X"].set(2)),
        (
            ("import logging", "X = logging.getLogger(__name__)", "X.setLevel(10)\nY = 1"),
            lambda s: s["X"].setLevel(20),
        ),
    ],
)
def test_values_that_hold_code_are_compared_by_what_it_does(texts, change):
    assert judge(*texts) == ([], ["X"])
    messages, _ = judge(*texts, change=change)
    assert [m.partition(" (")[2] for m in messages] == ["evaluated again it has another value)"]


def test_an_unpicklable_value_that_nobody_changed_is_accepted():
    assert judge("import threading\nX = threading.Lock()")[0] == []


def test_a_failing_value_does_not_take_others_along():
    once = "import builtins\ndef g():\n    if hasattr(builtins, 'been'):\n        raise OSError('gone')\n    builtins.been = 1\n    return [1]"
    try:
        messages, _ = judge(once, "A = g()", "import numpy as np\nB = np.ones(2)", "X = [A, B]")
    finally:
        import builtins

        del builtins.been
    assert [m.split(" in ")[0] for m in messages] == ["A", "X"]
    assert all("evaluating it again fails: OSError: gone" in m for m in messages)


def test_names_without_a_text_are_explained():
    cells = [Cell(4, "def f():\n    display(1)\n    return alone + nowhere")]
    missing = compile_module(read_notebook(cells), "m", ["f"]).slice.missing
    errors = {e.message.split("`")[1]: e for e in unexplained(missing, {"alone": 1, "display": print})}
    assert "only in a notebook" in errors["display"].message
    assert "exists only in this kernel" in errors["alone"].message
    assert "nowhere" not in errors, "whether code comes to read it, a run will tell"
    assert all("Cell In[4]" in e.message and e.hint for e in errors.values())


def test_equal_tables_and_arrays_are_equal_values():
    assert judge("import pandas as pd, numpy as np\nX = (pd.Series([1]), np.ones(3))")[0] == []


def outdated_in(*texts):
    """Executes cells as a kernel does, and gives what is outdated in the reach of ``f``."""
    cells = [Cell(number, text) for number, text in enumerate(texts, 1)]
    space = {"__name__": "__main__"}
    for cell in cells:
        exec(compile(cell.text, cell.name, "exec"), space)
    found = compile_module(read_notebook(cells), "nb_stages", ["f"]).slice
    return [f"{error.message}: {error.hint}" for error in outdated(found, space)]


@pytest.mark.parametrize(
    "definition",
    [
        "def f(x=K):\n    return x", "def f(a, b=3, *, x=(K, 1)):\n    return x", "def f(x=-K * 2):\n    return x",
        "import functools\n@functools.cache\ndef f(x=K):\n    return x",
        "class f:\n    x = K", "class f:\n    x: int = K + 1",
        "import enum\nclass f(enum.Enum):\n    A = K",
        "import dataclasses\n@dataclasses.dataclass\nclass f:\n    x: int = K",
    ],
)  # fmt: skip
def test_a_definition_that_holds_an_older_value_is_told(definition):
    told = "f in Cell In[2] was defined with another K than the one of Cell In[3]: run Cell In[2] again"
    assert outdated_in("K = 1", definition, "K = 2") == [told]
    assert outdated_in("K = 1", definition, "K = 1") == []
    assert outdated_in("K = 1", definition, "K = 2", definition) == []


@pytest.mark.parametrize(
    "definition",
    [
        "def f(x):\n    return x + K",
        "f = lambda x=1: x + K",
        "def f(x=print(K)):\n    return x",
        "class f:\n    K = 3",
    ],
)
def test_what_reads_a_value_later_is_not_outdated(definition):
    assert outdated_in("K = 1", definition, "K = 2") == []


def test_what_something_else_than_a_cell_imported_is_told_with_its_import():
    import collections
    import re

    missing = compile_module(
        read_notebook([Cell(1, "def f():\n    return re, OD")]), "m", ["f"]
    ).slice.missing
    hints = [error.hint for error in unexplained(missing, {"re": re, "OD": collections.OrderedDict})]
    assert hints == [
        "run a cell with `from collections import OrderedDict as OD`",
        "run a cell with `import re`",
    ]
