"""``pivot verify`` and ``pivot gc`` on the command line."""

import json

import pytest

pytestmark = pytest.mark.called


@pytest.fixture
def ran(one_stage):
    """A project whose stage has run on two inputs."""
    shell = one_stage("return data")
    assert shell.pivot("repro").code == 0
    shell.write("in.json", "[3]")
    assert shell.pivot("repro").code == 0
    return shell


def objects(shell):
    return [path for path in (shell.path / ".pivot/cache/files").rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    "command", [("verify",), ("verify", "--all"), ("gc",), ("gc", "--dry-run"), ("status",)]
)
def test_before_the_first_run_there_is_nothing_to_see_to_and_nothing_is_made(one_stage, command):
    shell = one_stage("return data")
    assert shell.pivot(*command).code == 0
    assert not (shell.path / ".pivot").exists()


def test_a_sound_cache_is_told_in_a_line(ran):
    done = ran.pivot("verify", "--all")
    assert (done.code, done.out, done.err) == (0, "2 objects checked\n", "")


def test_damage_is_named_and_fails_and_is_mended_where_the_file_is_in_place(ran):
    for path in objects(ran):
        path.chmod(0o644)
        path.write_bytes(b"spoiled")
    done = ran.pivot("verify", "--all")
    assert done.code == 1
    assert "damaged  stage 'work': out.json (" in done.out
    assert "made again of the file in place" in done.out
    assert "damaged  an object that no lock file needs" in done.out
    assert done.out.splitlines()[-1] == "2 objects checked, 2 damaged"
    assert ran.pivot("verify").code == 0


def test_a_lost_object_fails_unless_that_is_allowed(ran):
    (ran.path / "out.json").unlink()
    for path in objects(ran):
        path.unlink()
    done = ran.pivot("verify", "--json")
    assert done.code == 1
    (fault,) = json.loads(done.out)["faults"]
    assert (fault["path"], fault["fault"], fault["mended"]) == ("out.json", "missing", False)
    assert "pivot pull" in ran.pivot("verify").err
    assert ran.pivot("verify", "--allow-missing").code == 0


def test_what_would_go_is_told_and_stays(ran):
    done = ran.pivot("gc", "--dry-run", "--keep-runs", "1")
    assert done.code == 0
    first, second = done.out.splitlines()
    assert first.startswith("would remove 1 object (13 bytes), 1 run cache record (")
    assert second == "1 object (8 bytes) stays"
    assert len(objects(ran)) == 2


def test_what_nothing_needs_goes_and_the_rest_is_restored(ran):
    found = json.loads(ran.pivot("gc", "--keep-runs", "1", "--json").out)
    assert found["dry_run"] is False
    assert found["objects"]["count"] == found["records"]["count"] == 1
    assert len(objects(ran)) == 1
    (ran.path / "out.json").unlink()
    assert ran.pivot("repro").out.splitlines()[-1].startswith("0 stages run, 1 restored")
    assert ran.pivot("gc").out.startswith("removed nothing\n")
