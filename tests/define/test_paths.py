"""Several paths, folders, and what a door may say over both."""

import pytest

from pivot.model.stage import OutKind, PlotView, Returns

HEAD = """\
import pathlib
from collections.abc import Sequence
from typing import Annotated, Any, TypedDict
import pandas as pd
import pivot
from pivot import Dep, DirectoryOut, IncrementalOut, Metric, Out, Plot, loaders
"""


def run(project, code):
    project.write("pipeline.py", HEAD + code)
    return project.stage("pipeline.py")


def refused(project, code):
    project.write("pipeline.py", HEAD + code)
    (error,) = project.errors("pipeline.py")
    assert error.startswith("stage 'f': ")
    assert "(pipeline.py:" in error
    return error


def read(stage):
    return [(d.name, d.index, d.path, d.loader.name.rpartition(".")[2]) for d in stage.deps]


def written(stage):
    return [(o.name, o.index, o.path, o.loader.name.rpartition(".")[2]) for o in stage.outs]


SEVERAL = {
    "list": ("list[str]", "['a.txt', 'b.txt']", ["Text", "Text"]),
    "tuple": ("tuple[str, dict]", "('a.txt', 'b.json')", ["Text", "JSON"]),
    "tuple of any length": ("tuple[str, ...]", "('a.txt',)", ["Text"]),
    "list of one": ("list[str]", "['a.txt']", ["Text"]),
    "bare list": ("list", "['a.txt', 'b.csv']", ["Text", "CSV"]),
    "sequence": ("Sequence[pathlib.Path]", "['a.any', 'b']", ["PathOnly", "PathOnly"]),
    "anything": ("Any", "['a.txt', 'b.pkl']", ["Text", "Pickle"]),
    "or none": ("list[pathlib.Path] | None", "['a.txt', 'b']", ["PathOnly", "PathOnly"]),
    "one loader for all": ("list", "['a', 'b'], loaders.JSON()", ["JSON", "JSON"]),
}


@pytest.mark.parametrize("case", SEVERAL)
def test_several_paths_are_as_many_deps_and_outs_of_one_name(project, case):
    kind, arguments, expected = SEVERAL[case]
    stage = run(project, f"@pivot.stage\ndef f(x: Annotated[{kind}, Dep({arguments})]) -> None: ...")
    assert [(d.name, d.argument, d.index) for d in stage.deps] == [
        ("x", "x", index) for index in range(len(expected))
    ]
    assert [loader for *_, loader in read(stage)] == expected
    stage = run(project, f"@pivot.stage\ndef f() -> Annotated[{kind}, Out({arguments})]: ...")
    assert [(o.name, o.index) for o in stage.outs] == [("output", index) for index in range(len(expected))]
    assert [loader for *_, loader in written(stage)] == expected
    assert stage.returns is Returns.SINGLE


FOLDERS = {
    "path": ("pathlib.Path", "'d/'", "PathOnly"),
    "nothing said": ("Any", "'d/'", "PathOnly"),
    "dict": ("dict", "'d/'", "ByExtension"),
    "dict of values": ("dict[str, pd.DataFrame]", "'d/'", "ByExtension"),
    "dict or none": ("dict[str, dict] | None", "'d/'", "ByExtension"),
    "dict of bytes": ("dict[str, bytes]", "'d/'", "Bytes"),
    "loader": ("dict[str, pd.DataFrame]", "'d/', loaders.CSV()", "CSV"),
    "path only": ("pathlib.Path", "'d/', loaders.PathOnly()", "PathOnly"),
}


@pytest.mark.parametrize("case", FOLDERS)
def test_a_folder_is_read_as_its_annotation_says(project, case):
    kind, arguments, loader = FOLDERS[case]
    stage = run(project, f"@pivot.stage\ndef f(x: Annotated[{kind}, Dep({arguments})]) -> None: ...")
    assert read(stage) == [("x", None, "d/", loader)]


@pytest.mark.parametrize("case", [name for name in FOLDERS if name != "nothing said"])
def test_a_folder_is_written_as_its_annotation_says(project, case):
    kind, arguments, loader = FOLDERS[case]
    stage = run(project, f"@pivot.stage\ndef f() -> Annotated[{kind}, DirectoryOut({arguments})]: ...")
    (out,) = stage.outs
    assert (out.path, out.kind, out.loader.name) == ("d/", OutKind.DIRECTORY, f"pivot.loaders.{loader}")
    assert out.written_by_stage is (loader == "PathOnly")


def test_folders_and_files_mix_in_one_dep(project):
    stage = run(
        project, "@pivot.stage\ndef f(x: Annotated[list[pathlib.Path], Dep(['d/', './e//x'])]) -> None: ..."
    )
    assert read(stage) == [("x", 0, "d/", "PathOnly"), ("x", 1, "e/x", "PathOnly")]


def test_a_plain_stage_reads_and_writes_folders_on_its_own(project):
    stage = run(project, "@pivot.stage(deps=['data/', 'a.csv'], outs=['model/', 'b.csv'])\ndef f(): ...")
    assert [(d.name, d.path, d.argument) for d in stage.deps] == [
        ("data/", "data/", None),
        ("a.csv", "a.csv", None),
    ]
    assert [(o.path, o.kind, o.written_by_stage, o.cache) for o in stage.outs] == [
        ("model/", OutKind.DIRECTORY, True, True),
        ("b.csv", OutKind.OUT, True, True),
    ]


WRONG = {
    "no path": ("x: Annotated[list, Dep([])]", "None", "dep 'x' names no path", "at least one"),
    "no path in a list": ("x: Annotated[list, Dep(['a.txt', 3])]", "None", "dep 'x': 3 is no path", ""),
    "several for one value": (
        "x: Annotated[pd.DataFrame, Dep(['a.csv', 'b.csv'])]",
        "None",
        "dep 'x' has several paths, but its value is a DataFrame",
        "annotate list[DataFrame]",
    ),
    "several for one value written": (
        "",
        "Annotated[dict, Out(['a.json', 'b.json'])]",
        "out 'output' has several paths, but its value is a dict",
        "annotate list[dict]",
    ),
    "several, one unknown": (
        "x: Annotated[list, Dep(['a.txt', 'b.xyz'])]",
        "None",
        "dep 'x': no loader is known for 'b.xyz'",
        "name one",
    ),
    "table in an unknown file": (
        "x: Annotated[pd.DataFrame, Dep('a.json')]",
        "None",
        "dep 'x': no loader is known for a DataFrame in 'a.json'",
        ".parquet, .feather, .csv",
    ),
    "folder as a list": (
        "x: Annotated[list, Dep('d/')]",
        "None",
        "dep 'x': the value of the folder 'd/' is no list",
        "annotate pathlib.Path, or dict[str, …]",
    ),
    "folder by a loader as a table": (
        "x: Annotated[pd.DataFrame, Dep('d/', loaders.CSV())]",
        "None",
        "dep 'x': a loader gives the files of 'd/' as a dict",
        "annotate dict[str, …]",
    ),
    "folder itself as a dict": (
        "x: Annotated[dict, Dep('d/', loaders.PathOnly())]",
        "None",
        "dep 'x': PathOnly gives the folder 'd/' itself, no dict",
        "annotate pathlib.Path",
    ),
    "folder of figures to read": (
        "x: Annotated[dict, Dep('d/', loaders.MatplotlibFigure())]",
        "None",
        "dep 'x': loader MatplotlibFigure cannot read",
        "load(path)",
    ),
    "folder loader class": (
        "x: Annotated[dict, Dep('d/', loaders.CSV)]",
        "None",
        "dep 'x': loader CSV is a class",
        "call it",
    ),
    "whole project": (
        "x: Annotated[dict, Dep('./')]",
        "None",
        "dep 'x': './' is the whole project",
        "folder",
    ),
    "own folder": ("x: Annotated[dict, Dep('.pivot/runs/')]", "None", "is Pivot's own", "another"),
    "outside": ("x: Annotated[dict, Dep('../d/')]", "None", "path '../d/' leaves the project", "inside"),
    "folder of an Out": (
        "",
        "Annotated[pathlib.Path, Out('d/')]",
        "out 'output': 'd/' is a folder, but Out writes files",
        "annotate DirectoryOut",
    ),
    "folder of a Metric": ("", "Annotated[dict, Metric('d/')]", "but Metric writes files", "DirectoryOut"),
    "DirectoryOut of no dict": (
        "",
        "Annotated[pd.DataFrame, DirectoryOut('d/', loaders.CSV())]",
        "out 'output': a DirectoryOut takes a dict from path to value, not DataFrame",
        "annotate dict[str, DataFrame]",
    ),
    "DirectoryOut of paths": (
        "",
        "Annotated[dict[str, pathlib.Path], DirectoryOut('d/')]",
        "with PathOnly the stage fills the folder itself and returns its path, no dict",
        "annotate pathlib.Path",
    ),
    "DirectoryOut by a reader": (
        "",
        "Annotated[dict, DirectoryOut('d/', R())]",
        "out 'output': loader R cannot write",
        "save(value, path)",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_paths_that_do_not_fit_are_refused_with_the_way_out(project, case):
    parameters, returns, message, hint = WRONG[case]
    error = refused(
        project,
        f"class R:\n    def load(self, path): ...\n@pivot.stage\ndef f({parameters}) -> {returns}: ...",
    )
    assert message in error
    assert hint in error


CONSTRUCTED = {
    "no slash": ("DirectoryOut('d')", "DirectoryOut('d'): the path of a folder ends with /", "write 'd/'"),
    "several folders": ("DirectoryOut(['d/', 'e/'])", "the path of a folder ends with /", ""),
    "several states": ("IncrementalOut(['a', 'b'])", "IncrementalOut takes one path", "one for each file"),
    "state folder": ("IncrementalOut('d/')", "IncrementalOut('d/') names a folder", "name a file"),
}


@pytest.mark.parametrize("case", CONSTRUCTED)
def test_a_word_that_cannot_be_is_refused_where_it_is_written(project, case):
    code, message, hint = CONSTRUCTED[case]
    project.write("pipeline.py", f"{HEAD}\nWORD = {code}\n")
    (error,) = project.errors("pipeline.py")
    assert message in error
    assert hint in error
    assert "(pipeline.py:8)" in error


OVERRIDES = """
class Outs(TypedDict):
    one: Annotated[dict, Out('one.json')]
    many: Annotated[list[dict], Out(['a.json', 'b.json'])]
    folder: Annotated[dict[str, dict], DirectoryOut('folder/', loaders.JSON())]
    plot: Annotated[pd.DataFrame, Plot('p.csv', x='t', y='v')]
    metric: Annotated[dict, Metric('m.json')]
    state: Annotated[dict, IncrementalOut('state.json')]
def f(
    state: Annotated[dict, IncrementalOut('state.json')],
    one: Annotated[dict, Dep('in.json')],
    many: Annotated[list[dict], Dep(('in_a.json', 'in_b.json'))],
    folder: Annotated[dict, Dep('in/')],
    place: Annotated[pathlib.Path, Dep('place/', loaders.PathOnly())],
) -> Outs: ...
pipeline = pivot.Pipeline('p')
"""


def registered(what):
    return f"{OVERRIDES}pipeline.register(f, {what})\n"


GIVEN_DEPS = {
    "one": ("'one': 'other.json'", [("one", None, "other.json", "JSON")]),
    "loader by the new name": ("'one': 'other.yaml'", [("one", None, "other.yaml", "YAML")]),
    "more": (
        "'many': ['x.json', 'y.json', 'z.json']",
        [("many", i, f"{n}.json", "JSON") for i, n in enumerate("xyz")],
    ),
    "fewer": ("'many': ('x.json',)", [("many", 0, "x.json", "JSON")]),
    "one of many": ("'many': 'x.json'", [("many", 0, "x.json", "JSON")]),
    "folder": ("'folder': 'other/'", [("folder", None, "other/", "ByExtension")]),
    "file for a path": ("'place': 'a.csv'", [("place", None, "a.csv", "PathOnly")]),
}


@pytest.mark.parametrize("case", GIVEN_DEPS)
def test_paths_of_deps_are_overridden(project, case):
    given, expected = GIVEN_DEPS[case]
    stage = run(project, registered(f"dep_path_overrides={{{given}}}"))
    assert [dep for dep in read(stage) if dep[0] == expected[0][0]] == expected


GIVEN_OUTS = {
    "more": ("'many': ['x.json', 'y.json', 'z.json']", ["x.json", "y.json", "z.json"]),
    "fewer": ("'many': {'path': ['x.json']}", ["x.json"]),
    "folder": ("'folder': 'other/'", ["other/"]),
    "metric": ("'metric': 'v2/m.json'", ["v2/m.json"]),
}


@pytest.mark.parametrize("case", GIVEN_OUTS)
def test_paths_of_outs_are_overridden(project, case):
    given, expected = GIVEN_OUTS[case]
    stage = run(project, registered(f"out_path_overrides={{{given}}}"))
    name = given.partition(":")[0].strip("'")
    assert [out.path for out in stage.outs if out.name == name] == expected


def test_a_plot_says_how_it_is_drawn_and_a_door_may_say_otherwise(project):
    views = {out.name: out.view for out in run(project, registered("")).outs}
    assert views["plot"] == PlotView("t", "v", None)
    assert {name for name, view in views.items() if view is None} == {
        "one",
        "many",
        "folder",
        "metric",
        "state",
    }
    given = "out_path_overrides={'plot': {'path': 'q.csv', 'y': 'w', 'template': 'bars', 'cache': False}}"
    (plot,) = (out for out in run(project, registered(given)).outs if out.name == "plot")
    assert (plot.path, plot.cache, plot.view) == ("q.csv", False, PlotView("t", "w", "bars"))


WRONGLY_GIVEN = {
    "several for one dep": (
        "dep_path_overrides={'one': ['a.json', 'b.json']}",
        "dep 'one' is one path, but 2 are given",
        "annotate several in pipeline.f",
    ),
    "several for one out": (
        "out_path_overrides={'one': ['a.json']}",
        "out 'one' is one path, but a list is given",
        "annotate several",
    ),
    "none of many": ("out_path_overrides={'many': []}", "out 'many' names no path", "at least one"),
    "file for a folder read": (
        "dep_path_overrides={'folder': 'a.csv'}",
        "dep 'folder' is a folder, but the file 'a.csv' is given",
        "end a folder's path with /",
    ),
    "folder for a file read": (
        "dep_path_overrides={'one': 'd/'}",
        "dep 'one' is a file, but the folder 'd/' is given",
        "a file's not",
    ),
    "folder among files": (
        "dep_path_overrides={'many': ['a.json', 'd/']}",
        "dep 'many' is a file, but the folder 'd/' is given",
        "",
    ),
    "file for a folder written": (
        "out_path_overrides={'folder': 'd'}",
        "out 'folder' is a DirectoryOut, but the file 'd' is given",
        "'d/'",
    ),
    "folders for a folder": (
        "out_path_overrides={'folder': ['d/', 'e/']}",
        "out 'folder' is one path, but 2 are given",
        "",
    ),
    "folder for a file written": (
        "out_path_overrides={'one': 'd/'}",
        "out 'one': 'd/' is a folder, but Out writes files",
        "DirectoryOut",
    ),
    "axes of no plot": (
        "out_path_overrides={'one': {'path': 'a.json', 'x': 't', 'template': 'bars'}}",
        "out 'one' is no Plot, but x, template is given",
        "declare it as a Plot",
    ),
    "state written": (
        "out_path_overrides={'state': 'other.json'}",
        "the path of IncrementalOut 'state' cannot be overridden",
        "change it in pipeline.f",
    ),
    "state read": (
        "dep_path_overrides={'state': 'other.json'}",
        "the path of IncrementalOut 'state' cannot be overridden",
        "on the parameter and in the return type",
    ),
    "no output": (
        "out_path_overrides={'mny': 'a.json'}",
        "out 'mny' is not an output of pipeline.f",
        "'many'",
    ),
    "no dep": (
        "dep_path_overrides={'mny': 'a.json'}",
        "dep 'mny' is not a parameter of pipeline.f",
        "'many'",
    ),
}


@pytest.mark.parametrize("case", WRONGLY_GIVEN)
def test_an_override_that_does_not_fit_names_its_line_and_the_way_out(project, case):
    given, message, hint = WRONGLY_GIVEN[case]
    error = refused(project, registered(given))
    assert message in error
    assert hint in error
    line = (HEAD + OVERRIDES).count("\n") + 1
    assert f"(pipeline.py:{line})" in error


def test_outs_of_one_stage_that_lie_in_each_other_are_told(project):
    code = """
class Outs(TypedDict):
    folder: Annotated[dict, DirectoryOut('d/')]
    many: Annotated[list[dict], Out(['d/a.json', 'e.json', 'e.json'])]
@pivot.stage
def f() -> Outs: ...
"""
    project.write("pipeline.py", HEAD + code)
    twice, inside = sorted(project.errors("pipeline.py"), key=lambda error: "twice" not in error)
    assert "writes 'e.json' twice (pipeline.py:11)" in twice
    assert "writes 'd/a.json' inside 'd/'" in inside
