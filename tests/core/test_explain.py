"""Reasons become lines: with the way to what changed, and the diff."""

import pytest

from pivot.core.explain import Detail, Explanation, explain_lines, explanation, headline
from pivot.model.decision import Change, ChangeKind, Decision, Verdict
from pivot.model.digest import digest_text
from pivot.model.observation import ABSENT, PRESENT, Observation, folder_state, made_state
from pivot.model.place import Place
from pivot.model.record import StageRecord


def run(*reasons):
    return Decision("train", Verdict.RUN, tuple(reasons))


@pytest.fixture
def lines(stage):
    """The lines of a decision about which nothing more is known."""

    def told(decision, **fields):
        details = tuple(Detail(change, **fields) for change in decision.changes)
        return explain_lines(Explanation(stage(decision.stage, line=4), decision, details))

    return told


def test_the_lines_have_the_documented_form(lines):
    old, new = digest_text("5995c853"), digest_text("a1b2c3d4")
    change = Change(ChangeKind.CODE, "func:normalize", old, new, Place("src/utils.py", 15))
    assert "\n".join(lines(run(change))) == (
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


D1, D2 = digest_text("1"), digest_text("2")
FOLDER = folder_state(["a"])
HEADLINES = [
    ([Change(ChangeKind.FIRST_RUN, "train")], "Never run"),
    ([Change(ChangeKind.FORCED, "train")], "Forced"),
    ([Change(ChangeKind.CODE, "stage:train", D1, D2)], "Stage code changed"),
    ([Change(ChangeKind.CODE, "func:f", D1, D2)], "Code dependency changed: func:f"),
    ([Change(ChangeKind.CODE, "names in stage:train", D1, D2)], "Code changed: names resolve differently"),
    ([Change(ChangeKind.CODE, "calls of stage:train", D1, D2)], "Code changed: other definitions run"),
    (
        [Change(ChangeKind.CODE, "effect:order of statements", D1, D2)],
        "Code changed: statements run in another order",
    ),
    ([Change(ChangeKind.FILE, "config.json", D1, D2)], "File changed: config.json (read, not declared)"),
    ([Change(ChangeKind.FILE, "a.json", D1, ABSENT)], "File removed: a.json (read, not declared)"),
    ([Change(ChangeKind.FILE, "a.json", ABSENT, PRESENT)], "File added: a.json (looked for, not declared)"),
    ([Change(ChangeKind.FILE, "a.json", made_state(D1), D2)], "File changed: a.json (read, not declared)"),
    ([Change(ChangeKind.FILE, "data", FOLDER, D2)], "Folder changed: data (listed, not declared)"),
    ([Change(ChangeKind.FILE, "data", FOLDER, ABSENT)], "Folder removed: data (listed, not declared)"),
    ([Change(ChangeKind.ENVIRONMENT, "MODE", D1, D2)], "Environment changed: MODE"),
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
    (
        [Change(ChangeKind.OUTPUT_MISSING, "m.pkl", D1), Change(ChangeKind.OBJECT_MISSING, "m.pkl", D1)],
        "Output lost: m.pkl",
    ),
    (
        [
            Change(ChangeKind.OUTPUT_MISSING, "a.pkl", D1),
            Change(ChangeKind.OUTPUT_ALTERED, "b.pkl", D1, D2),
            Change(ChangeKind.OBJECT_MISSING, "b.pkl", D1),
        ],
        "Output altered, not in the cache: b.pkl and 1 more",
    ),
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
    first = (Change(ChangeKind.FIRST_RUN, "a"),)
    assert headline(Decision("a", Verdict.RESTORE, first)) == "Never run here"
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
    (
        Change(ChangeKind.FILE, "config.json", D1, D2),
        ["    file:config.json", f"      Old: {D1[:8]}", f"      New: {D2[:8]}"],
    ),
    (
        Change(ChangeKind.FILE, "a.json", made_state(D1), PRESENT),
        ["    file:a.json", "      Old: absent, then made by the stage", "      New: present"],
    ),
    (
        Change(ChangeKind.FILE, "data", FOLDER, ABSENT),
        ["    folder:data", f"      Old: folder {FOLDER[7:15]}", "      New: absent"],
    ),
    (
        Change(ChangeKind.ENVIRONMENT, "MODE", D1, ABSENT),
        ["    env:MODE", f"      Old: {D1[:8]}", "      New: absent"],
    ),
    (
        Change(ChangeKind.ENVIRONMENT, "API_KEY", ABSENT, PRESENT),
        ["    env:API_KEY", "      Old: absent", "      New: set"],
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


@pytest.mark.parametrize(("change", "expected"), DETAILS, ids=[f"{c.kind} {c.name}" for c, _ in DETAILS])
def test_each_change_is_told_with_old_and_new(lines, change, expected):
    assert lines(run(change))[3:] == ["", "  Changes:", *expected]


@pytest.mark.parametrize(
    ("decision", "expected"),
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
def test_a_verdict_without_details_has_no_list_of_changes(lines, decision, expected):
    assert lines(decision) == expected


A, B = Place("utils.py", 3), Place("utils.py", 1)


def test_below_a_change_stand_its_former_place_the_way_to_it_and_the_diff(lines):
    change = Change(ChangeKind.CODE, "func:normalize", D1, D2, A, B)
    told = lines(run(change), path=("train", "fit", "normalize"), diff=(" def f():", "-    1", "+    2"))
    assert told[8:] == [
        "      File: utils.py:3",
        "      Was: utils.py:1",
        "      Path: train → fit → normalize",
        "         def f():",
        "        -    1",
        "        +    2",
    ]


PATHS = [
    ((), None),
    (("train",), None),
    (("train", "normalize"), None),
    (("PLUGINS.append(normalize)", "normalize"), "PLUGINS.append(normalize) → normalize"),
    (("train", "fit", "normalize"), "train → fit → normalize"),
]


@pytest.mark.parametrize(("path", "told"), PATHS)
def test_the_way_is_told_where_it_is_more_than_a_use_by_the_stage_itself(lines, path, told):
    shown = lines(run(Change(ChangeKind.CODE, "func:normalize", D1, D2, A, A)), path=path)
    assert [line for line in shown if "Path" in line] == ([f"      Path: {told}"] if told else [])


def test_lines_of_a_diff_and_only_those_are_painted(stage):
    change = Change(ChangeKind.CODE, "func:f", D1, D2, A, A)
    found = Explanation(stage("train"), run(change), (Detail(change, diff=("-a", "+b")),))
    assert explain_lines(found, str.upper)[-2:] == ["        -A", "        +B"]
    assert explain_lines(found, str.upper)[:-2] == explain_lines(found)[:-2]


def test_what_was_not_observed_is_said_within_80_columns(stage, inputs):
    record = StageRecord("train", inputs(observed=Observation(complete=False)), {})
    found = explanation(stage("train"), run(), record, paths={}, old_text=str, new_text=str)
    told = explain_lines(found)
    assert told[3] == ""
    assert told[4].startswith("  Not observed: which functions ran")
    assert max(map(len, told)) <= 80


@pytest.mark.parametrize("record", [True, False])
def test_of_a_full_observation_or_none_at_all_nothing_is_said(stage, inputs, record):
    kept = StageRecord("train", inputs(), {}) if record else None
    found = explanation(stage("train"), run(), kept, paths={}, old_text=str, new_text=str)
    assert found.unseen == ""
    assert len(explain_lines(found)) == 3


OLD = """
from math import floor as up
LIMIT = 1

def normalize(x):
    return up(x)

def gone():
    return 1
"""
NEW = """
from math import ceil as up
LIMIT = 2

def normalize(x):
    return up(x)

def come():
    return 1
"""
U = "utils.py"
EXPLAINED = {
    "a changed value": (("value:LIMIT", D1, D2, Place(U, 3), Place(U, 3)), ("-LIMIT = 1", "+LIMIT = 2"), ""),
    "an added function": (("func:come", None, D2, Place(U, 8), None), ("+def come():", "+    return 1"), ""),
    "a removed function": (("func:gone", D1, None, Place(U, 8), Place(U, 8)), ("-def gone():", "-    return 1"), ""),
    "a name that means something else": (
        ("func:normalize", D1, D2, Place(U, 5), Place(U, 5)),
        ("-from math import floor as up", "+from math import ceil as up"),
        "the text is the same",
    ),
    "only newly in reach": (("func:normalize", None, D2, Place(U, 5), None), (), "newly in reach"),
    "only out of reach": (("func:normalize", D1, None, Place(U, 5), Place(U, 5)), (), "no longer in reach"),
    "from another file": (
        ("value:LIMIT", D1, D2, Place(U, 3), Place("lost.py", 3)), (), "the text that ran last is not known here",
    ),
    "a compiled module": (("value:fast", D1, D2, Place("fast.so"), Place("fast.so")), (), ""),
    "the order of statements": (("effect:order of statements", D1, D2, None, None), (), ""),
}  # fmt: skip


@pytest.mark.parametrize("case", EXPLAINED)
def test_a_change_of_code_is_shown_by_what_changed_in_the_text(stage, case):
    fields, diff, note = EXPLAINED[case]
    change = Change(ChangeKind.CODE, *fields)
    found = explanation(
        stage("train"),
        run(change, Change(ChangeKind.PARAM, "lr", "1", "2")),
        None,
        paths={(change.name, change.place): ("train", "fit", "x")},
        old_text={U: OLD}.get,
        new_text={U: NEW}.get,
    )
    detail, other = found.details
    assert detail.diff == diff
    assert detail.note.startswith(note)
    assert bool(detail.note) == bool(note)
    assert detail.path == (("train", "fit", "x") if change.place else ())
    assert other == Detail(found.decision.changes[1])


RAN = [
    ("utils:gone", True, ("train", "gone"), "it ran, though no name in the stage's code leads to it"),
    ("utils:gone", False, ("train", "gone"), "it may run, though no name in the stage's code leads to it"),
    ("other:gone", True, ("train", "gone"), ""),
    ("utils:gone", True, ("train", "fit", "gone"), ""),
    ("utils:fit", True, ("train", "gone"), ""),
]


@pytest.mark.parametrize(("ran", "complete", "path", "note"), RAN)
def test_a_definition_that_counts_because_it_ran_says_so(stage, inputs, ran, complete, path, note):
    change = Change(ChangeKind.CODE, "func:gone", D1, D2, Place(U, 8), Place(U, 8))
    observed = Observation(ran=(ran,), complete=complete)
    found = explanation(
        stage("train"),
        run(change),
        StageRecord("train", inputs(observed=observed), {}),
        paths={("func:gone", Place(U, 8)): path},
        old_text={U: OLD}.get,
        new_text={U: NEW}.get,
    )
    assert found.details[0].note == note
    assert found.details[0].diff


def test_a_package_is_told_with_the_way_to_it(stage):
    change = Change(ChangeKind.PACKAGE, "numpy", "1", "2")
    paths = {("package:numpy", None): ("train", "fit", "numpy")}
    found = explanation(stage("train"), run(change), None, paths=paths, old_text=str, new_text=str)
    assert explain_lines(found)[5:] == [
        "    package:numpy",
        "      Old: 1",
        "      New: 2",
        "      Path: train → fit → numpy",
    ]
