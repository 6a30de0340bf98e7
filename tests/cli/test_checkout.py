"""``pivot checkout`` and ``pivot commit``: results without running."""

import json
import shutil
from pathlib import Path

import pytest

pytestmark = pytest.mark.called

STAGES = """
from typing import Annotated
import pivot
from pivot.loaders import JSON, Text

def factor():
    return 2

def double(numbers: Annotated[list, pivot.Dep("in.json", JSON())]) -> Annotated[list, pivot.Out("doubled.json", JSON())]:
    open("ran.log", "a").write("double ")
    return [n * factor() for n in numbers]

def total(doubled: Annotated[list, pivot.Dep("doubled.json", JSON())]) -> Annotated[dict, pivot.Metric("total.json")]:
    open("ran.log", "a").write("total ")
    return {"total": sum(doubled)}

def raw(doubled: Annotated[list, pivot.Dep("doubled.json", JSON())]) -> Annotated[str, pivot.Out("raw.txt", Text(), cache=False)]:
    return "x" * 2_000_000
"""
YAML = "stages:\n" + "".join(f"  {name}:\n    python: stages.{name}\n" for name in ("double", "total", "raw"))


@pytest.fixture
def ran(shell):
    """A project that has run; what ran is written to a log that nothing depends on."""
    shell.write("stages.py", STAGES)
    shell.write("pivot.yaml", YAML)
    shell.write("in.json", "[1, 2]")
    assert shell.pivot("repro").code == 0
    return shell


def test_what_is_gone_is_put_back_and_nothing_runs(ran):
    log = (ran.path / "ran.log").read_text()
    wanted = {name: (ran.path / name).read_bytes() for name in ("doubled.json", "total.json")}
    for name in wanted:
        (ran.path / name).unlink()
    done = ran.pivot("checkout")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[-1] == "2 stages restored, 1 in place"
    assert {name: (ran.path / name).read_bytes() for name in wanted} == wanted
    assert (ran.path / "ran.log").read_text() == log
    assert ran.pivot("checkout").out == "0 stages restored, 3 in place\n"


def test_only_the_targets_are_put_back(ran):
    (ran.path / "doubled.json").unlink()
    (ran.path / "total.json").unlink()
    assert ran.pivot("checkout", "total").code == 0
    assert (ran.path / "total.json").exists()
    assert not (ran.path / "doubled.json").exists()


def test_what_a_person_wrote_is_kept_and_told_or_with_force_replaced(ran):
    (ran.path / "doubled.json").write_text("mine")
    done = ran.pivot("checkout")
    assert done.code == 0
    kept = ran.path / done.err.rpartition(" ")[2].strip()
    assert kept.read_text() == "mine"
    shutil.rmtree(ran.path / ".pivot/cache/kept")
    (ran.path / "doubled.json").write_text("mine too")
    done = ran.pivot("checkout", "--force")
    assert (done.code, done.err) == (0, "")
    assert json.loads((ran.path / "doubled.json").read_text()) == [2, 4]
    assert not any(
        path.read_bytes() == b"mine too" for path in (ran.path / ".pivot/cache").rglob("*") if path.is_file()
    )


def test_all_that_is_lost_is_named_and_the_rest_is_put_back(ran):
    shutil.rmtree(ran.path / ".pivot/cache/files")
    for name in ("doubled.json", "total.json", "raw.txt"):
        (ran.path / name).unlink()
    done = ran.pivot("checkout")
    assert done.code == 1
    assert "stage 'double': the bytes of doubled.json are not in the cache" in done.err
    assert "stage 'raw': the bytes of raw.txt are not in the cache" in done.err
    assert "pivot pull" in done.err
    assert done.out.splitlines()[-1] == "1 stage restored, 2 failed"
    assert (ran.path / "total.json").exists()
    found = json.loads(ran.pivot("checkout", "--json").out)["stages"]
    assert [row["missing"] for row in found] == [["doubled.json"], [], ["raw.txt"]]


def test_of_a_stage_that_lost_one_output_a_metric_that_can_be_had_is_not_named(experiment):
    experiment.write(
        "stages.py",
        """
        from typing import Annotated, TypedDict
        import pivot
        from pivot.loaders import Text

        class Both(TypedDict):
            score: Annotated[dict, pivot.Metric("score.json")]
            loose: Annotated[str, pivot.Out("loose.txt", Text())]

        def train(data: Annotated[str, pivot.Dep("data.txt", Text())]) -> Both:
            return {"score": {"n": len(data)}, "loose": data}
        """,
    )
    experiment.write("pivot.yaml", "stages:\n  train:\n    python: stages.train\n")
    assert experiment.pivot("repro").code == 0
    shutil.rmtree(experiment.path / ".pivot/cache/files")
    for name in ("score.json", "loose.txt"):
        (experiment.path / name).unlink()
    assert (
        "error: stage 'train': the bytes of loose.txt are not in the cache"
        in experiment.pivot("checkout").err
    )


def test_a_stage_without_a_result_fails_only_if_it_was_asked_for(shell):
    shell.write("stages.py", STAGES)
    shell.write("pivot.yaml", YAML)
    done = shell.pivot("checkout")
    assert (done.code, done.out) == (0, "0 stages restored\n")
    assert "no result is known of double, total, raw" in done.err
    assert shell.pivot("checkout", "double").code == 1
    assert shell.pivot("checkout", "duble").code == 2


def test_an_edit_that_changes_nothing_is_accepted_with_its_diff(ran):
    ran.write("stages.py", STAGES.replace("return 2", "return len([0, 0])"))
    assert ran.pivot("status", "--check").code == 1
    log = (ran.path / "ran.log").read_text()
    done = ran.pivot("commit")
    assert done.code == 0
    assert "accepted  double" in done.out
    assert "func:factor" in done.out
    assert "-    return 2" in done.out
    assert "+    return len([0, 0])" in done.out
    assert done.out.splitlines()[-1] == "1 stage accepted, 2 unchanged"
    assert ran.pivot("status", "--check").code == 0
    assert ran.pivot("repro").out.splitlines()[-1].startswith("0 stages run, 3 unchanged")
    assert (ran.path / "ran.log").read_text() == log


def test_outputs_made_by_hand_are_accepted_and_can_be_restored(shell):
    shell.write("stages.py", STAGES)
    shell.write("pivot.yaml", YAML)
    shell.write("in.json", "[1, 2]")
    shell.write("doubled.json", "[20, 40]")
    shell.write("total.json", '{"total": 60}')
    done = shell.pivot("commit")
    assert done.code == 1
    assert "error: stage 'raw': its output raw.txt is not there" in done.err
    assert done.out.splitlines()[-1] == "2 stages accepted, 1 failed"
    (shell.path / "doubled.json").unlink()
    (shell.path / "total.json").unlink()
    assert shell.pivot("repro", "double", "total").out.splitlines()[-1].startswith("0 stages run, 2 restored")
    assert (shell.path / "doubled.json").read_text() == "[20, 40]"
    assert (shell.path / "total.json").read_text() == '{"total": 60}'


def test_an_output_edited_by_hand_is_accepted_and_its_readers_see_it(ran):
    (ran.path / "doubled.json").write_text("[5]")
    assert ran.pivot("commit", "double").out.splitlines()[-1] == "1 stage accepted"
    assert ran.pivot("repro", "total").code == 0
    assert json.loads((ran.path / "total.json").read_text()) == {"total": 5}
    assert (ran.path / "doubled.json").read_text() == "[5]"


def test_a_missing_dep_fails_its_stage_and_the_others_go_on(ran):
    ran.write("stages.py", STAGES.replace("sum(doubled)", "sum(list(doubled))"))
    (ran.path / "in.json").unlink()
    done = ran.pivot("commit", "--json")
    assert done.code == 1
    rows = {row["name"]: row for row in json.loads(done.out)["stages"]}
    assert rows["double"]["error"] == "its dep in.json is not there"
    assert rows["total"]["accepted"]
    assert rows["total"]["reasons"][0]["kind"] == "code"


def test_a_folder_is_put_back_and_with_force_what_was_put_into_it_goes(shell):
    shell.write(
        "stages.py",
        """
        from typing import Annotated
        import pivot
        from pivot.loaders import Text

        def words() -> Annotated[dict, pivot.DirectoryOut("words/", Text())]:
            return {"a.txt": "a", "deep/b.txt": "b"}
        """,
    )
    shell.write("pivot.yaml", "stages:\n  words:\n    python: stages.words\n")
    assert shell.pivot("repro").code == 0
    shell.write("words/a.txt", "mine")
    shell.write("words/more.txt", "mine too")
    done = shell.pivot("checkout")
    assert done.code == 0
    assert "'a.txt', 'more.txt'" in done.err
    assert len(list((shell.path / ".pivot/cache/kept").iterdir())) == 1
    assert (shell.path / "words/a.txt").read_text() == "a"
    assert not (shell.path / "words/more.txt").exists()
    shell.write("words/more.txt", "of no worth")
    done = shell.pivot("checkout", "--force")
    assert (done.code, done.err) == (0, "")
    assert not (shell.path / "words/more.txt").exists()
    assert len(list((shell.path / ".pivot/cache/kept").iterdir())) == 1


def test_what_another_run_is_at_work_on_is_not_touched(ran):
    from pivot.store.guard import try_guard
    from pivot.store.layout import plan_layout

    (ran.path / "doubled.json").unlink()
    with try_guard(plan_layout(str(ran.path), None), "double"):
        done = ran.pivot("checkout", "double")
        refused = ran.pivot("commit", "double")
    assert (done.code, refused.code) == (1, 1)
    assert "another run is at work on it" in done.err
    assert "another run is at work on it" in refused.err
    assert not Path(ran.path / "doubled.json").exists()
