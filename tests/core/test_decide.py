"""The four rules of the verdict, in their order, and what comes before them."""

from dataclasses import replace

import pytest

from pivot.core.decide import decide
from pivot.core.explain import headline
from pivot.model.decision import ChangeKind, Verdict
from pivot.model.digest import digest_text
from pivot.model.record import OutputState, StageRecord
from pivot.model.stage import OutKind


@pytest.fixture
def train(stage):
    return stage("train", ["data.csv", "clean.csv"], ["model.pkl"], metrics=["score.json"])


@pytest.fixture
def now(inputs):
    return inputs(
        params={"lr": "0.01"}, deps={"data.csv": "d", "clean.csv": "c"}, outs=["model.pkl", "score.json"]
    )


def record(inputs, model="model", score="0.9", stage="train", **states):
    outputs = {
        "model.pkl": OutputState(digest_text(model), len(model)),
        "score.json": OutputState(digest_text(score), len(score), content=score.encode()),
    }
    return StageRecord(stage, inputs, outputs | states)


def files(model="model", score="0.9"):
    """The workspace; ``None`` for a file that is not there."""
    texts = {"model.pkl": model, "score.json": score}
    return {path: digest_text(text) if text is not None else None for path, text in texts.items()}


def verdict(train, now, **facts):
    facts = {"lock": None, "cached": None, "workspace": files(), "available": lambda *_: True} | facts
    return decide(train, now, **facts)


def kinds(decision):
    return [change.kind for change in decision.changes]


NOTHING = files(None, None)
GONE = lambda *_: False  # noqa: E731


def test_equal_inputs_and_outs_in_place_are_unchanged_even_if_the_cache_is_empty(train, now):
    lock = record(now)
    decision = verdict(train, now, lock=lock, available=GONE)
    assert (decision.verdict, decision.changes) == (Verdict.UNCHANGED, ())
    assert (decision.inputs, decision.record) == (now, lock)


# workspace, available, verdict, kinds of the reasons
PLACES = {
    "an out is missing": (files(model=None), True, Verdict.RESTORE, [ChangeKind.OUTPUT_MISSING]),
    "an out is altered": (files(model="mine"), True, Verdict.RESTORE, [ChangeKind.OUTPUT_ALTERED]),
    "a metric was edited by hand": (files(score="1.0"), False, Verdict.RESTORE, [ChangeKind.OUTPUT_ALTERED]),
    "a metric was deleted": (files(score=None), False, Verdict.RESTORE, [ChangeKind.OUTPUT_MISSING]),
    "all outs are missing": (NOTHING, True, Verdict.RESTORE, [ChangeKind.OUTPUT_MISSING] * 2),
    "an out and its object are missing": (
        files(model=None),
        False,
        Verdict.RUN,
        [ChangeKind.OUTPUT_MISSING, ChangeKind.OBJECT_MISSING],
    ),
}


@pytest.mark.parametrize("case", PLACES)
def test_equal_inputs_restore_what_is_not_in_place_if_its_bytes_can_be_had(train, now, case):
    workspace, available, expected, reasons = PLACES[case]
    lock = record(now)
    decision = verdict(train, now, lock=lock, workspace=workspace, available=lambda *_: available)
    assert (decision.verdict, kinds(decision)) == (expected, reasons)
    assert decision.record is (lock if expected is Verdict.RESTORE else None)
    assert decision.inputs == now


def test_changed_inputs_that_the_run_cache_knows_are_restored_under_the_present_name(train, now, part):
    lock = record(replace(now, params={"lr": "0.05"}))
    cached = record(replace(now, parts=(part("func:f", "old"),)), stage="old_name", model="older")
    decision = verdict(train, now, lock=lock, cached=cached)
    assert (decision.verdict, headline(decision)) == (Verdict.RESTORE, "Parameter changed: lr 0.05 → 0.01")
    assert decision.record == replace(cached, stage="train")


def test_without_a_lock_the_run_cache_decides(train, now):
    assert verdict(train, now, cached=record(now), workspace=NOTHING).verdict is Verdict.RESTORE
    decision = verdict(train, now, cached=record(now), workspace=NOTHING, available=GONE)
    assert (decision.verdict, kinds(decision)) == (Verdict.RUN, [ChangeKind.FIRST_RUN])


def test_a_run_cache_record_needs_every_object_or_the_file_in_place(train, now):
    cached = record(now)
    only_model = lambda path, digest: path == "model.pkl" and digest == cached.outputs[path].digest  # noqa: E731
    assert (
        verdict(train, now, cached=cached, workspace=NOTHING, available=only_model).verdict is Verdict.RESTORE
    )
    assert verdict(train, now, cached=cached, available=GONE).verdict is Verdict.RESTORE
    assert verdict(train, now, cached=cached, workspace=files("other"), available=GONE).verdict is Verdict.RUN


def test_a_record_under_other_inputs_is_never_used(train, now):
    cached = record(replace(now, settings={"seed": "1"}))
    assert verdict(train, now, cached=cached).verdict is Verdict.RUN


def test_when_the_last_result_is_lost_another_result_of_the_same_inputs_is_taken(train, now):
    lock, cached = record(now, model="lost"), record(now, model="kept")
    kept = lambda path, digest: digest == cached.outputs["model.pkl"].digest  # noqa: E731
    decision = verdict(train, now, lock=lock, cached=cached, workspace=NOTHING, available=kept)
    assert (decision.verdict, decision.record) == (Verdict.RESTORE, cached)


@pytest.mark.parametrize(
    ("placed", "content", "expected"),
    [
        ("big", None, Verdict.UNCHANGED),
        (None, None, Verdict.RUN),
        ("x", None, Verdict.RUN),
        (None, b"big", Verdict.RESTORE),
    ],
)
def test_an_uncached_out_must_be_in_place_or_in_the_record(stage, inputs, placed, content, expected):
    make, now = stage("make", [], uncached=["big.bin"]), inputs()
    lock = StageRecord("make", now, {"big.bin": OutputState(digest_text("big"), 3, content=content)})
    workspace = {"big.bin": digest_text(placed) if placed else None}
    assert verdict(make, now, lock=lock, workspace=workspace).verdict is expected


def test_changed_inputs_that_nobody_knows_run_with_the_reason(train, now):
    decision = verdict(train, now, lock=record(replace(now, params={"lr": "0.05"})))
    assert (decision.verdict, headline(decision)) == (Verdict.RUN, "Parameter changed: lr 0.05 → 0.01")
    assert (decision.inputs, decision.record) == (now, None)


def test_a_stage_that_never_ran_runs(train, now):
    decision = verdict(train, now)
    assert (decision.verdict, headline(decision)) == (Verdict.RUN, "Never run")


def test_force_runs_what_is_unchanged_and_keeps_other_reasons_first(train, now):
    forced = verdict(train, now, lock=record(now), force=True)
    assert (forced.verdict, headline(forced), forced.inputs) == (Verdict.RUN, "Forced", now)
    changed = verdict(train, now, lock=record(replace(now, params={})), force=True)
    assert kinds(changed) == [ChangeKind.PARAM, ChangeKind.FORCED]


def test_a_stage_that_always_runs_is_never_served_from_anywhere_and_other_reasons_come_first(train, now):
    live = replace(train, always=True)
    unchanged = verdict(live, now, lock=record(now), cached=record(now))
    assert (unchanged.verdict, headline(unchanged), unchanged.inputs) == (Verdict.RUN, "Always runs", now)
    changed = verdict(live, now, lock=record(replace(now, params={})))
    assert kinds(changed) == [ChangeKind.PARAM, ChangeKind.ALWAYS]
    assert kinds(verdict(live, now, lock=record(now), force=True)) == [ChangeKind.FORCED]
    waiting = verdict(live, now, lock=record(now), upstream=[("clean", Verdict.RUN)])
    assert (waiting.verdict, headline(waiting)) == (Verdict.RUN, "Always runs")


def test_a_missing_dep_is_named_before_all_else(train, now):
    decision = verdict(train, None, lock=record(now), missing=["data.csv"], upstream=[("clean", Verdict.RUN)])
    assert (decision.verdict, headline(decision)) == (Verdict.RUN, "Dependency missing: data.csv")
    assert decision.inputs is None


UPSTREAM = [("load", Verdict.UNCHANGED), ("clean", Verdict.RUN)]


def without(now, dep):
    return replace(now, deps={path: digest for path, digest in now.deps.items() if path != dep})


@pytest.mark.parametrize("pending", [Verdict.RUN, Verdict.WAITS])
def test_a_stage_waits_for_upstream_while_nothing_of_its_own_has_changed(train, now, pending):
    for known in (without(now, "clean.csv"), None):
        decision = verdict(
            train, known, lock=record(now), upstream=[("load", Verdict.RESTORE), ("clean", pending)]
        )
        assert (decision.verdict, headline(decision)) == (Verdict.WAITS, "Waits for clean")
        assert (decision.inputs, decision.record) == (None, None)


def test_a_stage_whose_own_inputs_changed_runs_whatever_upstream_gives(train, now, inputs):
    partial = without(now, "clean.csv")
    cases = [
        (replace(partial, params={"lr": "1"}), "Parameter changed: lr 0.01 → 1"),
        (replace(partial, deps={"data.csv": digest_text("new")}), "Dependency changed: data.csv"),
    ]
    for known, reason in cases:
        decision = verdict(train, known, lock=record(now), upstream=UPSTREAM)
        assert (decision.verdict, headline(decision), decision.inputs) == (Verdict.RUN, reason, None)
    assert headline(verdict(train, partial, upstream=UPSTREAM)) == "Never run"
    assert headline(verdict(train, partial, lock=record(now), upstream=UPSTREAM, force=True)) == "Forced"


def test_upstream_that_is_unchanged_or_restored_is_not_waited_for(train, now):
    upstream = [("load", Verdict.UNCHANGED), ("clean", Verdict.RESTORE)]
    assert verdict(train, now, lock=record(now), upstream=upstream).verdict is Verdict.UNCHANGED


def test_inputs_must_be_given_when_nothing_keeps_them_from_being_known(train):
    with pytest.raises(ValueError, match="stage 'train': no inputs"):
        verdict(train, None)


@pytest.fixture
def carry(stage):
    """A stage that carries state from run to run."""
    made = stage("carry", [], ["state.json"])
    return replace(made, outs=(replace(made.outs[0], kind=OutKind.INCREMENTAL, argument="state"),))


def state(inputs, text):
    return StageRecord("carry", inputs, {"state.json": OutputState(digest_text(text), len(text))})


def test_a_stage_that_carries_state_takes_no_earlier_result(carry, inputs):
    now, cached = inputs(), state(inputs(), "1")
    decision = verdict(carry, now, cached=cached, workspace={"state.json": None})
    assert (decision.verdict, kinds(decision)) == (Verdict.RUN, [ChangeKind.FIRST_RUN])
    lock = state(inputs(params={"n": "1"}), "2")
    assert verdict(carry, now, lock=lock, cached=cached).verdict is Verdict.RUN


@pytest.mark.parametrize(
    ("placed", "available", "expected"),
    [("2", False, Verdict.UNCHANGED), ("mine", True, Verdict.RESTORE), (None, False, Verdict.RUN)],
)
def test_a_stage_that_carries_state_keeps_its_last_result(carry, inputs, placed, available, expected):
    workspace = {"state.json": digest_text(placed) if placed else None}
    lock = state(inputs(), "2")
    found = verdict(
        carry,
        inputs(),
        lock=lock,
        cached=state(inputs(), "1"),
        workspace=workspace,
        available=lambda *_: available,
    )
    assert found.verdict is expected
    assert found.record == (None if expected is Verdict.RUN else lock)
