"""Stages that ask for parts of the machine: never more at once than there is, and no error that nobody needs."""

import pytest

from pivot.engine.capacity import capacity_for
from pivot.errors import DefinitionErrors
from pivot.model.event import Notice
from pivot.model.resources import Resources
from pivot.project import Project
from pivot.store.layout import initialize


def declare(folder, capacity):
    initialize(str(folder.path))
    folder.write(".pivot/config.yaml", f"capacity: {capacity}\n")


def asking(folder, name, resources, **options):
    folder.stage(name, **options)
    folder.yaml += f"    resources: {resources}\n"
    folder.write("pivot.yaml", folder.yaml)


@pytest.mark.parametrize("resources", ["{license: 1}", "{memory: 600MB}", "{gpus: 0.6}", "{cpus: 2}"])
def test_no_more_stages_are_at_work_than_there_is_of_what_they_take(folder, resources):
    declare(folder, "{license: 1, memory: 1GB, gpus: 1, cpus: 9}")
    for name in "abc":
        asking(folder, name, resources, body=f"return count_running({name!r})")
    run, _ = folder.repro(jobs=3)
    assert run.ok
    assert [folder.read(f"{name}.txt") for name in "abc"] == ["1", "1", "1"]


def test_more_than_there_is_is_an_error_before_anything_runs_with_the_line_and_the_fix(folder):
    declare(folder, "{gpus: 1, memory: 4GiB}")
    folder.stage("first")
    asking(folder, "big", "{gpus: 2, memory: 8GiB}", deps=["first.txt"])
    with pytest.raises(DefinitionErrors) as caught:
        folder.repro()
    gpus, memory = caught.value.errors
    assert gpus.message == "stage 'big': gpus: 2 is more than there is, 1 (pivot.yaml:6)"
    assert memory.message == "stage 'big': memory: 8GiB is more than there is, 4GiB (pivot.yaml:6)"
    assert "capacity: {gpus: 2} in .pivot/config.yaml" in (gpus.hint or "")
    assert not folder.exists("first.txt")


def test_a_result_that_is_there_needs_no_machine(folder):
    declare(folder, "{gpus: 1}")
    folder.stage("first")
    asking(folder, "big", "{gpus: 1}", deps=["first.txt"])
    folder.repro()
    declare(folder, "{gpus: 0}")
    assert folder.outcomes() == {"first": "unchanged", "big": "unchanged"}
    (folder.path / "big.txt").unlink()
    assert folder.outcomes() == {"first": "unchanged", "big": "restored"}
    folder.edit("return 'first'", "return 'again'")  # nobody knows yet whether `big` must run
    run, _ = folder.repro()
    assert {name: str(end.outcome) for name, end in run.stages.items()} == {"first": "ran", "big": "failed"}
    assert run.stages["big"].reason.startswith("stage 'big': gpus: 1 is more than there is, 0")


def test_labels_of_which_nobody_says_how_much_there_is_are_ignored_with_one_notice(folder):
    for name in "ab":
        asking(folder, name, "{license: 1, tape: 2}")
    _, events = folder.repro()
    (notice,) = [event.text for event in events if isinstance(event, Notice) and "ignored" in event.text]
    assert notice.startswith("resources license, tape are ignored: nobody says how much there is")
    assert notice.endswith("(capacity: {license: 1} in .pivot/config.yaml)")
    _, events = folder.repro()
    assert not [event for event in events if isinstance(event, Notice)]


def test_the_machine_is_looked_at_only_for_who_asks_and_what_is_declared_wins(folder):
    looks = []

    def look():
        looks.append(1)
        return {"cpus": 2.0, "gpus": 0.0}

    folder.stage("plain")
    with Project(str(folder.path)) as project:
        (plain,) = project.stages()
    assert capacity_for([plain], {"gpus": 4}, look) == {"gpus": 4}
    assert not looks
    asking(folder, "big", "{gpus: 1}")
    with Project(str(folder.path)) as project:
        stages = project.stages()
    assert stages[1].resources == Resources(gpus=1)
    assert capacity_for(stages, {"gpus": 4}, look) == {"cpus": 2, "gpus": 4}
