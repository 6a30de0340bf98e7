"""What a fingerprint holds, as lines and as data."""

import json

import pytest

from pivot.core.inventory import inventory, inventory_data, inventory_lines
from pivot.model.digest import digest_text
from pivot.model.fingerprint import Fingerprint
from pivot.model.observation import ABSENT, PRESENT, Observation, folder_state
from pivot.model.place import Place
from pivot.model.record import StageRecord

D = digest_text("1")
LONG = "registry.register_everything_that_there_is(normalize)"


@pytest.fixture
def made(stage, part, inputs):
    """An inventory of a stage of some parts."""

    def make(*, observed=None, weak=(), paths=None, parts=("func:fit|2|a.py:1", "stage:train|1|s.py:4")):
        rows = tuple(part(*row.split("|")) for row in parts)
        fingerprint = Fingerprint(D, rows, (), (), tuple(weak))
        record = None if observed is None else StageRecord("train", inputs(observed=observed), {})
        return inventory(stage("train"), fingerprint, record, paths=paths or {}, python="3.12.1")

    return make


def test_the_stage_comes_first_then_what_it_reaches_with_the_way_there(made):
    found = made(
        parts=("func:fit|2|a.py:1", "func:scale|3|b.py:12", "package:pandas|4|:|2.2", "stage:train|1|s.py:4"),
        paths={
            ("stage:train", Place("s.py", 4)): ("train",),
            ("func:fit", Place("a.py", 1)): ("train", "fit"),
            ("func:scale", Place("b.py", 12)): ("train", "fit", "scale"),
            ("package:pandas", None): ("train", "fit", "pandas"),
        },
    )
    digests = [digest_text(text)[:8] for text in "123"]
    assert inventory_lines(found) == [
        "Stage: train",
        f"  Fingerprint: {D[:8]}",
        "  Python: 3.12.1 (does not count)",
        "",
        "  Code: 3 definitions",
        f"    {digests[0]}  stage   train  s.py:4",
        f"    {digests[1]}  func    fit    a.py:1",
        f"    {digests[2]}  func    scale  b.py:12  train → fit → scale",
        "",
        "  Packages:",
        "    pandas  2.2  train → fit → pandas",
        "",
        "  Observed: nothing yet, it has not run here",
    ]


def test_a_way_that_is_too_long_has_a_line_of_its_own(made):
    found = made(parts=(f"effect:{LONG}|1|plugins.py:9",), paths={(f"effect:{LONG}", Place("plugins.py", 9)): ("train", "fit", LONG)})  # fmt: skip
    lines = inventory_lines(found)
    assert lines[5].endswith(f"{LONG}  plugins.py:9")
    assert lines[6].strip() == f"train → fit → {LONG}"


def test_what_was_observed_is_listed_by_kind_and_state(made):
    observed = Observation(
        files={"config.json": D, "data": folder_state(["a"]), "local.json": ABSENT},
        environment={"API_KEY": PRESENT, "MODE": D},
        ran=("plugins:load",),
        imported=("plugins",),
        missing=("fast",),
    )
    lines = inventory_lines(made(observed=observed))
    assert lines[lines.index("  Observed when it last ran:") + 1 :] == [
        f"    file     config.json   {D[:8]}",
        f"    file     data          folder {folder_state(['a'])[7:15]}",
        "    file     local.json    absent",
        "    env      API_KEY       set",
        f"    env      MODE          {D[:8]}",
        "    import   plugins",
        "    import   fast          not found",
        "    ran      plugins:load",
    ]


def test_where_calls_were_not_seen_it_says_what_may_run_and_why(made):
    lines = inventory_lines(made(observed=Observation(ran=("plugins:load",), complete=False)))
    assert "    may run  plugins:load" in lines
    assert lines[-3].startswith("  Not observed: which functions ran")
    assert max(map(len, lines)) <= 80


def test_what_is_weak_is_counted_and_listed_if_all_is_wanted(made):
    found = made(weak=("plugins:load", "plugins:save"))
    assert inventory_lines(found)[-1] == "  Weak: 2 more would count if they ran (--all lists them)"
    assert inventory_lines(found, everything=True)[-3:] == [
        "  Weak: 2 more would count if they ran:",
        "    plugins:load",
        "    plugins:save",
    ]


def test_what_is_weak_and_ran_is_told_once(made):
    found = made(weak=("plugins:load", "plugins:save"), observed=Observation(ran=("plugins:load",)))
    assert found.weak == ("plugins:save",)


@pytest.mark.parametrize(("everything", "shown"), [(False, 20), (True, 25)])
def test_of_many_definitions_that_ran_the_first_are_listed(made, everything, shown):
    found = made(observed=Observation(ran=tuple(f"m:f{n:02}" for n in range(25))))
    lines = inventory_lines(found, everything=everything)
    assert sum(line.startswith("    ran ") for line in lines) == shown
    assert ("    … 5 more (--all lists them)" in lines) == (not everything)


def test_the_data_is_complete_and_holds_no_value_of_a_variable(made):
    environment, asked = {"KEY": PRESENT, "MODE": D}, {"config/n": "= 1", "run": "that of the run"}
    observed = Observation(files={"c.json": D}, environment=environment, context=asked, ran=("m:f",))
    data = json.loads(json.dumps(inventory_data(made(observed=observed, weak=("m:g",)))))
    assert data["parts"][0] == {
        "kind": "stage",
        "name": "train",
        "digest": digest_text("1"),
        "file": "s.py:4",
        "path": [],
    }
    assert data["observed"]["files"] == {"c.json": D}
    assert data["observed"]["environment"] == {"KEY": "set", "MODE": D[:8]}
    assert data["observed"]["context"] == {"config.n": "1", "run_id": "that of the run"}
    assert data["weak"] == ["m:g"]
    assert inventory_data(made())["observed"] is None
