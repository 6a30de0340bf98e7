"""The object store outside of runs: names for values, any text a key."""

import os
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import pivot
from pivot.errors import FormatError, StoreError, UsageError
from pivot.loaders import Text
from pivot.model.stored import Entry, Stored, key_name, key_of, listing_state, namespace_name, shown_name
from pivot.store.keytable import keys_of, read_entry, write_entry

KEYS = st.one_of(
    st.sampled_from(["", "a", "a/b", "..", "../../x", ":", "a:b", "%3A", "\n", "\0", "\ud800", "é" * 5000]),
    st.text(),
)
NAMESPACES = st.one_of(st.none(), KEYS)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@given(st.tuples(KEYS, NAMESPACES), st.tuples(KEYS, NAMESPACES))
def test_different_keys_have_different_names(one, other):
    same = (one[0], one[1] or "") == (other[0], other[1] or "")
    assert (key_name(*one) == key_name(*other)) == same
    assert key_of(key_name(*one)) == one[0]
    assert key_name(*one) != namespace_name(other[1])
    assert shown_name(key_name(*one))


@given(st.sets(KEYS), st.sets(KEYS))
def test_listings_are_equal_exactly_for_equal_names(one, other):
    names = [listing_state(map(key_name, keys)) for keys in (one, other)]
    assert (names[0] == names[1]) == (one == other)


class Names(RuleBasedStateMachine):
    """Against a dict."""

    @initialize()
    def begin(self):
        import tempfile

        self.folder = tempfile.TemporaryDirectory()
        self.before = os.getcwd()
        os.chdir(self.folder.name)
        self.model = {}

    @rule(key=KEYS, namespace=NAMESPACES, value=st.one_of(st.integers(), st.text(), st.tuples(st.integers())))
    def put(self, key, namespace, value):
        pivot.store.put(key, value, namespace)
        self.model[namespace or "", key] = value

    @rule(key=KEYS, namespace=NAMESPACES)
    def delete(self, key, namespace):
        pivot.store.delete(key, namespace)
        self.model.pop((namespace or "", key), None)

    @rule(key=KEYS, namespace=NAMESPACES)
    def look(self, key, namespace):
        known = (namespace or "", key) in self.model
        assert pivot.store.exists(key, namespace) == known
        assert pivot.store.get(key, namespace, default="nothing") == self.model.get(
            (namespace or "", key), "nothing"
        )

    @invariant()
    def all_is_there(self):
        for namespace in {namespace for namespace, _ in self.model} | {""}:
            keys = sorted(key for other, key in self.model if other == namespace)
            assert pivot.store.keys(namespace) == keys
            if keys:
                value = pivot.store.get(keys[0], namespace)
                assert value == self.model[namespace, keys[0]]
                assert type(value) is type(self.model[namespace, keys[0]])

    def teardown(self):
        os.chdir(self.before)
        self.folder.cleanup()


Names.TestCase.settings = settings(max_examples=15, stateful_step_count=12, deadline=None)
test_names_are_a_dict = Names.TestCase


def test_a_missing_key_is_a_key_error_and_a_file_not_found_error(here):
    for kind in (KeyError, FileNotFoundError, pivot.store.NoSuchKeyError):
        with pytest.raises(kind, match="no key 'model' \\(namespace 'prod'\\)"):
            pivot.store.get("model", "prod")
    assert os.listdir(here) == []


def test_a_value_goes_to_the_project_that_the_folder_is_in_and_is_found_from_anywhere_in_it(
    here, monkeypatch
):
    (here / "pivot.yaml").write_text("stages: {}\n")
    (here / "sub/deep").mkdir(parents=True)
    monkeypatch.chdir(here / "sub/deep")
    pivot.store.put("x", [1])
    assert (here / ".pivot/format.json").exists()
    assert not (here / "sub/deep/.pivot").exists()
    monkeypatch.chdir(here)
    assert pivot.store.get("x") == [1]


def test_a_value_is_written_and_read_by_its_loader(here):
    pivot.store.put("text", "no JSON", loader=Text())
    assert pivot.store.get("text") == "no JSON"
    assert [path.read_text() for path in (here / ".pivot/cache/files").glob("*/*")] == ["no JSON"]
    for loader, hint in ((Text, "Text()"), (pivot.loaders.PathOnly(), "load(path)"), (3, "load(path)")):
        with pytest.raises(UsageError) as raised:
            pivot.store.put("x", "y", loader=loader)
        assert hint in str(raised.value.hint)
    with pytest.raises(TypeError):
        pivot.store.put("text", 3, loader=Text())
    assert pivot.store.get("text") == "no JSON"


def test_what_is_no_text_is_no_key(here):
    for key, namespace in ((1, None), (b"x", None), ("x", 1)):
        with pytest.raises(UsageError, match="is a text, not"):
            pivot.store.put(key, 1, namespace)
    with pytest.raises(UsageError, match="namespace is a text"):
        pivot.store.keys(3)


def test_a_key_of_a_stage_is_not_overwritten_by_hand(here, project):
    write_entry(project.layout, Entry(key_name("x"), Stored("0" * 32, 1), "train"))
    with pytest.raises(UsageError, match="key 'x' is what stage 'train' put") as raised:
        pivot.store.put("x", 1)
    assert "delete it first" in str(raised.value.hint)
    pivot.store.delete("x")
    pivot.store.put("x", 1)
    assert pivot.store.get("x") == 1


def test_a_value_whose_object_is_gone_or_damaged_is_not_taken_for_another(here):
    pivot.store.put("x", "good")
    [path] = (here / ".pivot/cache/files").glob("*/*")
    path.chmod(0o644)
    path.write_text('"bad"')
    for _ in range(2):
        with pytest.raises(StoreError, match="what key 'x' stands for is not in the cache"):
            pivot.store.get("x")
    pivot.store.put("x", "good")
    assert pivot.store.get("x") == "good"


def test_a_damaged_name_is_told_and_what_a_newer_pivot_wrote_is_refused(here, project):
    pivot.store.put("x", 1)
    file = here / ".pivot/keys" / os.path.basename(project.layout.key_file(key_name("x")))
    file.write_text('{"name": ":x"')
    with pytest.raises(StoreError, match="is damaged"):
        pivot.store.get("x")
    assert keys_of(project.layout, "train") == {}
    assert pivot.store.keys() == []
    pivot.store.put("x", 2)
    assert pivot.store.get("x") == 2
    file.write_text('{"schema": 99}')
    with pytest.raises(FormatError, match="newer Pivot"):
        pivot.store.exists("x")


def test_writers_at_once_lose_no_name_and_tear_none(here, project):
    code = """
import sys, pivot
for number in range(12):
    pivot.store.put(f"{sys.argv[1]} {number}", number)
    pivot.store.put("shared", sys.argv[1] * 1000)
"""
    writers = [subprocess.Popen([sys.executable, "-c", code, name]) for name in "abc"]
    seen = set()
    while any(writer.poll() is None for writer in writers):
        seen.add(pivot.store.get("shared", default="")[:1])
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    assert seen <= {"", "a", "b", "c"}
    assert pivot.store.keys() == sorted([*(f"{name} {n}" for name in "abc" for n in range(12)), "shared"])
    assert len(set(pivot.store.get("shared"))) == 1
    assert read_entry(project.layout, key_name("a 11")).value.size == 3
