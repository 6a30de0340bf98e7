import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pivot.errors import PivotError
from pivot.yamlio import dump_yaml, read_yaml

TEXT = """\
stages:
  train:
    deps: {data: a.csv,
      more: b.csv}
    mutex:
      - gpu
      -   disk
"""


def test_every_key_and_item_has_its_line():
    document = read_yaml(TEXT, "pivot.yaml")
    found = {path: line for path, line in document.lines.items() if len(path) > 2}
    assert found == {
        ("stages", "train", "deps"): 3,
        ("stages", "train", "deps", "data"): 3,
        ("stages", "train", "deps", "more"): 4,
        ("stages", "train", "mutex"): 5,
        ("stages", "train", "mutex", 0): 6,
        ("stages", "train", "mutex", 1): 7,
    }


def test_what_is_not_there_has_the_line_of_what_is_around_it():
    document = read_yaml(TEXT, "pivot.yaml")
    assert document.line(("stages", "train", "deps", "absent")) == 3
    assert document.line(("absent",)) == 1
    assert read_yaml("", "f").line(()) == 1


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NO", "NO"),
        ("on", "on"),
        ("yes", "yes"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("12", 12),
        ("-3", -3),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("1e-3", 0.001),
        (".5", 0.5),
        ("-.inf", float("-inf")),
        ("1:30", "1:30"),
        ("1_000", "1_000"),
        ("2024-01-31", "2024-01-31"),
        ("'12'", "12"),
        ("!!str 12", "12"),
        ("[1, [a]]", [1, ["a"]]),
        ("a: &x {b: 1}\nc: *x", {"a": {"b": 1}, "c": {"b": 1}}),
        ("a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  b: 3", {"a": {"b": 1, "c": 2}, "d": {"b": 3, "c": 2}}),
        ("'<<': 1", {"<<": 1}),
    ],
)
def test_values_follow_the_core_schema(text, value):
    data = read_yaml(text, "f.yaml").data
    assert data == value
    assert type(data) is type(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb:\n  c: 1\n  c: 2\n", "key 'c' stands twice (f.yaml:4)"),
        ("a: 1\nb: [\n", "cannot read f.yaml: "),
        ("a: b: c", "mapping values are not allowed in this context (f.yaml:1)"),
        ("a: 1\nb: *c", "found undefined alias (f.yaml:2)"),
        ("a: &a\n - *a", "an alias stands inside what it names (f.yaml:1)"),
        ("1: a\n? [b]\n: c", "a key must be a text or a number (f.yaml:2)"),
        ("a: 1\nb: !thing 2", "tag !thing is not supported (f.yaml:2)"),
        ("a: 1\n---\nb: 2", "expected a single document"),
        ("<<: 3", "<< takes a mapping (f.yaml:1)"),
        ("a: 1\nb: \x00", "cannot read f.yaml: control characters are not allowed (f.yaml:2)"),
        ("a: " + "[" * 1500 + "]" * 1500, "cannot read f.yaml: its tables and lists are nested too deeply"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(text, message):
    with pytest.raises(PivotError) as caught:
        read_yaml(text, "f.yaml")
    assert message in caught.value.message


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(VALUES)
def test_what_is_dumped_is_read_back_here_and_by_yaml_1_1(value):
    text = dump_yaml(value)
    assert read_yaml(text, "f").data == value
    assert yaml.safe_load(text) == value


def test_a_value_that_contains_itself_is_refused():
    value = []
    value.append(value)
    with pytest.raises(TypeError, match="contains itself"):
        dump_yaml(value)
