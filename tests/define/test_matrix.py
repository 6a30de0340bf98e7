"""Matrices, vars and overrides in ``pivot.yaml``; variants by ``register``."""

import json

import pytest

from pivot.model.place import Place
from pivot.model.stage import PlotView

STAGES = """\
from typing import Annotated, TypedDict
from pivot import Dep, IncrementalOut, Metric, Out, Plot, StageParams, loaders


class P(StageParams):
    rate: float = 1
    layers: list[int] = [1]
    deep: dict[str, int] = {}
    name: str = "none"


class Outs(TypedDict):
    model: Annotated[str, Out("model.txt")]
    score: Annotated[dict, Metric("score.json")]
    curve: Annotated[list, Plot("curve.json", x="step", y="loss")]


def train(data: Annotated[str, Dep("data.txt")], params: P) -> Outs: ...


def told(data: Annotated[str, Dep("data.txt")], variant) -> Annotated[str, Out("told.txt")]: ...


def settled(variant: Annotated[str, Dep("data.txt")]) -> Annotated[str, Out("told.txt")]: ...


def modelled(variant: P) -> Annotated[str, Out("told.txt")]: ...


def free(variant: str = "none") -> Annotated[str, Out("told.txt")]: ...


def shards(
    parts: Annotated[list[str], Dep(["a.txt", "b.txt"])],
) -> Annotated[list[str], Out(["x.txt", "y.txt"])]: ...


def grow(
    state: Annotated[dict, IncrementalOut("state.json", loaders.JSON())],
) -> Annotated[dict, IncrementalOut("state.json", loaders.JSON())]: ...
"""

ENTRY = """\
stages:
  train:
    python: stages.train
    matrix:
      model:
        small:
        big: {params: {layers: [9], deep: {b: 2}}, mutex: gpu, deps: {data: big.txt}}
      seed: [1, 2]
    params: {deep: {a: 1}, name: "${model}"}
    mutex: "disk_${seed}"
    outs: {model: {path: "out/${model}/${seed}.txt", cache: false}}
    metrics: {score: "out/${model}/${seed}.json"}
    plots: {curve: {path: "out/${model}/${seed}.curve.json", y: acc, template: line}}
"""


@pytest.fixture
def written(project):
    """Writes the stages and a pivot.yaml."""

    def write(text):
        project.write("stages.py", STAGES)
        project.write("pivot.yaml", text)
        return project

    return write


def params(stage):
    return json.loads(stage.params.values)


def test_a_matrix_makes_a_stage_of_each_combination_in_the_order_of_the_file(written):
    found = written(ENTRY).stages()
    names = ["train@small_1", "train@small_2", "train@big_1", "train@big_2"]
    assert [stage.name for stage in found] == names
    assert [stage.out_paths()[0] for stage in found] == [
        f"out/{model}/{seed}.txt" for model in ("small", "big") for seed in (1, 2)
    ]
    assert {stage.place for stage in found} == {Place("pivot.yaml", 2)}


def test_what_a_value_gives_wins_key_by_key_and_mutex_replaces(written):
    small, _, big, _ = written(ENTRY).stages()
    assert params(small) == {"rate": 1.0, "layers": [1], "deep": {"a": 1}, "name": "small"}
    assert params(big) == {"rate": 1.0, "layers": [9], "deep": {"a": 1, "b": 2}, "name": "big"}
    assert (small.mutex, big.mutex) == (("disk_1",), ("gpu",))
    assert (small.dep_paths(), big.dep_paths()) == (("data.txt",), ("big.txt",))


def test_options_of_outputs_are_applied(written):
    model, score, curve = written(ENTRY).stages()[0].outs
    assert (model.cache, score.cache, curve.cache) == (False, False, True)
    assert curve.view == PlotView(x="step", y="acc", template="line")


def test_an_override_in_a_matrix_keeps_the_options_it_leaves_out(written):
    text = ENTRY.replace("deps: {data: big.txt}", "outs: {model: 'big/${seed}.txt'}")
    _, _, big, _ = written(text).stages()
    assert (big.outs[0].path, big.outs[0].cache) == ("big/1.txt", False)


def test_later_dimensions_win_over_earlier_ones(written):
    text = """\
        stages:
          train:
            python: stages.train
            matrix:
              a: {x: {params: {rate: 2, name: a}}}
              b: {y: {params: {rate: 3}}}
        """
    (stage,) = written(text).stages()
    assert (stage.name, params(stage)["rate"], params(stage)["name"]) == ("train@x_y", 3.0, "a")


def test_params_yaml_has_the_last_word_and_a_variants_own_entry_most_of_all(written):
    project = written(ENTRY)
    project.write("params.yaml", "train: {rate: 5, layers: [5]}\ntrain@big_2: {rate: 6}\n")
    found = project.stages()
    assert [params(stage)["rate"] for stage in found] == [5.0, 5.0, 5.0, 6.0]
    assert [params(stage)["layers"] for stage in found] == [[5]] * 4


def test_a_template_names_the_variants(written):
    text = """\
        stages:
          train@{seed}-{model}:
            python: stages.told
            matrix: {model: [a, b], seed: [1]}
            outs: {told: "${model}.txt"}
        """
    assert [stage.name for stage in written(text).stages()] == ["train@1-a", "train@1-b"]


def test_vars_come_from_the_file_and_from_files_that_it_names(written):
    project = written(
        """\
        vars:
          - lists.yaml
          - {base: out, here: "${base}/${size}", fast: true}
        stages:
          train:
            python: stages.train
            matrix: {seed: ["${size}", 8]}
            deps: {data: "${here}/data.txt"}
            params: {rate: "${size}", layers: ["${nested.more.a}", 1], name: "$${size} ${fast}"}
            outs: {model: "${seed}.txt"}
            metrics: {score: "${seed}.json"}
            plots: {curve: "${seed}.curve.json"}
        """
    )
    project.write("lists.yaml", "size: 7\nnested: {more: {a: 9}}\n")
    first, second = project.stages()
    assert (first.name, second.name) == ("train@7", "train@8")
    assert first.dep_paths() == ("out/7/data.txt",)
    assert params(first) == {"rate": 7.0, "layers": [9, 1], "deep": {}, "name": "${size} true"}


def test_a_dimension_hides_a_var_of_its_name(written):
    text = """\
        vars: {model: none}
        stages:
          told: {python: stages.told, matrix: {model: [a]}, outs: {o: "${model}.txt"}}
        """
    assert written(text).stage().out_paths() == ("a.txt",)


def test_cwd_may_name_a_dimension(written):
    text = """\
        stages:
          told: {python: stages.told, matrix: {place: [north, south]}, cwd: "sites/${place}"}
        """
    found = written(text).stages()
    assert [stage.folder for stage in found] == ["sites/north", "sites/south"]
    assert [stage.out_paths() for stage in found] == [("sites/north/told.txt",), ("sites/south/told.txt",)]


ARGUMENTS = [
    ("{matrix: {seed: [3]}}", 3),
    ("{matrix: {model: [a]}}", "a"),
    ("{matrix: {model: {a: }, seed: [3]}}", {"model": "a", "seed": 3}),
    ("{matrix: {fast: [true]}}", True),
]


@pytest.mark.parametrize(("entry", "value"), ARGUMENTS)
@pytest.mark.parametrize("function", ["told", "free"])
def test_a_parameter_called_variant_is_told_which_one_it_is(written, entry, value, function):
    stage = written(f"stages:\n  s: {{python: stages.{function}, {entry[1:]}\n").stage()
    assert json.loads(stage.variant.argument) == value


@pytest.mark.parametrize("function", ["settled", "modelled", "train"])
def test_a_parameter_called_variant_that_something_else_provides_is_let_be(written, function):
    stage = written(f"stages:\n  s: {{python: stages.{function}, matrix: {{m: [a]}}}}\n").stage()
    assert stage.variant.argument is None


def test_without_a_matrix_nothing_provides_variant(written):
    project = written("stages:\n  s: {python: stages.told}\n")
    assert "nothing provides parameter 'variant'" in project.errors()[0]
    assert written("stages:\n  s: {python: stages.free}\n").stage().variant is None


def test_several_paths_are_given_as_a_list(written):
    text = """\
        stages:
          s:
            python: stages.shards
            deps: {parts: {path: [c.txt, d.txt, e.txt]}}
            outs: {any: [v.txt, w.txt]}
        """
    stage = written(text).stage()
    assert stage.dep_paths() == ("c.txt", "d.txt", "e.txt")
    assert stage.out_paths() == ("v.txt", "w.txt")


WRONG = {
    "no value": ("deps: {data: '${base}/x'}", ["stage 'train': ${base} has no value (pivot.yaml:4)"], ""),
    "a misspelt one": (
        "matrix: {model: [a]}\n    outs: {model: '${modle}.txt'}",
        ["${modle} has no value (pivot.yaml:5)"],
        "did you mean 'model'?",
    ),
    "in a list of params": (
        "params: {layers:\n      [1, '${n}']}",
        ["${n} has no value (pivot.yaml:5)"],
        "vars:",
    ),
    "in the matrix": ("matrix: {m: [a, '${x}']}", ["stage 'train': ${x} has no value (pivot.yaml:4)"], ""),
    "not closed": ("deps: {data: '${base'}", ["${ is not closed in '${base' (pivot.yaml:4)"], "$${"),
    "empty dimension": ("matrix:\n      m: []", ["dimension 'm' has no values (pivot.yaml:5)"], "take the"),
    "wrong value": (
        "matrix:\n      m:\n        - a\n        - b/c",
        ["value 'b/c' cannot be part of a name (pivot.yaml:7)"],
        "name it",
    ),
    "wrong value in a table": (
        "matrix:\n      m:\n        a:\n        b c:",
        ["'b c' cannot", "(pivot.yaml:7)"],
        "",
    ),
    "no scalar": ("matrix: {m: [[1]]}", ["matrix.m.0 must be a text, a number, true or false, not [1]"], ""),
    "nothing": ("matrix: {m: [~]}", ["matrix.m.0 is empty (pivot.yaml:4)"], "a text, a number"),
    "no path": ("deps: {data: }", ["deps.data is empty (pivot.yaml:4)"], "write a path"),
    "no path among options": ("outs: {model: {cache: true}}", ["'outs.model.path' is missing"], "add path"),
    "no list": ("matrix: {m: a}", ["matrix.m must be a list of values, or a table"], ""),
    "unknown key of a value": (
        "matrix:\n      m:\n        a:\n          parms: {rate: 1}",
        ["stage 'train': unknown key 'parms' (pivot.yaml:7)"],
        "did you mean 'params'?",
    ),
    "unknown key of a value's path": (
        "matrix: {m: {a: {outs: {model: {pth: x}}}}}",
        ["unknown key 'pth' (pivot.yaml:4)"],
        "did you mean 'path'?",
    ),
    "wrong param of a value": (
        "matrix:\n      m:\n        a:\n          params: {rat: 1}\n        b:",
        ["stage 'train@a': unknown param 'rat' (pivot.yaml:7)"],
        "'rate'?",
    ),
    "one path": (
        "matrix: {m: [a, b]}",
        [
            "stages 'train@a' and 'train@b' (pivot.yaml:2) both write 'model.txt': ${m} is missing in the path",
            "both write 'score.json'",
            "both write 'curve.json'",
        ],
        "model_${m}.txt",
    ),
    "options of a metric": (
        "metrics: {score: {path: s.json, x: a}}",
        ["unknown key 'x'"],
        "known: cache, path",
    ),
    "type of an option": (
        "outs: {model: {path: x, cache: 1}}",
        ["outs.model.cache must be true or false"],
        "",
    ),
    "path of no kind": ("outs: {model: 3}", ["outs.model must be a path, a list of paths, or a table"], ""),
    "a path in a list": ("outs: {model: [x, 3]}", ["outs.model.1 must be a text, not 3 (pivot.yaml:4)"], ""),
    "several for one": (
        "outs: {model: [x, y]}",
        ["out 'model' is one path, but 2 are given (pivot.yaml:4)"],
        "",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_told_with_its_line_and_the_way_out(written, case):
    line, messages, hint = WRONG[case]
    errors = "\n".join(written(f"stages:\n  train:\n    python: stages.train\n    {line}\n").errors())
    assert [message for message in messages if message not in errors] == []
    assert hint in errors


WRONG_FILE = {
    "braces": (
        "stages:\n  train@{m}: {python: stages.train}\n",
        "has braces in its name but no matrix (pivot.yaml:2)",
    ),
    "var's type": ("vars: {a: [1]}\nstages:\n", "vars.a must be a text, a number, true or false, not [1]"),
    "vars": ("vars: 3\nstages:\n", "vars must be a table of values, a YAML file, or a list of such, not 3"),
    "no file": (
        "vars: none.yaml\nstages:\n",
        "vars: cannot read none.yaml: No such file or directory (pivot.yaml:1)",
    ),
    "file outside": (
        "vars: [../x.yaml]\nstages:\n",
        "vars: path '../x.yaml' leaves the project (pivot.yaml:1)",
    ),
    "file of no table": (
        "vars: list.yaml\nstages:\n",
        "vars: list.yaml must hold a table of values (list.yaml:1)",
    ),
    "twice": (
        "vars:\n  - {a: 1}\n  - {a: 2}\nstages:\n",
        "var 'a' is given twice: at pivot.yaml:2 and at pivot.yaml:3",
    ),
    "unknown var": ("vars: {a: '${b}'}\nstages:\n", "vars: ${b} has no value (pivot.yaml:1)"),
    "incremental": (
        "stages:\n  g: {python: stages.grow, outs: {state: x.json}}\n",
        "(pivot.yaml:2)",
    ),
}


@pytest.mark.parametrize("case", WRONG_FILE)
def test_a_wrong_file_is_told_with_its_line(written, case):
    text, message = WRONG_FILE[case]
    project = written(text)
    project.write("list.yaml", "[1]")
    assert message in "\n".join(project.errors())


def test_many_variants_tell_an_error_of_their_function_once(written):
    text = "stages:\n  train: {python: stages.train, matrix: {m: [a, b, c]}, deps: {dta: x}}\n"
    found = [error for error in written(text).errors() if "'dta'" in error]
    assert len(found) == 1
    assert found[0].startswith("stage 'train@a': dep 'dta' is not a parameter")


def test_all_that_is_wrong_with_a_file_is_told_at_once_in_its_order(written):
    text = """\
        vars: {a: "${nowhere}"}
        stages:
          one: {python: stages.told, matrix: {m: []}}
          two: {python: stages.told, matrix: {m: [a]}, deps: {data: "${x}"}}
          three: {python: stages.none, matrix: {m: ["/"]}}
        """
    lines = [error.splitlines()[0] for error in written(text).errors()]
    assert lines == [
        "vars: ${nowhere} has no value (pivot.yaml:1)",
        "stage 'one': dimension 'm' has no values (pivot.yaml:3)",
        "stage 'two': ${x} has no value (pivot.yaml:4)",
        "stage 'three': module stages has no function 'none' (pivot.yaml:5)",
        "stage 'three': value '/' cannot be part of a name (pivot.yaml:5)",
    ]
