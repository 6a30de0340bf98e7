"""Two inputs become reasons, and reasons become lines."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pivot.core.explain import changes, explain_lines, headline
from pivot.model.decision import Change, ChangeKind, Decision, Verdict
from pivot.model.digest import digest_text
from pivot.model.place import Place
from pivot.model.record import DeclaredOut
from pivot.model.stage import OutKind


def run(*reasons):
    return Decision("train", Verdict.RUN, tuple(reasons))


def names(reasons):
    return [(change.kind.value, change.name) for change in reasons]


def test_a_changed_helper_is_named_with_digests_and_its_new_place(inputs, part):
    before = inputs("1", [part("func:normalize", "old", "src/utils.py:12"), part("stage:train", "t")])
    after = inputs("2", [part("func:normalize", "new", "src/utils.py:15"), part("stage:train", "t")])
    change = Change(
        ChangeKind.CODE, "func:normalize", digest_text("old"), digest_text("new"), Place("src/utils.py", 15)
    )
    assert changes(before, after) == (change,)


def test_the_lines_have_the_documented_form(stage):
    old, new = digest_text("5995c853"), digest_text("a1b2c3d4")
    change = Change(ChangeKind.CODE, "func:normalize", old, new, Place("src/utils.py", 15))
    assert "\n".join(explain_lines(stage("train"), run(change))) == (
        "Stage: train\n"
        "  Status: WILL RUN\n"
        "  Reason: Code dependency changed\n"
        "\n"
        "  Changes:\n"
        "    func:normalize\n"
        f"      Old: {old[:8]}\n"
        f"      New: {new[:8]}\n"
        "      File: src/utils.py:15"
    )


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


texts = st.dictionaries(st.sampled_from("abc"), st.sampled_from("xyz"), max_size=3)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("12"), texts, texts, texts, texts), min_size=2, max_size=2))
def test_there_is_a_reason_exactly_if_the_key_differs(inputs, rows):
    made = [
        replace(
            inputs(code, params=params, deps=deps, loaders=loaders, settings=settings),
            outs=tuple(
                DeclaredOut(path, OutKind.OUT, kind == "x", digest_text("l")) for path, kind in params.items()
            ),
        )
        for code, params, deps, loaders, settings in rows
    ]
    assert bool(changes(*made)) == (made[0].key != made[1].key)


D1, D2 = digest_text("1"), digest_text("2")
HEADLINES = [
    ([Change(ChangeKind.FIRST_RUN, "train")], "Never run"),
    ([Change(ChangeKind.FORCED, "train")], "Forced"),
    ([Change(ChangeKind.CODE, "stage:train", D1, D2)], "Stage code changed"),
    ([Change(ChangeKind.CODE, "func:f", D1, D2)], "Code dependency changed"),
    ([Change(ChangeKind.CODE, "names in stage:train", D1, D2)], "Code changed: names resolve differently"),
    ([Change(ChangeKind.PARAM, "lr", "0.01", "0.05")], "Parameter changed: lr 0.01 → 0.05"),
    ([Change(ChangeKind.PARAM, "lr", None, "0.05")], "Parameter added: lr"),
    ([Change(ChangeKind.PACKAGE, "pandas", "2.1", "2.2")], "Package changed: pandas 2.1 → 2.2"),
    ([Change(ChangeKind.DEP, "data.csv", D1, D2)], "Dependency changed: data.csv"),
    ([Change(ChangeKind.DEP, "data.csv", D1, None)], "Dependency removed: data.csv"),
    ([Change(ChangeKind.LOADER, "data", D1, D2)], "Loader changed: data"),
    ([Change(ChangeKind.OUT, "m.pkl", None, "out")], "Output declaration added: m.pkl"),
    ([Change(ChangeKind.SETTING, "seed", "0", "1")], "Setting changed: seed 0 → 1"),
    ([Change(ChangeKind.OUTPUT_MISSING, "m.pkl", D1)], "Output missing: m.pkl"),
    ([Change(ChangeKind.OUTPUT_ALTERED, "m.json", D1, D2)], "Output altered: m.json"),
    ([Change(ChangeKind.OBJECT_MISSING, "m.pkl", D1)], "Not in the cache: m.pkl"),
    ([Change(ChangeKind.MISSING_DEP, "x.csv")], "Dependency missing: x.csv"),
    (
        [Change(ChangeKind.PARAM, "lr", "1", "2"), Change(ChangeKind.DEP, "a"), Change(ChangeKind.DEP, "b")],
        "Parameter changed: lr 1 → 2 and 2 more",
    ),
]


@pytest.mark.parametrize(("reasons", "line"), HEADLINES, ids=[line for _, line in HEADLINES])
def test_the_headline_is_one_line_that_names_the_first_reason(reasons, line):
    assert headline(run(*reasons)) == line


def test_verdicts_without_a_change_have_a_headline_too():
    assert headline(Decision("a", Verdict.UNCHANGED, ())) == "Nothing changed"
    waits = (Change(ChangeKind.UPSTREAM, "clean"), Change(ChangeKind.UPSTREAM, "join"))
    assert headline(Decision("a", Verdict.WAITS, waits)) == "Waits for clean, join"


def test_a_long_value_is_cut_and_kept_on_one_line():
    line = headline(run(Change(ChangeKind.PARAM, "names", "[]", "[" + "1,\n" * 100 + "]")))
    assert len(line) < 90
    assert "\n" not in line
    assert line.endswith("…")


DETAILS = [
    (Change(ChangeKind.PARAM, "lr", "0.01", "0.05"), ["    param:lr", "      Old: 0.01", "      New: 0.05"]),
    (Change(ChangeKind.DEP, "data.csv", None, D2), ["    dep:data.csv", f"      New: {D2[:8]}"]),
    (Change(ChangeKind.PACKAGE, "pandas", "2.1", None), ["    package:pandas", "      Old: 2.1"]),
    (
        Change(ChangeKind.CODE, "value:LIMIT", D1, D2, Place("Cell In[7]", 3)),
        ["    value:LIMIT", f"      Old: {D1[:8]}", f"      New: {D2[:8]}", "      Cell: In[7], line 3"],
    ),
    (Change(ChangeKind.OUTPUT_MISSING, "m.pkl", D1), ["    out:m.pkl", "      Missing: in the workspace"]),
    (
        Change(ChangeKind.OBJECT_MISSING, "m.pkl", D1),
        ["    object:m.pkl", "      Missing: in the cache", f"      Old: {D1[:8]}"],
    ),
    (
        Change(ChangeKind.MISSING_DEP, "x.csv"),
        [
            "    dep:x.csv",
            "      Missing: there is no such file, and no stage writes it",
            "      File: stages.py:4",
        ],
    ),
]


@pytest.mark.parametrize(("change", "lines"), DETAILS, ids=[change.kind for change, _ in DETAILS])
def test_each_change_is_told_with_old_and_new(stage, change, lines):
    told = explain_lines(stage("train", line=4), run(change))
    assert told[3:] == ["", "  Changes:", *lines]


@pytest.mark.parametrize(
    ("decision", "lines"),
    [
        (Decision("a", Verdict.UNCHANGED, ()), ["Stage: a", "  Status: CACHED", "  Reason: Nothing changed"]),
        (
            Decision("a", Verdict.RUN, (Change(ChangeKind.FIRST_RUN, "a"),)),
            ["Stage: a", "  Status: WILL RUN", "  Reason: Never run"],
        ),
        (
            Decision("a", Verdict.WAITS, (Change(ChangeKind.UPSTREAM, "b"),)),
            ["Stage: a", "  Status: WAITS", "  Reason: Waits for b"],
        ),
    ],
)
def test_a_verdict_without_details_has_no_list_of_changes(stage, decision, lines):
    assert explain_lines(stage("a"), decision) == lines
