"""Commands of the command line as magics, on the stages of the cells."""

import subprocess

import pytest

from pivot_jupyter.completion import words_after
from pivot_jupyter.words import FROM_THE_COMMAND_LINE, as_magics

SCALE = """%%pivot_stage
class Outs(TypedDict):
    scaled: Annotated[dict, pivot.Out("scaled.json")]
    total: Annotated[dict, pivot.Metric("total.json")]
    curve: Annotated[pd.DataFrame, pivot.Plot("curve.csv", x="x", y="y")]

def scale(params: Params, raw: Annotated[dict, pivot.Dep("raw.json")]) -> Outs:
    values = [value * params.factor for value in raw["values"]]
    frame = pd.DataFrame({"x": range(len(values)), "y": values})
    return {"scaled": {"values": values}, "total": {"sum": sum(values)}, "curve": frame}
"""
PARAMS = "class Params(pivot.StageParams):\n    factor: int = 2"


@pytest.fixture
def scaled(ready, kernel_place):
    """A notebook in a git repository that has run its stage."""
    subprocess.run(["git", "init", "-q", "."], cwd=kernel_place, check=True)
    (kernel_place / "raw.json").write_text('{"values": [1, 2]}')
    ready(PARAMS, SCALE)
    assert "✓ ran" in ready("%pivot run")
    return ready


def test_the_last_runs_and_what_they_made(scaled, kernel_place):
    scaled(PARAMS.replace("2", "5"), SCALE, "%pivot run")
    assert scaled("%pivot history").count("1 ran") == 2
    assert "✓ ran" in scaled("%pivot show")
    assert "scaled.json" in scaled("%pivot list")
    assert scaled("%pivot metrics").split() == ["file", "metric", "value", "total.json", "sum", "15"]
    assert "factor" in scaled("%pivot params show")
    told = scaled("%pivot metrics diff -2 last")
    assert [word for word in told.split() if word in {"6", "15", "+9"}] == ["6", "15", "+9"]
    assert "factor" in scaled("%pivot params diff -2 last")
    assert "param:factor" in scaled("%pivot diff -2 last")
    assert scaled("%pivot plots --out p.html") == "wrote p.html (1 plot)\n"
    assert (kernel_place / "p.html").exists()


def test_a_difference_names_the_cell(scaled):
    scaled("def unused(): pass", SCALE.replace("sum(values)", "sum(values) + 1"))
    assert "(Cell In[" in scaled("%pivot diff last")


def test_outputs_come_back_and_hand_made_ones_are_accepted(scaled, kernel_place):
    (kernel_place / "scaled.json").unlink()
    assert "✓ restored" in scaled("%pivot checkout")
    assert (kernel_place / "scaled.json").exists()
    (kernel_place / "raw.json").write_text('{"values": [1, 2, 3]}')
    assert "1 stage accepted" in scaled("%pivot commit scale")
    assert "0 of 1 stage will run" in scaled("%pivot status")


def test_a_dry_run_and_a_single_stage_mean_what_they_mean_in_a_terminal(scaled, kernel_place):
    assert "1 of 1 stage will run" in scaled("%pivot run --force --dry-run")
    scaled("%%pivot_stage\ndef next(d: Annotated[dict, pivot.Dep('scaled.json')]) -> Annotated[dict, pivot.Metric('n.json')]:\n"
           "    return d")  # fmt: skip
    (kernel_place / "raw.json").write_text('{"values": [7]}')
    told = scaled("%pivot run --single-stage next")
    assert [line.split()[-1] for line in told.splitlines() if line.startswith("✓ ran")] == ["next"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("%pivot checkout --forse", "%pivot checkout: No such option"),
        ("%pivot metrics shw", "No such command 'shw'"),
        ("%pivot show -9", "there is no run '-9': see them: %pivot history"),
        ("%pivot checkout nope", "no stage or out is called 'nope'"),
        ("%pivot hist", "did you mean 'history'?"),
        ("%pivot run -j 0", "argument -j/--jobs"),
        ("%pivot load scale nope", "stage 'scale' has no output 'nope': it has: scaled, total, curve"),
    ],
)
def test_wrong_words_are_one_line(scaled, line, message):
    told = scaled(line)
    assert told.startswith("PivotRunError: ")
    assert message in told
    assert len(told.splitlines()) == 1


def test_what_was_not_done_stops_run_all(scaled, kernel_place):
    for file in (kernel_place / ".pivot" / "cache" / "files").glob("*/*"):
        file.chmod(0o600)
        file.unlink()
    (kernel_place / "scaled.json").unlink()
    told = scaled("%pivot checkout")
    assert told.startswith("PivotRunError: %pivot checkout: not all of it was done")


def test_history_is_told_while_the_cells_are_wrong(scaled):
    scaled("open_lambda = pivot.stage(deps=['raw.json'])(lambda: 3)")
    assert "Can't pickle" in scaled("%pivot list")
    assert "1 ran" in scaled("%pivot history")


def test_completion_knows_their_options_and_commands():
    assert words_after("%pivot checkout --f", ["checkout"], ["scale"]) == ("--f", ["--force"])
    assert words_after("%pivot checkout ", ["checkout"], ["scale"]) == ("", ["scale"])
    assert words_after("%pivot metrics d", ["metrics"], ["scale"]) == ("d", ["diff"])


def test_hints_name_magics_only_where_there_are_some():
    assert as_magics("run it: pivot repro a, or pivot pull") == "run it: %pivot repro a, or pivot pull"
    assert as_magics("%pivot run, .pivot/x, pivot.yaml") == "%pivot run, .pivot/x, pivot.yaml"


def test_each_is_a_command_of_the_command_line():
    from pivot.cli.commands import COMMANDS

    assert COMMANDS.keys() >= FROM_THE_COMMAND_LINE.keys()


def test_the_log_of_a_stage_that_only_the_exported_file_knows_is_told(scaled, kernel_place):
    ready = scaled
    ready(
        SCALE.replace("    values =", "    print('at work')\n    values ="),
        "%pivot run",
        "%pivot export",
        "%pivot forget scale",
    )
    assert ready("%pivot log scale") == "at work\n"
    assert "no stage or out is called 'scal'" in ready("%pivot log scal")
