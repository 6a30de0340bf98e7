"""Which stages run beside each other, by what they take: scripts of the scheduler, as in `test_schedule`."""

import pytest

from pivot.model.resources import Resources

PAIR = {"a": (), "b": ()}

# graph, options, what start commands, then (event, commands) in turn
SCRIPTS = {
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
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_script(play, name):
    play(*SCRIPTS[name])
