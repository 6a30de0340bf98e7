"""Outputs that carry state from run to run: nothing but a person's word takes it away."""

import json
import textwrap

import pytest

CODE = """

def remember(seen: Annotated[dict, pivot.IncrementalOut("seen.json", JSON())],
             text: Annotated[str, pivot.Dep("in.txt", Text())],
             ) -> Annotated[dict, pivot.IncrementalOut("seen.json", JSON())]:
    if text == "fail":
        raise ValueError(text)
    return {**seen, text: seen.get(text, 0) + 1}


def append(path: Annotated[Path, pivot.IncrementalOut("log.txt", PathOnly())],
           text: Annotated[str, pivot.Dep("in.txt", Text())],
           ) -> Annotated[Path, pivot.IncrementalOut("log.txt", PathOnly())]:
    with open(path, "a") as file:
        file.write(text + ".")
    if text == "fail":
        raise ValueError(text)
    return path
"""


@pytest.fixture
def states(folder):
    folder.functions += "\nfrom pivot.loaders import JSON\n" + textwrap.dedent(CODE)
    folder.write("stages.py", folder.functions)
    folder.yaml += "  remember: { python: stages.remember }\n  append: { python: stages.append }\n"
    folder.write("pivot.yaml", folder.yaml)
    folder.write("in.txt", "one")
    folder.repro()
    return folder


def both(outcome):
    return {"remember": outcome, "append": outcome}


def held(folder):
    return json.loads(folder.read("seen.json")), folder.read("log.txt")


def run(folder, text, **options):
    folder.write("in.txt", text)
    return folder.outcomes(**options)


def test_each_run_begins_with_what_the_last_one_left(states):
    assert held(states) == ({"one": 1}, "one.")
    assert states.outcomes() == both("unchanged"), "the state itself is no input"
    assert run(states, "two") == both("ran")
    assert held(states) == ({"one": 1, "two": 1}, "one.two.")


def test_going_back_takes_no_earlier_result(states):
    run(states, "two")
    assert run(states, "one") == both("ran")
    assert held(states) == ({"one": 2, "two": 1}, "one.two.one.")


def test_force_goes_on_from_the_last_state_too(states):
    assert states.outcomes(force=True) == both("ran")
    assert held(states) == ({"one": 2}, "one.one.")


def test_a_run_that_fails_leaves_the_state(states):
    assert run(states, "fail", keep_going=True) == both("failed")
    assert held(states) == ({"one": 1}, "one.")
    assert run(states, "two") == both("ran")
    assert held(states) == ({"one": 1, "two": 1}, "one.two.")


def spoil(folder):
    folder.write("seen.json", '{"mine": 1}')
    folder.write("log.txt", "mine")


def remove(folder):
    (folder.path / "seen.json").unlink()
    (folder.path / "log.txt").unlink()


@pytest.mark.parametrize("change", [spoil, remove])
def test_state_that_was_altered_or_deleted_comes_back(states, change):
    change(states)
    assert states.outcomes() == both("restored")
    assert held(states) == ({"one": 1}, "one.")


@pytest.mark.parametrize("change", [spoil, remove])
def test_a_run_goes_on_from_the_recorded_state_and_keeps_what_a_person_wrote(states, change):
    change(states)
    assert run(states, "two") == both("ran")
    assert held(states) == ({"one": 1, "two": 1}, "one.two.")
    kept = {path.read_bytes() for path in states.objects()}
    assert ({b'{"mine": 1}', b"mine"} <= kept) == (change is spoil)


def lose_cache(folder):
    for path in folder.objects():
        path.unlink()


def test_state_in_place_is_as_good_as_its_object(states):
    lose_cache(states)
    assert run(states, "two") == both("ran")
    assert held(states) == ({"one": 1, "two": 1}, "one.two.")


def test_lost_state_is_an_error_and_nothing_runs_unless_it_is_forced(states):
    lose_cache(states)
    remove(states)
    result, _ = states.repro(keep_going=True)
    for name, path in (("remember", "seen.json"), ("append", "log.txt")):
        end = result.stages[name]
        assert f"what {path} held after the last run is lost" in end.reason
        assert f"pivot repro --force {name}" in end.hint
        assert not states.exists(path)
    result, events = states.repro(force=True)
    assert result.ok
    assert held(states) == ({"one": 1}, "one.")
    assert sum("it begins anew" in getattr(event, "text", "") for event in events) == 2


def test_a_file_that_no_record_tells_of_is_not_taken_for_nothing(states):
    for name in ("remember", "append"):
        (states.path / f".pivot/stages/{name}.lock").unlink()
    result, _ = states.repro(keep_going=True)
    for name, path in (("remember", "seen.json"), ("append", "log.txt")):
        end = result.stages[name]
        assert f"{path} is there, but no record says that the stage wrote it" in end.reason
        assert f"pivot commit {name}" in end.hint
    assert held(states) == ({"one": 1}, "one.")
    assert states.outcomes(force=True) == both("ran")
    assert held(states) == ({"one": 1}, "one.")


def test_without_file_and_record_a_stage_begins_anew(states):
    remove(states)
    for name in ("remember", "append"):
        (states.path / f".pivot/stages/{name}.lock").unlink()
    assert states.outcomes() == both("ran")
    assert held(states) == ({"one": 1}, "one.")


@pytest.mark.parametrize("size", [10, 2 << 20], ids=["small", "large"])
def test_uncached_state_goes_on_from_the_file_in_place_or_the_record(folder, size):
    out = 'pivot.IncrementalOut("log.txt", PathOnly(), cache=False)'
    folder.functions += textwrap.dedent(f"""

    def append(path: Annotated[Path, {out}],
               text: Annotated[str, pivot.Dep("in.txt", Text())]) -> Annotated[Path, {out}]:
        with open(path, "a") as file:
            file.write(text * {size})
        return path
    """)
    folder.write("stages.py", folder.functions)
    folder.write("pivot.yaml", "stages:\n  append: { python: stages.append }\n")
    folder.write("in.txt", "1")
    folder.repro()
    assert run(folder, "2") == {"append": "ran"}
    assert folder.read("log.txt") == "1" * size + "2" * size
    assert folder.objects() == []
    (folder.path / "log.txt").unlink()
    assert folder.outcomes() == {"append": "restored" if size == 10 else "failed"}


def test_a_metric_beside_the_state_comes_back_without_a_run(folder):
    folder.functions += textwrap.dedent("""
    from typing import TypedDict
    from pivot.loaders import JSON

    class Both(TypedDict):
        seen: Annotated[list, pivot.IncrementalOut("seen.json", JSON(empty_factory=list))]
        number: Annotated[int, pivot.Metric("number.json")]

    def count(seen: Annotated[list, pivot.IncrementalOut("seen.json", JSON(empty_factory=list))]) -> Both:
        return {"seen": [*seen, 1], "number": len(seen) + 1}
    """)
    folder.write("stages.py", folder.functions)
    folder.write("pivot.yaml", "stages:\n  count: { python: stages.count }\n")
    assert folder.outcomes() == {"count": "ran"}
    assert folder.outcomes(force=True) == {"count": "ran"}
    folder.write("number.json", "99")
    assert folder.outcomes() == {"count": "restored"}
    assert (json.loads(folder.read("number.json")), json.loads(folder.read("seen.json"))) == (2, [1, 1])
