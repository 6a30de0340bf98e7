import sys

import pytest

from pivot.model.place import Place
from pivot.model.stage import OutKind, Returns

HEAD = """\
import pathlib
from typing import Annotated, NotRequired, TypedDict
import pivot
from pivot import Dep, Metric, Out, Plot, StageParams, loaders
"""


def run(project, code, head=HEAD):
    project.write("pipeline.py", head + code)
    return project.stage("pipeline.py")


def refused(project, code, head=HEAD):
    project.write("pipeline.py", head + code)
    return project.errors("pipeline.py")


WAYS_TO_WRITE_A_HINT = {
    "plain": "def f(a: Annotated[str, Dep('a.txt')]) -> Annotated[str, Out('b.txt')]: ...",
    "strings": "def f(a: \"Annotated[str, Dep('a.txt')]\") -> \"Annotated[str, Out('b.txt')]\": ...",
    "inner string": "def f(a: Annotated['Missing', Dep('a.txt')]) -> Annotated['Missing', Out('b.txt')]: ...",
    "alias": "A = Annotated[str, Dep('a.txt')]\ndef f(a: A) -> Annotated[str, 'a note', Out('b.txt')]: ...",
    "nested": (
        "def f(a: Annotated[Annotated[str, Dep('a.txt')], 'n']) -> Annotated[str, Out('b.txt')]: ...\n"
    ),
    "keyword only": "def f(*, a: Annotated[str, Dep('a.txt')]) -> Annotated[str, Out('b.txt')]: ...",
    "spare parameters": (
        "def f(a: Annotated[str, Dep('a.txt')], n=3, *rest, **more) -> Annotated[str, Out('b.txt')]: ..."
    ),
}


@pytest.mark.parametrize("way", WAYS_TO_WRITE_A_HINT)
@pytest.mark.parametrize("future", ["", "from __future__ import annotations\n"])
def test_however_a_hint_is_written_the_stage_is_the_same(project, way, future):
    code = WAYS_TO_WRITE_A_HINT[way].replace("def f", "@pivot.stage\ndef f")
    stage = run(project, code, future + HEAD)
    assert [(d.name, d.path, d.argument, d.loader.name) for d in stage.deps] == [
        ("a", "a.txt", "a", "pivot.loaders.Text")
    ]
    assert [(o.name, o.path, o.written_by_stage) for o in stage.outs] == [("output", "b.txt", False)]
    assert stage.returns is Returns.SINGLE


@pytest.mark.skipif(sys.version_info < (3, 12), reason="type statements are new in 3.12")
def test_a_type_statement_is_what_it_stands_for(project):
    code = """
type Raw = Annotated[str, Dep('a.txt')]
type Made = Annotated[str, Out('b.txt')]
class Outs(TypedDict):
    made: Made
@pivot.stage
def f(a: Raw) -> Outs: ...
"""
    stage = run(project, code)
    assert (stage.dep_paths(), stage.out_paths()) == (("a.txt",), ("b.txt",))


def test_names_for_type_checkers_only_do_not_stand_in_the_way(project):
    head = "from __future__ import annotations\nfrom typing import TYPE_CHECKING\n" + HEAD
    code = """
if TYPE_CHECKING:
    import pandas as pd
    from somewhere import Path, Figure
class Outs(TypedDict):
    table: Annotated[pd.DataFrame | None, Out('t.parquet')]
    file: Annotated[Path, Out('file.csv')]
    figure: Annotated[Figure, Plot('f.png')]
@pivot.stage
def f(a: Annotated[pd.DataFrame, Dep('a.csv')]) -> Outs: ...
"""
    stage = run(project, code, head)
    assert [dep.loader.name for dep in stage.deps] == ["pivot.loaders.CSV"]
    assert [out.loader.name.rpartition(".")[2] for out in stage.outs] == [
        "Parquet",
        "PathOnly",
        "MatplotlibFigure",
    ]


def test_a_loader_of_the_project_is_kept_as_data(project):
    code = """
from dataclasses import dataclass
@dataclass(frozen=True)
class Upper:
    version = 3
    words: frozenset = frozenset({'b', 'a'})
    def load(self, path): return open(path).read().upper()
@pivot.stage
def f(a: Annotated[str, Dep('a.xyz', Upper())]) -> None: ...
"""
    (dep,) = run(project, code).deps
    assert (dep.loader.name, dep.loader.options, dep.loader.version) == (
        "pipeline.Upper",
        "words={'a', 'b'}",
        3,
    )


def test_files_that_the_stage_handles_itself_are_marked(project):
    code = """
class Outs(TypedDict):
    a: Annotated[pathlib.Path, Out('a.csv')]
    b: Annotated[dict, Metric('b.json')]
    c: Annotated[dict, Plot('c.csv', loaders.JSON(), x='t')]
    d: Annotated[str, Out('d.txt', cache=False)]
@pivot.stage
def f() -> Outs: ...
"""
    found = [(o.name, o.kind, o.cache, o.written_by_stage) for o in run(project, code).outs]
    assert found == [
        ("a", OutKind.OUT, True, True),
        ("b", OutKind.METRIC, False, False),
        ("c", OutKind.PLOT, True, False),
        ("d", OutKind.OUT, False, False),
    ]


def test_params_are_any_pydantic_model_in_any_place_of_the_signature(project):
    code = """
import datetime
class Inner(StageParams):
    depth: int = 2
class P(StageParams):
    inner: Inner = Inner()
    day: datetime.date = datetime.date(2024, 1, 31)
    model_name: str = 'é'
@pivot.stage
def f(a: Annotated[str, Dep('a.txt')], config: P) -> None: ...
"""
    params = run(project, code).params
    assert (params.argument, str(params.model)) == ("config", "pipeline.P")
    assert params.values == '{"day":"2024-01-31","inner":{"depth":2},"model_name":"é"}'


def test_the_decorator_takes_paths_params_mutex_and_name(project):
    code = """
class P(StageParams):
    rate: float = 1
@pivot.stage(deps='a.csv', outs=['b.csv', pathlib.Path('c.csv')], params=P(rate=2), mutex='gpu', name='other')
def f(params): ...
assert f.__name__ == 'f'
"""
    stage = run(project, code)
    assert stage.name == "other"
    assert [(d.path, d.argument) for d in stage.deps] == [("a.csv", None)]
    assert [(o.path, o.written_by_stage) for o in stage.outs] == [("b.csv", True), ("c.csv", True)]
    assert (stage.returns, stage.mutex) == (Returns.NOTHING, ("gpu",))
    assert stage.params.values == '{"rate":2.0}'
    assert stage.place == Place("pipeline.py", 8)


WRONG = {
    "free parameter": (
        "def f(threshold): ...",
        "stage 'f': nothing provides parameter 'threshold' (pipeline.py:5)",
        "Dep(…)",
    ),
    "positional": (
        "def f(a: Annotated[str, Dep('a.txt')], /): ...",
        "parameter 'a' is positional-only",
        "drop the /",
    ),
    "dep in a union": (
        "def f(a: Annotated[str, Dep('a.txt')] | None): ...",
        "Dep stands inside another type in parameter 'a'",
        "Annotated[T | None, Dep('a.txt')]",
    ),
    "out in a tuple": (
        "def f() -> tuple[Annotated[str, Out('a.txt')], int]: ...",
        "Out stands inside another type in the return type",
        "return a TypedDict: a field for each output",
    ),
    "dep in the return type": (
        "def f() -> Annotated[str, Dep('a.txt')]: ...",
        "the return type is annotated with Dep",
        "deps are parameters",
    ),
    "out at a parameter": (
        "def f(a: Annotated[str, Out('a.txt')]): ...",
        "parameter 'a' is annotated with Out",
        "outs belong to the return type",
    ),
    "two deps": (
        "def f(a: Annotated[str, Dep('a.txt'), Dep('b.txt')]): ...",
        "parameter 'a' has several Deps",
        "keep one",
    ),
    "class for a dep": ("def f(a: Annotated[str, Dep]): ...", "annotated with the class Dep", "call it"),
    "unknown extension": (
        "def f(a: Annotated[str, Dep('a.xyz')]): ...",
        "no loader is known for 'a.xyz'",
        "name",
    ),
    "loader class": (
        "def f(a: Annotated[str, Dep('a.csv', loaders.CSV)]): ...",
        "dep 'a': loader CSV is a class",
        "call it: CSV()",
    ),
    "write-only dep": (
        "def f(a: Annotated[str, Dep('a.png', loaders.MatplotlibFigure())]): ...",
        "dep 'a': loader MatplotlibFigure cannot read",
        "load(path)",
    ),
    "read-only out": (
        "class R:\n    def load(self, path): ...\ndef f() -> Annotated[str, Out('a.csv', R())]: ...",
        "out 'output': loader R cannot write",
        "save(value, path)",
    ),
    "unpicklable loader": (
        (
            "class R:\n    def __init__(self): self.f = lambda: 1\n    def load(self, path): ...\n"
            "def f(a: Annotated[str, Dep('a.csv', R())]): ..."
        ),
        "loader R cannot be sent to workers",
        "module level",
    ),
    "absolute path": (
        "def f(a: Annotated[str, Dep('/a.csv')]): ...",
        "path '/a.csv' is absolute",
        "relative",
    ),
    "path outside": ("def f(a: Annotated[str, Dep('../a.csv')]): ...", "leaves the project", "inside"),
    "two models": (
        "class P(StageParams): ...\ndef f(a: P, b: P): ...",
        "parameters 'a', 'b' each take a params model",
        "nest",
    ),
    "required param": (
        "class P(StageParams):\n    rate: float\ndef f(p: P): ...",
        "param 'rate' has no value",
        "params.yaml under 'f'",
    ),
    "secret param": (
        "from pydantic import SecretStr\nclass P(StageParams):\n    key: SecretStr = SecretStr('k')\ndef f(p: P): ...",
        "params do not survive being written as JSON",
        "environment",
    ),
    "bad name": ("def _f(): ...", "stage name '_f' is not allowed", "begin with a letter"),
    "coroutine": ("async def f(): ...", "f is a coroutine or generator", "plain function"),
    "field without out": (
        "class O(TypedDict):\n    a: str\n    b: Annotated[str, Out('b.txt')]\ndef f() -> O: ...",
        "field 'a' of O carries no output",
        "Annotated[T, Out(path)]",
    ),
    "optional field": (
        "class O(TypedDict):\n    a: NotRequired[Annotated[str, Out('a.txt')]]\ndef f() -> O: ...",
        "field 'a' of O may be left out",
        "every run",
    ),
    "undefined name": (
        "def f(a: 'Annotated[str, Depp(1)]'): ...",
        "parameter 'a': name 'Depp' is not defined",
        "TYPE_CHECKING",
    ),
    "broken annotation": (
        "def f(a: 'Annotated[str,'): ...",
        "annotation of 'a' cannot be read: SyntaxError",
        "",
    ),
    "no model": (
        "@pivot.stage(params=3)\ndef f(params): ...",
        "params of @stage is 3, no pydantic model",
        "",
    ),
    "nobody takes params": (
        "class P(StageParams): ...\n@pivot.stage(params=P)\ndef f(): ...",
        "no parameter takes the params P",
        "params: P",
    ),
    "outs twice": (
        "@pivot.stage(outs=['b.txt'])\ndef f() -> Annotated[str, Out('a.txt')]: ...",
        "outs are declared both in @stage and in the return type",
        "keep one",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_signature_names_stage_place_and_way_out(project, case):
    code, message, hint = WRONG[case]
    if "@pivot.stage" not in code:
        code = (
            code.replace("async def", "@pivot.stage\nasync def")
            if "async" in code
            else "".join(
                "@pivot.stage\n" + line if line.startswith("def ") else line
                for line in code.splitlines(keepends=True)
            )
        )
    (error,) = [text for text in refused(project, code) if message in text]
    assert hint in error
    assert "(pipeline.py:" in error


def test_everything_wrong_with_a_file_is_told_at_once(project):
    code = """
@pivot.stage
def f(x, a: Annotated[str, Dep('/a')]) -> list[Annotated[str, Out('a')]]: ...
@pivot.stage
def g(y): ...
"""
    errors = refused(project, code)
    assert [error.split(":")[0] for error in errors] == ["stage 'f'"] * 3 + ["stage 'g'"]
