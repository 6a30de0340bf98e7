"""Random edits, runs, reverts, losses and commands against a reference that always runs everything."""

import functools
import os
import shutil
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from pivot.errors import PivotError
from pivot.project import initialize

EXAMPLES = int(os.environ.get("PIVOT_EXAMPLES", "500"))
"""How many programs of steps are tried; if the variable is set, other ones each time."""

STEPS = int(os.environ.get("PIVOT_STEPS", "8"))
PARTS = 4
SETTINGS = settings(
    max_examples=EXAMPLES // PARTS,
    stateful_step_count=STEPS,
    deadline=None,
    database=None,
    print_blob=False,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate, Phase.shrink],
)
FUNCTIONS = st.sampled_from(
    ["clean", "split", "whole", "one", "shards", "train", "log", "copy", "peek", "tail"]
)
OUTS = st.sampled_from(
    [
        "clean.txt",
        "parts/first.txt",
        "parts/in/b.txt",
        "parts/mine.txt",
        "whole.txt",
        "one.json",
        "x.txt",
        "y.txt",
        "models/small.txt",
        "scores/big.json",
        "log.txt",
        "copy.bin",
        "peek.txt",
        "tail.txt",
    ]
)
TARGETS = st.lists(
    st.sampled_from(
        ["clean", "split", "whole", "one", "shards", "train@*", "log", "copy", "peek", "x.txt", "parts/"]
    ),
    min_size=1,
    max_size=2,
    unique=True,
)


def edit(**strategies):
    """A rule that changes something, with a run of everything after it, or not."""

    def decorate(change):
        @functools.wraps(change)
        def changed(self, settle, **drawn):
            change(self, **drawn)
            if settle:
                self.at.settle()

        del changed.__wrapped__
        return rule(settle=st.sampled_from([False, False, False, True]), **strategies)(changed)

    return decorate


class Machine(RuleBasedStateMachine):
    """A person at work in a project."""

    def __init__(self, workspace):
        super().__init__()
        self.at = workspace

    def teardown(self):
        try:
            self.mend()
            self.at.settle()
        finally:
            self.at.close()

    # ------------------------------------------------------------------ edits of the sources

    @edit(function=FUNCTIONS, version=st.integers(0, 2))
    def edit_a_body(self, function, version):
        self.at.write(self.at.edition.edit(function, version))

    @edit(
        change=st.sampled_from(
            [{"scale": n} for n in (1, 2, 3)]
            + [{"rate": n} for n in (None, 1, 2)]
            + [{"remark": n} for n in (1, 2)]
        )
    )
    def edit_a_constant_a_param_or_a_remark(self, change):
        self.at.write(replace(self.at.edition, **change))

    @edit(
        change=st.sampled_from(
            [{"data": text} for text in ("a b", "c a b", "b")]
            + [{"extra": files} for files in ({"one.txt": "2"}, {"one.txt": "1", "in/b.txt": "x"})]
        )
    )
    def edit_data(self, change):
        self.at.write(replace(self.at.edition, **change))

    @edit(notes=st.sampled_from([None, "one", "two"]))
    def edit_what_no_stage_declares(self, notes):
        self.at.write(replace(self.at.edition, notes=notes))

    @edit(
        change=st.sampled_from(
            [{"models": names} for names in (("small",), ("big", "odd"), ("big", "small"))]
            + [{"moved": flag} for flag in (True, False)]
            + [{"cached": flag} for flag in (True, False)]
            + [{"mutex": True}, {"tail": ""}, {"tail": "tail"}, {"tail": "end"}]
        )
    )
    def edit_the_pipeline(self, change):
        self.at.write(replace(self.at.edition, **change))

    @edit(function=FUNCTIONS)
    def break_a_body(self, function):
        self.at.write(replace(self.at.edition, broken=self.at.edition.broken | {function}))

    @precondition(lambda self: self.at.edition.broken)
    @rule()
    def mend(self):
        self.at.write(replace(self.at.edition, broken=frozenset()))

    @edit(text=st.sampled_from(["a b", "b a", "d e"]))
    def rewrite_data_of_the_same_size_and_time(self, text):
        stat = os.stat(self.at.root / "data.txt")
        self.at.write(replace(self.at.edition, data=text))
        os.utime(self.at.root / "data.txt", ns=(stat.st_atime_ns, stat.st_mtime_ns))

    @edit()
    def touch_everything(self):
        for path in self.at.root.rglob("*"):
            if path.is_file() and not path.is_relative_to(self.at.root / ".pivot"):
                os.utime(path, ns=(1, 1), follow_symlinks=False)

    @edit(mode=st.sampled_from(["copy", "hardlink", "symlink"]))
    def choose_a_checkout_mode(self, mode):
        self.at.let_go()
        self.at.linked = True
        initialize(str(self.at.root))
        (self.at.root / ".pivot/config.yaml").write_text(f"cache: {{checkout_mode: {mode}}}\n")

    @edit(back=st.integers(1, 4))
    def revert(self, back):
        edition, locks, last = self.at.past[-min(back, len(self.at.past))]
        self.at.write(edition)
        for name in self.at.locks().keys() - locks.keys():
            (self.at.root / ".pivot/stages" / name).unlink()
        initialize(str(self.at.root))
        for name, data in locks.items():
            path = self.at.root / ".pivot/stages" / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
        self.at.last = dict(last)

    # ------------------------------------------------------------------ what a person does to outputs

    @edit(path=OUTS, number=st.integers(0, 2))
    def alter_an_output(self, path, number):
        place = self.at.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        self.at.forget_owed(path)
        place.unlink(missing_ok=True)  # it may be a link
        place.write_text(f"mine {number}")
        self.at.owed[f"mine {number}".encode()] = path

    @edit(path=OUTS)
    def delete_an_output(self, path):
        self.at.forget_owed(path)
        (self.at.root / path).unlink(missing_ok=True)

    @edit()
    def delete_all_outputs(self):
        for node in self.at.edition.stages():
            for path in node.outs:
                self.at.forget_owed(path)
                place = self.at.root / path
                shutil.rmtree(place) if place.is_dir() else place.unlink(missing_ok=True)

    # ------------------------------------------------------------------ what is lost under .pivot

    @edit(how=st.sampled_from(["delete", "truncate", "flip", "flip unseen"]), which=st.integers(0, 12))
    def damage_objects(self, how, which):
        objects = sorted(path for path in self.at.root.glob(".pivot/cache/files/*/*"))
        chosen = objects[which - 1 :: 12] if which else objects
        for path in chosen:
            data, stat = path.read_bytes(), path.stat()
            if stat.st_nlink > 1 or how == "delete" or not data:
                path.unlink()
                continue
            path.chmod(0o644)
            path.write_bytes(data[:-1] if how == "truncate" else bytes([data[0] ^ 1]) + data[1:])
            if how == "flip unseen" and not self.at.linked:  # a link to it would change with it
                self.at.unseen = True
                path.chmod(stat.st_mode)
                os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        gone = {path.parent.name + path.name for path in chosen}
        self.at.forget_objects(gone)

    @edit(name=st.sampled_from(["cache/runs", "cache/sources", "runs", "state.db", "state.db-wal"]))
    def lose_a_part(self, name):
        path = self.at.root / ".pivot" / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        if name == "cache/runs":
            self.at.doubt()

    @edit()
    def lose_everything(self):
        self.at.let_go()
        shutil.rmtree(self.at.root / ".pivot", ignore_errors=True)
        self.at.last.clear()
        self.at.owed = {data: path for data, path in self.at.owed.items() if self.at.look(path) == data}
        self.at.doubt()

    @edit(function=FUNCTIONS, how=st.sampled_from(["delete", "conflict", "truncate"]))
    def lose_a_lock(self, function, how):
        for name in [name for name in self.at.last if name.partition("@")[0] == function]:
            path = self.at.root / f".pivot/stages/{name}.lock"
            data = path.read_bytes()
            if how == "delete":
                path.unlink()
            elif how == "truncate":
                path.write_bytes(data[: len(data) // 2])
            else:
                path.write_bytes(b"<<<<<<< ours\n" + data + b"=======\n" + data + b">>>>>>> theirs\n")
            del self.at.last[name]

    # ------------------------------------------------------------------ commands

    @rule()
    def settle_anew(self):
        self.at.settle()

    @rule(force=st.booleans(), single=st.booleans(), keep_going=st.booleans(), names=TARGETS)
    def run_some(self, **options):
        self.at.run(options.pop("names"), single_stage=options.pop("single"), **options)

    @rule()
    def run_all_by_force(self):
        self.at.run(force=True, keep_going=True)

    @edit(force=st.booleans(), names=st.just([]) | TARGETS)
    def check_out(self, force, names):
        if force:  # what a person wrote is replaced without being kept
            self.at.owed.clear()
        with self.at.project() as project:
            for one in project.checkout(names, force=force):
                assert one.error is None, one
                assert one.unknown == (one.stage not in self.at.last)
                if one.missing:
                    assert self.at.damaged, one
                elif not one.unknown:
                    for path, content in self.at.last[one.stage][1].items():
                        assert self.at.look(path) == content, (one, path)
        self.at.check_owed()

    @edit(keep_runs=st.sampled_from([None, 0]))
    def collect(self, keep_runs):
        with self.at.project() as project:
            try:
                project.collect(keep_runs=keep_runs)
            except PivotError:  # a lock that cannot be read
                project.collect(keep_runs=keep_runs, force=True)
        self.at.doubt()  # a commit is in no history
        self.at.check_owed()

    @edit(everything=st.booleans())
    def verify(self, everything):
        with self.at.project() as project:
            found = project.verify(everything=everything)
        assert self.at.damaged or not (found.damaged or found.missing), found

    @edit(names=TARGETS)
    def commit(self, names):
        nodes = {node.name: node for node in self.at.edition.stages()}
        if "peek" in names and "peek" not in self.at.last:
            return  # what it reads beside its deps nobody has seen
        with self.at.project() as project:
            for one in project.commit(names):
                node = nodes[one.stage]
                if one.error is not None or one.explanation is None:
                    continue
                key = node.key(self.at.look)
                self.at.remember(node)
                self.at.accepted[node.name, key] = self.at.last[node.name][1]
                self.at.recorded.add((node.name, key))
                for path in node.outs:
                    self.at.forget_owed(path)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("part", range(PARTS))
def test_whatever_happens_a_run_gives_what_running_everything_would(workspace, part):
    def machine():
        return Machine(workspace())

    if "PIVOT_EXAMPLES" not in os.environ:  # the same ones each time
        machine = seed(part)(machine)
    run_state_machine_as_test(machine, settings=SETTINGS)
