"""``pivot doctor``."""

import json
from importlib.metadata import version

import pytest

from pivot.engine.doctor import EXTENSION, State, check_extension, check_files
from pivot.store.layout import create
from pivot.store.store import Store

pytestmark = pytest.mark.called


def states(checks):
    return {check.what: check.state for check in checks}


def test_a_sound_project_is_told_so(one_stage):
    shell = one_stage("return data")
    assert shell.pivot("repro").code == 0
    done = shell.pivot("doctor")
    assert done.code == 0, done.out
    for line in (
        "locks      two runs",
        "workers    a worker starts",
        "stages     1 stage defined",
        "1 objects checked",
    ):
        assert f"✓ {line}" in done.out or line in done.out
    assert "✗" not in done.out


def test_what_needs_doing_is_named_with_the_way_out_and_fails(one_stage):
    shell = one_stage("return data")
    assert shell.pivot("repro").code == 0
    for path in [path for path in (shell.path / ".pivot/cache/files").rglob("*") if path.is_file()]:
        path.unlink()
    (shell.path / "out.json").unlink()
    (shell.path / "pivot.yaml").write_text("stages:\n  other:\n    python: nowhere.other\n")
    done = shell.pivot("doctor", "--json")
    assert done.code == 1
    found = json.loads(done.out)
    assert not found["well"]
    wrong = {row["what"]: row for row in found["checks"] if row["state"] == "wrong"}
    assert set(wrong) == {"stages", "cache"}
    assert "no module named 'nowhere'" in wrong["stages"]["text"]
    assert "1 missing" in wrong["cache"]["text"]
    assert "pivot repro" in wrong["cache"]["hint"]


@pytest.mark.parametrize(
    ("content", "state"),
    [
        (None, State.NOTE),
        ("no json", State.NOTE),
        (json.dumps({"version": version("pivot")}), State.WELL),
        (json.dumps({"version": "0.0.0"}), State.WRONG),
    ],
)
def test_the_extension_is_of_the_version_of_the_kernels_part(tmp_path, content, state):
    file = tmp_path / EXTENSION
    if content is not None:
        file.parent.mkdir(parents=True)
        file.write_text(content)
    assert check_extension(str(tmp_path), "4.5").state is state


def test_what_the_file_system_can_do_is_tried_and_nothing_stays_of_it(tmp_path):
    create(str(tmp_path))
    store = Store(str(tmp_path), None)
    assert set(states(check_files(store, "hardlink")).values()) == {State.WELL}
    assert sorted(path.name for path in (tmp_path / ".pivot" / "cache").iterdir()) == []
    store.close()
