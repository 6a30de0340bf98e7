"""The main job through the Python face: define, run, change, run again."""

import json
from collections.abc import Callable

import pytest

from pivot.errors import PivotError
from pivot.model.run import Run

Outcomes = Callable[[Run], dict[str, str]]


def test_the_first_run_runs_everything_and_the_second_nothing(numbers, outcomes: Outcomes):
    first = numbers.repro()
    assert outcomes(first) == {"double": "ran", "total": "ran"}
    assert json.loads(numbers.read("total.json")) == {"total": 12}
    second = numbers.repro()
    assert outcomes(second) == {"double": "unchanged", "total": "unchanged"}
    assert second.executed == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return [n * FACTOR for n in numbers]", "return [n * FACTOR for n in numbers]  # a comment"),
        ("def scale(numbers):", 'def scale(numbers):\n    """A docstring."""'),
        ("for n in numbers]", "for n in  numbers ]"),
        ("[n * FACTOR for n in numbers]", "[x * FACTOR for x in numbers]"),
        ("def unused(x):\n    return x", "def unused(x):\n    return x + 1"),
        ("FACTOR = 2", "OTHER = 3\nFACTOR = 2"),
    ],
    ids=["comment", "docstring", "formatting", "renamed local", "unused helper", "unused constant"],
)
def test_an_edit_without_effect_runs_nothing(numbers, old: str, new: str):
    numbers.repro()
    numbers.edit("stages.py", old, new)
    assert numbers.repro().executed == ()


@pytest.mark.parametrize(
    ("old", "new", "result"),
    [
        ("n * FACTOR", "n + FACTOR", 12),
        ("FACTOR = 2", "FACTOR = 3", 18),
        ("FACTOR = 2", "FACTOR = 2\nFACTOR += 2", 24),
    ],
)
def test_an_edited_helper_or_constant_runs_what_reaches_it(numbers, old: str, new: str, result: int):
    numbers.repro()
    numbers.edit("stages.py", old, new)
    assert "double" in numbers.repro().executed
    assert json.loads(numbers.read("total.json")) == {"total": result}


def test_equal_bytes_cut_off_what_comes_after(numbers, outcomes: Outcomes):
    numbers.repro()
    numbers.edit("stages.py", "n * FACTOR", "FACTOR * n")
    assert outcomes(numbers.repro()) == {"double": "ran", "total": "unchanged"}


def test_a_change_that_is_undone_is_restored_from_the_run_cache(numbers, outcomes: Outcomes):
    numbers.repro()
    numbers.edit("stages.py", "FACTOR = 2", "FACTOR = 3")
    numbers.repro()
    assert json.loads(numbers.read("total.json")) == {"total": 18}
    numbers.edit("stages.py", "FACTOR = 3", "FACTOR = 2")
    assert outcomes(numbers.repro()) == {"double": "restored", "total": "restored"}
    assert json.loads(numbers.read("total.json")) == {"total": 12}


def test_a_deleted_output_is_restored(numbers, outcomes: Outcomes):
    numbers.repro()
    (numbers.path / "doubled.json").unlink()
    (numbers.path / "total.json").unlink()
    assert outcomes(numbers.repro()) == {"double": "restored", "total": "restored"}
    assert json.loads(numbers.read("total.json")) == {"total": 12}


def test_an_output_that_a_person_changed_is_kept_aside_and_restored(numbers):
    numbers.repro()
    numbers.write("doubled.json", "[5]")
    notices: list[str] = []
    run = numbers.repro(sinks=[lambda event: notices.append(getattr(event, "text", ""))])
    assert run.executed == ()
    assert json.loads(numbers.read("doubled.json")) == [2, 4, 6]
    assert any("doubled.json" in text for text in notices)


def test_changed_data_runs_what_reads_it(numbers):
    numbers.repro()
    numbers.write("numbers.json", "[4]")
    assert numbers.repro().executed == ("double", "total")


def test_touching_a_file_runs_nothing(numbers):
    numbers.repro()
    (numbers.path / "numbers.json").touch()
    (numbers.path / "stages.py").touch()
    assert numbers.repro().executed == ()


def test_a_target_brings_what_it_needs_and_nothing_else(numbers, outcomes: Outcomes):
    assert outcomes(numbers.repro("double")) == {"double": "ran"}
    assert outcomes(numbers.repro("total")) == {"double": "unchanged", "total": "ran"}


def test_force_runs_what_has_not_changed(numbers, outcomes: Outcomes):
    numbers.repro()
    assert outcomes(numbers.repro("double", force=True)) == {"double": "ran"}


def test_status_says_what_would_run_before_it_does(numbers):
    assert numbers.verdicts() == {"double": "run", "total": "run"}
    numbers.repro()
    assert numbers.verdicts() == {"double": "unchanged", "total": "unchanged"}
    numbers.edit("stages.py", "FACTOR = 2", "FACTOR = 3")
    assert numbers.verdicts() == {"double": "run", "total": "waits"}


def test_a_missing_dep_is_named_with_its_stage_before_anything_runs(numbers):
    (numbers.path / "numbers.json").unlink()
    with pytest.raises(PivotError, match=r"stage 'double': dep 'numbers'.*numbers\.json"):
        numbers.repro()
    assert not (numbers.path / "doubled.json").exists()


def test_the_log_of_a_stage_is_kept(numbers):
    from pivot.project import Project

    numbers.repro()
    with Project(str(numbers.path)) as project:
        assert "doubling 3" in project.log("double")


def test_an_output_is_loaded_as_the_value_that_was_returned(numbers):
    from pivot.project import Project

    numbers.repro()
    with Project(str(numbers.path)) as project:
        assert project.load("double") == [2, 4, 6]
        assert project.load("total") == {"total": 12}


def test_a_failing_stage_leaves_the_old_outputs_in_place(numbers, outcomes: Outcomes):
    numbers.repro()
    numbers.edit("stages.py", 'return {"doubled": scale(numbers)}', 'raise ValueError("no")')
    run = numbers.repro()
    assert outcomes(run) == {"double": "failed", "total": "blocked"}
    assert run.exit_code == 1
    assert "ValueError: no" in run.stages["double"].reason
    assert "stages.py" in run.stages["double"].reason
    assert json.loads(numbers.read("doubled.json")) == [2, 4, 6]


def test_a_copy_of_the_project_elsewhere_runs_nothing(numbers, tmp_path_factory):
    import shutil

    from pivot.project import Project

    numbers.repro()
    elsewhere = tmp_path_factory.mktemp("copy") / "project"
    shutil.copytree(numbers.path, elsewhere)
    with Project(str(elsewhere)) as project:
        assert project.repro().executed == ()


def test_one_project_object_sees_later_edits_of_definitions_and_code(numbers):
    from pivot.project import Project

    with Project(str(numbers.path)) as project:
        project.repro()
        numbers.edit("stages.py", '"total.json"', '"sum.json"')
        numbers.edit("stages.py", "FACTOR = 2", "FACTOR = 5")
        assert project.repro().executed == ("double", "total")
    assert json.loads(numbers.read("sum.json")) == {"total": 30}
