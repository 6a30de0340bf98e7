"""Which statements of the cells act on what a stage reaches, and which only look at it."""

import pytest

from pivot_jupyter.acting import Acting, confined_units, unseen_units
from pivot_jupyter.cells import Cell
from pivot_jupyter.compile import compile_module, read_notebook
from pivot_jupyter.stages import Ground

STAGE = "def train(x):\n    return f(x)"


@pytest.fixture
def module(tmp_path):
    """The module's text for the stage ``train`` of some cells, with files beside the notebook."""

    def build(*texts, **files):
        for name, text in files.items():
            (tmp_path / f"{name}.py").write_text(text)
        cells = [Cell(number, text, f"id{number}") for number, text in enumerate(texts, 1)]
        notebook = read_notebook(cells)
        ground = Ground(str(tmp_path), "", ("",))
        acting = Acting(notebook.units, "nb_stages", ["train"], ground)
        return compile_module(notebook, "nb_stages", ["train"], acting).text

    return build


@pytest.mark.parametrize(
    ("cells", "statement"),
    [
        (["S = []\ndef fill(s): s.append(1)\ndef f(x): return S", "fill(S)"], "fill(S)"),
        (["C = {'a': 1}\ndef f(x): return C['a']", "alias = C\nalias['a'] = 2"], "alias['a'] = 2"),
        (["class A: pass\ndef f(x): return A.__subclasses__()", "class B(A): pass"], "class B(A): pass"),
        (["K = 1\ndef f(x): return K", "import sys\nsetattr(sys.modules[__name__], 'K', 2)"], "setattr("),
        (["def f(x): return T", "exec('T = 1')"], "exec('T = 1')"),
        (["S = []\ndef fill(s, v): s.append(v)\ndef f(x): return S", STAGE, "ALL = [train]\nfill(S, ALL)"],
         "fill(S, ALL)"),
        (["import random\ndef f(x): return random.random()\ndef setup(n): random.seed(n)", "setup(1)"], "setup(1)"),
        (["C = {'a': 1}\ndef f(x): return C['a']", "def setup(): C['a'] = 2\nsetup()"], "\nsetup()"),
        (["def f(x, seen=[]):\n    seen.append(x)\n    return len(seen)", "J = f(1)"], "J = f(1)"),
        (["K = 1\nJ = K\nK = 2\ndef f(x): return K + J"], "J = K\nK = 2"),
    ],
    ids=["call", "alias", "subclass", "own module", "exec", "stage as a value", "seed in a function", "setter",
         "memory", "bound again"],
)  # fmt: skip
def test_what_acts_on_the_reach_is_part_of_the_module(module, cells, statement):
    assert statement in module(*cells, STAGE)


@pytest.mark.parametrize(
    ("cells", "statement", "there"),
    [
        (["S = []\ndef f(x): S.append(x)", "import math\nmath.fsum(S)"], "fsum", False),
        (["S = []\ndef f(x): S.append(x)", "import math\nt = math.fsum(S)\nprint(t)"], "fsum", False),
        (["S = {}\ndef f(x): S[x] = 1", "for k, v in S.items():\n    print(k, v)"], "for k", False),
        (["S = {}\ndef f(x): S[x] = 1", "S['a'] = 0"], "S['a'] = 0", True),
        (["S = []\ndef f(x): S.append(x)\nM = {}\ndef g(s): M['a'] = s", "g(S)"], "\ng(S)", True),
        (["S = []\ndef f(x): S.append(x); return len(S)", "import math\nmath.fsum(S)"], "fsum", True),
        (["S = []\ndef f(x): S.append(x)", "OTHER = S", "import math\nmath.fsum(OTHER)"], "fsum", True),
    ],
    ids=["shown", "computed", "loop", "put", "function of a cell", "a function looks", "alias"],
)
def test_what_shows_a_log_that_no_function_reads_stays_in_its_cell(module, cells, statement, there):
    assert (statement in module(*cells, STAGE)) is there


_ALIEN = "DATA = open('a.csv').read()\ndef alien(): return DATA"


@pytest.mark.parametrize("other", ["", "from math import *", "NAMES = list(globals())"])
def test_what_a_cell_displays_stays_there(module, other):
    text = module(other, "C = {'a': [1]}\ndef f(x): return C", "display(C)", STAGE)
    assert "C = {'a': [1]}" in text
    assert "display" not in text


@pytest.mark.parametrize(
    ("cell", "there"),
    [
        ("if 'K' not in globals():\n    K = 5", False),
        ("LIST = sorted(globals())", False),
        ("[name for name in locals() if name > 'd']", False),
        ("assert 'é' != 'x' and 'DATA' in vars(), 'é'", False),
        (
            "LIST = list(globals().values())",
            True,
        ),  # it holds the function, which may be called by whoever has it
        ("g = [globals()]\nLIST = [value() for value in g[0].values()]", True),
    ],
)
def test_to_ask_which_names_there_are_acts_on_none_of_them(module, cell, there):
    text = module(_ALIEN, "def f(x): return x", cell, STAGE)
    assert ("def alien" in text) is there


def test_an_import_for_the_effect_of_a_file_on_another_is_part_of_the_module(module):
    text = module(
        "from table import TABLE\ndef f(x): return TABLE",
        "import plugin",
        STAGE,
        table="TABLE = {}",
        plugin="from table import TABLE\nTABLE['a'] = 1",
    )
    assert "import plugin" in text


def test_a_call_that_imports_what_acts_is_part_of_the_module_whatever_its_name(module):
    text = module(
        "from table import TABLE\ndef f(x): return TABLE",
        "from plugins import load\nload()",
        STAGE,
        table="TABLE = {}",
        plugins="def load():\n    import plugin",
        plugin="from table import TABLE\nTABLE['a'] = 1",
    )
    assert "\nload()" in text


def test_an_import_of_a_file_that_acts_on_nothing_is_not(module):
    text = module("import other", "def f(x): return x", STAGE, other="TABLE = {}\nTABLE['a'] = 1")
    assert "other" not in text


@pytest.mark.parametrize(
    "cell",
    [
        "plt.figure()\nplt.show()",
        "pd.set_option('display.width', 100)",
        "df = pd.read_csv('a.csv')\nshow(df)\ndf.head()",
        "df = pd.read_csv('a.csv')\nS.update(df.iloc[0])\nprobe(df)",
        "print(f(3))",
        "[f(i) for i in range(3)]",
        "v = f(2)\nprint(v)",
        "train(2)",
        "result = train(5)\nresult",
        "unknown(S)",
    ],
)
def test_a_cell_that_looks_is_no_part_of_the_module(module, cell):
    head = "import pandas as pd\nimport matplotlib.pyplot as plt"
    code = "CONFIG = {'a': 1}\nS = {}\ndef f(x): return CONFIG['a'] + x\ndef probe(d): CONFIG2 = d\ndef show(d): plt.plot(d)"
    assert module(head, code, STAGE, cell) == module(code, STAGE)


def test_a_setting_counts_where_its_library_is_in_reach(module):
    setting = "import numpy as np\nold = np.seterr(all='raise')"
    assert "seterr" in module(setting, "def f(x): return np.log(x)", STAGE)
    assert "seterr" not in module(setting, "def f(x): return x", STAGE)


def test_cells_that_are_no_module_together_fall_back_on_names(module):
    assert module("K = 1\ndef f(x): return K", STAGE, "import broken", broken="def (") == module(
        "K = 1\ndef f(x): return K", STAGE
    )


def test_order_of_execution_holds_for_what_acts(module):
    text = module(
        "S = []\ndef fill(s, v): s.append(v)\ndef f(x): return S, A", "A = len(S)", "fill(S, 1)", STAGE
    )
    assert text.index("A = len(S)") < text.index("fill(S, 1)")


def units(*texts):
    return read_notebook([Cell(n, text, f"id{n}") for n, text in enumerate(texts, 1)]).units


@pytest.mark.parametrize(
    ("text", "confined"),
    [
        ("C = {'a': 1}\ndef f(): return C['a']", True),
        ("C = [1, 2]\ndef f(): return [c for c in C]\nC.append(3)", True),
        ("C = {'a': 1}\nC['b'] = 2\nprint(C)", True),
        ("C = {'a': []}\ndef f(): return C['a']", False),
        ("C = {'a': 1}\ndef f(): return C", False),
        ("C = []\nC.append(thing)", False),
        ("C = {}\nC['a'] = thing", False),
        ("C = {'a': 1}\ndef f(): C['a'] = 2", False),
        ("C = {'a': 1}\ndef f(): global C; C = {}", False),
        ("C = {'a': 1}\nD = C", False),
        ("C = {'a': 1}\ng(C)", False),
        ("C = {'a': 1}\ndef f(): del C['a']", False),
        ("C = {'a': 1}\ndef f(): C.update(a=2)", False),
        ("C = {'a': 1}\ndef f(): C['a'] += 2", False),
        ("C = {'a': 1}\ndef f(k): return globals()[k]", False),
        ("C = [1]\ndef f(): [C[0] for C[0] in [2]]", False),
    ],
)
def test_a_value_is_confined_if_nothing_is_handed_it(text, confined):
    assert (0 in confined_units(units(text))) is confined


@pytest.mark.parametrize(
    ("text", "unseen"),
    [
        ("K = 1\nK = 2", True),
        ("def f(): return 1\ndef f(): return 2", True),
        ("K = 1\nJ = K\nK = 2", False),
        ("K = 1\nK = K + 1", False),
        ("K = 1\ndef f(): return K\nJ = f()\nK = 2", False),
        ("K = make()\nK = 2", False),
        ("def f(): return 1\nK = (lambda: f())()\ndef f(): return 2", False),
        ("def f(): return 1\n@now\ndef g(): return f()\ndef f(): return 2", False),
        ("@keep\ndef f(): return 1\ndef f(): return 2", False),
    ],
)
def test_a_definition_is_unseen_if_it_is_made_anew_before_anything_reads_it(text, unseen):
    assert (0 in unseen_units(units(text))) is unseen
