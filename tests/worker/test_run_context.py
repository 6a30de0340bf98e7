"""The law of the run context: whoever asks again where all that was asked is the same, is told the same."""

import copy
import json
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import pivot
from pivot.config.tables import config_text
from pivot.errors import UsageError
from pivot.model.context import CONFIG, Read, RunContext, path_of, pointer, settled, states_now, take_down
from pivot.worker.offspring import handed_on
from pivot.worker.runcontext import Context

KEYS = ("a", "b", "a/b")
leaf = st.one_of(
    st.none(), st.booleans(), st.integers(0, 1), st.sampled_from((1.0, "", "x")), st.just([{"a": 2}])
)
value = st.one_of(leaf, st.just({}), st.dictionaries(st.sampled_from(KEYS), leaf, max_size=2))
table = st.dictionaries(st.sampled_from(KEYS), value, max_size=3)
ACTS = {
    "item": lambda at, key: at[key],
    "get": lambda at, key: at.get(key, "default"),
    "attribute": lambda at, key: getattr(at, key, "none"),
    "in": lambda at, key: key in at,
    "all": lambda at, key: at.to_dict(),
    "keys": lambda at, key: list(at),
    "length": lambda at, key: len(at),
    "is empty": lambda at, key: not at,
    "equal": lambda at, key: at == {},
    "star": lambda at, key: dict(**at),
    "pickle": lambda at, key: pickle.loads(pickle.dumps(at)),
    "copy": lambda at, key: copy.deepcopy(at),
    "or": lambda at, key: at | {"z": 1},
}
step = st.tuples(
    st.lists(st.sampled_from(KEYS), max_size=1), st.sampled_from(sorted(ACTS)), st.sampled_from(KEYS)
)
program = st.lists(step, min_size=1, max_size=3)


def shown(value):
    """What a stage could see of it: a table that it only holds is no more than a table."""
    return "a table" if hasattr(value, "to_dict") else json.dumps(plain_items(value))


def plain_items(value):
    if isinstance(value, dict):
        return {key: "a table" if hasattr(one, "to_dict") else one for key, one in value.items()}
    return value


def result(steps, said, asked):
    config = Context(said, lambda at, seen: take_down(asked, "work", at, seen)).config
    trace = []
    for path, act, key in steps:
        try:
            at = config
            for step in path:
                at = at[step]
            trace.append(shown(ACTS[act](at, key)))
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            trace.append(type(error).__name__)
    return trace


def changed(config, path, key, value):
    """The config with one key set, or (``...``) taken out."""
    after = copy.deepcopy(config)
    at = after
    for step in path:
        at = at.setdefault(step, {}) if isinstance(at, dict) else {}
    if isinstance(at, dict):
        at.pop(key, None) if value is ... else at.__setitem__(key, value)
    return after


edit = st.tuples(
    st.lists(st.sampled_from(KEYS), max_size=1), st.sampled_from(KEYS), st.one_of(st.just(...), value)
)


@settings(max_examples=500)
@example(steps=[(["a"], "in", "b")], before={"a": {}}, edits=[([], "a", ...)])
@given(steps=program, before=table, edits=st.lists(edit, min_size=1, max_size=2))
def test_where_all_that_was_asked_is_the_same_the_result_is_the_same(steps, before, edits):
    after = before
    for edit in edits:
        after = changed(after, *edit)
    asked: dict[str, str] = {}
    first = result(steps, RunContext(config=config_text(before)), asked)
    now = RunContext(config=config_text(after))
    kept = settled(asked)
    assert states_now("work", kept, RunContext(config=config_text(before))) == kept
    if states_now("work", kept, now) == kept:
        assert result(steps, now, {}) == first


@given(before=table, other=leaf)
def test_a_key_that_nobody_asked_for_changes_nothing(before, other):
    asked: dict[str, str] = {}
    config = {**before, "mine": {"n": 1}}
    result(
        [(["mine"], "item", "n"), ([], "in", "a"), ([], "get", "b")],
        RunContext(config=config_text(config)),
        asked,
    )
    after = RunContext(config=config_text({**config, "unread": other}))
    assert states_now("work", settled(asked), after) == settled(asked)


@given(st.lists(st.text(), min_size=1))
def test_a_pointer_leads_back_to_its_keys(keys):
    assert list(path_of(pointer(keys))) == keys


def test_of_a_nested_key_no_more_is_kept_than_the_key():
    asked: dict[str, str] = {}
    said = RunContext(config='{"data":{"n":3,"m":4},"x":1}')
    config = Context(said, lambda at, seen: take_down(asked, "work", at, seen)).config
    assert (config["data"]["n"], config.data.n, "y" in config) == (3, 3, False)
    assert settled(asked) == {"config/data/n": "= 3", "config/y": "absent"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("api_key", "abc"),
        ("url", "postgres://me:abc@host/"),
        ("text", "a" * 200),
        ("table", {"password": "abc"}),
    ],
)
def test_a_record_shows_no_secrets_and_no_long_texts(key, value):
    asked: dict[str, str] = {}
    take_down(asked, "work", pointer((CONFIG, key)), Read(value))
    assert "a" * 20 not in str(asked)
    assert "abc" not in str(asked)


def test_a_context_by_hand_serves_functions_that_ask_for_one():
    with pivot.run_context.use(config=[{"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}], params={"n": 5}) as context:
        assert context.config.a.b == pivot.get_run_context().config["a"]["b"] == 3
        assert pivot.run_context().config.input["n"] == pivot.run_context().params.n == 5
        with pivot.run_context.use(config={"input": 1}):
            assert pivot.run_context().config.input == 1
        with pytest.raises(AttributeError, match="config has no key 'nothing'"):
            context.config.nothing  # noqa: B018
    with pytest.raises(UsageError, match="only while a stage runs"):
        pivot.run_context()


def test_what_a_stage_does_with_a_value_does_not_show_in_what_it_reads_next():
    with pivot.run_context.use(config={"names": ["a"]}):
        pivot.run_context().config["names"].append("b")
        pivot.run_context().config.to_dict()["names"].append("c")
        assert pivot.run_context().config.names == ["a"]


def test_a_process_that_outlives_the_stage_it_was_started_by_is_refused_what_nobody_would_hear_of():
    heard = []
    ask = "__import__('pivot').run_context().stage"
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        with handed_on(RunContext(stage="work"), lambda *said: heard.append(said)):
            assert pool.submit(eval, ask).result() == "work"
        assert heard == [("stage", Read("work"))]
        with pytest.raises(UsageError, match="that which started this process is over"):
            pool.submit(eval, ask).result()
