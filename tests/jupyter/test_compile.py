"""Cells to one module."""

import itertools
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pivot.model.place import Place
from pivot_jupyter.cells import Cell
from pivot_jupyter.compile import compile_module, part_of_module, read_notebook, refused_commands


def module(*texts, stages=("f",), name="nb_stages"):
    cells = [Cell(number, text) for number, text in enumerate(texts, 1)]
    return compile_module(read_notebook(cells), name, stages)


def run(text):
    space = {"__name__": "nb_stages"}
    exec(compile(text, "<nb>", "exec"), space)
    return space


HELPERS = (
    "import math",
    "SCALE = 2",
    "def g(x):\n    return math.sqrt(x) * SCALE",
    "def f():\n    return g(16)",
)


def test_a_function_brings_helper_constant_and_import_of_other_cells():
    text = module(*HELPERS).text
    assert run(text)["f"]() == 8.0


def test_what_nothing_reaches_stays_out():
    text = module(*HELPERS, "OTHER = 3", "def h():\n    return OTHER", "f()").text
    assert "OTHER" not in text
    assert "h" not in run(text)


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_the_module_executes_whatever_the_order_of_the_cells(order):
    text = module(*(HELPERS[i] for i in order)).text
    assert run(text)["f"]() == 8.0


def test_the_last_executed_definition_counts():
    text = module("def g():\n    return 1", "def f():\n    return g()", "def g():\n    return 2").text
    assert run(text)["f"]() == 2
    assert text.count("def g") == 1


@pytest.mark.parametrize(
    ("texts", "value"),
    [
        (("X = 1", "X += 2"), 3),
        (("X = [1]", "X.append(2)", "X[0] = 5"), [5, 2]),
        (("X = [1]\nX.append(2)\n",), [1, 2]),
        (("X = [1]", "X.append(2)", "X = [7]"), [7]),
        (("Y = [1]", "Y.append(2)", "X = len(Y)"), 2),
        (("X = 1", "if True:\n    X = 2"), 2),
        (("try:\n    import nothing_here as X\nexcept ImportError:\n    X = None",), None),
        (("X, Z = 1, 2",), 1),
        (("for X in range(3):\n    pass",), 2),
        (("class A:\n    pass", "A.v = 3", "X = A.v"), 3),
        (("def g():\n    return h()", "def h():\n    return 4", "X = g()"), 4),
        (("a = 1; X = a + 1",), 2),
        (("from math import *", "X = floor(2.5)"), 2),
        (("X = 5  # five",), 5),
        (("if __name__ == '__main__':\n    X = 9", "X = 1"), 1),
        (("X = {'a': 1}", "X.update(a=2)\nX.items()"), {"a": 2}),
        (("def deco(fn):\n    return lambda: K", "K = 6", "@deco\ndef g():\n    pass", "X = g()"), 6),
        (("%%pivot_module\nK = 3\ndef g():\n    return K", "X = g()"), 3),
        (("%%time\nX = 8",), 8),
        (("import xml.dom", "import xml.sax", "X = xml.dom.__name__ + xml.sax.__name__"), "xml.domxml.sax"),
        (
            ("R = []\ndef reg(g):\n    R.append(g.__name__)\n    return g", "@reg\ndef a(): pass", "X = R"),
            ["a"],
        ),
        (
            (
                "R = {}\ndef reg(name):\n    def deco(g):\n        R[name] = 1\n        return g\n    return deco",
                "@reg('a')\ndef a(): pass",
                "@reg('b')\nclass B: pass",
                "X = list(R)",
            ),
            ["a", "b"],
        ),
        (
            (
                "import functools",
                "@functools.singledispatch\ndef g(x):\n    return 1",
                "@g.register\ndef _(x: int):\n    return 2",
                "@g.register\ndef _(x: str):\n    return 3",
                "X = [g(1), g(''), g([])]",
            ),
            [2, 3, 1],
        ),
        (
            (
                "class Base:\n    known = []\n    def __init_subclass__(cls):\n        Base.known.append(cls.__name__)",
                "class A(Base): pass",
                "class B(A): pass",
                "X = Base.known",
            ),
            ["A", "B"],
        ),
        (
            (
                "class R:\n    def __init__(self):\n        self.all = []\n    def add(self, g):\n        self.all.append(g)",
                "r = R()",
                "@r.add\ndef a(): pass",
                "X = len(r.all)",
            ),
            1,
        ),
        (
            (
                "T = {}\ndef timed(g):\n    def inner():\n        T['g'] = 1\n        return g()\n    return inner",
                "@timed\ndef h(): return nowhere",
                "@timed\ndef k(): return 5",
                "X = k() + len(T)",
            ),
            6,
        ),
        (("X = 1", "def g():\n    x = 0\n    x += 1\n    return x", "X = X + g()"), 2),
        (("%time X = 8",), 8),
        (("%matplotlib inline\nX = 8",), 8),
    ],
)
def test_a_value_is_what_the_cells_made_it(texts, value):
    text = module(*texts, "def f():\n    return X").text
    assert run(text)["f"]() == value


@pytest.mark.parametrize(
    "leaves",
    ["X.to_csv('x.csv')", "X.mkdir()", "X.plot()", "X.info()", "X.write_text('a')", "X.close()",
     "os.remove('x')", "os.makedirs('y')", "X.head()", "print(X)", "other = X.append", "{}.update(X)"],
)  # fmt: skip
def test_what_only_shows_a_value_or_writes_files_stays_in_its_cell(leaves):
    text = module("import os", "X = 1", f"{leaves}\n0", "def f():\n    return X, os.sep").text
    assert leaves not in text


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("X = 1; X.mkdir()", "X = 1"),
        ("Y = 2; X = 'ä'; Z = 3  # why", "X = 'ä'"),
        ("Y = [\n1]; X = [\n2]; Z = 3", "X = [\n2]"),
        ("Y = 2; X = 1  # why", "X = 1  # why"),
        ("X = 1;", "X = 1;"),
    ],
)
def test_statements_that_share_a_line_are_cut_apart(line, kept):
    text = module(line, "def f():\n    return X").text
    assert text.split("\n\n\n")[0] == kept


def test_comments_that_belong_to_a_definition_are_kept():
    text = module(
        "# unrelated\n\n# why g\ndef g():\n    # inside\n    return 1  # end\n", "def f():\n    return g()"
    ).text
    assert "# why g\ndef g():\n    # inside\n    return 1  # end" in text
    assert "unrelated" not in text


def test_a_module_cell_goes_in_as_it_stands():
    cell = "%%pivot_module\n# the helpers\nA = 1\n\n\ndef unused():\n    return A\n"
    text = module(cell, "def f():\n    return 1").text
    assert "# the helpers\nA = 1\n\n\ndef unused():\n    return A" in text
    assert "%%" not in text


def test_future_imports_come_first():
    text = module(
        "import os", "from __future__ import annotations\nX = 1", "def f() -> Later:\n    return X"
    ).text
    assert text.splitlines()[0] == "from __future__ import annotations"
    assert run(text)["f"]() == 1


def test_names_in_annotations_and_queries_are_reached():
    text = module(
        "import pathlib", "LIMIT = 3", "def f(a: 'pathlib.Path', t=None):\n    return t.query('x > @LIMIT')"
    ).text
    assert {"pathlib", "LIMIT"} <= set(run(text))


def test_a_kernel_command_in_reach_is_refused_with_cell_and_line():
    found = module("a = 1\nfiles = !ls", "def f():\n    return files").slice
    (error,) = refused_commands(found)
    assert error.message.startswith("Cell In[1], line 2: `files = !ls` works in a notebook only")
    assert error.message.endswith("files needs it")


def test_a_kernel_command_out_of_reach_does_not_matter():
    assert "ls" not in module("!ls\nX = 1", "def f():\n    return X").text


def test_missing_names_are_told_with_their_user():
    missing = module("def f():\n    return nowhere + len([])").slice.missing
    assert [(m.name, m.user.cell.number) for m in missing] == [("nowhere", 1)]


@pytest.mark.parametrize(
    "body",
    [
        "total = 0\n    for i in []:\n        total += i\n    return total", "import os\n    return os.sep",
        "try:\n        pass\n    except OSError as e:\n        return e", "return [z for z in []]", "return lambda y: y",
        "if (n := 3):\n        return n", "with open('a') as h:\n        return h.read()", "def g(k): return k\n    return g",
        "class C:\n        a = 1\n    return C", "match 3:\n        case m: return m", "return __name__",
        "global G\n    G = 1", "x: int = 3\n    return x", "return 'some.dotted words'", "for a, (b, *c) in []: print(a, b, c)",
    ],
)  # fmt: skip
def test_names_of_a_function_s_own_are_not_missing(body):
    assert module(f"def f():\n    {body}").slice.missing == ()
    text = module(
        "total = i = z = y = n = h = k = a = b = c = e = m = x = os = 7", f"def f():\n    {body}"
    ).text
    assert "= 7" not in text


def test_a_path_in_an_annotation_is_no_name():
    text = module("clean = 3", "def f(a: Annotated[str, Dep('clean.csv')], b: Out('clean')): pass").text
    assert "clean = 3" not in text
    assert "clean = 3" in module("clean = 3", "def f(a: 'clean', b: Dep('x')): return 3").text


def test_names_of_a_block_s_own_are_not_missing():
    block = "try:\n    X = int('a')\nexcept ValueError as error:\n    X = str(error)"
    made = module(block, "def f():\n    return X")
    assert made.slice.missing == ()


def test_a_cell_that_is_no_python_is_told():
    notebook = read_notebook([Cell(1, "def f(:"), Cell(2, "X = 1")])
    assert list(notebook.unreadable) == ["Cell In[1]"]


def test_lines_of_the_module_are_lines_of_cells():
    made = module("# c\nX = 1", "\n\ndef f():\n    return X / 0")
    line = made.text.splitlines().index("    return X / 0") + 1
    assert made.place(line) == Place("Cell In[2]", 4)
    shown = made.in_cells(f'  File "<nb_stages>", line {line}, in f\nZeroDivisionError (<nb_stages>:{line})')
    assert shown == "  File Cell In[2], line 4, in f\nZeroDivisionError (Cell In[2], line 4)"


def test_two_functions_that_call_each_other_are_both_taken():
    text = module(
        "def even(n):\n    return n == 0 or odd(n - 1)",
        "def odd(n):\n    return n != 0 and even(n - 1)",
        "def f():\n    return even(4)",
    ).text
    assert run(text)["f"]() is True


def test_a_part_holds_only_what_its_names_need():
    notebook = read_notebook([Cell(1, "A = [1]"), Cell(2, "B = A * 2"), Cell(3, "%%pivot_module\nC = 3")])
    assert part_of_module(notebook, "m", ["B"]).text == "A = [1]\n\nB = A * 2\n"


def test_an_executed_again_cell_keeps_its_place_in_the_text():
    first, again = Cell(1, "A = 1"), Cell(9, "A = 1")
    second, third = Cell(2, "B = A + 1"), Cell(3, "def f():\n    return A + B")
    fresh = compile_module(read_notebook([first, second, third]), "m", ["f"])
    rerun = compile_module(read_notebook([second, third, again], {again: 0, second: 1, third: 2}), "m", ["f"])
    assert fresh.text == rerun.text


@given(st.permutations(range(6)))
def test_any_order_of_independent_cells_gives_the_same_definitions(order):
    cells = ["import math", "K = 3", "def a():\n    return K", "def b():\n    return a() + math.floor(1.5)",
             "class C:\n    base = K", "def f():\n    return b() + C.base"]  # fmt: skip
    text = module(*(cells[i] for i in order)).text
    assert run(text)["f"]() == 7


def test_compiling_is_the_same_in_every_process(tmp_path):
    script = (
        "from pivot_jupyter.cells import Cell\nfrom pivot_jupyter.compile import *\n"
        f"cells = [Cell(i, t) for i, t in enumerate({HELPERS!r})]\n"
        "print(compile_module(read_notebook(cells), 'm', ['f']).module_text('m').digest)"
    )
    digests = {
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True,
                       env={"PYTHONHASHSEED": seed, "PATH": ""}).stdout
        for seed in ("0", "7")
    }  # fmt: skip
    assert len(digests) == 1


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_what_the_fields_of_a_class_are_annotated_with_comes_before_it(order):
    """Also where the cell of the class failed at first, and so stands above."""
    cells = [
        Cell(1, "class Row:\n    kind: Kind(3)\n"),
        Cell(2, "class Kind:\n    def __init__(self, n): self.n = n\n"),
        Cell(3, "def f():\n    return Row.__annotations__['kind'].n\n"),
    ]
    executed = [cells[i] for i in (1, 0, 2)]
    notebook = read_notebook(executed, {cells[i]: place for place, i in enumerate(order)})
    assert run(compile_module(notebook, "nb_stages", ["f"]).text)["f"]() == 3
