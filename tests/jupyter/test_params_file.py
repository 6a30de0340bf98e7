"""``params.yaml`` beside a notebook."""

import pytest

from pivot.project import Project

PARAMS = "class Params(pivot.StageParams):\n    factor: int = 2"
STAGE = """%%pivot_stage --param factor=3
def scale(params: Params) -> Annotated[dict, pivot.Out("s.json")]:
    return {"factor": params.factor}
"""
OTHER = STAGE.replace("scale", "other").replace("s.json", "o.json")


@pytest.fixture
def params(ready, kernel_place):
    """Writes the file."""
    ready(PARAMS, STAGE, OTHER)
    return (kernel_place / "params.yaml").write_text


def verdicts(folder):
    with Project(str(folder)) as project:
        return {decision.stage: decision.verdict.value for decision in project.status()}


def test_it_wins_and_is_not_copied_into_the_exported_file(params, ready, shell, kernel_place):
    params("scale: {factor: 5}\n")
    ready("%pivot run", "%pivot export")
    assert shell.run_cell("%pivot load scale").result == {"factor": 5}
    assert verdicts(kernel_place) == {"scale": "unchanged", "other": "unchanged"}
    assert "factor: 3" in (kernel_place / "pivot.yaml").read_text()
    (kernel_place / "params.yaml").unlink()
    assert verdicts(kernel_place)["scale"] == "run"
    assert "1 of 2 stages will run" in ready("%pivot status")
    assert ready("%pivot export --check") == ""


def test_a_field_that_only_it_gives_is_no_obstacle_to_export(params, ready, kernel_place):
    params("scale: {width: 5}\nother: {width: 7}\n")
    ready(PARAMS + "\n    width: int", "%pivot run", "%pivot export")
    assert verdicts(kernel_place) == {"scale": "unchanged", "other": "unchanged"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("scale: {factr: 5}\n", "unknown param 'factr' (params.yaml:1): did you mean 'factor'?"),
        ("scale: {factor: many}\n", "param 'factor'"),
        ("scale: 3\n", "params of stage 'scale' must be a table of fields (params.yaml:1)"),
        ("scale:\n  factor: 5\n other: 3\n", "cannot read params.yaml"),
    ],
)
def test_what_is_wrong_in_it_is_told_once(params, ready, text, message):
    params(text)
    told = ready("%pivot status")
    assert message in told
    assert len(told.splitlines()) == 1


def test_a_name_that_is_no_stage_is_told_when_a_run_begins(params, ready, kernel_place):
    (kernel_place / "pivot.yaml").write_text("stages:\n  foreign:\n    python: lib.foreign\n")
    params("scal: {factor: 5}\nforeign: {x: 1}\n")
    told = ready("%pivot run")
    assert "params of 'scal': no such stage (params.yaml:1): did you mean 'scale'?" in told
    assert "foreign" not in told
    assert "✓ ran" in told


def test_a_value_and_what_is_inside_it_are_not_both_given(ready):
    ready(PARAMS)
    told = ready(STAGE.replace("factor=3", "factor=3 --param factor.a=1"))
    assert "--param factor.a: factor is given as a value, too: keep one" in told
    assert "--param factor is given twice" in ready(STAGE.replace("factor=3", "factor=3 --param factor=4"))
