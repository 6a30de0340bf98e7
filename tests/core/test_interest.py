"""Which saved files may change what a run gives."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pivot.core.interest import Interest, interest
from pivot.model.observation import ABSENT, Observation
from pivot.model.record import StageRecord
from pivot.model.stored import Stored, key_file, key_name, namespace_name
from pivot.paths import ProjectPath

SOME = Interest(
    files=frozenset(map(ProjectPath, ["data/raw.csv", "notes.txt", ".hidden/x.csv"])),
    folders=frozenset({ProjectPath("images/")}),
    listed=frozenset({ProjectPath("inbox"), ProjectPath(".")}),
    own=frozenset(map(ProjectPath, ["out/model.pkl", "shards/", "made.py", "images/thumbs/"])),
)

CASES = [
    ("stages.py", True, "code"),
    ("pkg/deep/helper.py", True, "code"),
    ("pkg/fast.cpython-311.so", True, "compiled code"),
    ("pivot.yaml", True, "definitions"),
    ("sub/params.yaml", True, "params"),
    (".pivot/config.yaml", True, "settings"),
    (".pivotignore", True, "what is ignored"),
    ("sub/.pivotignore", True, "what is ignored"),
    ("data/raw.csv", True, "a dep"),
    (".hidden/x.csv", True, "a dep in a hidden folder"),
    ("images/a/b.png", True, "in a folder that is a dep"),
    ("inbox/new.txt", True, "in a folder that was listed"),
    ("top.txt", True, "in the listed root"),
    ("data/other.csv", False, "nobody's"),
    ("out/model.pkl", False, "an out"),
    ("shards/1.json", False, "in a folder that is an out"),
    ("shards/sub/gen.py", False, "code that is an out"),
    ("made.py", False, "code that is an out"),
    ("images/thumbs/a.png", False, "an out inside a dep"),
    (".pivot/stages/train.lock", False, "Pivot's own"),
    (".pivot/state.db", False, "Pivot's own"),
    ("images/.pivot-new.12", False, "staging beside an output"),
    ("pkg/__pycache__/helper.cpython-311.pyc", False, "bytecode"),
    ("inbox/x.pyc", False, "bytecode"),
    (".venv/lib/python3/site-packages/x.py", False, "a library"),
    ("env/lib/site-packages/x/y.py", False, "a library"),
    ("node_modules/a/b.yaml", False, "a library"),
    (".git/hooks/x.py", False, "git's"),
    (".ipynb_checkpoints/a.py", False, "Jupyter's"),
]


@pytest.mark.parametrize(("path", "expected", "why"), CASES)
def test_what_the_stages_rest_on_matters(path: str, expected: bool, why: str) -> None:
    assert SOME.matters(ProjectPath(path)) is expected, why


def test_before_any_stage_is_known_code_and_definitions_matter() -> None:
    paths = ["pivot.yaml", "a/b.py", "data.csv"]
    assert [Interest().matters(ProjectPath(path)) for path in paths] == [True, True, False]


NAMES = st.lists(st.sampled_from(["a", "b.py", "images", "shards", "x.csv", ".h"]), min_size=1, max_size=4)


@given(NAMES, NAMES)
def test_nothing_under_what_the_stages_write_matters(folder: list[str], inner: list[str]) -> None:
    out = ProjectPath("/".join(folder) + "/")
    written = Interest(folders=frozenset({ProjectPath("images/")}), own=frozenset({out}))
    assert not written.matters(ProjectPath(out + "/".join(inner)))


def test_keys_of_the_object_store_that_stages_looked_for_matter_unless_they_put_them(
    stage, inputs, digest
) -> None:
    looked, put = key_name("limit"), key_name("model")
    observed = Observation(keys={looked: ABSENT, put: digest("m"), namespace_name("n"): "keys 1"})
    records = {
        "learn": StageRecord("learn", inputs(), {}, puts={put: Stored(digest("m"), 1)}),
        "report": StageRecord("report", replace(inputs(), observed=observed), {}),
    }
    found = interest([stage("learn"), stage("report")], records)
    assert [found.matters(key_file(name)) for name in (looked, put)] == [True, False]
