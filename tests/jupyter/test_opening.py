"""``%pivot open``: stages of a pipeline file in a notebook, alone and beside those of cells."""

import pytest

from pivot.project import initialize

MODULE = """\
from typing import Annotated

from pivot import loaders, outputs


def strip(raw: Annotated[str, outputs.Dep("raw.txt", loaders.Text())]) -> Annotated[str, outputs.Out("stripped.txt", loaders.Text())]:
    return raw.strip()
"""
CELL = """%%pivot_stage
def shout(text: Annotated[str, outputs.Dep("stripped.txt", loaders.Text())]) -> Annotated[str, outputs.Out("loud.txt", loaders.Text())]:
    return text.upper() + SUFFIX
"""
FILE = "stages:\n  strip:\n    python: lib.strip  # kept\n"


@pytest.fixture
def filed(ready, kernel_place):
    """A session beside a pipeline file with one stage."""
    (kernel_place / "lib.py").write_text(MODULE)
    (kernel_place / "pivot.yaml").write_text(FILE)
    return ready


def test_stages_of_the_file_and_of_cells_are_one_pipeline(filed, kernel_place):
    assert filed("%pivot open") == "open: pivot.yaml (strip)\n"
    assert "✓ ran" in filed("%pivot run")
    told = filed(CELL)
    assert "will run" in told
    assert "strip" in filed("%pivot status")
    assert [line.split()[-1] for line in filed("%pivot run").splitlines() if line.startswith("✓ ran")] == [
        "shout"
    ]
    assert (kernel_place / "loud.txt").read_text() == "ABC!"

    (kernel_place / "lib.py").write_text(MODULE.replace("raw.strip()", "raw.strip()[::-1]"))
    assert "1 of 2 stages will run, 1 wait" in filed("%pivot status")
    filed("%pivot run")
    assert (kernel_place / "loud.txt").read_text() == "CBA!"
    assert filed("_ = %pivot load strip\nprint(_)").endswith("cba\n")

    assert "pivot.yaml" in filed("%pivot export")
    assert FILE in (kernel_place / "pivot.yaml").read_text()
    told = filed("%reload_ext pivot_jupyter", "%pivot open")
    assert told.startswith("open: pivot.yaml (strip, shout)\nof these, shout is of this notebook's module")
    assert "0 of 2 stages will run" in filed("%pivot status")
    filed("SUFFIX = '?'", CELL)
    assert "1 of 2 stages will run" in filed("%pivot status")


def test_a_name_that_both_define_is_refused_with_both_places(filed):
    filed("%pivot open")
    told = filed(CELL.replace("shout", "strip"))
    assert "stage 'strip' is defined in Cell In[" in told
    assert "and, as lib.strip, in pivot.yaml: rename one of the two" in told


def test_a_file_of_another_folder_of_the_project_runs_there(filed, kernel_place):
    below = kernel_place / "below"
    below.mkdir()
    (below / "deep.py").write_text(MODULE.replace("raw.txt", "../raw.txt"))
    (below / "pivot.yaml").write_text("stages:\n  deep:\n    python: deep.strip\n")
    initialize(str(kernel_place))
    assert filed("%pivot open below") == "open: below/pivot.yaml (deep)\n"
    filed("%pivot run --bg", "_pivot = get_ipython()._pivot_extension.background.wait()")
    assert (below / "stripped.txt").read_text() == "abc"
    filed(CELL.replace("stripped.txt", "below/stripped.txt"), "%pivot run")
    assert (kernel_place / "loud.txt").read_text() == "ABC!"


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("", "there is no pipeline file here or in a folder above: name a pivot.yaml, or a folder with one"),
        ("raw.txt", "there is no pipeline file at raw.txt"),
        ("nowhere/pivot.yaml", "there is no pipeline file at nowhere/pivot.yaml"),
        (
            "../foreign",
            "../foreign belongs to another project, which keeps its own results: open it from a notebook",
        ),
    ],
)
def test_what_cannot_be_opened_is_refused_with_the_way_out(word, told, ready, kernel_place):
    foreign = kernel_place.parent / "foreign"
    foreign.mkdir()
    (foreign / "pivot.yaml").write_text("stages: {}\n")
    assert told in ready(f"%pivot open {word}")
