import contextlib
import os
import subprocess
import sys

import pytest

from pivot.define.discover import definition, gather
from pivot.define.locate import find_pipeline_file
from pivot.errors import DefinitionError
from pivot.model.digest import digest_text
from pivot.model.place import Place

STAGES = """\
import pathlib
from typing import Annotated, TypedDict
import pivot
from pivot import Dep, Metric, Out, Plot, StageParams, loaders


class P(StageParams):
    rate: float = 1
    layers: list[int] = [1]
    deep: dict[str, int] = {}


class Outs(TypedDict):
    model: Annotated[str, Out("model.txt")]
    score: Annotated[dict, Metric("score.json")]


def train(data: Annotated[str, Dep("data.txt")], params: P) -> Outs: ...


def clean(raw: Annotated[str, Dep("raw.txt")]) -> Annotated[str, Out("data.txt")]: ...


class Box:
    def method(self): ...
"""


@pytest.mark.parametrize("name", ["pivot.yaml", "pivot.yml", "pipeline.py"])
def test_the_nearest_file_upwards_is_found(project, name):
    file = project.write(name, "")
    deep = project.root / "a" / "b"
    deep.mkdir(parents=True)
    assert find_pipeline_file(str(deep)) == str(file)
    nearer = project.write(f"a/{name}", "")
    assert find_pipeline_file(str(deep)) == str(nearer)


def test_two_kinds_in_one_folder_are_an_error(project):
    project.write("pivot.yaml", "")
    project.write("pipeline.py", "")
    with pytest.raises(DefinitionError, match=r"pivot\.yaml and pipeline\.py both define stages"):
        find_pipeline_file(str(project.root))


def test_an_empty_yaml_file_gives_no_stages_only_if_it_says_so(project):
    project.write("pivot.yaml", "stages:\n")
    assert project.stages() == ()
    project.write("pivot.yaml", "")
    assert project.errors() == ["pivot.yaml is empty\nhint: it begins with stages:"]


WRONG_YAML = {
    "dep": (
        "deps: {dta: x}",
        ["stage 'train': dep 'dta' is not a parameter of stages.train (pivot.yaml:4)"],
        "'data'?",
    ),
    "dep that is no Dep": (
        "deps: {params: x}",
        ["stage 'train': dep 'params' is not annotated with Dep in stages.train (pivot.yaml:4)"],
        "known: data",
    ),
    "out": ("outs: {modle: x}", ["out 'modle' is not an output of stages.train (pivot.yaml:4)"], "'model'?"),
    "metric under outs": (
        "outs: {score: x}",
        ["'score' is declared as Metric in stages.train"],
        "under metrics",
    ),
    "out under plots": ("plots: {model: x}", ["'model' is declared as Out in stages.train"], "under outs"),
    "param": (
        "params: {rat: 1}",
        ["stage 'train': unknown param 'rat' (pivot.yaml:4)"],
        "did you mean 'rate'?",
    ),
    "param's type": (
        "params: {rate: much}",
        ["param 'rate': Input should be a valid number", "(pivot.yaml:4)"],
        "",
    ),
    "param in a list": (
        "params: {layers: [1, x]}",
        ["param 'layers.1': Input should be a valid integer"],
        "",
    ),
    "cwd": ("cwd: ../x", ["stage 'train': cwd: path '../x' leaves the project (pivot.yaml:4)"], "inside"),
    "empty path": ("deps: {data: ''}", ["dep 'data': a path is empty (pivot.yaml:4)"], ""),
    "mutex": ("mutex: [' ']", ["a mutex group has no name"], ""),
    "key": ("outz: {}", ["stage 'train': unknown key 'outz' (pivot.yaml:4)"], "did you mean 'outs'?"),
    "matrix": ("matrix: {}", ["stage 'train': matrix has no dimensions (pivot.yaml:4)"], "model: [small"),
    "matrix's type": ("matrix: 3", ["matrix must be a table of keys and values (pivot.yaml:4)"], ""),
    "a word of ours": ("variants: x", ["unknown key 'variants' (pivot.yaml:4)"], ""),
    "type": ("mutex: 3", ["stage 'train': mutex must be a list, not 3 (pivot.yaml:4)"], ""),
    "dep table": ("deps: {data: {pth: x}}", ["unknown key 'pth' (pivot.yaml:4)"], "'path'?"),
}


@pytest.mark.parametrize("case", WRONG_YAML)
def test_a_wrong_entry_is_named_with_line_and_suggestion(project, case):
    line, messages, hint = WRONG_YAML[case]
    project.write("stages.py", STAGES)
    project.write("pivot.yaml", f"stages:\n  train:\n    python: stages.train\n    {line}\n")
    errors = "\n".join(project.errors())
    assert [message for message in messages if message not in errors] == []
    assert hint in errors


@pytest.mark.parametrize(
    ("python", "message", "hint"),
    [
        ("stages.trian", "module stages has no function 'trian' (pivot.yaml:3)", "did you mean 'train'?"),
        ("stagez.train", "no module named 'stagez' (pivot.yaml:3)", "did you mean 'stages'?"),
        ("train", "python 'train' names no function", "stages.train"),
        ("stages.Box.method", "module stages holds no module 'Box'", "not a method"),
        ("stages.Box", "Box is no function", "a stage is a function"),
        ("broken.f", "importing broken failed: ZeroDivisionError: division by zero (broken.py:2)", ""),
        ("syntax.f", "importing syntax failed: SyntaxError: invalid syntax (syntax.py:2)", ""),
        ("lacking.f", "importing lacking failed: No module named 'not_there' (lacking.py:1)", "install it"),
        ("leaving.f", "importing leaving failed: SystemExit: 3 (leaving.py:1)", ""),
    ],
)
def test_a_function_that_cannot_be_found_is_explained(project, python, message, hint):
    project.write("stages.py", STAGES)
    project.write("broken.py", "x = 1\nx / 0\n")
    project.write("syntax.py", "x = 1\nx y\n")
    project.write("lacking.py", "import not_there\n")
    project.write("leaving.py", "raise SystemExit(3)\n")
    project.write("pivot.yaml", f"stages:\n  train:\n    python: {python}\n  again:\n    python: {python}\n")
    first, *others = project.errors()
    assert first.startswith("stage 'train': ")
    assert message in first
    assert hint in first
    assert not [error for error in others if "importing" in error], "a broken module is told once"


def test_all_errors_of_a_file_come_together_in_its_order(project):
    project.write("stages.py", STAGES)
    project.write("params.yaml", "train: {rat: 1}\n")
    project.write(
        "pivot.yaml",
        """\
        stages:
          one: {python: stages.nothing}
          train: {python: stages.train, deps: {dta: x}}
          three: {python: nowhere.f}
        """,
    )
    assert [error.splitlines()[0] for error in project.errors()] == [
        "stage 'one': module stages has no function 'nothing' (pivot.yaml:2)",
        "stage 'train': dep 'dta' is not a parameter of stages.train (pivot.yaml:3)",
        "stage 'train': unknown param 'rat' (params.yaml:1)",
        "stage 'three': no module named 'nowhere' (pivot.yaml:4)",
    ]


def test_params_come_from_params_yaml_over_pivot_yaml_over_defaults(project):
    project.write("stages.py", STAGES)
    project.write("params.yaml", "train:\n  layers: [3]\n  deep: {b: 2}\n")
    entry = "{python: stages.train, params: {rate: 1e-3, layers: [1, 2], deep: {a: 1}}}"
    project.write("pivot.yaml", f"stages:\n  train: {entry}\n")
    assert project.stage().params.values == '{"deep":{"a":1,"b":2},"layers":[3],"rate":0.001}'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("trian: {rate: 1}", "params of 'trian': no such stage (params.yaml:1)\nhint: did you mean 'train'?"),
        ("train: 3", "params of stage 'train' must be a table of fields (params.yaml:1)"),
        ("[1]", "params.yaml must hold a table of stage names (params.yaml:1)"),
        ("train: {rate: 1, rate: 2}", "key 'rate' stands twice (params.yaml:1)"),
    ],
)
def test_a_wrong_params_file_is_named_with_its_line(project, text, message):
    project.write("stages.py", STAGES)
    project.write("params.yaml", text)
    project.write("pivot.yaml", "stages:\n  train: {python: stages.train}\n")
    assert message in "\n".join(project.errors())


def test_params_for_a_stage_without_params_are_an_error(project):
    project.write("stages.py", STAGES)
    project.write("params.yaml", "clean: {x: 1}\n")
    project.write("pivot.yaml", "stages:\n  clean: {python: stages.clean}\n")
    assert "stage 'clean': stages.clean takes no params (params.yaml:1)" in project.errors()[0]


def test_a_pipeline_in_a_folder_reads_paths_from_there_and_imports_from_all_roots(project):
    project.write("src/deep_helper.py", "NAME = 'made'\n")
    project.write("top_helper.py", "from deep_helper import NAME\n")
    code = STAGES.replace('Out("data.txt")', 'Out(f"{NAME}.txt")')
    project.write("part/stages.py", "from top_helper import NAME\n" + code)
    project.write("part/pivot.yaml", "stages:\n  clean: {python: stages.clean, deps: {raw: ../raw.txt}}\n")
    stage = project.stage("part/pivot.yaml")
    assert (stage.folder, stage.dep_paths(), stage.out_paths()) == ("part", ("raw.txt",), ("part/made.txt",))
    assert stage.roots == ("part", ".", "src")
    assert stage.place == Place("part/pivot.yaml", 2)


def test_the_modules_executed_for_a_definition_are_known_and_then_forgotten(project):
    project.write("stages.py", STAGES)
    project.write("pivot.yaml", "stages:\n  clean: {python: stages.clean}\n")
    found = definition(str(project.root / "pivot.yaml"), str(project.root))
    assert found.modules == {"stages": digest_text(STAGES)}
    assert found.files == {"stages": str(project.root / "stages.py")}
    assert "stages" not in sys.modules
    assert not (project.root / "__pycache__").exists()


def test_the_next_reading_sees_the_next_text(project):
    project.write("pivot.yaml", "stages:\n  clean: {python: stages.clean}\n")
    for name in ("aaa", "bbb", "ccc"):
        file = project.write("stages.py", STAGES.replace("data.txt", f"{name}.txt"))
        os.utime(file, (1_000_000, 1_000_000))
        assert project.stage().out_paths() == (f"{name}.txt",)


def test_register_takes_names_paths_params_and_mutex(project):
    project.write("stages.py", STAGES)
    project.write("params.yaml", "big: {layers: [9]}\n")
    project.write(
        "pipeline.py",
        """\
        from pivot.pipeline import Pipeline
        from stages import P, clean, train

        p = Pipeline("p")
        p.register(clean)
        p.register(train, name="small", out_path_overrides={"model": "s.txt", "score": {"path": "s.json", "cache": True}})
        p.register(train, name="big", dep_path_overrides={"data": "b.txt"}, params=P(rate=2), mutex=["gpu", "gpu"],
                   out_path_overrides={"model": "b/m.txt", "score": "b/s.json"})
        """,
    )
    clean, small, big = project.stages("pipeline.py")
    assert (clean.name, str(clean.function), clean.place) == (
        "clean",
        "stages.clean",
        Place("pipeline.py", 5),
    )
    assert [(out.path, out.cache) for out in small.outs] == [("s.txt", True), ("s.json", True)]
    assert (big.dep_paths(), big.mutex) == (("b.txt",), ("gpu",))
    assert big.params.values == '{"deep":{},"layers":[9],"rate":2.0}'


WRONG_REGISTER = {
    "dep_path_overrides={'dta': 'x'}": "dep 'dta' is not a parameter of stages.train (pipeline.py:4)",
    "out_path_overrides={'modle': 'x'}": "out 'modle' is not an output of stages.train (pipeline.py:4)",
    "out_path_overrides={'model': {'path': 'x', 'cach': 1}}": "out 'model': unknown key 'cach' (pipeline.py:4)",
    "out_path_overrides={'model': {'cache': True}}": "out 'model': 'path' is missing (pipeline.py:4)",
    "out_path_overrides={'model': {'path': 'x', 'cache': 1}}": "cache is True or False, not 1 (pipeline.py:4)",
    "params={'rat': 1}": "unknown param 'rat' (pipeline.py:4)",
    "params=7": "params 7 are no params (pipeline.py:4)",
    "name='a b'": "stage name 'a b' is not allowed (pipeline.py:4)",
}


@pytest.mark.parametrize("said", WRONG_REGISTER)
def test_a_wrong_registration_names_its_line(project, said):
    project.write("stages.py", STAGES)
    project.write(
        "pipeline.py",
        f"from pivot.pipeline import Pipeline\nimport stages\np = Pipeline('p')\np.register(stages.train, {said})\n",
    )
    assert WRONG_REGISTER[said] in project.errors("pipeline.py")[0]


def test_two_names_for_a_single_output_are_an_error(project):
    project.write("stages.py", STAGES)
    project.write("pivot.yaml", "stages:\n  clean: {python: stages.clean, outs: {a: x.txt, b: y.txt}}\n")
    assert "'b' and 'a' both name the one output of stages.clean" in project.errors()[0]


def test_a_rebound_function_cannot_be_registered(project):
    project.write(
        "pipeline.py",
        """\
        from pivot.pipeline import Pipeline
        def f(): ...
        p = Pipeline("p")
        p.register(f)
        def f(): return 1
        """,
    )
    assert "pipeline.f is another object" in project.errors("pipeline.py")[0]


def test_marked_functions_are_taken_in_file_order_and_imported_ones_left(project):
    project.write("other.py", "import pivot\n@pivot.stage\ndef foreign(): ...\n")
    project.write(
        "pipeline.py",
        """\
        import pivot
        from other import foreign
        @pivot.stage(outs=['z.txt'])
        def z(): ...
        @pivot.stage
        def a(): ...
        def helper(): ...
        """,
    )
    assert [stage.name for stage in project.stages("pipeline.py")] == ["z", "a"]


def test_a_pipeline_file_without_stages_says_how_to_make_some(project):
    project.write("pipeline.py", "x = 1\n")
    assert project.errors("pipeline.py") == [
        "pipeline.py defines no stages\nhint: register functions on a Pipeline, or mark them with @pivot.stage"
    ]


def test_a_pipeline_file_that_fails_names_the_line(project):
    project.write("helper.py", "def f():\n    raise KeyError('k')\n")
    project.write("pipeline.py", "import helper\nhelper.f()\n")
    (error,) = project.errors("pipeline.py")
    assert error == "importing pipeline failed: KeyError: 'k' (helper.py:2)"


def test_marking_a_function_imports_no_heavy_library():
    code = (
        "import sys, pivot\npivot.stage(lambda: 1)\npivot.Pipeline('p')\npivot.Dep('a.csv', pivot.loaders.CSV())\n"
        "print(sorted({'pydantic', 'pandas', 'yaml', 'numpy', 'matplotlib', 'networkx'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


class Calls:
    """Counts the calls in this thread, from the first execution of a module of the project on."""

    count = 0

    def executing(self, name):
        del name
        sys.setprofile(self.on_event)
        return contextlib.nullcontext()

    def on_event(self, _frame, event, _argument):
        self.count += event in ("call", "c_call")


def test_a_stage_more_makes_few_calls_that_are_watched(project):
    """Of hundreds of events for each, the watch over what code asks took most of the time of thousands of stages."""

    def calls(count):
        entries = "".join(
            f"  s{n}: {{python: stages.clean, deps: {{raw: raw/{n}.txt}}, outs: {{o: out/{n}.txt}}}}\n"
            for n in range(count)
        )
        project.write("pivot.yaml", f"stages:\n{entries}")
        watch = Calls()
        try:
            gathered = gather(str(project.root / "pivot.yaml"), str(project.root), (), watch)
        finally:
            sys.setprofile(None)
        assert len(gathered.definition().stages) == count
        return watch.count

    project.write("stages.py", STAGES)
    calls(1)  # what comes first is imported
    few, many = calls(20), calls(40)
    assert 0 < many - few < 20 * 300
