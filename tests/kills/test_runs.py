"""`pivot repro` is killed 240 times: its driver, its fork server, its workers and the programs of its stages.

100 times the driver before one of its changes to a file, 80 times at a random instant, 60 times another process.
With those of `test_commands` that makes 320 kills; PIVOT_KILLS=3200 does ten times as many.
"""

import pytest

pytestmark = pytest.mark.timeout(3600)  # PIVOT_KILLS may ask for thousands

RUN = ("repro", "--jobs", "2")
COMPLETED = 0.12  # of the kills are followed by a run to the end, the others by another kill


@pytest.mark.parametrize("batch", range(2))
@pytest.mark.parametrize(
    ("changes", "part"), [(True, 50), (False, 40)], ids=["before a change", "at an instant"]
)
def test_a_run_whose_driver_is_killed_leaves_each_stage_old_or_new(site, kills, changes, part, batch):
    while site.kills < kills(part):
        site.edit()
        before = site.files()
        site.killed(*RUN, changes=changes)
        site.settled(before)
        if site.rng.random() < COMPLETED:
            site.complete()
    site.complete()
    assert site.kills == kills(part)


@pytest.mark.parametrize("batch", range(2))
def test_a_run_whose_other_processes_are_killed_ends_and_leaves_each_stage_old_or_new(site, kills, batch):
    while site.kills < kills(30):
        site.edit()
        before = site.files()
        run = site.start(*RUN)
        site.kills += site.killed_other(run.pid)
        ended = run.wait()
        # its first worker reads the definitions, and nothing runs if it cannot
        told = ended.out + ended.err
        assert ended.code in (0, 1) or "reading pivot.yaml failed: worker" in told, told
        assert "Pivot itself failed" not in ended.err
        site.settled(before)
        if site.rng.random() < COMPLETED:
            site.complete()
    site.complete()
    assert site.kills == kills(30)
