import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pivot.errors import FormatError
from pivot.model.digest import digest_bytes, digest_text
from pivot.model.fingerprint import ModuleText, Part, PartKind
from pivot.model.observation import Observation
from pivot.model.place import Place
from pivot.model.record import DeclaredOut, Inputs, OutputState, StageRecord
from pivot.model.stage import OutKind
from pivot.paths import ProjectPath
from pivot.store import codec
from pivot.store.lockfile import read_lock, write_lock
from pivot.store.runcache import MOST, read_record, read_records, write_record
from pivot.store.texts import keep_texts, read_text

texts = st.text(max_size=20)
file_names = st.text(st.characters(), min_size=1, max_size=20) | st.sampled_from(
    ["caf\udce9", "a\nb", "a: b", "\x85"]
)
digests = texts.map(digest_text)
paths = file_names.map(ProjectPath)
parts = st.builds(
    Part,
    st.sampled_from(PartKind),
    texts,
    digests,
    st.none() | st.builds(Place, file_names, st.integers(0, 99999)),
    texts,
)
observations = st.builds(
    Observation,
    st.dictionaries(paths, texts, max_size=3),
    st.dictionaries(texts, texts, max_size=3),
    **{name: st.lists(texts, max_size=3).map(tuple) for name in ("ran", "imported", "missing")},
    code=st.none() | digests,
    complete=st.booleans(),
    context=st.dictionaries(texts, texts, max_size=3),
)
inputs = st.builds(
    Inputs,
    digests,
    st.lists(parts, max_size=4).map(tuple),
    st.dictionaries(texts, texts, max_size=4),
    st.dictionaries(paths, digests, max_size=4),
    st.dictionaries(texts, digests, max_size=4),
    st.lists(st.builds(DeclaredOut, paths, st.sampled_from(OutKind), st.booleans(), digests), max_size=4).map(
        tuple
    ),
    st.dictionaries(texts, texts, max_size=4),
    observations,
    st.dictionaries(texts, texts, max_size=4),
)
states = st.builds(
    OutputState, digests, st.integers(0, 2**60), st.booleans(), st.none() | st.binary(max_size=20)
)
records = st.builds(
    StageRecord,
    texts,
    inputs,
    st.dictionaries(paths, states, max_size=4),
    st.dictionaries(texts, digests, max_size=3),
)


@given(records)
def test_a_record_comes_back_as_it_was(record):
    text = codec.full_text(record)
    text.encode("utf-8")
    again = codec.decode(text, record.stage, "x.lock")
    assert again == record
    assert codec.full_text(again) == text


@given(records)
def test_a_lock_is_json_and_yaml(record):
    text = codec.lock_text(record)
    data = json.loads(text)
    assert data["schema"] == codec.SCHEMA
    assert yaml.safe_load(text)["stage"] is not None


def test_a_lock_shows_one_item_a_line_in_order(record):
    made = record({"model.pkl": b"12345"}, uncached={"metrics.json": b"1"})
    lines = codec.lock_text(made).splitlines()
    assert '  "data.csv": "' + digest_text("data") + '"' in lines
    assert f'  "model.pkl": {{"digest": "{digest_bytes(b"12345")}", "executable": false, "size": 5}}' in lines
    assert '  "lr": "0.1"' in lines
    assert any('"kind": "func", "name": "fit", "place": "a:b.py:0"}' in line for line in lines)
    keys = list(json.loads("\n".join(lines)))
    assert keys == sorted(keys)


def test_a_lock_holds_no_contents_and_the_run_cache_does(project, record):
    made = record({}, uncached={"metrics.json": b"\xff\x00"})
    write_lock(project.layout, made)
    write_record(project.layout, made)
    lock, _ = read_lock(project.layout, "train")
    assert lock is not None
    assert lock.outputs["metrics.json"].content is None
    assert read_record(project.layout, "train", made.inputs) == made


def test_equal_records_give_equal_bytes(record):
    one = record({"a": b"1", "b": b"2"})
    other = StageRecord(one.stage, one.inputs, dict(reversed(one.outputs.items())))
    assert codec.full_text(one) == codec.full_text(other)


def edited(text: str, change) -> str:
    data = json.loads(text)
    change(data)
    return json.dumps(data)


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda text: text[: len(text) // 2], "not valid JSON"),
        (lambda text: "", "not valid JSON"),
        (lambda text: "[]", "names no schema"),
        (lambda text: "null", "names no schema"),
        (lambda text: "[" * 200000, "not valid JSON"),
        (lambda text: "<<<<<<< HEAD\n" + text + "=======\n" + text + ">>>>>>> theirs\n", "conflict markers"),
        (lambda text: text.replace("\n ", "\n<<<<<<< HEAD\n ", 1), "conflict markers"),
        (lambda text: edited(text, lambda d: d.update(schema=1)), "an older Pivot"),
        (lambda text: edited(text, lambda d: d.pop("code")), "a field is missing"),
        (lambda text: edited(text, lambda d: d.update(code=7)), "a field is missing"),
        (lambda text: edited(text, lambda d: d.update(code="short")), "no digest"),
        (lambda text: edited(text, lambda d: d.update(deps=[])), "a field is missing"),
        (lambda text: edited(text, lambda d: d.update(params={"lr": 1})), "no text"),
        (lambda text: edited(text, lambda d: d["parts"][0].update(kind="x")), "x"),
        (lambda text: edited(text, lambda d: d["outputs"]["a"].update(size="1")), "no whole number"),
        (lambda text: edited(text, lambda d: d["outputs"]["a"].update(content="%")), "a field is missing"),
        (lambda text: edited(text, lambda d: d.update(stage="other")), "record of stage 'other'"),
    ],
)
def test_a_lock_that_cannot_be_read_counts_as_absent_and_says_why(project, record, damage, why):
    made = record({"a": b"1"})
    write_lock(project.layout, made)
    path = Path(project.layout.lock_file("train"))
    path.write_text(damage(path.read_text()))
    lock, problem = read_lock(project.layout, "train")
    assert lock is None
    assert problem.startswith(f"stage 'train': {path} counts as absent: ")
    assert why in problem


def test_a_lock_that_is_not_utf8_counts_as_absent(project, record):
    write_lock(project.layout, record({}))
    Path(project.layout.lock_file("train")).write_bytes(b"\xff\xfe{}")
    assert "not UTF-8" in read_lock(project.layout, "train")[1]


def test_no_lock_is_no_problem(project):
    assert read_lock(project.layout, "train") == (None, "")


def test_a_lock_of_a_newer_pivot_is_refused(project, record):
    write_lock(project.layout, record({}))
    path = Path(project.layout.lock_file("train"))
    path.write_text(edited(path.read_text(), lambda d: d.update(schema=codec.SCHEMA + 1)))
    with pytest.raises(FormatError, match="newer Pivot") as caught:
        read_lock(project.layout, "train")
    assert "upgrade Pivot" in (caught.value.hint or "")


def test_a_run_cache_entry_that_is_torn_newer_or_misplaced_is_a_miss(project, record):
    made, other = record({}), record({}, code="v2")
    assert read_record(project.layout, "train", made.inputs) is None
    write_record(project.layout, made)
    path = Path(project.layout.record_file("train", made.inputs.declared_key, made.inputs.observed.digest))
    whole = path.read_text()
    assert read_record(project.layout, "train", made.inputs) == made
    for wrong in (
        whole[:50],
        edited(whole, lambda d: d.update(schema=codec.SCHEMA + 1)),
        codec.full_text(other),
    ):
        path.write_text(wrong)
        assert read_record(project.layout, "train", made.inputs) is None


def test_a_run_cache_entry_whose_contents_are_damaged_is_a_miss(project, record):
    made = record({}, uncached={"metrics.json": b"right"})
    write_record(project.layout, made)
    path = Path(project.layout.record_file("train", made.inputs.declared_key, made.inputs.observed.digest))
    path.write_text(path.read_text().replace("cmlnaHQ=", "d3Jvbmc="))
    assert read_record(project.layout, "train", made.inputs) is None
    assert read_records(project.layout, "train", made.inputs.declared_key) == []


def test_the_same_result_leaves_the_lock_file_alone(project, record):
    write_lock(project.layout, record({"a": b"1"}))
    before = Path(project.layout.lock_file("train")).stat()
    write_lock(project.layout, record({"a": b"1"}))
    after = Path(project.layout.lock_file("train")).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_the_run_cache_keeps_a_record_for_each_observation(project, record):
    made = record({"a": b"1"})
    observed = Observation(files={ProjectPath("config.json"): "absent"})
    seen = replace(made, inputs=replace(made.inputs, observed=observed))
    for each in (made, seen, made):
        write_record(project.layout, each)
    found = read_records(project.layout, "train", made.inputs.declared_key)
    assert sorted(found, key=str) == sorted([made, seen], key=str)
    assert read_record(project.layout, "train", seen.inputs) == seen


def test_texts_that_ran_are_kept_once_and_a_damaged_one_is_unknown(project):
    text = "x = 'é\udce9'\n"
    module = ModuleText("m", "/p/m.py", "m.py", text, digest_text(text))
    assert read_text(project.layout, module.digest) is None
    keep_texts(project.layout, [module, module])
    assert read_text(project.layout, module.digest) == text
    Path(project.layout.source_file(module.digest)).write_bytes(b"damaged")
    assert read_text(project.layout, module.digest) is None


def test_the_run_cache_keeps_the_last_records_of_a_stage_that_sees_something_else_each_time(project, record):
    made = record({"a": b"1"})
    records = [
        replace(made, inputs=replace(made.inputs, observed=Observation(environment={"DAY": str(day)})))
        for day in range(MOST + 3)
    ]
    for day, each in enumerate(records):
        write_record(project.layout, each)
        inputs = each.inputs
        path = project.layout.record_file("train", inputs.declared_key, inputs.observed.digest)
        os.utime(path, (day + 1, day + 1))
    write_record(project.layout, records[0])
    found = {
        each.inputs.observed.environment["DAY"]
        for each in read_records(project.layout, "train", inputs.declared_key)
    }
    assert found == {"0", *(str(day) for day in range(4, MOST + 3))}
