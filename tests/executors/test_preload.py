"""What the fork server has loaded before the first worker is forked."""

import pickle

import pytest

from pivot.model.stage import ObjectRef

STAGES = """
from typing import Annotated
import pivot

def train() -> Annotated[dict, pivot.Out("model.json", pivot.loaders.JSON())]:
    return {}
"""
DOORS = {
    "pivot.yaml": "stages:\n  train:\n    python: stages.train\n",
    "pipeline.py": "import pivot, stages\npipeline = pivot.Pipeline('it')\npipeline.register(stages.train)\n",
}
LOADED_FOR = """
(lambda sys, before: (
    __import__("pivot.worker.definitions").worker.definitions.define_in_worker({argument!r}),
    "\\n".join(sorted({{*sys.modules}} - before)).encode(),
)[1])(__import__("sys"), {{*__import__("sys").modules}})
"""


@pytest.mark.parametrize("file", DOORS)
def test_a_worker_that_reads_definitions_has_all_of_pivot_loaded_already(pool, tmp_path, file):
    (tmp_path / "stages.py").write_text(STAGES)
    (tmp_path / file).write_text(DOORS[file])
    code = LOADED_FOR.format(argument=pickle.dumps((str(tmp_path / file), str(tmp_path), {})))
    loaded = pool.call(ObjectRef("builtins", "eval"), code.strip().encode()).decode().split()
    assert {*loaded} <= {"stages", "pipeline"}
