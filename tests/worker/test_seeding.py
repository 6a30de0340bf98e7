"""What a project's own seed does, beside Pivot's."""

import pickle
import random
from pathlib import Path

import numpy as np
import pytest

from pivot.project import Project

STAGES = """
import random
{imports}
from typing import Annotated
import pivot
from pivot.loaders import Pickle


def one() -> Annotated[object, pivot.Out("one.pkl", Pickle())]:
    return {draw}


def two() -> Annotated[object, pivot.Out("two.pkl", Pickle())]:
    return {draw}
"""
DRAWS = {"random": "random.random()", "numpy": "float(np.random.rand())"}


def drawn(folder: Path, imports: str, draw: str) -> list[float]:
    (folder / "stages.py").write_text(STAGES.format(imports=imports, draw=draw))
    (folder / "pivot.yaml").write_text(
        "stages:\n  one:\n    python: stages.one\n  two:\n    python: stages.two\n"
    )
    with Project(str(folder)) as project:
        assert project.repro(jobs=1).ok
    return [pickle.loads((folder / f"{name}.pkl").read_bytes()) for name in ("one", "two")]


def expected(kind: str, seed: int) -> float:
    return random.Random(seed).random() if kind == "random" else float(np.random.RandomState(seed).rand())


@pytest.mark.parametrize("kind", DRAWS)
def test_each_stage_begins_with_the_project_settings_seed(tmp_path, kind):
    imports = "import numpy as np" if kind == "numpy" else ""
    assert drawn(tmp_path, imports, DRAWS[kind]) == [expected(kind, 0)] * 2


@pytest.mark.parametrize("kind", DRAWS)
def test_a_seed_that_a_module_sets_when_it_is_imported_holds_for_every_stage(tmp_path, kind):
    imports = "import numpy as np\nnp.random.seed(7)" if kind == "numpy" else "random.seed(7)"
    assert drawn(tmp_path, imports, DRAWS[kind]) == [expected(kind, 7)] * 2
