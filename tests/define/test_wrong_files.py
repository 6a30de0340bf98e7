"""A ``pivot.yaml`` with mistakes: all of them are told at once, each in words that its writer understands."""

import pytest

STAGES = """\
from typing import Annotated
from pivot import Dep, Out, StageParams, loaders


class P(StageParams):
    rate: float
    name: str = "x"


def train(data: Annotated[str, Dep("data.txt")], params: P) -> Annotated[dict, Out("model.json")]: ...
def clean(raw: Annotated[str, Dep("raw.txt")]) -> Annotated[str, Out("data.txt")]: ...
"""


@pytest.fixture
def told(project):
    """Writes a pivot.yaml; what is wrong with it."""
    project.write("stages.py", STAGES)

    def write(text):
        project.write("pivot.yaml", text)
        return project.errors()

    return write


def test_a_wrong_key_hides_nothing_else_that_is_wrong(told):
    errors = told("""\
        include: [3]
        more: 1
        stages:
          one:
            python: stages.train
            parms: {rate: 1}
            params: {rate: x, nme: y}
            deps: {dta: a.txt}
            outs: {model: 3}
          two: {python: stages.cleen, mutex: {gpu: 1}}
          three: {deps: {raw: x.txt}}
          four: {python: stages.train, matrix: 3, outs: {o: "${m}.json"}}
          five: {python: nowhere.clean}
          6: {python: stages.clean}
        """)
    assert [error.splitlines()[0] for error in errors] == [
        "include.0 must be a text, not 3 (pivot.yaml:1)",
        "unknown key 'more' (pivot.yaml:2)",
        "stage 'one': unknown key 'parms' (pivot.yaml:6)",
        "stage 'one': outs.model must be a path, a list of paths, or a table with a path, not 3 (pivot.yaml:9)",
        "stage 'two': mutex must be a list, not {'gpu': 1} (pivot.yaml:10)",
        "stage 'three': 'python' is missing (pivot.yaml:11)",
        ("stage 'four': matrix must be a table of keys and values (pivot.yaml:12)"),
        "a stage's name must be a text, not 6 (pivot.yaml:14)",
        "stage 'one': dep 'dta' is not a parameter of stages.train (pivot.yaml:8)",
        "stage 'one': unknown param 'nme' (pivot.yaml:7)",
        (
            "stage 'one': param 'rate': Input should be a valid number, unable to parse string as a number, "
            "got 'x' (pivot.yaml:7)"
        ),
        "stage 'two': module stages has no function 'cleen' (pivot.yaml:10)",
        "stage 'five': no module named 'nowhere' (pivot.yaml:13)",
    ]


def test_what_a_wrong_part_would_have_given_is_not_missing(told):
    (error,) = told("stages:\n  one: {python: stages.train, params: [rate]}\n")
    assert "params must be a table of keys and values (pivot.yaml:2)" in error


def test_a_params_yaml_that_cannot_be_read_is_the_only_thing_told_about_params(told, project):
    project.write("params.yaml", "one: {rate: 1\n")
    (error,) = told("stages:\n  one: {python: stages.train}\n")
    assert error.startswith("cannot read params.yaml: ")


@pytest.mark.parametrize("file", ["pivot.yaml", "params.yaml"])
def test_a_file_that_is_no_utf_8_is_told_with_its_line(told, project, file):
    project.write("stages.py", STAGES)
    project.write("pivot.yaml", "stages: {}\n")
    (project.root / file).write_bytes("a: 1\nb: ä\n".encode("latin-1"))
    (error,) = project.errors()
    assert error == f"{file} is no UTF-8 ({file}:2)\nhint: save it as UTF-8"


TABLES = {
    "a list for a file": ("- a\n", "pivot.yaml must be a table", "it begins with stages:"),
    "a list of stages": ("stages: [a]\n", "stages must be a table", "name: {python: module.function}"),
    "a stage without anything": (
        "stages:\n  a:\n",
        "stage 'a': it must be a table",
        "python: module.function",
    ),
    "a list of deps": (
        "stages: {a: {python: stages.clean, deps: [raw.txt]}}\n",
        "stage 'a': deps must be a table",
        "data: data.csv",
    ),
    "a list of outs": (
        "stages: {a: {python: stages.clean, outs: [raw.txt]}}\n",
        "stage 'a': outs must be a table",
        "model: model.pkl",
    ),
    "a command": (
        "stages: {a: {python: stages.clean, cmd: python x.py}}\n",
        "stage 'a': unknown key 'cmd'",
        "a stage is a function",
    ),
    "a loop": (
        "stages: {a: {python: stages.clean, foreach: [1]}}\n",
        "stage 'a': unknown key 'foreach'",
        "here it is matrix",
    ),
    "a folder": (
        "stages: {a: {python: stages.clean, wdir: x}}\n",
        "stage 'a': unknown key 'wdir'",
        "here it is cwd",
    ),
    "a colon": ("stages: {a: {python: 'stages:clean'}}\n", "names no function", "write stages.clean"),
    "a call": ("stages: {a: {python: stages.clean()}}\n", "names no function", "write stages.clean"),
    "a file": (
        "stages: {a: {python: stages.py clean}}\n",
        "names no function",
        "module.function, e.g. stages.train",
    ),
    "no folder": ("stages: {a: {python: stages.clean, cwd: ''}}\n", "stage 'a': cwd: a path is empty", ""),
    "a key that is no text": (
        "stages: {a: {python: stages.clean, deps: {1: x.txt}}}\n",
        "stage 'a': a key of deps must be a text, not 1",
        "put it in quotes",
    ),
}


@pytest.mark.parametrize("case", TABLES)
def test_a_table_of_another_shape_is_told_with_the_way_to_write_it(told, case):
    text, message, hint = TABLES[case]
    (error,) = told(text)
    assert message in error
    assert hint in error
    assert "(pivot.yaml:" in error


def test_keys_that_begin_with_x_are_for_anchors(project):
    project.write("stages.py", STAGES)
    project.write(
        "pivot.yaml",
        """\
        x-gpu: &gpu {mutex: [gpu]}
        stages:
          one: {<<: *gpu, python: stages.clean}
        """,
    )
    assert project.stage().mutex == ("gpu",)


@pytest.mark.parametrize("out", ["pivot.yaml", "params.yaml", "conf/vars.yaml", ".git/hooks.txt"])
def test_no_stage_writes_over_what_defines_the_stages(told, project, out):
    project.write("conf/vars.yaml", "a: 1\n")
    text = f"vars: conf/vars.yaml\nstages:\n  one: {{python: stages.clean, outs: {{o: {out}}}}}\n"
    project.write("stages.py", STAGES.replace('Out("data.txt")', 'Out("data.txt", loaders.Text())'))
    (error,) = told(text)
    assert f"stage 'one' would write over {out}, which " in error
    assert "(pivot.yaml:3)" in error


def test_no_folder_of_a_stage_holds_what_defines_the_stages(project):
    code = "from typing import Annotated\nfrom pivot import DirectoryOut\ndef f() -> Annotated[dict, DirectoryOut('conf/')]: ..."
    project.write("stages.py", code)
    project.write("conf/vars.yaml", "a: 1\n")
    project.write("pivot.yaml", "vars: conf/vars.yaml\nstages: {f: {python: stages.f}}\n")
    (error,) = project.errors()
    assert "stage 'f' would write over conf/vars.yaml, which defines stages" in error


def test_an_error_of_many_lines_is_told_in_one(told, project):
    project.write("broken.py", "raise ImportError('\\n\\n  see below\\n\\nand further')\n")
    (error,) = told("stages:\n  one: {python: broken.f}\n")
    assert error == "stage 'one': importing broken failed: ImportError: see below (broken.py:1)"


@pytest.mark.parametrize("base", ["BaseException", "Exception", "SystemExit"])
def test_whatever_a_module_raises_names_its_line(told, project, base):
    project.write("broken.py", f"class Panic({base}): ...\n\nraise Panic('no')\n")
    (error,) = told("stages:\n  one: {python: broken.f}\n")
    assert error == "stage 'one': importing broken failed: Panic: no (broken.py:3)"


MODULES = {
    "no function of that name": (
        "def other(): ...\n",
        "stage 'one': module mine has no function 'f' (pivot.yaml:2)",
        "known: other",
    ),
    "letters of another encoding": (
        b"def f(): ...\n\n# \xe4\n",
        "stage 'one': importing mine failed: SyntaxError: the file is no UTF-8, and names no other encoding",
        "(mine.py:3)",
    ),
    "no character": (b"x = 0\0\n", "stage 'one': importing mine failed: SyntaxError: ", "(mine.py"),
}


@pytest.mark.parametrize("case", MODULES)
def test_a_module_that_gives_no_function_is_named(told, project, case):
    text, message, rest = MODULES[case]
    (project.root / "mine.py").write_bytes(
        text if isinstance(text, bytes) else f"from typing import Annotated, Any\n{text}".encode()
    )
    (error,) = told("stages:\n  one: {python: mine.f}\n")
    assert error.startswith(message)
    assert rest in error


def test_a_module_that_python_has_already_is_told_to_be_renamed(told, project):
    project.write("json.py", "def f() -> None: ...\n")
    (error,) = told("stages:\n  one: {python: json.f}\n")
    assert "module json has no function 'f'" in error
    assert "rename your json.py" in error
