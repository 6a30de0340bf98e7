"""Code that a stage reaches only through statements that act on something: it counts if it runs."""

import pytest

from pivot.model.fingerprint import PartKind

REGISTRY = """
REGISTRY = {}
LIMIT = 3
def register(f):
    REGISTRY[f.__name__] = f
    return f
def helper(x): return x - 1
@register
def plugin(x, k=LIMIT): return helper(x) + k
def train(x): return REGISTRY["plugin"](x)
"""
SUBCLASSES = """
class Base:
    known = []
    def __init_subclass__(cls, **options):
        Base.known.append((cls, options))
def helper(x): return x - 1
class Plugin(Base, priority=1):
    size = 10
    rank = [size * 2]
    def run(self, x, k=4): return helper(x) + k
def train(x): return [cls().run(x) for cls, _ in Base.known]
"""
TABLE = """
ACTIONS = {}
OFFSET = 5
def helper(x): return x - 1
def add(x): return helper(x) + OFFSET
ACTIONS["add"] = add
ACTIONS["twice"] = lambda x: helper(x) * OFFSET
def train(x): return ACTIONS["add"](x)
"""
PATCH = """
class Model:
    def fit(self, x): return x
def helper(x): return x - 1
def better(self, x): return helper(x)
Model.fit = better
def train(x): return Model().fit(x)
"""
BUILT = """
OPTIONS = {}
def build(x): return {"a": x + 1}
OPTIONS.update(build(2))
def train(x): return OPTIONS
"""
DECORATED = """
import functools
def timed(f):
    timed.count = 1
    return f
@timed
def other(x): return x - 1
@timed
def train(x): return x
"""

STATIC = [
    (REGISTRY, "return helper(x) + k", "return helper(x) - k", False),
    (REGISTRY, "return x - 1", "return x - 2", False),
    (REGISTRY, "REGISTRY[f.__name__] = f", "REGISTRY[f.__name__] = str(f)", False),
    (REGISTRY, "LIMIT = 3", "LIMIT = 4", True),
    (REGISTRY, "def plugin", "def plug", True),
    (REGISTRY, "(x, k=LIMIT)", "(x, j=LIMIT)", True),
    (REGISTRY, "k=LIMIT", "k=LIMIT + 1", True),
    (REGISTRY, "@register\n", "", True),
    (REGISTRY, "def train", "@register\ndef new(x): return x\ndef train", True),
    (SUBCLASSES, "return helper(x) + k", "return helper(x) - k", False),
    (SUBCLASSES, "return x - 1", "return x - 2", False),
    (SUBCLASSES, "k=4", "k=5", True),
    (SUBCLASSES, "priority=1", "priority=2", True),
    (SUBCLASSES, "size = 10", "size = 11", True),
    (SUBCLASSES, "size * 2", "size * 3", True),
    (SUBCLASSES, "def run", "def go", True),
    (SUBCLASSES, "append((cls, options))", "append((cls, {}))", True),
    (TABLE, "return helper(x) + OFFSET", "return helper(x) - OFFSET", False),
    (TABLE, "return x - 1", "return x - 2", False),
    (TABLE, "helper(x) * OFFSET", "helper(x) / OFFSET", True),
    (TABLE, "OFFSET = 5", "OFFSET = 6", True),
    (TABLE, 'ACTIONS["add"] = add', 'ACTIONS["add"] = helper', True),
    (PATCH, "return helper(x)", "return -helper(x)", False),
    (PATCH, "return x - 1", "return x - 2", False),
    (PATCH, "better(self, x)", "better(self, x, y=1)", True),
    (BUILT, "x + 1", "x + 2", False),
    (BUILT, "build(2)", "build(3)", True),
    (DECORATED, "return x - 1", "return x - 2", False),
    (DECORATED, "timed.count = 1", "timed.count = 2", True),
]
"""Text, edit, whether it counts although nothing was seen to run."""


@pytest.mark.parametrize(("text", "old", "new", "counts"), STATIC)
def test_of_what_only_a_statement_names_the_header_counts_and_the_body_does_not(
    folder, text, old, new, counts
):
    assert text.count(old) == 1
    folder.write({"stages.py": text})
    before = folder.static()
    folder.write({"stages.py": text.replace(old, new)})
    after = folder.static()
    assert (before.digest != after.digest) == counts
    assert ({(p.key, p.digest) for p in before.parts} != {(p.key, p.digest) for p in after.parts}) == counts


@pytest.mark.parametrize(("text", "old", "new", "counts"), STATIC)
def test_where_nobody_sees_what_runs_all_bodies_count(folder, text, old, new, counts):
    folder.write({"stages.py": text})
    before = folder.fingerprint()
    folder.write({"stages.py": text.replace(old, new)})
    after = folder.fingerprint()
    assert before.digest != after.digest
    assert {(p.key, p.digest) for p in before.parts} != {(p.key, p.digest) for p in after.parts}


SEEN = [
    (REGISTRY, ["plugin"], "return helper(x) + k", True),
    (REGISTRY, ["plugin"], "return x - 1", True),
    (REGISTRY, ["helper"], "return helper(x) + k", False),
    (REGISTRY, ["register"], "REGISTRY[f.__name__] = f", True),
    (REGISTRY, ["register"], "return x - 1", False),
    (SUBCLASSES, ["Plugin"], "return helper(x) + k", True),
    (SUBCLASSES, ["helper"], "return helper(x) + k", False),
    (TABLE, ["add"], "return x - 1", True),
    (TABLE, ["helper"], "return helper(x) + OFFSET", False),
    (PATCH, ["better"], "return x - 1", True),
    (BUILT, ["build"], "x + 1", True),
    (DECORATED, ["other"], "return x - 1", True),
]


@pytest.mark.parametrize(("text", "ran", "old", "counts"), SEEN)
def test_a_body_that_was_seen_to_run_counts_with_all_it_reaches(folder, text, ran, old, counts):
    seen = [f"stages:{name}" for name in ran]
    folder.write({"stages.py": text})
    before = folder.static(ran=seen)
    assert before.digest == folder.static(ran=[*seen, *seen]).digest
    folder.write({"stages.py": text.replace(old, old + " or 7")})
    assert (folder.static(ran=seen).digest != before.digest) == counts


def test_weak_definitions_are_told_by_module_and_title(folder):
    folder.write({"stages.py": REGISTRY})
    assert folder.static().weak == ("stages:helper", "stages:plugin", "stages:register")
    assert folder.static(ran=["stages:plugin"]).weak == folder.static().weak


def test_a_header_is_a_part_and_a_body_takes_its_place_when_it_runs(folder):
    folder.write({"stages.py": REGISTRY})
    parts = {part.key: part.detail for part in folder.static().parts}
    assert parts["func:plugin"] == parts["func:register"] == "header"
    assert "func:helper" not in parts
    parts = {part.key: part.detail for part in folder.static(ran=["stages:register"]).parts}
    assert (parts["func:register"], parts["func:plugin"]) == ("", "header")
    parts = {part.key: part.detail for part in folder.static(ran=["stages:plugin"]).parts}
    assert parts["func:plugin"] == parts["func:helper"] == ""


def test_statements_that_act_on_what_ran_join_it(folder):
    text = "T = {}\nT['a'] = 1\nF = []\ndef f(x): return T\nF.append(f)\ndef train(x): return F[0](x)\n"
    folder.write({"stages.py": text})
    before, ran = folder.static(), folder.static(ran=["stages:f"])
    folder.write({"stages.py": text.replace("= 1", "= 2")})
    assert folder.static().digest == before.digest
    assert folder.static(ran=["stages:f"]).digest != ran.digest


def test_the_order_of_what_only_unseen_bodies_touch_does_not_count(folder):
    first, second = "K = K * 2\n", "K = K + 1\n"
    text = "F = []\nK = 1\n{}{}def f(x): return K\nF.append(f)\ndef train(x): return F[0](x)\n"
    folder.write({"stages.py": text.format(first, second)})
    before, all_ran = folder.static(), folder.fingerprint()
    folder.write({"stages.py": text.format(second, first)})
    assert folder.static().digest == before.digest
    assert folder.fingerprint().digest != all_ran.digest


def plugin(body: str) -> str:
    return f"from core import register\n@register\ndef run(x): return {body}\n"


CORE = {
    "core.py": "R = []\ndef register(f):\n    R.append(f)\n    return f\n",
    "stages.py": "import core, one, two\ndef train(x): return [f(x) for f in core.R]\n",
}


def test_two_bodies_that_ran_and_change_places_count(folder):
    ran = ["one:run", "two:run", "core:register"]
    folder.write({**CORE, "one.py": plugin("x + 1"), "two.py": plugin("x + 2")})
    before = folder.static(ran=ran)
    folder.write({"one.py": plugin("x + 2"), "two.py": plugin("x + 1")})
    assert folder.static(ran=ran).digest != before.digest


def test_two_bodies_found_by_the_name_of_their_module_and_that_change_places_count(folder):
    ran = ["one:run", "two:run"]
    folder.write({"stages.py": "def train(x): return x\n", "one.py": "def run(x): return 1\n"})
    folder.write({"two.py": "def run(x): return 2\n"})
    before = folder.static(ran=ran)
    folder.write({"one.py": "def run(x): return 2\n", "two.py": "def run(x): return 1\n"})
    assert folder.static(ran=ran).digest != before.digest


def test_a_registered_function_whose_module_gets_another_name_is_the_same(folder, second_folder):
    ran = ["one:run", "core:register"]
    folder.write({**CORE, "one.py": plugin("x + 1"), "two.py": ""})
    second_folder.write({**CORE, "other.py": plugin("x + 1"), "two.py": ""})
    second_folder.write({"stages.py": CORE["stages.py"].replace("one", "other")})
    before = folder.static(ran=ran)
    assert second_folder.static(ran=ran).digest == before.digest
    second_folder.write({"other.py": plugin("x + 2")})
    assert second_folder.static(ran=ran).digest != before.digest


def test_what_ran_and_is_gone_counts_as_gone(folder):
    folder.write(
        {"stages.py": "def train(x): return x\n", "lib.py": "def f(x): return x\ndef g(x): return x\n"}
    )
    ran = ["lib:f"]
    before = folder.static(ran=ran)
    assert "func:f" in {part.key for part in before.parts}
    folder.write({"lib.py": "def g(x): return x\n"})
    gone = folder.static(ran=ran)
    (folder.root / "lib.py").unlink()
    assert len({before.digest, gone.digest, folder.static().digest}) == 3
    assert folder.static(ran=ran).digest == gone.digest
    folder.write({"lib.py": "def f(x: = 1\n"})
    assert folder.static(ran=ran).digest == gone.digest


def test_a_module_that_was_imported_beyond_the_reach_counts_whole(folder):
    folder.write({"stages.py": "def train(x): return x\n", "late.py": "K = 1\ndef f(x): return x\n"})
    digests = {folder.static().digest, folder.static(imported=["late"]).digest}
    for text in ("K = 2\ndef f(x): return x\n", "K = 1\ndef f(x): return -x\n", "K = (\n"):
        folder.write({"late.py": text})
        digests.add(folder.static(imported=["late"]).digest)
    (folder.root / "late.py").unlink()
    digests.add(folder.static(imported=["late"]).digest)
    (folder.root / "late.so").write_bytes(b"1")
    digests.add(folder.static(imported=["late"]).digest)
    (folder.root / "late.so").write_bytes(b"2")
    digests.add(folder.static(imported=["late"]).digest)
    assert len(digests) == 8


def test_a_module_that_was_looked_for_in_vain_counts_when_it_is_there(folder):
    folder.write({"stages.py": "def train(x): return x\n"})
    before = folder.static(missing=["speedups"])
    assert before.digest == folder.static(missing=["speedups"]).digest != folder.static().digest
    folder.write({"speedups.py": ""})
    assert folder.static(missing=["speedups"]).digest != before.digest


def test_loaders_join_as_parts_and_pivots_own_do_not(folder):
    files = {"stages.py": "def train(x): return x\n", "mylib.py": "class TabLoader:\n    sep = ';'\n"}
    folder.write(files)
    before = folder.static(loaders=["mylib.TabLoader", "pivot.loaders.CSV"])
    assert [part.key for part in before.parts] == ["loader:TabLoader", "stage:train"]
    assert folder.static(loaders=["pivot.loaders.CSV"]) == folder.static()
    folder.write({"mylib.py": files["mylib.py"].replace(";", ",")})
    assert folder.static(loaders=["mylib.TabLoader"]).digest != before.digest
    folder.write({"mylib.py": ""})
    assert folder.static(loaders=["mylib.TabLoader"]).digest != before.digest


def test_a_loader_in_the_annotations_is_the_same_loader(folder):
    text = "from mylib import Tab\nfrom pivot import Dep\nfrom typing import Annotated\n"
    text += 'def train(x: Annotated[str, Dep("a.txt", Tab())]): return x\n'
    folder.write(
        {"stages.py": text, "mylib.py": "from pivot.loaders import Text\nclass Tab(Text): sep = 1\n"}
    )
    assert folder.static(loaders=["mylib.Tab"]) == folder.static()


def test_the_libraries_of_loaders_count_by_their_version(folder):
    folder.write({"stages.py": "def train(x): return x\n"})
    found = folder.static(libraries=["pytest"])
    assert [part.name for part in found.parts if part.kind is PartKind.PACKAGE] == ["pytest"]
    assert found.digest != folder.static().digest


STRINGS = """
\"\"\"docs/of-the-module.txt\"\"\"
from typing import Annotated
from pivot import Dep
PATH = "conf/settings.toml"
UNUSED = "unused/never.csv"
OPTIONS = {}
OPTIONS["file"] = "weak.json"
def train(x: Annotated[str, Dep("declared.csv")]):
    "docs/of-train.txt"
    names = [PATH, "raw.csv", "plain", "two\\nlines.txt", "https://x.org/a.csv", "a" * 3, ".", OPTIONS]
    return open("data/" "x.bin"), "y" * 300 + ".csv", "C:\\\\data", f"parts/{x}.tsv"
"""


def test_strings_that_may_be_files_are_told(folder):
    folder.write({"stages.py": STRINGS})
    found = set(folder.static().strings)
    assert {"conf/settings.toml", "raw.csv", "data/x.bin", "weak.json", "C:\\data"} <= found
    assert found <= {"conf/settings.toml", "raw.csv", "data/x.bin", "weak.json", "C:\\data"} | {
        ".csv",
        "parts/",
        ".tsv",
    }


BEYOND = """
import functools
HANDLERS = []
@functools.cache
def cached(x):
    def inner(): return x
    return inner
class Late:
    def run(self): return (lambda: 1)()
if HANDLERS:
    early = lambda: 2
HANDLERS.append(lambda x: cached(x))
def used(x): return x
def train(x): return used(x), HANDLERS
"""


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (4, ("stages:cached",)),
        (6, ("stages:cached",)),
        (9, ("stages:Late",)),
        (11, ("stages:early",)),
        (12, ()),
        (13, ()),
        (14, ()),
        (2, ()),
        (99, ()),
    ],
)
def test_a_line_that_ran_tells_a_definition_beyond_the_reach(folder, line, found):
    folder.write({"stages.py": BEYOND, "broken.py": "x = (\n"})
    assert folder.beyond([("stages", line), ("nowhere", 1), ("broken", 1)]) == found


def test_what_was_found_beyond_joins_the_fingerprint(folder):
    folder.write({"stages.py": BEYOND})
    ran = folder.beyond([("stages", 4), ("stages", 9)])
    before = folder.static(ran=ran)
    folder.write({"stages.py": BEYOND.replace("lambda: 1", "lambda: 3")})
    assert folder.static(ran=ran).digest != before.digest


def test_each_part_has_the_shortest_path_to_it(folder):
    text = "import json\nfrom helpers import fit\n" + REGISTRY.replace(
        'REGISTRY["plugin"](x)', "fit(x), REGISTRY"
    )
    folder.write(
        {"stages.py": text, "helpers.py": "K = 1\ndef norm(x): return K\ndef fit(x): return norm(x)\n"}
    )
    ways = folder.paths()
    named = {key: way for (key, _), way in ways.items()}
    assert named["stage:train"] == ("train",)
    assert named["value:K"] == ("train", "fit", "norm", "K")
    assert named["func:register"] == ("plugin", "register")
    assert set(ways) == {(part.key, part.place) for part in folder.static().parts}
    named = {key: way for (key, _), way in folder.paths(ran=["stages:plugin"]).items()}
    assert named["func:helper"] == ("train", "plugin", "helper")


def test_the_path_to_a_package_ends_with_its_name(folder):
    folder.write(
        {"stages.py": "import pytest\ndef fit(x): return pytest.main(x)\ndef train(x): return fit(x)\n"}
    )
    ways = folder.paths(libraries=["xxhash"])
    assert ways["package:pytest", None] == ("train", "fit", "pytest")
    assert ways["package:xxhash", None] == ("train", "xxhash")
