"""Whatever happened before, keys of the object store are as if everything were run now from the beginning."""

import json
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import pivot
from pivot.executors.inline import InlineExecutor
from pivot.project import Project

STAGES = """
from typing import Annotated
import pivot
from pivot.loaders import JSON


def work(name, steps):
    seen, found, own = [], set(), set()
    for what, key, value in steps:
        if what == "put" and key not in found:
            pivot.store.put(f"{name}{key}", value)
            own.add(key)
        elif what == "delete" and key in own:
            pivot.store.delete(f"{name}{key}")
        elif what == "get":
            seen.append(pivot.store.get(key, default=None))
        elif what == "exists":
            seen.append(pivot.store.exists(key))
        elif what == "keys":
            seen.append(pivot.store.keys())
    return seen


def a(steps: Annotated[list, pivot.Dep("a.json")]) -> Annotated[list, pivot.Out("a.out", JSON())]:
    return work("a", steps)


def b(
    steps: Annotated[list, pivot.Dep("b.json")], before: Annotated[list, pivot.Dep("a.out", JSON())]
) -> Annotated[list, pivot.Out("b.out", JSON())]:
    return work("b", steps)


def c(
    steps: Annotated[list, pivot.Dep("c.json")], before: Annotated[list, pivot.Dep("b.out", JSON())]
) -> Annotated[list, pivot.Out("c.out", JSON())]:
    return work("c", steps)
"""
NAMES = ("a", "b", "c")
YAML = "stages:\n" + "".join(f"  {name}: {{python: stages.{name}}}\n" for name in NAMES)
KEYS = [f"{whose}{number}" for whose in ("a", "b", "c", "e") for number in (1, 2)]
VALUES = st.integers(0, 2)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["put", "delete"]), st.sampled_from(["1", "2"]), VALUES),
        st.tuples(st.sampled_from(["get", "exists"]), st.sampled_from(KEYS), st.just(0)),
        st.just(("keys", "", 0)),
    ),
    max_size=4,
)


def truth(steps: dict[str, list], outside: dict[str, int]) -> tuple[dict[str, list], dict[str, int]]:
    """What each stage sees, and all keys in the end, if nothing was there but what a person put."""
    keys, results = dict(outside), {}
    for name in NAMES:
        seen = results[name] = []
        for what, key, value in steps[name]:
            if what == "put":
                keys[name + key] = value
            elif what == "delete":
                keys.pop(name + key, None)
            elif what == "get":
                seen.append(keys.get(key))
            elif what == "exists":
                seen.append(key in keys)
            else:
                seen.append(sorted(keys))
    return results, keys


class Keys(RuleBasedStateMachine):
    """A chain of stages whose steps, and keys beside them, change at random."""

    @initialize(first=st.fixed_dictionaries(dict.fromkeys(NAMES, STEPS)))
    def begin(self, first):
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name)
        self.before = os.getcwd()
        os.chdir(self.path)
        (self.path / "stages.py").write_text(STAGES)
        (self.path / "pivot.yaml").write_text(YAML)
        self.steps, self.used, self.outside, self.settled = {}, {}, {}, False
        for name, steps in first.items():
            self.edit(name, steps)

    def edit(self, name, steps):
        self.settled = False
        self.steps[name] = steps
        self.used.setdefault(name, []).append(steps)
        (self.path / f"{name}.json").write_text(json.dumps(steps))

    @rule(name=st.sampled_from(NAMES), steps=STEPS)
    def change_a_stage(self, name, steps):
        self.edit(name, steps)

    @rule(name=st.sampled_from(NAMES), which=st.integers(0, 9))
    def go_back(self, name, which):
        self.edit(name, self.used[name][which % len(self.used[name])])

    @rule(number=st.sampled_from([1, 2]), value=VALUES)
    def put_by_hand(self, number, value):
        self.settled = False
        pivot.store.put(f"e{number}", value)
        self.outside[f"e{number}"] = value

    @rule(key=st.sampled_from(KEYS))
    def delete_by_hand(self, key):
        self.settled = False
        pivot.store.delete(key)
        self.outside.pop(key, None)

    @rule(name=st.sampled_from(NAMES))
    def lose_a_lock_file(self, name):
        self.settled = False
        (self.path / f".pivot/stages/{name}.lock").unlink(missing_ok=True)

    @rule(name=st.sampled_from(NAMES), data=st.data())
    @precondition(lambda self: (self.path / ".pivot/stages").exists())
    def take_an_older_lock_file(self, name, data):
        """As after a checkout of another commit."""
        lock, kept = self.path / f".pivot/stages/{name}.lock", self.path / f".pivot/kept-{name}"
        text = lock.read_text() if lock.exists() else None
        if kept.exists():
            self.settled = False
            lock.write_text(kept.read_text())
        if text is not None and data.draw(st.booleans()):
            kept.write_text(text)

    @rule()
    def run(self):
        with Project(str(self.path), InlineExecutor()) as project:
            run = project.repro(jobs=1)
            assert run.ok, [end.reason for end in run.stages.values()]
            again = project.repro(jobs=1)
        assert {str(end.outcome) for end in again.stages.values()} == {"unchanged"}
        self.settled = True

    @invariant()
    def as_if_run_from_the_beginning(self):
        if not self.settled:
            return
        results, keys = truth(self.steps, self.outside)
        assert {name: json.loads((self.path / f"{name}.out").read_text()) for name in NAMES} == results
        names = pivot.store.keys()
        assert {key: pivot.store.get(key) for key in names} == keys

    def teardown(self):
        os.chdir(self.before)
        self.folder.cleanup()


Keys.TestCase.settings = settings(max_examples=12, stateful_step_count=14, deadline=None)


@pytest.mark.timeout(300)
class TestKeys(Keys.TestCase):
    """The machine, run by pytest."""
