"""The scheduler as scripts (events → commands), and its laws over random graphs."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pivot.core.schedule import (
    CancelRequested,
    Check,
    Conclude,
    Decided,
    Done,
    Ended,
    Execute,
    Interrupt,
    Scheduler,
)
from pivot.model.event import Outcome

RAN, RESTORED, UNCHANGED, FAILED, BLOCKED, CANCELLED = Outcome


def event(text):
    """``a!`` must run, ``a~`` need not, ``a=failed`` ended so, ``^C`` a person's wish."""
    if text == "^C":
        return CancelRequested()
    if text.endswith(("!", "~")):
        return Decided(text[:-1], text.endswith("!"))
    stage, _, outcome = text.partition("=")
    return Ended(stage, Outcome(outcome))


def told(commands):
    """``?a`` check, ``>a`` execute, ``a=blocked:b`` conclude, ``xa`` interrupt, ``.`` done."""
    words = []
    for command in commands:
        match command:
            case Check(stage):
                words.append(f"?{stage}")
            case Execute(stage):
                words.append(f">{stage}")
            case Conclude(stage, outcome, cause):
                words.append(f"{stage}={outcome}:{cause}")
            case Interrupt(stage):
                words.append(f"x{stage}")
            case Done():
                words.append(".")
    return " ".join(words)


CHAIN = {"a": (), "b": ("a",), "c": ("b",)}
PAIR = {"a": (), "b": ()}
DIAMOND = {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c")}
SIDE = {"a": (), "b": ("a",), "x": (), "y": ("x",)}

# graph, options, what start commands, then (event, commands) in turn
SCRIPTS = {
    "nothing to schedule": ({}, {}, ".", []),
    "all unchanged: nothing is executed": (
        CHAIN,
        {},
        "?a",
        [("a=unchanged", "?b"), ("b=unchanged", "?c"), ("c=unchanged", ".")],
    ),
    "one changes, its result is the same, the rest is unchanged": (
        CHAIN,
        {},
        "?a",
        [("a!", ">a"), ("a=ran", "?b"), ("b=unchanged", "?c"), ("c~", ""), ("c=restored", ".")],
    ),
    "two at once, the join waits for both": (
        DIAMOND,
        {"jobs": 2},
        "?a",
        [
            ("a!", ">a"),
            ("a=ran", "?b ?c"),
            ("b!", ">b"),
            ("c!", ">c"),
            ("b=ran", ""),
            ("c=ran", "?d"),
            ("d!", ">d"),
            ("d=ran", "."),
        ],
    ),
    "one slot: the second waits for it": (
        PAIR,
        {"jobs": 1},
        "?a ?b",
        [("a!", ">a"), ("b!", ""), ("a=ran", ">b"), ("b=ran", ".")],
    ),
    "the longest way goes first": (
        {"x": (), "long": (), "y": (), "end": ("long",)},
        {"jobs": 1, "durations": {"end": 9.0, "y": 5.0}},
        "?long ?y ?x",
        [("x!", ">x"), ("y!", ""), ("long!", ""), ("x=ran", ">long"), ("long=ran", "?end >y"), ("end!", "")],
    ),
    "one mutex at a time": (
        PAIR,
        {"jobs": 2, "mutex": {"a": ["gpu"], "b": ["gpu", "disk"]}},
        "?a ?b",
        [("a!", ">a"), ("b!", ""), ("a=ran", ">b"), ("b=ran", ".")],
    ),
    "a stage without a free mutex does not keep others from a slot": (
        {"a": (), "b": (), "c": ()},
        {"jobs": 2, "mutex": {"a": ["gpu"], "b": ["gpu"]}},
        "?a ?b ?c",
        [("a!", ">a"), ("b!", ""), ("c!", ">c"), ("c=ran", ""), ("a=ran", ">b")],
    ),
    "a star runs alone": (
        {"a": (), "b": (), "c": ()},
        {"jobs": 3, "mutex": {"b": ["*"]}},
        "?a ?b ?c",
        [("a!", ">a"), ("b!", ""), ("a=ran", ">b"), ("c!", ""), ("b=ran", ">c"), ("c=ran", ".")],
    ),
    "a failure: the running finish, descendants are blocked, the rest is cancelled": (
        SIDE | {"z": ()},
        {"jobs": 2},
        "?a ?x ?z",
        [
            ("a!", ">a"),
            ("x!", ">x"),
            ("z!", ""),
            ("a=failed", "b=blocked:a z=cancelled:a"),
            ("x=ran", "y=cancelled:a ."),
        ],
    ),
    "a failed check blocks as well, and what is being checked does not start": (
        SIDE,
        {},
        "?a ?x",
        [("a=failed", "b=blocked:a"), ("x!", "x=cancelled:a y=cancelled:a .")],
    ),
    "after a failure what needs no run still ends well": (
        SIDE,
        {},
        "?a ?x",
        [("x~", ""), ("a=failed", "b=blocked:a"), ("x=restored", "y=cancelled:a .")],
    ),
    "a second failure blocks its own descendants": (
        SIDE,
        {"jobs": 2},
        "?a ?x",
        [("a!", ">a"), ("x!", ">x"), ("a=failed", "b=blocked:a"), ("x=failed", "y=blocked:x .")],
    ),
    "keep going: only descendants are blocked": (
        SIDE,
        {"keep_going": True},
        "?a ?x",
        [
            ("a!", ">a"),
            ("x!", ""),
            ("a=failed", "b=blocked:a >x"),
            ("x=ran", "?y"),
            ("y!", ">y"),
            ("y=ran", "."),
        ],
    ),
    "all the way down is blocked by the stage that failed": (
        CHAIN,
        {"keep_going": True},
        "?a",
        [("a!", ">a"), ("a=failed", "b=blocked:a c=blocked:a .")],
    ),
    "cancel interrupts the running; the others follow": (
        SIDE | {"z": ()},
        {"jobs": 2},
        "?a ?x ?z",
        [
            ("a!", ">a"),
            ("x!", ">x"),
            ("z!", ""),
            ("^C", "z=cancelled: xa xx"),
            ("^C", ""),
            ("a=cancelled", "b=cancelled:"),
            ("x=ran", "y=cancelled: ."),
        ],
    ),
    "cancel before anything runs": (
        CHAIN,
        {},
        "?a",
        [("^C", ""), ("a!", "a=cancelled: b=cancelled: c=cancelled: .")],
    ),
    "one stage stopped by hand takes its descendants along, nothing else": (
        CHAIN | {"x": (), "y": ("x",)},
        {"jobs": 2},
        "?a ?x",
        [
            ("a!", ">a"),
            ("x!", ">x"),
            ("a=cancelled", "b=cancelled:a c=cancelled:a"),
            ("x=ran", "?y"),
            ("y=unchanged", "."),
        ],
    ),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_script(name):
    graph, options, first, turns = SCRIPTS[name]
    scheduler = Scheduler(graph, **({"jobs": 1} | options))
    assert told(scheduler.start()) == first
    for stimulus, expected in turns:
        assert (stimulus, told(scheduler.handle(event(stimulus)))) == (stimulus, expected)


@pytest.mark.parametrize(
    ("before", "wrong"),
    [
        ([], "a=ran:never started"),
        (["start"], "b!"),
        (["start"], "nobody!"),
        (["start"], "a=blocked"),
        (["start", "a!"], "a!"),
        (["start", "a!", "a=ran"], "a=ran"),
        (["start"], "start"),
    ],
)
def test_an_event_that_cannot_be_is_refused(before, wrong):
    scheduler = Scheduler(CHAIN, jobs=1)

    def feed(text):
        return scheduler.start() if text == "start" else scheduler.handle(event(text.partition(":")[0]))

    for text in before:
        feed(text)
    with pytest.raises(ValueError, match=r"cannot be|only the scheduler|started before"):
        feed(wrong)


def test_no_slot_and_no_order_are_refused():
    with pytest.raises(ValueError, match="at least 1"):
        Scheduler(CHAIN, jobs=0)
    with pytest.raises(ValueError, match="cycle"):
        Scheduler({"a": ("b",), "b": ("a",)}, jobs=1)


@st.composite
def graphs(draw):
    size = draw(st.integers(0, 9))
    return {
        f"s{i}": tuple(f"s{j}" for j in sorted(draw(st.sets(st.integers(0, i - 1), max_size=3)))) if i else ()
        for i in range(size)
    }


class World:
    """Answers the scheduler's commands at random and holds it to its laws."""

    def __init__(self, graph, random, *, jobs, mutex, keep_going, cancels):
        self.graph, self.random, self.jobs, self.mutex = graph, random, jobs, mutex
        self.keep_going, self.cancels = keep_going, cancels
        self.checking, self.settling, self.running = [], [], []
        self.ends, self.done, self.cancelled = {}, 0, False
        self.scheduler = Scheduler(graph, jobs=jobs, mutex=mutex, keep_going=keep_going)

    def ancestors(self, name):
        return set(self.graph[name]).union(*(self.ancestors(feeder) for feeder in self.graph[name]))

    def obey(self, commands):
        for command in commands:
            assert not self.done
            match command:
                case Check(stage):
                    assert all(self.ends.get(f) in (RAN, RESTORED, UNCHANGED) for f in self.graph[stage])
                    assert stage not in self.checking + self.settling + self.running + list(self.ends)
                    assert not self.cancelled
                    self.checking.append(stage)
                case Execute(stage):
                    assert all(
                        self.ends[feeder] in (RAN, RESTORED, UNCHANGED) for feeder in self.graph[stage]
                    )
                    assert not self.cancelled
                    self.running.append(stage)
                    held = [name for running in self.running for name in set(self.mutex.get(running, ()))]
                    assert len(held) == len(set(held))
                    assert "*" not in held or len(self.running) == 1
                    assert len(self.running) <= self.jobs
                case Conclude(stage, outcome, cause):
                    assert stage not in self.ends
                    self.ends[stage] = outcome
                    if outcome is BLOCKED:
                        assert self.ends[cause] is FAILED
                        assert cause in self.ancestors(stage)
                case Interrupt(stage):
                    assert stage in self.running
                case Done():
                    self.done += 1

    def step(self):
        if self.cancels and not self.random.randrange(8):
            self.cancelled = True
            return self.scheduler.handle(CancelRequested())
        queue = self.random.choice([queue for queue in (self.checking, self.settling, self.running) if queue])
        stage = self.random.choice(queue)
        queue.remove(stage)
        if queue is self.checking and self.random.random() < 0.8:
            needs_run = self.random.random() < 0.8
            if not needs_run:
                self.settling.append(stage)
            return self.scheduler.handle(Decided(stage, needs_run))
        outcomes = [RAN, RAN, RAN, FAILED] + [CANCELLED] * self.cancelled
        self.ends[stage] = self.random.choice(
            outcomes if queue is self.running else [RESTORED, UNCHANGED, FAILED]
        )
        return self.scheduler.handle(Ended(stage, self.ends[stage]))


@settings(max_examples=300, deadline=None)
@given(
    graph=graphs(),
    seed=st.integers(0, 2**32),
    jobs=st.integers(1, 4),
    keep_going=st.booleans(),
    cancels=st.booleans(),
    locks=st.lists(st.lists(st.sampled_from(["gpu", "disk", "*"]), max_size=2), max_size=9),
)
def test_the_laws_hold_for_every_graph_and_every_order_of_events(
    graph, seed, jobs, keep_going, cancels, locks
):
    mutex = dict(zip(graph, locks, strict=False))
    world = World(graph, Random(seed), jobs=jobs, mutex=mutex, keep_going=keep_going, cancels=cancels)
    world.obey(world.scheduler.start())
    while not world.done:
        world.obey(world.step())
    assert world.done == 1
    assert set(world.ends) == set(graph)
    for name, outcome in world.ends.items():
        failed_above = any(world.ends[above] is FAILED for above in world.ancestors(name))
        assert (outcome is BLOCKED) == failed_above
    if not world.cancelled and (keep_going or FAILED not in world.ends.values()):
        assert CANCELLED not in world.ends.values()
