"""The laws of the scheduler, over random graphs and orders of events."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from pivot.core.orders import (
    CancelRequested,
    Check,
    Conclude,
    Decided,
    Done,
    Ended,
    Execute,
    Gather,
    Interrupt,
    Paused,
    Recall,
    Resumed,
    Spread,
    Staffed,
)
from pivot.core.schedule import Scheduler
from pivot.model.event import Outcome
from pivot.model.resources import Resources

RAN, RESTORED, UNCHANGED, FAILED, BLOCKED, CANCELLED = Outcome


@st.composite
def graphs(draw):
    size = draw(st.integers(0, 9))
    return {
        f"s{i}": tuple(f"s{j}" for j in sorted(draw(st.sets(st.integers(0, i - 1), max_size=3)))) if i else ()
        for i in range(size)
    }


def whole(name):
    """The stage of an item."""
    return name.partition("[")[0]


class World:
    """Answers the scheduler's commands at random and holds it to its laws.

    `running` is what was handed out. It is begun in turn, as much at once as there are hands.
    """

    def __init__(self, graph, random, *, jobs, mutex, resources, capacity, keep_going, cancels, ahead):
        self.graph, self.random, self.jobs, self.mutex = graph, random, jobs, mutex
        self.resources, self.capacity = resources, capacity
        self.keep_going, self.cancels = keep_going, cancels
        self.checking, self.settling, self.running, self.paused = [], [], [], []
        self.begun, self.recalled, self.spread, self.gathered, self.ahead = [], [], [], [], ahead
        self.ends, self.done, self.cancelled = {}, 0, False
        self.scheduler = Scheduler(
            graph, jobs=jobs, mutex=mutex, resources=resources, capacity=capacity, keep_going=keep_going
        )

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
                case Execute(name):
                    assert all(
                        self.ends[feeder] in (RAN, RESTORED, UNCHANGED) for feeder in self.graph[whole(name)]
                    )
                    assert not self.cancelled
                    self.running.append(name)
                    assert len(self.running) <= self.jobs + (self.ahead if "[" in name else 0)
                    self.begin()
                case Conclude(stage, outcome, cause):
                    assert stage not in self.ends
                    self.ends[stage] = outcome
                    if stage in self.paused:
                        self.paused.remove(stage)
                    if outcome is BLOCKED:
                        assert self.ends[cause] is FAILED
                        assert cause in self.ancestors(stage)
                case Interrupt(name):
                    assert name in self.running
                case Recall(name):
                    assert name in self.running
                    if name not in self.begun:
                        self.running.remove(name)
                        self.recalled.append(name)
                case Gather(stage):
                    assert not [name for name in self.running + self.recalled if whole(name) == stage]
                    self.spread.remove(stage)
                    self.gathered.append(stage)
                case Done():
                    self.done += 1

    def begin(self):
        """Begin with what was handed out, as far as there are hands; the laws hold for what has begun."""
        self.begun = [name for name in self.running if name in self.begun]
        waiting = [name for name in self.running if name not in self.begun]
        self.begun += waiting[: self.jobs - len(self.begun)]
        held = [name for one in self.begun for name in set(self.mutex.get(whole(one), ()))]
        assert len(held) == len(set(held))
        assert "*" not in held or len(self.running) == 1
        self.require_capacity()

    def require_capacity(self):
        taken = [self.resources.get(whole(name), Resources()) for name in self.begun]
        assert sum(min(int(one.cpus), self.jobs) for one in taken) <= self.jobs
        for name, limit in self.capacity.items():
            assert sum(min(one.amounts().get(name, 0), limit) for one in taken) <= limit

    def step(self):
        if self.cancels and not self.random.randrange(8):
            self.cancelled = True
            return self.scheduler.handle(CancelRequested())
        if self.random.random() < 0.1:
            return self.scheduler.handle(Staffed(self.jobs, self.ahead))
        queues = (self.checking, self.settling, self.begun, self.paused, self.recalled, self.gathered)
        queue = self.random.choice([queue for queue in queues if queue])
        stage = self.random.choice(queue)
        queue.remove(stage)
        if queue is self.recalled:
            return self.scheduler.handle(Ended(stage, CANCELLED))
        if queue is self.begun:
            self.running.remove(stage)
            self.begin()
            queue = self.running
        if "[" in stage:
            seconds = self.random.choice([None, 0.1, 0.1, 0.1, 9.0])
            return self.scheduler.handle(Ended(stage, self.random.choice([RAN, FAILED]), seconds))
        if queue is self.running and not self.random.randrange(3):
            self.spread.append(stage)
            items = tuple(f"{stage}[{n}]" for n in range(self.random.randrange(9)))
            return self.scheduler.handle(Spread(stage, items, self.random.choice([None, None, 1, 3])))
        if queue is self.paused:
            return self.scheduler.handle(Resumed(stage))
        if queue is self.running and not self.random.randrange(4):
            if not self.scheduler.is_stopping:
                self.paused.append(stage)
            return self.scheduler.handle(Paused(stage))
        if queue is self.checking and self.random.random() < 0.8:
            needs_run = self.random.random() < 0.8
            if not needs_run:
                self.settling.append(stage)
            return self.scheduler.handle(Decided(stage, needs_run))
        outcomes = [RAN, RAN, RAN, FAILED] + [CANCELLED] * self.cancelled
        at_work = queue is self.running or queue is self.gathered
        self.ends[stage] = self.random.choice(outcomes if at_work else [RESTORED, UNCHANGED, FAILED])
        return self.scheduler.handle(Ended(stage, self.ends[stage]))


@settings(max_examples=300, deadline=None)
@given(
    graph=graphs(),
    seed=st.integers(0, 2**32),
    jobs=st.integers(1, 4),
    keep_going=st.booleans(),
    cancels=st.booleans(),
    locks=st.lists(st.lists(st.sampled_from(["gpu", "disk", "*"]), max_size=2), max_size=9),
    wants=st.lists(
        st.builds(
            Resources,
            cpus=st.integers(1, 5),
            gpus=st.sampled_from([0, 0.5, 1, 3]),
            labels=st.sampled_from([(), (("license", 1),), (("tape", 2),)]),
        ),
        max_size=9,
    ),
    capacity=st.dictionaries(st.sampled_from(["gpus", "license"]), st.integers(1, 3)),
    ahead=st.integers(0, 3),
)
def test_the_laws_hold_for_every_graph_and_every_order_of_events(
    graph, seed, jobs, keep_going, cancels, locks, wants, capacity, ahead
):
    mutex = dict(zip(graph, locks, strict=False))
    resources = dict(zip(graph, wants, strict=False))
    world = World(
        graph,
        Random(seed),
        jobs=jobs,
        mutex=mutex,
        resources=resources,
        capacity=capacity,
        keep_going=keep_going,
        cancels=cancels,
        ahead=ahead,
    )
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
