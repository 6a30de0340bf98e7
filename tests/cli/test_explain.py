"""``pivot status --explain`` and ``pivot fingerprint``: what a person and a program read."""

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.called

UTILS = """\
LIMIT = 3


def normalize(data):
    return [x / max(data) for x in data][:LIMIT]
"""
STAGES = """\
from typing import Annotated
import pivot
from pivot.loaders import JSON
from fitting import fit

def train(data: Annotated[list, pivot.Dep("in.json", JSON())]
          ) -> Annotated[list, pivot.Out("model.json", JSON())]:
    return fit(data)

def other(data: Annotated[list, pivot.Dep("in.json", JSON())]
          ) -> Annotated[list, pivot.Out("other.json", JSON())]:
    return data
"""
FITTING = "from utils import normalize\n\ndef fit(data):\n    return normalize(data)\n"


@pytest.fixture
def ran(shell):
    """A project of two stages that ran: train → fit → normalize → LIMIT, each in a file of its own."""
    shell.write("in.json", "[1, 2]")
    shell.write("utils.py", UTILS)
    shell.write("fitting.py", FITTING)
    shell.write("stages.py", STAGES)
    shell.write(
        "pivot.yaml", "stages:\n  train:\n    python: stages.train\n  other:\n    python: stages.other\n"
    )
    assert shell.pivot("repro").code == 0
    return shell


def edit(shell, name, old, new):
    text = (shell.path / name).read_text()
    assert old in text
    (shell.path / name).write_text(text.replace(old, new))


def test_a_changed_helper_is_told_with_its_places_and_its_diff(ran):
    edit(ran, "utils.py", "LIMIT = 3\n", "LIMIT = 3\n# of the list\n")
    edit(ran, "utils.py", "max(data)", "min(data)")
    result = ran.pivot("status", "--explain", "train")
    lines = result.out.splitlines()
    assert lines[:6] == [
        *("Stage: train", "  Status: WILL RUN", "  Reason: Code dependency changed"),
        *("", "  Changes:", "    func:normalize"),
    ]
    assert [line.split(":")[0].strip() for line in lines[6:8]] == ["Old", "New"]
    assert lines[8:10] == ["      File: utils.py:5", "      Was: utils.py:4"]
    at = lines.index("         def normalize(data):")
    assert lines[at + 1 : at + 3] == [
        "        -    return [x / max(data) for x in data][:LIMIT]",
        "        +    return [x / min(data) for x in data][:LIMIT]",
    ]
    assert "\x1b" not in result.out


def test_the_way_from_the_stage_to_the_change_is_told(ran):
    edit(ran, "utils.py", "max(data)", "min(data)")
    assert "      Path: train → fit → normalize\n" in ran.pivot("status", "--explain", "train").out


def test_without_targets_all_that_are_not_up_to_date_are_explained(ran):
    assert ran.pivot("status", "--explain").out == "nothing would run: all 2 stages are up to date\n"
    edit(ran, "utils.py", "LIMIT = 3", "LIMIT = 4")
    out = ran.pivot("status", "--explain").out
    assert "        -LIMIT = 3\n        +LIMIT = 4\n" in out
    assert "Stage: other" not in out
    assert ran.pivot("status", "--explain", "other").out.startswith("Stage: other\n  Status: CACHED\n")
    assert ran.pivot("status", "--explain", "--check").code == 1
    assert ran.pivot("status", "--explain", "--check", "other").code == 0


def test_what_ran_is_known_after_many_edits_and_a_copy_of_the_project_without_its_cache(ran):
    edit(ran, "utils.py", "LIMIT = 3", "LIMIT = 4")
    ran.pivot("status", "--explain")
    edit(ran, "utils.py", "LIMIT = 4", "LIMIT = 5")
    assert "-LIMIT = 3\n" in ran.pivot("status", "--explain", "train").out
    for folder in (ran.path / ".pivot/cache").iterdir():
        subprocess.run(["rm", "-rf", folder], check=True)
    assert "Note: the text that ran last is not known here" in ran.pivot("status", "--explain", "train").out


def test_json_has_every_reason_in_full(ran):
    edit(ran, "utils.py", "LIMIT = 3", "\nLIMIT = 4")
    ran.write("in.json", "[1]")
    report = json.loads(ran.pivot("status", "--explain", "--json", "train").out)
    (train,) = report["stages"]
    assert {"name", "verdict", "reason", "not_observed"} <= set(train)
    assert (train["params"], train["deps"]) == ({}, ["in.json"])
    code, dep = train["reasons"]
    assert set(code) == set(dep)
    fields = ("kind", "name", "file", "file_before", "diff")
    assert [code[f] for f in fields] == [
        *("code", "value:LIMIT", "utils.py:2", "utils.py:1", ["-LIMIT = 3", "+LIMIT = 4"]),
    ]
    assert [dep[f] for f in fields] == ["dep", "in.json", None, None, []]
    assert len(code["before"]) == len(code["after"]) == 32


def test_on_a_terminal_the_lines_of_a_diff_are_coloured(ran):
    edit(ran, "utils.py", "LIMIT = 3", "LIMIT = 4")
    ours, theirs = os.openpty()
    environment = {**ran.environment, "TERM": "xterm"}
    del environment["NO_COLOR"]
    command = [sys.executable, "-m", "pivot", "status", "--explain", "train"]
    process = subprocess.Popen(
        command, cwd=ran.path, env=environment, stdout=theirs, stdin=subprocess.DEVNULL
    )
    os.close(theirs)
    shown = b""
    while chunk := _read(ours):
        shown += chunk
    os.close(ours)
    assert process.wait(60) == 0
    assert b"\x1b[31m-LIMIT = 3\x1b[0m" in shown
    assert b"\x1b[32m+LIMIT = 4\x1b[0m" in shown


def _read(terminal):
    try:
        return os.read(terminal, 65536)
    except OSError:  # nobody writes any more
        return b""


def test_the_fingerprint_lists_all_code_in_reach(ran):
    result = ran.pivot("fingerprint", "train")
    assert result.code == 0
    lines = result.out.splitlines()
    assert lines[0] == "Stage: train"
    at = lines.index("  Code: 4 definitions")
    rows = [line.split() for line in lines[at + 1 : at + 5]]
    assert [row[1:4] for row in rows] == [
        ["stage", "train", "stages.py:6"],
        ["func", "fit", "fitting.py:3"],
        ["func", "normalize", "utils.py:4"],
        ["value", "LIMIT", "utils.py:1"],
    ]
    assert "  Observed when it last ran: nothing beyond its declarations and its code" in lines
    assert max(map(len, lines)) <= 80


def test_the_fingerprint_as_json_is_that_of_the_reasons(ran):
    before = json.loads(ran.pivot("fingerprint", "--json", "train").out)
    assert set(before) == {
        *("stage", "digest", "python", "parts", "packages", "weak", "observed", "not_observed"),
    }
    edit(ran, "utils.py", "LIMIT = 3", "LIMIT = 4")
    after = json.loads(ran.pivot("fingerprint", "--json", "train").out)
    digests = [{p["name"]: p["digest"] for p in report["parts"]}["LIMIT"] for report in (before, after)]
    (reason,) = json.loads(ran.pivot("status", "--explain", "--json", "train").out)["stages"][0]["reasons"]
    assert [reason["before"], reason["after"]] == digests
    assert before["digest"] != after["digest"]


@pytest.mark.parametrize(("name", "code"), [("trian", 2), ("", 2)])
def test_the_fingerprint_of_no_stage_is_an_error(ran, name, code):
    result = ran.pivot("fingerprint", *filter(None, [name]))
    assert result.code == code
    assert "Traceback" not in result.err


def test_what_was_read_undeclared_is_a_reason_without_its_value(shell):
    shell.write("config.json", "{}")
    shell.write(
        "stages.py",
        """
        import os
        from typing import Annotated
        import pivot
        from pivot.loaders import JSON

        def work() -> Annotated[dict, pivot.Out("out.json", JSON())]:
            with open("config.json") as file:
                return {"config": file.read(), "mode": os.environ.get("MODE"), "key": os.environ.get("API_KEY")}
        """,
    )
    shell.write("pivot.yaml", "stages:\n  work:\n    python: stages.work\n")
    assert shell.pivot("repro").code == 0
    shell.environment |= {"MODE": "brisk", "API_KEY": "hidden"}
    shell.write("config.json", '{"a": 1}')
    out = shell.pivot("status", "--explain", "work").out
    lines = out.splitlines()
    assert lines[2] == "  Reason: File changed: config.json (read, not declared) and 2 more"
    assert lines[lines.index("    env:API_KEY") + 1 :][:2] == ["      Old: absent", "      New: set"]
    assert lines[lines.index("    env:MODE") + 1] == "      Old: absent"
    data = shell.pivot("status", "--explain", "--json", "work").out
    assert [r["kind"] for r in json.loads(data)["stages"][0]["reasons"]] == ["file", *["environment"] * 2]
    assert shell.pivot("repro").code == 0
    inventory = shell.pivot("fingerprint", "work").out
    assert "    env      API_KEY      set\n" in inventory
    told = out + data + inventory + shell.pivot("fingerprint", "--json", "work").out
    assert "brisk" not in told
    assert "hidden" not in told
