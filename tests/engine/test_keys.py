"""What stages put into the object store is an output, and what they get from it an input, as files are."""

import subprocess
import sys
from collections.abc import Callable

import pytest

from pivot.model.decision import ChangeKind
from pivot.model.event import Notice, StageFinished
from pivot.project import Project

Outside = Callable[[str], str]


@pytest.fixture
def outside(folder) -> Outside:
    """Evaluates an expression with ``store`` in a Python of its own, in the project's folder; gives its text."""

    def evaluate(text: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", f"from pivot import store; print({text})"],
            cwd=folder.path,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    return evaluate


def why(folder, stage: str) -> list[tuple[ChangeKind, str]]:
    """The reasons for which a stage would run."""
    with Project(str(folder.path)) as project:
        decisions = {decision.stage: decision for decision in project.status()}
    return [(change.kind, change.name) for change in decisions[stage].changes]


def ends(folder, *targets: str, **options: object) -> dict[str, StageFinished]:
    run, _ = folder.repro(*targets, **options)
    return run.stages


LOOKS = {
    # title: (what the stage does, whether another value matters to it, whether a new key does, its result at last)
    "gets a key": ("return str(pivot.store.get('x', default='none'))", True, False, "2"),
    "asks whether a key exists": ("return str(pivot.store.exists('x'))", False, False, "True"),
    "lists the keys": ("return ' '.join(pivot.store.keys())", False, True, "x y"),
}


@pytest.mark.parametrize("title", LOOKS)
def test_a_stage_runs_again_when_what_it_looked_for_in_the_object_store_changes_and_only_then(
    folder, outside, title
):
    body, value_matters, names_matter, result = LOOKS[title]
    folder.stage("work", body)
    assert folder.outcomes() == {"work": "ran"}
    outside("store.put('elsewhere', 1, namespace='other')")
    assert folder.outcomes() == {"work": "unchanged"}
    outside("store.put('x', 1)")
    assert why(folder, "work")[0][0] is ChangeKind.KEY
    assert folder.outcomes() == {"work": "ran"}
    assert folder.outcomes() == folder.outcomes() == {"work": "unchanged"}
    outside("store.put('x', 2)")
    assert folder.outcomes() == {"work": "ran" if value_matters else "unchanged"}
    outside("store.put('y', 1)")
    assert folder.outcomes() == {"work": "ran" if names_matter else "unchanged"}
    assert folder.read("work.txt") == result
    outside("store.delete('x')")
    assert folder.outcomes()["work"] != "unchanged"
    assert "2" not in folder.read("work.txt")
    assert "x" not in folder.read("work.txt")


def test_a_key_says_which_it_is_and_what_became_of_it(folder, outside):
    folder.stage("work", "return str(pivot.store.get('a/b', 'prod', default=''))")
    folder.repro()
    outside("store.put('a/b', 1, 'prod')")
    assert why(folder, "work") == [(ChangeKind.KEY, "'a/b' (namespace 'prod')")]
    _, events = folder.repro()
    assert [e.changes[0].before for e in events if hasattr(e, "changes")] == ["absent"]


def two_stages(folder, first: str, second: str) -> None:
    folder.stage("first", first, deps=["in.txt"])
    folder.stage("second", second, deps=["first.txt"])


def test_keys_go_with_their_stage_when_it_is_restored(folder, outside):
    two_stages(folder, "pivot.store.put('x', d0)", "return pivot.store.get('x')")
    for text, outcome in (("one", "ran"), ("two", "ran"), ("one", "restored")):
        folder.write("in.txt", text)
        assert set(folder.outcomes().values()) == {outcome}
        assert outside("store.get('x')") == text
        assert folder.read("second.txt") == text
    outside("store.delete('x')")
    assert why(folder, "first") == [(ChangeKind.OUTPUT_MISSING, "key 'x'")]
    assert folder.outcomes() == {"first": "restored", "second": "unchanged"}
    assert outside("store.get('x')") == "one"


def test_status_knows_the_keys_that_a_stage_upstream_will_bring_back(folder, statuses):
    two_stages(
        folder, "pivot.store.put('x', d0)\npivot.store.put(d0, 1)", "return ' '.join(pivot.store.keys())"
    )
    for text in ("one", "two"):
        folder.write("in.txt", text)
        folder.repro()
    folder.write("in.txt", "one")
    assert statuses(folder) == {"first": "restore", "second": "restore"}
    assert folder.outcomes() == {"first": "restored", "second": "restored"}
    assert folder.read("second.txt") == "one x"


def test_what_a_failed_stage_has_put_does_not_appear(folder, outside):
    body = "pivot.store.put('x', d0)\npivot.store.put('y', 1)\nif d0 == 'two': raise ValueError('no')"
    folder.stage("first", body, deps=["in.txt"])
    folder.write("in.txt", "one")
    folder.repro()
    folder.write("in.txt", "two")
    assert folder.outcomes() == {"first": "failed"}
    assert outside("store.get('x')") == "one"
    folder.edit("if d0 == 'two': raise ValueError('no')", "")
    folder.edit("pivot.store.put('y', 1)", "pivot.store.delete('y')")
    folder.repro()
    assert outside("store.keys(), store.get('x')") == "['x'] two"


def test_a_stage_sees_its_own_keys_of_earlier_runs_only_as_its_state(folder, outside):
    folder.stage(
        "fresh", "seen = pivot.store.exists('a')\npivot.store.put('a', d0)\nreturn str(seen)", deps=["in.txt"]
    )
    folder.stage(
        "grow",
        "old = pivot.store.get('b', default=[], state=True)\npivot.store.put('b', [*old, d0])\n"
        "pivot.store.exists('looked at', state=True) or pivot.store.put('looked at', d0)",
        deps=["in.txt"],
    )
    for text in ("one", "two", "one"):
        folder.write("in.txt", text)
        assert folder.outcomes()["grow"] == "ran"
        assert set(folder.outcomes().values()) == {"unchanged"}
    assert outside("store.get('b')") == "['one', 'two', 'one']"
    assert outside("store.get('looked at')") == "one"
    assert folder.read("fresh.txt") == "False"
    outside("store.delete('b')")
    assert folder.outcomes()["grow"] == "restored"


def test_a_missing_key_says_what_can_be_done(folder):
    folder.stage(
        "work", "if Path('put').exists():\n    pivot.store.put('x', 1)\nelse:\n    pivot.store.get('x')"
    )
    end = ends(folder)["work"]
    assert "NoSuchKeyError: the object store has no key 'x'" in end.reason
    assert "depends_on" in end.traceback + str(end.hint)
    folder.write("put")
    folder.repro()
    (folder.path / "put").unlink()
    end = ends(folder)["work"]
    assert "state=True" in end.traceback + str(end.hint)


@pytest.mark.parametrize("reader_first", [True, False])
def test_a_key_of_a_stage_that_is_not_upstream_is_an_error_with_the_line_to_add(folder, reader_first):
    reader = ("reader", "return str(pivot.store.get('x', default=None))")
    maker = ("maker", "pivot.store.put('x', 1)")
    for name, body in (reader, maker) if reader_first else (maker, reader):
        folder.stage(name, body)
    found = ends(folder, jobs=1, keep_going=True)
    failed = [end for end in found.values() if str(end.outcome) == "failed"]
    assert len(failed) == 1
    assert "stage 'reader': looks for key 'x', which stage 'maker' puts" in failed[0].reason
    assert "depends_on: [maker]" in str(failed[0].hint)
    assert "failed" in folder.outcomes(jobs=1, keep_going=True).values()


def test_a_stage_does_not_see_what_stages_after_it_put(folder, outside):
    two_stages(folder, "return str([pivot.store.exists('x'), pivot.store.keys()])", "pivot.store.put('x', 1)")
    folder.write("in.txt", "one")
    folder.repro()
    assert folder.outcomes() == {"first": "unchanged", "second": "unchanged"}
    folder.write("in.txt", "two")
    assert folder.outcomes() == {"first": "ran", "second": "unchanged"}
    assert folder.read("first.txt") == "[False, []]"
    assert outside("store.get('x')") == "1"


def test_two_stages_cannot_put_one_key(folder):
    folder.stage("a", "pivot.store.put('x', 1)")
    folder.stage("b", "pivot.store.put('x', 2)")
    found = ends(folder, jobs=1, keep_going=True)
    assert [str(end.outcome) for end in found.values()] == ["ran", "failed"]
    assert "puts key 'x', as stage 'a' does" in found["b"].reason
    folder.edit(
        "pivot.store.put('x', 1)", "pass"
    )  # whichever runs first: what the key was before is no matter
    assert set(folder.outcomes(jobs=1).values()) == {"ran"}
    assert set(folder.outcomes().values()) == {"unchanged"}


def test_what_a_person_put_under_a_key_that_a_stage_takes_is_kept(folder, outside):
    folder.stage("work", "pivot.store.put('x', d0)", deps=["in.txt"])
    folder.write("in.txt", "one")
    outside("store.put('x', 'mine')")
    _, events = folder.repro()
    [text] = [event.text for event in events if isinstance(event, Notice) and "outside" in event.text]
    with Project(str(folder.path)) as project:
        project.collect()
    place = text.rpartition(" ")[2]
    assert folder.read(place) == '"mine"\n'
    assert folder.outcomes() == {"work": "unchanged"}


def test_a_stage_cannot_put_or_delete_what_it_found_there(folder, outside):
    outside("store.put('x', 1)")
    folder.stage("work", "pivot.store.put('x', pivot.store.get('x') + 1)")
    folder.stage("delete", "pivot.store.delete('x')")
    found = ends(folder, keep_going=True)
    assert "puts key 'x', which it has found there" in found["work"].reason
    assert "deletes key 'x', which it has not put" in found["delete"].reason


def test_what_forked_children_and_imported_modules_do_with_keys_counts(folder, outside):
    folder.functions += "import helper\n\ndef child():\n    pivot.store.put('c', pivot.store.get('x'))\n"
    folder.write("helper.py", "import pivot\nAT_IMPORT = pivot.store.get('y')\n")
    outside("[store.put(key, 1) for key in 'xy']")
    folder.stage(
        "work",
        "import multiprocessing\nprocess = multiprocessing.get_context('fork').Process(target=child)\n"
        "process.start(); process.join()\nreturn str((pivot.store.get('c'), helper.AT_IMPORT))",
    )
    folder.repro()
    assert folder.read("work.txt") == "(1, 1)"
    assert folder.outcomes() == {"work": "unchanged"}
    for key, result in (("x", "(2, 1)"), ("y", "(2, 2)")):
        outside(f"store.put({key!r}, 2)")
        assert folder.outcomes() == {"work": "ran"}
        assert folder.read("work.txt") == result
    assert outside("store.get('c')") == "2"


def test_a_program_that_a_stage_starts_is_told_that_nobody_sees_it(folder):
    code = "import pivot; pivot.store.put('x', 1)"
    folder.stage("work", f"import subprocess\nsubprocess.run([sys.executable, '-c', {code!r}], check=True)")
    with Project(str(folder.path)) as project:
        project.repro()
        assert "stage 'work' uses pivot.store in a program that it started" in project.log("work")
    assert not folder.exists(".pivot/keys")


def test_a_collection_keeps_what_names_stand_for_and_a_push_takes_it_along(folder, outside, tmp_path):
    folder.stage("work", "pivot.store.put('x', d0)", deps=["in.txt"])
    folder.write("in.txt", "one")
    folder.repro()
    outside("store.put('mine', 'kept')")
    folder.write(".pivot/config.yaml", f"remotes: {{here: {tmp_path / 'remote'}}}\n")
    with Project(str(folder.path)) as project:
        project.collect(keep_runs=0)
        assert outside("store.get('mine'), store.get('x')") == "kept one"
        assert project.push().ok
    for path in folder.objects():
        path.unlink()
    outside("store.delete('x')")
    with Project(str(folder.path)) as project:
        assert project.pull().ok
    assert outside("store.get('x')") == "one"
    assert folder.outcomes() == {"work": "unchanged"}


def test_a_key_that_a_power_failure_tore_is_put_right_and_runs_nothing(folder, outside):
    two_stages(folder, "pivot.store.put('x', d0)", "return pivot.store.get('x')")
    folder.write("in.txt", "one")
    folder.repro()
    [name] = (folder.path / ".pivot/keys").glob("*.json")
    name.write_bytes(name.read_bytes()[:20])
    (folder.path / ".pivot/keys/stages/first.json").write_bytes(b"")
    assert folder.outcomes() == {"first": "restored", "second": "unchanged"}
    assert outside("store.get('x')") == "one"


def test_what_was_accepted_keeps_its_keys(folder, outside):
    folder.stage("work", "pivot.store.put('x', 1)")
    folder.repro()
    folder.edit("pivot.store.put('x', 1)", "pivot.store.put('x', 2)")
    with Project(str(folder.path)) as project:
        [accepted] = project.commit()
    assert accepted.error is None
    assert folder.outcomes() == {"work": "unchanged"}
    assert outside("store.get('x')") == "1"


def test_what_items_of_a_mapped_stage_put_belongs_to_the_stage(folder, outside):
    folder.write("pivot.yaml", "stages:\n" + MAPPED)
    folder.write("stages.py", MAPPED_STAGES)
    folder.write("in.txt", "one two")
    outside("store.put('limit', 5)")
    assert folder.outcomes() == {"words": "ran", "work": "ran", "total": "ran"}
    assert folder.read("total.txt") == "one two 16"
    assert set(folder.outcomes().values()) == {"unchanged"}
    folder.write("in.txt", "two three")
    folder.repro()
    assert folder.read("total.txt") == "three two 18"
    assert outside("store.keys('size')") == "['three', 'two']"
    assert sorted(folder.read("../ran.txt").split()) == ["one", "three", "two"]
    outside("store.put('limit', 6)")  # which each item looked for
    folder.repro()
    assert folder.read("total.txt") == "three two 20"
    folder.write("in.txt", "two Two")
    ended = ends(folder)["work"]
    assert "items [0] and [1] both put key 'two' (namespace 'size')" in ended.reason
    assert outside("store.keys('size')") == "['three', 'two']"


MAPPED = """\
  words: {python: stages.words}
  work: {python: stages.work, map: words}
  total: {python: stages.total, depends_on: work}
"""
MAPPED_STAGES = """
from typing import Annotated
import pivot
from pivot.loaders import Text


def words(text: Annotated[str, pivot.Dep("in.txt", Text())]):
    return text.split()


def work(word):
    with open("../ran.txt", "a") as file:
        print(word, file=file)
    pivot.store.put(word.lower(), len(word) + pivot.store.get("limit"), "size")


def total() -> Annotated[str, pivot.Out("total.txt", Text())]:
    found = pivot.store.keys("size")
    return f"{' '.join(found)} {sum(pivot.store.get(key, 'size') for key in found)}"
"""
