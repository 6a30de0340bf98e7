"""Libraries that are guessed from texts, before anything is imported that could know."""

import pytest

from pivot.define.glance import first_run_libraries, imported, named_modules

PIVOT_YAML = "stages:\n  train:\n    python: stages.train\n  test:\n    python: 'steps.last.test'\n"


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def test_the_modules_of_a_pipeline_file_are_read_off_its_text(tmp_path):
    write(tmp_path, {"pivot.yaml": PIVOT_YAML, "pipeline.py": ""})
    assert named_modules(str(tmp_path / "pivot.yaml")) == ("stages", "steps.last")
    assert named_modules(str(tmp_path / "pipeline.py")) == ("pipeline",)


@pytest.mark.parametrize(
    ("text", "libraries"),
    [
        ("import pandas\nimport pivot\n", {"pandas", "pivot"}),
        ("import pandas as pd, numpy.linalg as la  # both\n", {"pandas", "numpy.linalg"}),
        ("from typing import Annotated\nimport pandas\n", {"typing", "pandas"}),
        (
            "from sklearn.ensemble import (  # trees\n    Forest as F,\n    Tree,\n)\nimport x; import y\n",
            {"sklearn.ensemble", "x"},
        ),
        ("def train():\n    import pandas\n", set()),
        ("import helpers\n", {"numpy", "scipy"}),
        ("from package import inner, name\n", {"scipy", "numpy"}),
        ("import package.inner\n", {"numpy", "scipy"}),
        ("import from\nfrom import x\nimport\nfrom . import\n", {"from"}),
    ],
)
def test_libraries_of_the_named_modules_and_of_all_that_these_import(tmp_path, text, libraries):
    files = {
        "pipeline.py": text,
        "helpers.py": "from package import inner\n",
        "package/__init__.py": "import scipy\n",
        "package/inner.py": "from .beside import name\nfrom ..above import x\nfrom . import beside\n",
        "package/beside.py": "import numpy\nimport helpers\n",
    }
    write(tmp_path, files)
    found = imported(str(tmp_path / "pipeline.py"), [str(tmp_path)])
    assert set(found) == libraries


@pytest.mark.parametrize(
    ("more", "libraries"),
    [
        ({}, ("pandas",)),
        ({".pivot/config.yaml": "seed: 3\n"}, ("pandas",)),
        ({".pivot/config.yaml": "seed: 3\njobs: 1\n"}, None),
        ({".pivot/state.db": ""}, None),
        ({"pivot.yaml": ""}, None),
    ],
    ids=["new", "settings", "settings of the workers", "known", "wrong"],
)
def test_only_before_anything_is_known_is_a_first_run_foreseen(tmp_path, more, libraries):
    write(
        tmp_path,
        {".git/HEAD": "", "a/pipeline.py": "import stages", "src/stages.py": "import pandas", "a/b/c": ""},
    )
    write(tmp_path, {name if name.startswith(".") else f"a/{name}": text for name, text in more.items()})
    assert first_run_libraries(str(tmp_path / "a" / "b")) == libraries


def test_where_nothing_defines_stages_there_is_no_first_run(tmp_path):
    assert first_run_libraries(str(tmp_path)) is None
