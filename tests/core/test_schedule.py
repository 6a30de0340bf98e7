"""The scheduler as scripts: events → commands."""

import pytest

from pivot.core.schedule import (
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
    Resumed,
    Scheduler,
    Spread,
)
from pivot.model.event import Outcome
from pivot.model.resources import Resources


def event(text):
    """``a!`` must run, ``a~`` need not, ``a-`` pauses, ``a+`` resumes, ``a=failed`` ended so, ``^C`` a wish.

    ``a*3`` is three items, ``a*3/2`` at most two at once.
    """
    if text == "^C":
        return CancelRequested()
    if "*" in text:
        stage, _, rest = text.partition("*")
        count, _, most = rest.partition("/")
        return Spread(stage, tuple(f"{stage}{n}" for n in range(int(count))), int(most) if most else None)
    if text.endswith(("-", "+")):
        return Paused(text[:-1]) if text.endswith("-") else Resumed(text[:-1])
    if text.endswith(("!", "~")):
        return Decided(text[:-1], text.endswith("!"))
    stage, _, outcome = text.partition("=")
    return Ended(stage, Outcome(outcome))


def told(commands):
    """``?a`` check, ``>a`` execute, ``a=blocked:b`` conclude, ``&a`` gather, ``xa`` interrupt, ``.`` done."""
    words = []
    for command in commands:
        match command:
            case Check(stage):
                words.append(f"?{stage}")
            case Execute(stage):
                words.append(f">{stage}")
            case Conclude(stage, outcome, cause):
                words.append(f"{stage}={outcome}:{cause}")
            case Gather(stage):
                words.append(f"&{stage}")
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
    "items take slots of their own, and what follows waits for all": (
        CHAIN,
        {"jobs": 2},
        "?a",
        [
            ("a!", ">a"),
            ("a*3", ">a0 >a1"),
            ("a1=ran", ">a2"),
            ("a0=failed", ""),
            ("a2=ran", "&a"),
            ("a=ran", "?b"),
        ],
    ),
    "no items: gathered at once": (CHAIN, {}, "?a", [("a!", ">a"), ("a*0", "&a"), ("a=ran", "?b")]),
    "at most so many items at once": (
        PAIR,
        {"jobs": 3},
        "?a ?b",
        [
            ("a!", ">a"),
            ("a*3/1", ">a0"),
            ("b!", ">b"),
            ("a0=ran", ">a1"),
            ("a1=ran", ">a2"),
            ("a2=ran", "&a"),
        ],
    ),
    "a branch beside mapped stages goes on without a barrier": (
        SIDE,
        {"jobs": 2},
        "?a ?x",
        [("a!", ">a"), ("x!", ">x"), ("a*2", ">a0"), ("x=ran", "?y >a1"), ("y!", ""), ("a0=ran", ">y")],
    ),
    "another stage fails: items at work end, the others are not begun": (
        SIDE,
        {"jobs": 2},
        "?a ?x",
        [
            ("a!", ">a"),
            ("x!", ">x"),
            ("a*3", ">a0"),
            ("x=failed", "y=blocked:x"),
            ("a0=ran", "&a"),
            ("a=cancelled", "b=cancelled:x ."),
        ],
    ),
    "a wish to stop interrupts the items": (
        CHAIN,
        {"jobs": 2},
        "?a",
        [("a!", ">a"), ("a*3", ">a0 >a1"), ("^C", "xa0 xa1"), ("a0=cancelled", ""), ("a1=cancelled", "&a")],
    ),
    "a mapped stage that failed is tried again": (
        CHAIN,
        {},
        "?a",
        [("a!", ">a"), ("a*1", ">a0"), ("a0=failed", "&a"), ("a-", ""), ("a+", ">a"), ("a*1", ">a0")],
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
    "several cpus take several slots": (
        {"a": (), "b": (), "c": ()},
        {"jobs": 3, "resources": {"b": Resources(cpus=2.5)}},
        "?a ?b ?c",
        [("a!", ">a"), ("b!", ""), ("c!", ">c"), ("a=ran", ""), ("c=ran", ">b"), ("b=ran", ".")],
    ),
    "one that needs all slots is overtaken twice where there are two, then it has its turn": (
        {"big": (), "end": ("big",), "a": (), "b": (), "c": (), "d": ()},
        {"jobs": 2, "resources": {"big": Resources(cpus=2)}},
        "?big ?a ?b ?c ?d",
        [
            ("a!", ">a"),
            ("big!", ""),
            ("b!", ">b"),
            ("c!", ""),
            ("d!", ""),
            ("a=ran", ">c"),
            ("b=ran", ""),
            ("c=ran", ">big"),
            ("big=ran", "?end >d"),
        ],
    ),
    "nothing is kept free for one that waits for a mutex, too": (
        {"big": (), "end": ("big",), "a": (), "b": (), "c": (), "d": ()},
        {"jobs": 2, "resources": {"big": Resources(cpus=2)}, "mutex": {"a": ["disk"], "big": ["disk"]}},
        "?big ?a ?b ?c ?d",
        [
            ("a!", ">a"),
            ("big!", ""),
            ("b!", ">b"),
            ("c!", ""),
            ("d!", ""),
            ("b=ran", ">c"),
            ("c=ran", ">d"),
            ("a=ran", ""),
            ("d=ran", ">big"),
        ],
    ),
    "while one waits for a gpu, those that need none go on": (
        {"big": (), "end": ("big",), "a": (), "b": (), "c": (), "d": ()},
        {"jobs": 2, "capacity": {"gpus": 1}, "resources": {"big": Resources(gpus=1), "a": Resources(gpus=1)}},
        "?big ?a ?b ?c ?d",
        [
            ("a!", ">a"),
            ("big!", ""),
            ("b!", ">b"),
            ("b=ran", ""),
            ("c!", ">c"),
            ("c=ran", ""),
            ("d!", ">d"),
            ("a=ran", ">big"),
        ],
    ),
    "more cpus than slots take all slots": (
        PAIR,
        {"jobs": 2, "resources": {"b": Resources(cpus=9)}},
        "?a ?b",
        [("a!", ">a"), ("b!", ""), ("a=ran", ">b"), ("b=ran", ".")],
    ),
    "half a gpu for each: two at once": (
        {"a": (), "b": (), "c": ()},
        {"jobs": 3, "resources": dict.fromkeys("abc", Resources(gpus=0.5)), "capacity": {"gpus": 1}},
        "?a ?b ?c",
        [("a!", ">a"), ("b!", ">b"), ("c!", ""), ("b=ran", ">c")],
    ),
    "a label may be called as it likes": (
        PAIR,
        {
            "jobs": 2,
            "resources": dict.fromkeys("ab", Resources(labels=(("slots", 1),))),
            "capacity": {"slots": 1},
        },
        "?a ?b",
        [("a!", ">a"), ("b!", "")],
    ),
    "what nobody has limited is no limit": (
        PAIR,
        {"jobs": 2, "resources": dict.fromkeys("ab", Resources(labels=(("license", 1),)))},
        "?a ?b",
        [("a!", ">a"), ("b!", ">b")],
    ),
    "a stage that pauses gives its slot and its mutex back, and waits its turn again": (
        PAIR,
        {"jobs": 1, "mutex": {"a": ["net"], "b": ["net"]}},
        "?a ?b",
        [("a!", ">a"), ("b!", ""), ("a-", ">b"), ("a+", ""), ("b=ran", ">a"), ("a=ran", ".")],
    ),
    "a person's wish ends a pause": (
        CHAIN,
        {},
        "?a",
        [("a!", ">a"), ("a-", ""), ("^C", "a=cancelled: b=cancelled: c=cancelled: .")],
    ),
    "a failure ends the pauses of others": (
        PAIR,
        {"jobs": 2},
        "?a ?b",
        [("a!", ">a"), ("b!", ">b"), ("a-", ""), ("b=failed", "a=cancelled:b .")],
    ),
    "nothing pauses any more when the run ends": (
        PAIR,
        {"jobs": 2},
        "?a ?b",
        [("a!", ">a"), ("b!", ">b"), ("b=failed", ""), ("a-", "a=cancelled:b .")],
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
        (["start"], "a-"),
        (["start", "a!"], "a+"),
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
