"""Whether a result that was made away from the project is one of home."""

import os
from dataclasses import replace

import pytest

from pivot.executors.far import judged
from pivot.model.digest import digest_bytes
from pivot.model.observation import ABSENT, FOLDER, PRESENT, Seen, folder_state, link_state, made_state
from pivot.model.task import Failure, Success


@pytest.fixture
def task(tasks):
    """A stage of a project with a file, a folder, a link and a module."""
    (tasks.folder / "file").write_bytes(b"1")
    (tasks.folder / "data").mkdir()
    (tasks.folder / "data/x").touch()
    (tasks.folder / "helper.py").touch()
    os.symlink("file", tasks.folder / "link")
    return replace(
        tasks.task("def run(): pass"), root=str(tasks.folder), unobserved=(f"{tasks.folder}/data/y",)
    )


AS_HERE = {
    "file": (digest_bytes(b"1"), PRESENT),
    "data": (FOLDER, folder_state(["x"])),
    "link": (link_state("file"), PRESENT),
    "nowhere": (ABSENT, made_state(PRESENT)),
}
OTHERWISE = {
    "file": (ABSENT, digest_bytes(b"2"), FOLDER, made_state(digest_bytes(b"2"))),
    "data": (ABSENT, PRESENT, folder_state([])),
    "link": (link_state("other"), ABSENT),
    "nowhere": (PRESENT, FOLDER, digest_bytes(b"1"), folder_state([])),
}


def looked(task, name, state):
    return judged(task, Success({}, 1.0, Seen(files={f"{task.root}/{name}": state})))


def pairs(table):
    return [(name, state) for name, states in table.items() for state in states]


@pytest.mark.parametrize(("name", "state"), pairs(AS_HERE))
def test_a_look_that_home_answers_alike_counts(task, name, state):
    assert isinstance(looked(task, name, state), Success)


@pytest.mark.parametrize(("name", "state"), pairs(OTHERWISE))
def test_a_look_that_home_answers_otherwise_is_no_result(task, name, state):
    failure = looked(task, name, state)
    assert failure.kind == "result"
    assert failure.message.startswith(f"the worker does not have the project as it is here: {name} is ")
    assert f'Dep("{name}")' in failure.hint


def test_a_module_that_is_only_at_home_and_a_file_that_was_only_written_there_are_no_result(task):
    assert isinstance(judged(task, Success({}, 1.0, Seen(missing=("nowhere", "no.where")))), Success)
    assert (
        "helper cannot be imported there" in judged(task, Success({}, 1.0, Seen(missing=("helper",)))).message
    )
    written = judged(task, Success({}, 1.0, Seen(written=(f"{task.root}/notes",))))
    assert 'Out("notes")' in written.hint


@pytest.mark.parametrize(("kind", "told"), [("exception", True), ("cancelled", False), ("died", False)])
def test_a_failure_stays_what_it_is_and_says_what_may_have_caused_it(task, kind, told):
    seen = Seen(files={f"{task.root}/file": ABSENT})
    found = judged(task, Failure(kind, "why", "trace", "hint", seen=seen))
    assert (found.kind, found.message, found.traceback, found.seen) == (kind, "why", "trace", None)
    assert ('Dep("file")' in found.hint) is told
