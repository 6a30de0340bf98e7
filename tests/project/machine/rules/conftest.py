"""A project on disk, what is known of it, and what must be true after each run."""

import functools
import os
import pickle
import shutil
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

import pytest

from pivot.define.discover import definition
from pivot.errors import DefinitionErrors
from pivot.executors.inline import InlineExecutor
from pivot.model.decision import Verdict
from pivot.model.digest import digest_bytes
from pivot.model.event import Notice, Outcome
from pivot.model.task import StaleWorker
from pivot.project import Project
from pivot.worker import modules
from pivot.worker.definitions import definitions

GOOD = (Outcome.RAN, Outcome.RESTORED, Outcome.UNCHANGED)
FORESEEN = {
    Verdict.UNCHANGED: {Outcome.UNCHANGED},
    Verdict.RESTORE: {Outcome.RESTORED},
    Verdict.RUN: {Outcome.RAN},
    Verdict.WAITS: set(GOOD),
}


class WarmExecutor(InlineExecutor):
    """Keeps the project's modules as long as a worker would."""

    def _alone(self, runner, data):
        with self._lock:
            return runner(data)

    def submit(self, task):
        future = super().submit(task)
        if isinstance(future.result(), StaleWorker):
            modules.forget()
            future = super().submit(task)
        return future

    def call(self, function, argument):
        """The definitions, without a look at what they ask: these ask nothing, and that look takes its time."""
        assert function.qualname == "define_in_worker"
        began = time.time_ns()
        return pickle.dumps(definitions(definition(*pickle.loads(argument)), None, pure=True, began=began))

    def close(self):
        modules.forget()


class Workspace:
    """A project on disk, what a person did to it, and what its stages must give.

    Attributes:
        accepted: results that are a person's, by stage and key.
        recorded: results that must not be made again, by stage and key.
        last: stage → its key and outs as its lock file has them.
        owed: what a person wrote over outs → where; it must not be lost.
        damaged: whether something that a lock file needs may have been lost.
        unseen: whether an object may be wrong though it looks as it should.
        linked: whether outs may be links to objects.
        past: what git would bring back: sources, lock files, and what they say.
    """

    def __init__(self, edition, look, place):
        self.root = Path(place, "project")
        shutil.copytree(Path(place, "first"), self.root, symlinks=True)
        self.edition = edition
        self.look = functools.partial(look, self.root)
        self._executor = WarmExecutor()
        self._held = None
        self._count = 0
        self.accepted, self.owed = {}, {}
        self.damaged, self.unseen, self.linked = False, False, False
        self.recorded, self.last, self.past = set(), {}, []
        for node in edition.stages():
            self.recorded.add((node.name, node.key(self.look)))
            self.remember(node)
        self._remember_all()

    def close(self):
        self.let_go()
        shutil.rmtree(self.root)

    def remember(self, node):
        """What its lock file says now."""
        self.last[node.name] = (node.key(self.look), {path: self.look(path) for path in node.outs})

    def _remember_all(self):
        self.past.append((self.edition, self.locks(), dict(self.last)))

    def locks(self):
        return {path.name: path.read_bytes() for path in self.root.glob(".pivot/stages/*.lock")}

    def doubt(self):
        """Results may be lost from now on."""
        self.recorded.clear()
        self.damaged = True

    def forget_owed(self, path):
        """A person replaces or deletes what lies there."""
        self.owed = {data: where for data, where in self.owed.items() if not where.startswith(path)}

    def forget_objects(self, digests):
        """A person deletes these objects."""
        self.owed = {data: where for data, where in self.owed.items() if digest_bytes(data) not in digests}
        self.doubt()

    def write(self, edition):
        """Edit the sources."""
        before, after = self.edition.files(), edition.files()
        for name in before.keys() | after.keys():
            path = self.root / name
            if name not in after:
                path.unlink()
            elif before.get(name) != after[name]:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(after[name])
        self.edition = edition

    def project(self):
        """The project that a kernel would hold, or a new one as each command has."""
        self._count += 1
        if self._count % 3:
            return Project(str(self.root), self._executor)
        if self._held is None:
            self._held = Project(str(self.root), self._executor)
        return nullcontext(self._held)

    def let_go(self):
        if self._held is not None:
            self._held.close()
            self._held = None
        self._executor.close()

    def settle(self):
        """A run of all: everything is as the reference says, and a second run does nothing."""
        run = self.run(keep_going=True, foretold=self._count % 3 == 0)
        if self.edition.broken:
            return
        if run.with_outcome(Outcome.FAILED) == ("log",):
            assert self.run(["log"], force=True).ok
            run = self.run()
        assert run.ok, run
        if self._count % 3 == 0:
            again = self.run()
            assert set(again.with_outcome(Outcome.UNCHANGED)) == set(again.stages), again
        self._remember_all()

    def run(self, targets=(), *, foretold=False, **options):
        nodes = self.edition.stages()
        paths = [path for node in nodes for path in node.outs]
        before = {path: self.look(path) for path in paths}
        events = []
        with self.project() as project:
            try:
                verdicts = {d.stage: d.verdict for d in project.status(targets)} if foretold else {}
                run = project.repro(targets, jobs=1, sinks=[events.append], **options)
            except DefinitionErrors:
                assert options.get("single_stage")
                assert any(self.look(dep) is None for node in nodes for dep in node.deps)
                return None
        good = [node for node in nodes if node.name in run.stages and run.stages[node.name].outcome in GOOD]
        for node in good:
            self._check(node, run.stages[node.name], before, events, forced=options.get("force", False))
        touched = {path for node in good for path in node.outs}
        assert {p: c for p, c in before.items() if p not in touched} == {
            p: self.look(p) for p in before if p not in touched
        }
        for node in nodes:
            if node not in good and node.name in run.stages:
                self._check_not_ok(node, run.stages[node.name], before)
        if not self.damaged:
            self._check_foretold(good, verdicts, run)
        self.check_owed()
        self._check_leftovers()
        return run

    def _check(self, node, end, before, events, *, forced):
        key, ran = node.key(self.look), end.outcome is Outcome.RAN
        needless = ran and not forced and not self.unseen
        contents = {dep: self.look(dep) for dep in node.deps}
        known, outs = self.last.get(node.name, (None, {}))
        if node.carries:
            needless = needless and known == key and not self.damaged
            if ran:
                anew = any(
                    isinstance(e, Notice) and e.stage == node.name and "anew" in e.text for e in events
                )
                expected = node.make({**contents, **({} if anew else outs)})
            else:
                expected = outs
        else:
            needless = needless and (node.name, key) in self.recorded
            if ran:
                self.accepted.pop((node.name, key), None)
            expected = self.accepted.get((node.name, key)) or node.make(contents)
            if end.outcome is not Outcome.UNCHANGED:  # then the run cache need not have it
                self.recorded.add((node.name, key))
        found = {path: self.look(path) for path in node.outs}
        if not ran and known == key and not (self.damaged and found == expected):
            expected = outs  # the lock file's, where a commit gave the same key another result
        assert found == expected, (node.name, end)
        assert not needless, (node.name, end)
        self.remember(node)

    def _check_foretold(self, good, verdicts, run):
        open_ = (Verdict.RUN, Verdict.WAITS)
        unsettled = [path for node in good if verdicts.get(node.name) in open_ for path in node.outs]
        for node in good:
            verdict, outcome = verdicts.get(node.name, Verdict.WAITS), run.stages[node.name].outcome
            waits = verdict is Verdict.RUN and any(
                dep.startswith(path) for dep in node.deps for path in unsettled
            )
            assert outcome in FORESEEN[Verdict.WAITS if waits else verdict], (node.name, verdict, outcome)

    def _check_not_ok(self, node, end, before):
        if end.outcome is not Outcome.FAILED or node.name.partition("@")[0] in self.edition.broken:
            return
        if node.carries and node.name not in self.last:
            assert "no record says" in end.reason
            assert before["log.txt"] is not None
        elif node.carries:
            assert "is lost" in end.reason
            assert self.damaged
        else:
            raise AssertionError((node.name, end))

    def check_owed(self):
        for data, path in self.owed.items():
            digest = digest_bytes(data)
            kept = self.root / f".pivot/cache/files/{digest[:2]}/{digest[2:]}"
            assert self.look(path) == data or kept.read_bytes() == data, (data, path)

    def _check_leftovers(self):
        for name in ("tmp", "cache/tmp", "journal"):
            assert not any((self.root / ".pivot" / name).glob("*")), name
        assert not list(self.root.rglob(".pivot-*"))


@pytest.fixture(scope="module")
def memory():
    """A folder in memory where there is one: what is flushed to it costs nothing."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as folder:
        yield folder


@pytest.fixture
def workspace(edition, look, memory, part):
    """Makes a project in which everything has run once; each takes the place of the one before."""
    place = Path(memory, str(part))
    for name, text in edition.files().items():
        path = place / "first" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    with WarmExecutor() as executor, Project(str(place / "first"), executor) as project:
        assert project.repro(jobs=1).ok
    return lambda: Workspace(edition, look, place)
