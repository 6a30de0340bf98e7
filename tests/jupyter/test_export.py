"""The texts of export."""

import pytest

from pivot.errors import PivotError
from pivot.model.place import Place
from pivot.model.stage import (
    LoaderRef,
    ObjectRef,
    OutKind,
    Returns,
    Stage,
    StageDep,
    StageOut,
    StageParameters,
)
from pivot.yamlio import read_yaml
from pivot_jupyter.entry import stage_entry
from pivot_jupyter.export import pipeline_text

LOADER = LoaderRef("pivot.loaders.CSV", "", 1, b"")


def stage(name="clean", *, folder=".", mutex=(), params=None, module="nb_stages", kind=OutKind.OUT):
    prefix = "" if folder == "." else f"{folder}/"
    return Stage(
        name=name,
        function=ObjectRef(module, name),
        deps=(StageDep("raw", f"{prefix}raw.csv", LOADER, "raw"),),
        outs=(StageOut("output", f"{prefix}{name}.csv", kind, LOADER, True, False),),
        returns=Returns.SINGLE,
        params=StageParameters("params", ObjectRef(module, "P"), params) if params else None,
        mutex=mutex,
        folder=folder,
        place=Place("Cell In[1]", 1),
        roots=(".",),
    )


def entries(stages):
    return {one.name: stage_entry(one, ".") for one in stages}


BLOCK = {"python": "nb_stages.clean", "deps": {"raw": "raw.csv"}, "outs": {"output": "clean.csv"}}


def test_everything_is_explicit():
    made = stage_entry(stage(mutex=("gpu",), params='{"lr":0.1,"on":"NO"}'), ".")
    assert made == {**BLOCK, "params": {"lr": 0.1, "on": "NO"}, "mutex": ["gpu"]}


@pytest.mark.parametrize(
    ("kind", "section"), [(OutKind.OUT, "outs"), (OutKind.METRIC, "metrics"), (OutKind.PLOT, "plots")]
)
def test_outputs_stand_in_the_section_of_their_kind(kind, section):
    assert stage_entry(stage(kind=kind), ".")[section] == {"output": "clean.csv"}


def test_paths_are_relative_to_the_working_directory_of_the_stage():
    made = stage_entry(stage(folder="sub"), ".")
    assert (made["cwd"], made["deps"]) == ("sub", {"raw": "raw.csv"})


def test_a_new_file_holds_the_stages_in_their_order():
    text = pipeline_text(entries([stage("b"), stage("a")]), ("nb_stages",))
    assert list(read_yaml(text, "f").data["stages"]) == ["b", "a"]


FOREIGN = """\
# the pipeline
stages:   # all of them
  # before other
  other:
    python: lib.other   # not ours
    deps: {x: 'a.csv'}

  # before clean
  clean:
    python: nb_stages.clean
    outs:
      output: old.csv
  # before gone
  gone:
    python: nb_stages.gone

  # before last
  last:
    python: lib.last
# the end
"""


def test_comments_and_foreign_stages_are_kept_byte_for_byte():
    text = pipeline_text(entries([stage(), stage("fresh")]), ("nb_stages",), FOREIGN)
    data = read_yaml(text, "f").data["stages"]
    assert data["clean"] == BLOCK
    assert list(data) == ["other", "clean", "last", "fresh"]
    lines = text.splitlines()
    ours = [line for line in FOREIGN.splitlines() if "nb_stages" not in line and "old.csv" not in line]
    for line in ours:
        if line.strip() not in {"gone:", "clean:", "outs:"}:
            assert line in lines
    assert text.startswith("# the pipeline\nstages:   # all of them\n  # before other\n  other:\n")
    assert text.endswith("# the end\n")


def test_exporting_again_changes_nothing():
    once = pipeline_text(entries([stage(), stage("fresh")]), ("nb_stages",), FOREIGN)
    assert pipeline_text(entries([stage(), stage("fresh")]), ("nb_stages",), once) == once


@pytest.mark.parametrize(
    "existing", ["", "# only a comment\n", "stages:\n", "stages: {}\n", "stages:\n# later\n"]
)
def test_an_empty_file_is_filled(existing):
    text = pipeline_text(entries([stage()]), ("nb_stages",), existing)
    assert read_yaml(text, "f").data == {"stages": {"clean": BLOCK}}
    assert all(line in text for line in existing.splitlines() if line.startswith("#"))


def test_a_stage_of_somebody_else_with_that_name_is_an_error():
    with pytest.raises(PivotError, match=r"stage 'clean' belongs to lib.clean already .*pivot.yaml:2"):
        pipeline_text(entries([stage()]), ("nb_stages",), "stages:\n  clean:\n    python: lib.clean\n")


def test_a_form_that_cannot_be_edited_by_lines_is_refused():
    with pytest.raises(PivotError, match="without touching what others wrote"):
        pipeline_text(entries([stage()]), ("nb_stages",), "stages: {x: {python: lib.x}}\n")


def test_entries_of_an_earlier_module_name_are_replaced():
    before = pipeline_text(entries([stage("a"), stage("b")]), ("nb_stages",), FOREIGN)
    after = pipeline_text(entries([stage("a", module="better")]), ("better", "nb_stages"), before)
    assert "nb_stages" not in after
    assert read_yaml(after, "p").data["stages"]["a"]["python"] == "better.a"
