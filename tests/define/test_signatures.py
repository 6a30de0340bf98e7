"""Signatures as people write them who have not read the docs: what they plainly mean works, the rest is told."""

import warnings
from collections import Counter

import pytest

from pivot.define.discover import define_file
from pivot.model.stage import Returns

HEAD = """\
import dataclasses, functools, pathlib
from typing import Annotated, Generic, NamedTuple, TypedDict, TypeVar
import pivot
from pivot import Dep, DirectoryOut, IncrementalOut, Metric, Out, Plot, StageParams, loaders
class P(StageParams):
    rate: float = 0.1
    depth: int = 2
class Outs(TypedDict):
    a: Annotated[str, Out("a.txt")]
T = TypeVar("T")
class Generic_(TypedDict, Generic[T]):
    a: Annotated[T, Out("a.txt")]
"""
LINE = HEAD.count("\n") + 1


@pytest.mark.parametrize(
    ("signature", "values"),
    [
        ("params: P | None = None", '{"depth":2,"rate":0.1}'),
        ("params: Annotated[P, 'a note']", '{"depth":2,"rate":0.1}'),
        ("params: P = P(depth=7)", '{"depth":7,"rate":0.1}'),
        ("params: P | None = P(depth=7)", '{"depth":7,"rate":0.1}'),
    ],
)
def test_params_that_may_be_left_out_in_python_are_params(project, signature, values):
    project.write("stages.py", HEAD + f"def f({signature}) -> None: ...\n")
    project.write("pivot.yaml", "stages: {f: {python: stages.f}}\n")
    assert project.stage().params.values == values


def test_what_a_door_says_wins_over_the_default_of_the_parameter(project):
    project.write("stages.py", HEAD + "def f(params: P = P(depth=7, rate=7)) -> None: ...\n")
    project.write("pivot.yaml", "stages: {f: {python: stages.f, params: {depth: 8}}}\n")
    assert project.stage().params.values == '{"depth":8,"rate":7.0}'


@pytest.mark.parametrize("annotation", ["Generic_[str]", "Annotated[Outs, 'a note']"])
def test_a_typed_dict_in_other_clothes_declares_its_outputs(project, annotation):
    project.write("stages.py", HEAD + f"def f() -> {annotation}: ...\n")
    project.write("pivot.yaml", "stages: {f: {python: stages.f}}\n")
    stage = project.stage()
    assert (stage.returns, stage.out_paths()) == (Returns.MAPPING, ("a.txt",))


def test_paths_may_be_path_objects(project):
    code = """
def f(
    one: Annotated[str, Dep(pathlib.Path("one.txt"))],
    two: Annotated[list[str], Dep([pathlib.Path("a.txt"), "b.txt"])],
    state: Annotated[dict, IncrementalOut(pathlib.Path("s.json"))],
) -> Annotated[dict, IncrementalOut("s.json")]: ...
"""
    project.write("stages.py", HEAD + code)
    project.write("pivot.yaml", "stages: {f: {python: stages.f}}\n")
    stage = project.stage()
    assert (stage.dep_paths(), stage.out_paths()) == (("one.txt", "a.txt", "b.txt"), ("s.json",))


def test_a_dot_is_the_folder_of_the_pipeline_file(project):
    project.write("sub/stages.py", HEAD + "def f(all: Annotated[pathlib.Path, Dep('.')]) -> None: ...\n")
    project.write("sub/pivot.yaml", "stages: {f: {python: stages.f}}\n")
    (stage,) = define_file(str(project.root / "sub/pivot.yaml"), str(project.root))
    assert stage.dep_paths() == ("sub/",)


TEXT = "Annotated[str, Dep('a.txt')]"
WRONG = {
    "dep of all arguments": (f"def f(*files: {TEXT}): ...", "*files gets no files", "list[T], Dep([path"),
    "params of all words": ("def f(**more: P): ...", "**more gets no files", "a parameter of its own"),
    "dep as a default": (
        "def f(a: str = Dep('a.txt')): ...",
        "Dep stands alone in the default of parameter 'a'",
        "write Annotated[T, Dep('a.txt')]",
    ),
    "dep as a type": (
        "def f(a: Dep('a.txt')): ...",
        "Dep stands alone in parameter 'a'",
        "Annotated[T, Dep(",
    ),
    "out as a type": (
        "def f() -> Out('a.txt'): ...",
        "Out stands alone in the return type",
        "Annotated[T, Out(",
    ),
    "misspelt": (
        "def f(a: 'Annotatd[str, Dep(1)]'): ...",
        "parameter 'a': name 'Annotatd' is not defined",
        "import it",
    ),
    "params of no model": (
        "@dataclasses.dataclass\nclass Q: ...\ndef f(params: Q): ...",
        "nothing provides parameter 'params'",
        "subclass of pivot.StageParams",
    ),
    "perhaps a dict": (
        "def f() -> Outs | None: ...",
        "the return type declares no output",
        "annotate Outs alone",
    ),
    "list of outs": (
        "def f() -> list[Annotated[str, Out('a.txt')]]: ...",
        "Out stands inside another type in the return type",
        "Annotated[list[T], Out([path, path])]",
    ),
    "dict of outs": (
        "def f() -> dict[str, Annotated[str, Out('a.txt')]]: ...",
        "Out stands inside another type in the return type",
        "DirectoryOut('folder/')",
    ),
    "named tuple": (
        "class N(NamedTuple):\n    a: Annotated[str, Out('a.txt')]\ndef f() -> N: ...",
        "the return type declares no output",
        "a TypedDict",
    ),
    "text for cache": (
        "def f() -> Annotated[str, Out('a.txt', cache='no')]: ...",
        "out 'output': cache is True or False, not 'no'",
        "",
    ),
    "number for an axis": (
        "def f() -> Annotated[str, Plot('a.json', y=3)]: ...",
        "out 'output': y is a text, not 3",
        "",
    ),
    "partial": (
        "def g(n: int): ...\nf = functools.partial(g, n=1)",
        "partial of g is no function",
        "write a function with def",
    ),
    "object": (
        "class C:\n    def __call__(self): ...\nf = C()",
        "an object of C is no function",
        "top level",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_no_signature_can_mean_is_told_with_the_way_out(project, case):
    code, message, hint = WRONG[case]
    project.write("stages.py", HEAD + code)
    project.write("pivot.yaml", "stages: {f: {python: stages.f}}\n")
    (error,) = project.errors()
    assert error.startswith(f"stage 'f': {message} (")
    assert hint in error
    assert " at 0x" not in error


def test_annotated_that_nobody_imported_is_told_by_its_name(project):
    code = "from __future__ import annotations\nimport pivot\ndef f(a: Annotated[str, pivot.Dep(1)]) -> None: ...\n"
    project.write("stages.py", code)
    project.write("pivot.yaml", "stages: {f: {python: stages.f}}\n")
    (error,) = project.errors()
    assert "parameter 'a': name 'Annotated' is not defined" in error
    assert "hint: from typing import Annotated" in error


def test_a_field_that_may_be_left_out_is_told_once(project):
    code = "from typing import NotRequired\nclass O(TypedDict):\n    a: NotRequired[Annotated[str, Out('a.txt')]]\n"
    project.write("stages.py", HEAD + code + "def f() -> O: ...\n")
    project.write("pivot.yaml", "stages: {f: {python: stages.f}}\n")
    (error,) = project.errors()
    assert f"field 'a' of O may be left out (stages.py:{LINE + 3})" in error


MISTAKEN = {
    "~/data.txt": ("begins in the home folder", "copy or link"),
    "s3://bucket/data.txt": ("is an address, no path", "fetch it in a stage"),
    "data\\raw.txt": ("has a \\ in it", "divided by /"),
    "data/*.txt": ("is a pattern, no path", "name the folder, 'data/'"),
    "a/" + "b" * 256 + ".txt": ("has too long a name", "255 bytes"),
    "*.txt": ("is a pattern, no path", "name a folder, 'data/'"),
}


@pytest.mark.parametrize("path", MISTAKEN)
def test_a_path_that_means_something_elsewhere_is_refused_as_dep_and_as_out(project, path):
    code = f"def f(a: Annotated[str, Dep({path!r})]) -> Annotated[str, Out({path!r})]: ...\n"
    project.write("stages.py", HEAD + code)
    project.write("pivot.yaml", "stages: {f: {python: stages.f}}\n")
    message, hint = MISTAKEN[path]
    errors = project.errors()
    assert [("dep 'a'" in error, "out 'output'" in error) for error in errors] == [
        (True, False),
        (False, True),
    ]
    assert all(message in error and hint in error and f"(stages.py:{LINE})" in error for error in errors)


def test_what_a_function_declares_is_asked_once_for_all_its_stages(project):
    """Its annotations and its loaders are the project's code: what they do costs the more the more stages there are."""
    project.write(
        "stages.py",
        """
        from __future__ import annotations
        import warnings
        from typing import Annotated
        import pivot

        def said(path):
            warnings.warn("an annotation")
            return pivot.Out(path, OWN)

        class Own(pivot.loaders.Writer):
            def save(self, value, path): ...
            def __reduce__(self):
                warnings.warn("a loader")
                return Own, ()

        OWN = Own()

        def work() -> Annotated[int, said("out.json")]: ...
        """,
    )
    entries = "".join(
        f"  one{n}: {{python: stages.work, outs: {{out: {n}.json}}}}\n"
        f"  each{n}: {{python: stages.work, outs: {{out: '{n}${{x}}.json'}}, matrix: {{x: [a, b]}}}}\n"
        for n in range(3)
    )
    project.write("pivot.yaml", f"stages:\n{entries}")
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        assert len(project.stages()) == 9
    # a function whose stages are variants may take another parameter
    assert Counter(str(one.message) for one in heard) == {"an annotation": 2, "a loader": 1}
