"""The JSON schema of ``pivot.yaml`` that editors use."""

import json
import re
from pathlib import Path

import pytest

from pivot.config.pivotschema import PivotYaml, json_schema
from pivot.yamlio import read_yaml

pytestmark = pytest.mark.called

jsonschema = pytest.importorskip("jsonschema")
ROOT = Path(__file__).parents[2]
FENCE = re.compile(r'^```yaml title="([^"]*pivot\.ya?ml)"\n(.*?)^```', re.MULTILINE | re.DOTALL)


def shown():
    """Every pivot.yaml in the docs and in the seeds' blocks that tests hold."""
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for number, (_, text) in enumerate(FENCE.findall(page.read_text(encoding="utf-8"))):
            yield pytest.param(text, id=f"{page.name}-{number}")
    for file in sorted((ROOT / "tests" / "define" / "seed_blocks").glob("*.yaml.txt")):
        text = file.read_text(encoding="utf-8")
        if re.search("^stages:", text, re.MULTILINE):
            yield pytest.param(text, id=file.name)


@pytest.fixture(scope="module")
def validator():
    return jsonschema.Draft202012Validator(json_schema())


def wrong(validator, text):
    return [error.message for error in validator.iter_errors(read_yaml(text, "pivot.yaml").data)]


def test_the_command_writes_a_schema_that_is_one(shell):
    done = shell.pivot("schema")
    assert (done.code, done.err) == (0, "")
    schema = json.loads(done.out)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema == json_schema()


@pytest.mark.parametrize("text", list(shown()))
def test_every_file_that_is_shown_fits_it(validator, text):
    assert wrong(validator, text) == []


RIGHT = [
    "stages:\n",
    "vars: {a: 1, b: x, c: true}\nstages: {a: {python: m.f}}",
    "vars: v.yaml\ninclude: [../a, b/pivot.yaml]\nstages: {a: {python: m.f, deps: , mutex: gpu}}",
    "vars: [v.yaml, {a: 1}]\nstages: {'a@{x}': {python: m.f, matrix: {x: [1, a, true, 0.5], y: {a: , b: {mutex: [x]}}}}}",
    "stages: {a: {python: m.f, outs: {a: [x, y], b: {path: [x], cache: false}}, plots: {p: {path: x, x: a, y: b, template: t}}}}",
]
UNFIT = [
    "{}",
    "stages: {a: {}}",
    "stages: {a: {python: m.f, outz: {}}}",
    "stages: {a: {python: m.f, deps: {a: {path: x, cache: true}}}}",
    "stages: {a: {python: m.f, outs: {a: {path: x, x: b}}}}",
    "stages: {a: {python: m.f, matrix: {x: a}}}",
    "stages: {a: {python: m.f, matrix: {x: {a: {cwd: y}}}}}",
    "vars: [[1]]\nstages:\n",
]


@pytest.mark.parametrize(("text", "fits"), [*((t, True) for t in RIGHT), *((t, False) for t in UNFIT)])
def test_it_says_what_pivot_says(validator, text, fits):
    assert (wrong(validator, text) == []) is fits
    if fits:
        PivotYaml.model_validate(read_yaml(text, "f").data)
    else:
        with pytest.raises(ValueError, match="validation error"):
            PivotYaml.model_validate(read_yaml(text, "f").data)


def test_every_key_is_described():
    schema = json_schema()
    tables = [schema, *schema["$defs"].values()]
    assert all(table["title"] and table["description"] for table in tables)
    keys = [(table["title"], key, value) for table in tables for key, value in table["properties"].items()]
    assert [(title, key) for title, key, value in keys if not value.get("description")] == []
    assert "examples" in schema["$defs"]["StageTable"]["properties"]["matrix"]


def test_the_examples_fit_their_own_schema():
    schema = json_schema()
    for table in [schema, *schema["$defs"].values()]:
        for key, value in table["properties"].items():
            inner = jsonschema.Draft202012Validator({**value, "$defs": schema["$defs"]})
            assert [
                (key, e.message) for example in value.get("examples", ()) for e in inner.iter_errors(example)
            ] == []
