import ast
import glob
import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pivot.fingerprint.index import index_source
from pivot.fingerprint.normalize import normalize
from pivot.fingerprint.scope import analyse

REPOSITORY = Path(__file__).parents[2]


def text_of(source: str) -> list[str]:
    tree = ast.parse(source)
    scopes = analyse(tree.body)
    return [normalize(statement, scopes).code for statement in tree.body]


SAME = [
    ("def f(): pass", "def f(): ..."),
    ("def f():\n '''doc'''\n return 1", "def f():\n return 1"),
    ("def f(a: int) -> str: return a", "def f(a): return a"),
    ("def f(a):\n b: int = a\n return b", "def f(a):\n b = a\n return b"),
    ("def f(a):\n b = a\n return b", "def f(a):\n c = a\n return c"),
    ("def f(a):\n for i in a: print(i)", "def f(a):\n for j in a: print(j)"),
    ("def f(a): return [i for i in a]", "def f(a): return [j for j in a]"),
    ("def f(a): return {k: v for k, v in a}", "def f(a): return {x: y for x, y in a}"),
    ("def f():\n try: g()\n except E as e: print(e)", "def f():\n try: g()\n except E as x: print(x)"),
    ("def f(a):\n with a as b: b()", "def f(a):\n with a as c: c()"),
    (
        "def f(a):\n match a:\n  case [x, *y]: return x, y",
        "def f(a):\n match a:\n  case [p, *q]: return p, q",
    ),
    ("def f(a):\n if (b := a): return b", "def f(a):\n if (c := a): return c"),
    ("def f(a):\n b = 1\n def g(): return b\n return g", "def f(a):\n c = 1\n def g(): return c\n return g"),
    ("x = 'a' 'b'", 'x = "ab"'),
    ("x = 'a' + 'b'", 'x = "ab"'),
    ("x = 60 * 60", "x = 3600"),
    ("x = -1", "x = (-1)"),
    ("x = 0x10", "x = 16"),
    ("x = 1_000", "x = 1000"),
    ("x = 1e3", "x = 1000.0"),
    ("x: int = 3", "x = 3"),
    ("x = f'a' 'b'", "x = 'ab'"),
    ("x = f'{y}a' 'b'", "x = f'{y}ab'"),
    ("x = (1, 2,)", "x = 1, 2"),
    ("x = u'a'", "x = 'a'"),
    ("def f():\n if TYPE_CHECKING:\n  import x\n return 1", "def f():\n return 1"),
    ("def f():\n if g():\n  h()\n else:\n  pass", "def f():\n if g():\n  h()"),
    ("def f(): return 1", "def g(): return 1"),
]

DIFFERENT = [
    ("x = 1", "x = 1.0"),
    ("x = 1", "x = True"),
    ("x = 0", "x = False"),
    ("x = 0.0", "x = -0.0"),
    ("x = 'a'", "x = b'a'"),
    ("x = None", "x = ..."),
    ("x = 1", "x = '1'"),
    ("x = (1,)", "x = [1]"),
    ("x = {**a}", "x = {None: a}"),
    ("def f(*, a): return a", "def f(*, a=None): return a"),
    ("def f(a, /): return a", "def f(a): return a"),
    ("def f(a, *, b): pass", "def f(a, b): pass"),
    ("def f(*a): pass", "def f(**a): pass"),
    ("def f(a): return a", "def f(b): return b"),
    ("def f():\n a, b = g()\n return a", "def f():\n a, b = g()\n return b"),
    ("def f():\n a = 1\n return a", "def f():\n a = 1\n return b"),
    ("def f():\n x: int\n return x", "def f():\n return x"),
    ("def f():\n n = 1\n return locals()", "def f():\n m = 1\n return locals()"),
    ("def f(d):\n n = 1\n return d.query('a > @n')", "def f(d):\n m = 1\n return d.query('a > @n')"),
    ("def f():\n n = 1\n return f'{n=}'", "def f():\n m = 1\n return f'{m=}'"),
    ("def f():\n def a(): pass\n return a", "def f():\n def b(): pass\n return b"),
    ("def f():\n class A: pass\n return A", "def f():\n class B: pass\n return B"),
    ("class A:\n x: int = 1", "class A:\n x: float = 1"),
    ("class A:\n x: int", "class A:\n y: int"),
    ("@d\ndef f(a: int): pass", "@d\ndef f(a: str): pass"),
    ("@d\ndef f(): pass", "def f(): pass"),
    ("x = a if b else c", "x = c if b else a"),
    ("x = a < b", "x = b < a"),
    ("x = f'{a!r}'", "x = f'{a!s}'"),
    ("x = f'{a:>3}'", "x = f'{a:<3}'"),
    ("async def f(): pass", "def f(): pass"),
    ("def f():\n global a\n a = 1", "def f():\n a = 1"),
    ("def f():\n yield g()", "def f():\n yield from g()"),
    ("x = [i for i in a if i]", "x = [i for i in a]"),
    ("def f():\n try: g()\n except* E: h()", "def f():\n try: g()\n except E: h()"),
    ("x = 'ab'", "x = 'a', 'b'"),
    ("def f():\n a = b = 1\n return [a for b in c]", "def f():\n a = b = 1\n return [b for b in c]"),
    ("x = 1e308 * 10", "x = 10"),
    ("x = 'a' % 3", "x = 'a' 3".replace(" 3", "")),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_what_cannot_change_a_result_is_left_out(one, other):
    assert text_of(one) == text_of(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_what_can_change_a_result_is_kept(one, other):
    assert text_of(one) != text_of(other)


def test_huge_literals_are_neither_spelled_in_decimal_nor_folded():
    assert text_of(f"x = 0x{'f' * 20000}")
    assert text_of("x = 10 ** 10 ** 10") != text_of("x = 10 ** 10 ** 11")


NAMES = st.sampled_from(["alpha", "beta", "gamma", "delta"])


@given(
    names=st.lists(NAMES, min_size=3, max_size=3, unique=True),
    comment=st.text("abc #'", max_size=10),
    gap=st.integers(0, 3),
)
def test_renaming_locals_and_reformatting_never_changes_the_text(names, comment, gap):
    template = "def f(data, scale=2):\n{gap}    {a} = [{b} * scale for {b} in data]  # {comment}\n    for {c} in {a}:\n{gap}        {a}.append({c})\n    return {a}\n"
    a, b, c = names
    changed = template.format(a=a, b=b, c=c, comment=comment, gap="\n" * gap)
    assert text_of(changed) == text_of(template.format(a="one", b="two", c="three", comment="", gap=""))


@given(st.lists(st.sampled_from(["x", "y", "z"]), min_size=4, max_size=4))
def test_two_uses_of_locals_are_equal_only_if_they_use_the_same_ones(uses):
    template = "def f():\n    x, y, z = g()\n    return {}, {}, {}, {}\n"
    reference = ["x", "y", "x", "z"]
    assert (text_of(template.format(*uses)) == text_of(template.format(*reference))) == (uses == reference)


def library_sources() -> list[str]:
    """Some files of the standard library: the same bytes are given to every interpreter."""
    folder = sysconfig.get_paths()["stdlib"]
    names = [
        "dataclasses",
        "typing",
        "argparse",
        "inspect",
        "textwrap",
        "statistics",
        "enum",
        "_pydecimal",
        "tarfile",
    ]
    return [os.path.join(folder, f"{name}.py") for name in names]


DIGESTS = """
import ast, hashlib, json, sys
from pivot.fingerprint.normalize import normalize
from pivot.fingerprint.scope import analyse
result = {}
for path in json.loads(sys.argv[1]):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    try:
        tree = ast.parse(text)
    except SyntaxError:  # an older Python cannot read a newer library
        continue
    scopes = analyse(tree.body)
    texts = [text for statement in tree.body for text in normalize(statement, scopes)]
    result[path] = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
print(json.dumps(result))
"""


def other_pythons() -> list[str]:
    """Interpreters of other versions on this machine, if any."""
    ours = f"{sys.version_info[0]}.{sys.version_info[1]}"
    folders = [os.path.expanduser(f"~/.pyenv/versions/{name}/bin") for name in ("3.11.*", "3.12.*", "3.13.*")]
    folders = [found for pattern in folders for found in sorted(glob.glob(pattern))]
    folders += [f for f in os.environ.get("PATH", "").split(os.pathsep) if not f.endswith("shims")]
    versions = [version for version in ("3.11", "3.12", "3.13", "3.14") if version != ours]
    paths = [
        next(filter(None, (shutil.which(f"python{v}", path=f) for f in folders)), None) for v in versions
    ]
    return [path for path in paths if path]


@pytest.mark.parametrize("python", other_pythons(), ids=os.path.basename)
def test_every_python_gives_the_same_text(python, tmp_path):
    tricky = tmp_path / "tricky.py"
    tricky.write_text(
        "x = f'a{y!r:>{w}}b' 'c' f'{z = }'\n"
        "def f(a, *, b, c=None, **k):\n    return {**a, None: b}, f'{a:%Y-%m}', f'{{}}{b}'\n"
        "class C(B, metaclass=M):\n    x: int = 1\n    def m(self): return super().m()\n"
        "y = [(a, b) for a in c for b in a if b]\nz = lambda *a, k=1: (yield)\n",
        encoding="utf-8",
    )
    paths = json.dumps([str(tricky), *library_sources()])

    def run(executable: str, seed: str) -> dict[str, list[str]]:
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [executable, "-c", DIGESTS, paths], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    ours, theirs = run(sys.executable, "1"), run(python, "2")
    both = ours.keys() & theirs.keys()
    assert str(tricky) in both
    assert sum(len(ours[path]) for path in both) > 100
    assert {path: ours[path] for path in both} == {path: theirs[path] for path in both}


def test_a_stored_text_is_still_what_we_write():
    """A change here makes every stage of every user run again: count the format up, and say so in the changelog."""
    source = "@d\nclass A(B):\n    x: int = 1 + 2\n    def f(self, a: int, *b, c=None):\n        d = f'{a}' 'z'\n        return {**b, None: d}\n"
    assert hashlib.sha256("".join(text_of(source)).encode()).hexdigest()[:16] == "29f0ab8618190661"


def test_a_definition_knows_its_lines_names_and_kind():
    index = index_source(
        "import json as j\nX, Y = 1, 2\n@d\ndef f():\n    return j\n\nclass A:\n    pass\nif X:\n    Z = 1\nprint(X)\n"
    )
    found = [(d.kind, d.names, d.start, d.end, d.line) for d in index.definitions]
    assert found == [
        ("import", ("j",), 1, 1, 1),
        ("value", ("X", "Y"), 2, 2, 2),
        ("func", ("f",), 3, 5, 3),
        ("class", ("A",), 7, 8, 7),
        ("guard", (), 9, 10, 9),
        ("value", ("Z",), 9, 10, 10),
        ("effect", (), 11, 11, 11),
    ]
