"""Every row through every door: never stale, never needless, never refused, by what plain Python gives."""

import re
from pathlib import Path

import pytest

KNOWN = Path(__file__).parent / "known.txt"
"""Rows that a door is wrong about, one a line: ``door | row | why``. The aim is an empty file."""


def skip_rule(door: str, row, truth) -> str:
    """The rule by which a row makes no sense through a door; empty if it does."""
    marked = "pivot.stage(" in row.before["stages.py"] or "from pivot import stage" in row.before["stages.py"]
    if door == "notebook" and marked:
        return "a cell that marks its function makes a stage of it, whose argument nothing provides"
    others = "".join(text for name, text in row.before.items() if name != "stages.py")
    if door == "notebook" and re.search(r"^\s*(import|from) stages\b", others, re.MULTILINE):
        return "a file imports the cells' module, which a kernel cannot"
    if door == "notebook" and "json.dumps = " in row.before["stages.py"]:
        return "a cell takes a function from the kernel without which no kernel answers"
    if door == "notebook" and re.search(r"(?<![.\w])__doc__|co_firstlineno", row.before["stages.py"]):
        return "a kernel has a docstring of its own, and counts lines by cells"
    if truth.before.startswith("import: "):
        return "its modules cannot be imported"
    return ""


@pytest.fixture(scope="module")
def known() -> dict[tuple[str, str], str]:
    """(door, row) → why the door is wrong about it."""
    lines = KNOWN.read_text(encoding="utf-8").splitlines()
    table = [line.split(" | ") for line in lines if line and not line.startswith("#")]
    return {(door, row): why for door, row, why in table}


def test_what_is_known_names_rows(known, rows):
    assert {row for _, row in known} <= {str(row) for row in rows}


def outcome(row, truth, answer: dict) -> tuple[str, str]:
    """Whether a door was right about a row, and what it said."""
    before, after = truth.before, truth.after
    if answer["refusal"]:
        # what can only fail any more is told before it runs
        fails = answer["step"] == "edit" and after.startswith(("import: ", "NameError: "))
        return ("right" if fails else "refused"), answer["refusal"]
    said = f"{answer['verdict']}, with {answer['result']} where plain Python has {before}, then {after}"
    if answer["result"] != before:
        return "stale", f"the first run: {said}"
    if answer["settled"] != "unchanged":
        return "needless", f"{answer['settled']} before any edit"
    if answer["known"] and answer["verdict"] != "unchanged":
        return "stale", f"the manifest: {said}"
    if before != after and (answer["verdict"] == "unchanged" or answer["restored"] not in ("", after)):
        return "stale", said
    if before == after and answer["verdict"] != "unchanged" and not row.must_rerun:
        return "needless", said
    return "right", said


@pytest.mark.parametrize("door", ["pivot.yaml", "pipeline.py", "notebook"])
def test_a_door_reruns_the_stage_exactly_if_the_result_differs(
    row, door, enter, truth_of, known, record_property
):
    record_property("door", door)
    truth = truth_of(row)
    if rule := skip_rule(door, row, truth):
        record_property("outcome", "skipped")
        record_property("rule", rule)
        pytest.skip(rule)
    answer = enter(door)({"before": row.before, "after": row.after(), "argument": truth.argument})
    found, said = outcome(row, truth, answer)
    record_property("manifest", answer["had_manifest"])
    record_property("outcome", found)
    if (door, str(row)) in known:
        assert found != "right", f"it is right now: take its line out of {KNOWN.name}"
    else:
        assert found == "right", f"{found}: {said}"
