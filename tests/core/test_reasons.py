"""Two inputs become reasons."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pivot.core.reasons import changes, folder_changes
from pivot.model.decision import Change, ChangeKind
from pivot.model.digest import digest_text
from pivot.model.observation import ABSENT, Observation, folder_state
from pivot.model.place import Place
from pivot.model.record import DeclaredOut
from pivot.model.stage import OutKind
from pivot.model.tree import TreeEntry


def names(reasons):
    return [(change.kind.value, change.name) for change in reasons]


def test_a_changed_helper_is_named_with_digests_and_both_its_places(inputs, part):
    before = inputs("1", [part("func:normalize", "old", "src/utils.py:12"), part("stage:train", "t")])
    after = inputs("2", [part("func:normalize", "new", "src/utils.py:15"), part("stage:train", "t")])
    change = Change(
        ChangeKind.CODE,
        "func:normalize",
        digest_text("old"),
        digest_text("new"),
        Place("src/utils.py", 15),
        Place("src/utils.py", 12),
    )
    assert changes(before, after) == (change,)


PARTS = {
    "moved only": (["func:f|1|a.py:1"], ["func:f|1|b.py:9"], [("code", "names in the code")]),
    "added": ([], ["func:f|1|a.py:1"], [("code", "func:f")]),
    "removed": (["value:LIMIT|1|a.py:1"], [], [("code", "value:LIMIT")]),
    "own function first, then changed, then new": (
        ["func:a|1|a.py:1", "stage:train|1|a.py:2"],
        ["func:a|2|a.py:1", "stage:train|2|a.py:2", "class:A|1|a.py:3"],
        [("code", "stage:train"), ("code", "func:a"), ("code", "class:A")],
    ),
    "the order of statements comes last": (
        ["effect:order of statements|1|:", "stage:train|1|a.py:2"],
        ["effect:order of statements|2|:", "stage:train|1|a.py:2", "value:K|1|a.py:3"],
        [("code", "value:K"), ("code", "effect:order of statements")],
    ),
    "one of two of the same name": (
        ["func:f|1|a.py:1", "func:f|2|b.py:1"],
        ["func:f|1|a.py:1", "func:f|3|b.py:1"],
        [("code", "func:f")],
    ),
    "a package": (["package:pandas|1|:|2.1"], ["package:pandas|2|:|2.2"], [("package", "pandas")]),
    "nothing but the way names resolve": (
        ["stage:train|1|a.py:2", "func:f|1|a.py:1"],
        ["stage:train|1|a.py:2", "func:f|1|a.py:1"],
        [("code", "names in stage:train")],
    ),
}


@pytest.mark.parametrize("case", PARTS)
def test_code_is_compared_definition_by_definition(inputs, part, case):
    before, after, expected = PARTS[case]
    made = [
        inputs(code, [part(*row.split("|")) for row in rows]) for code, rows in (("1", before), ("2", after))
    ]
    assert names(changes(*made)) == expected


def test_two_helpers_of_one_name_are_paired_by_file(inputs, part):
    before = inputs("1", [part("func:f", "a1", "a.py:1"), part("func:f", "b1", "b.py:1")])
    after = inputs("2", [part("func:f", "b2", "b.py:1"), part("func:f", "a2", "a.py:1")])
    pairs = {(change.before, change.after) for change in changes(before, after)}
    assert pairs == {(digest_text("a1"), digest_text("a2")), (digest_text("b1"), digest_text("b2"))}


def test_equal_code_has_no_code_change_wherever_its_parts_lie(inputs, part):
    assert (
        changes(inputs("1", [part("func:f", "x", "a.py:1")]), inputs("1", [part("func:f", "x", "b.py:7")]))
        == ()
    )


def test_everything_but_code_is_compared_by_name(inputs):
    before = inputs(
        params={"lr": "1", "gone": "2"},
        deps={"a": "1"},
        loaders={"x": "1"},
        outs=["o"],
        settings={"seed": "0"},
    )
    after = inputs(
        params={"lr": "2"}, deps={"a": "2", "b": "1"}, loaders={"x": "2"}, outs=["p"], settings={"seed": "1"}
    )
    assert names(changes(before, after)) == [
        ("param", "gone"),
        ("param", "lr"),
        ("dep", "a"),
        ("dep", "b"),
        ("loader", "x"),
        ("out", "o"),
        ("out", "p"),
        ("setting", "seed"),
    ]


OBSERVED = {
    "a file's content": ({"files": {"config.json": "1"}}, {"files": {"config.json": "2"}}, [("file", "config.json")]),
    "a file that came": ({"files": {"a.json": ABSENT}}, {"files": {"a.json": "2"}}, [("file", "a.json")]),
    "a folder": (
        {"files": {"data": folder_state(["a"])}},
        {"files": {"data": folder_state(["a", "b"])}},
        [("file", "data")],
    ),
    "a variable": ({"environment": {"MODE": "1"}}, {"environment": {"MODE": ABSENT}}, [("environment", "MODE")]),
    "a key of the config": (
        {"context": {"config/a b/n": "= 1"}},
        {"context": {"config/a b/n": ABSENT}},
        [("context", 'config["a b"].n')],
    ),
    "code that ran": ({"ran": ("m:f",), "code": "1"}, {"ran": ("m:f",), "code": "2"}, [("code", "names in the code")]),
    "which code ran": ({"ran": ("m:f",)}, {"ran": ("m:g",)}, [("code", "calls of the code")]),
    "what was imported": ({"imported": ("m",)}, {"imported": ("n",)}, [("code", "names in the code")]),
    "only whether calls were seen": ({"complete": True}, {"complete": False}, []),
}  # fmt: skip


@pytest.mark.parametrize("case", OBSERVED)
def test_what_was_observed_is_compared_too(inputs, case):
    before, after, expected = OBSERVED[case]
    made = [inputs(observed=Observation(**fields)) for fields in (before, after)]
    assert names(changes(*made)) == expected
    assert bool(expected) == (made[0].key != made[1].key)


def test_paths_that_changed_places_are_told_where_nothing_else_says_why(inputs):
    before = replace(inputs(deps={"a": "1", "b": "2"}), names={"dep x": "a", "dep y": "b"})
    swapped = replace(before, names={"dep x": "b", "dep y": "a"})
    assert changes(before, swapped) == (
        Change(ChangeKind.NAME, "dep x", "a", "b"),
        Change(ChangeKind.NAME, "dep y", "b", "a"),
    )
    moved = replace(inputs(deps={"a": "1", "c": "2"}), names={"dep x": "a", "dep y": "c"})
    assert names(changes(before, moved)) == [("dep", "b"), ("dep", "c")]


def test_a_definition_that_ran_beyond_the_reach_is_named(inputs, part):
    made = [
        inputs(
            parts=[part("func:plugin", text)], observed=Observation(ran=("m:plugin",), code=digest_text(text))
        )
        for text in ("old", "new")
    ]
    assert names(changes(*made)) == [("code", "func:plugin")]


texts = st.dictionaries(st.sampled_from("abc"), st.sampled_from("xyz"), max_size=3)
some = st.lists(st.sampled_from("ab"), max_size=2, unique=True).map(tuple)
observations = st.builds(
    Observation,
    files=texts,
    environment=texts,
    ran=some,
    imported=some,
    missing=some,
    code=st.sampled_from([None, "1", "2"]),
    complete=st.booleans(),
)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("12"), texts, texts, texts, texts, texts, observations),
        min_size=2,
        max_size=2,
    )
)
def test_there_is_a_reason_exactly_if_the_key_differs(inputs, rows):
    made = [
        replace(
            inputs(code, params=params, deps=deps, loaders=loaders, settings=settings, observed=observed),
            outs=tuple(
                DeclaredOut(path, OutKind.OUT, kind == "x", digest_text("l")) for path, kind in params.items()
            ),
            names=names,
        )
        for code, params, deps, loaders, settings, names, observed in rows
    ]
    assert bool(changes(*made)) == (made[0].key != made[1].key)


def test_of_a_folder_that_changed_much_some_files_are_named_and_the_others_counted(digest):
    before = [TreeEntry(f"{n:02}", digest("old"), 3) for n in range(14)]
    after = [replace(entry, digest=digest("new")) for entry in before[:-1]]
    found = folder_changes(before, after)
    assert found[:2] == ("- 00", "+ 00")
    assert found[-1] == "… and 4 more files"
    assert len(found) == 21
    assert folder_changes(before, before) == ()
