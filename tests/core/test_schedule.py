"""The scheduler as scripts: events → commands."""

import pytest

from pivot.core.schedule import Scheduler

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
            ("x=failed", "y=blocked:x <a0"),
            ("a0=ran", "&a"),
            ("a=cancelled", "b=cancelled:x ."),
        ],
    ),
    "items that take a moment are handed out ahead, and have the slot of whichever ends": (
        CHAIN,
        {"jobs": 2},
        "?a",
        [
            ("2|2", ""),
            ("a!", ">a"),
            ("a*9", ">a0 >a1"),
            ("a0=ran@0.1", ">a2 >a3 >a4"),
            ("a1=ran@0.1", ">a5"),
            ("a4=ran@0.1", ">a6"),  # which had its turn, and one before it is still to be heard of
            ("a3=ran@2", ""),  # the next ones are not brief
            ("a2=ran@2", ""),  # so that two are at work now, and none waits
            ("a5=ran@0.1", ">a7 >a8"),
        ],
    ),
    "items are not handed out ahead before one was seen to be brief, nor where hands are left over": (
        CHAIN,
        {"jobs": 2},
        "?a",
        [
            ("3|3", ""),
            ("a!", ">a"),
            ("a*5", ">a0 >a1"),
            ("a0=ran@0.1", ">a2"),
            ("2|0", ""),
            ("a1=ran@0.1", ">a3"),
        ],
    ),
    "of a stage with at most so many items at once no more are handed out": (
        CHAIN,
        {"jobs": 2},
        "?a",
        [("2|2", ""), ("a!", ">a"), ("a*5/3", ">a0 >a1"), ("a0=ran@0", ">a2 >a3"), ("a1=ran@0", ">a4")],
    ),
    "nothing is handed out ahead of what is more urgent, or takes more than a slot": (
        {"a": (), "x": (), "y": ("x",)},
        {"jobs": 2, "mutex": {"y": ["gpu"]}, "durations": {"y": 5.0}},
        "?x ?a",
        [
            ("2|2", ""),
            ("a!", ">a"),
            ("x!", ">x"),
            ("a*9", ">a0"),
            ("a0=ran@0", ">a1 >a2 >a3"),
            ("x=ran", "?y >a4"),
            ("y!", ""),
            ("a1=ran@0", ""),
            ("a2=ran@0", ""),
            ("a3=ran@0", ">y"),
            ("a4=ran@0", ">a5"),  # beside what holds more nothing is ahead
            ("y=ran", ">a6 >a7 >a8"),
        ],
    ),
    "a failure elsewhere takes back what was handed out ahead": (
        SIDE,
        {"jobs": 2},
        "?a ?x",
        [
            ("2|1", ""),
            ("a!", ">a"),
            ("x!", ">x"),
            ("a*9", ">a0"),
            ("a0=ran@0", ">a1 >a2"),
            ("x=failed", "y=blocked:x <a1 <a2"),
            ("a2=cancelled", ""),
            ("a1=ran@0", "&a"),
        ],
    ),
    "a wish to stop interrupts what was handed out ahead, too": (
        CHAIN,
        {"jobs": 1},
        "?a",
        [
            ("1|1", ""),
            ("a!", ">a"),
            ("a*9", ">a0"),
            ("a0=ran@0", ">a1 >a2"),
            ("^C", "xa1 xa2"),
            ("a1=cancelled", ""),
            ("a2=cancelled", "&a"),
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
def test_script(play, name):
    play(*SCRIPTS[name])


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
def test_an_event_that_cannot_be_is_refused(stimulus, before, wrong):
    scheduler = Scheduler(CHAIN, jobs=1)

    def feed(text):
        return scheduler.start() if text == "start" else scheduler.handle(stimulus(text.partition(":")[0]))

    for text in before:
        feed(text)
    with pytest.raises(ValueError, match=r"cannot be|only the scheduler|started before"):
        feed(wrong)


def test_no_slot_and_no_order_are_refused():
    with pytest.raises(ValueError, match="at least 1"):
        Scheduler(CHAIN, jobs=0)
    with pytest.raises(ValueError, match="cycle"):
        Scheduler({"a": ("b",), "b": ("a",)}, jobs=1)
