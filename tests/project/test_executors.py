"""A project whose stages run on clusters: the same promises as at home."""

import importlib.util
import json
import subprocess
import sys

import pytest

from pivot.errors import DefinitionErrors, PivotError
from pivot.model.event import RunStarted
from pivot.project import Project, initialize

needs_dask = pytest.mark.skipif(
    importlib.util.find_spec("distributed") is None, reason="Dask is not installed: pip install 'pivot[dask]'"
)

SIDE = """

def side() -> Annotated[dict, pivot.Out("side.json", pivot.loaders.JSON())]:
    return {"on": pivot.run_context().executor}


def fails(total: Annotated[dict, pivot.Dep("total.json", pivot.loaders.JSON())]
          ) -> Annotated[dict, pivot.Out("never.json", pivot.loaders.JSON())]:
    raise ValueError(total)
"""


def outcomes(run):
    return {name: str(end.outcome) for name, end in run.stages.items()}


@needs_dask
def test_a_pipeline_on_dask_runs_skips_restores_and_fails_as_at_home(numbers):
    numbers.write("stages.py", numbers.read("stages.py") + SIDE)
    text = (
        numbers.read("pivot.yaml") + "  side:\n    python: stages.side\n  fails:\n    python: stages.fails\n"
    )
    numbers.write("pivot.yaml", "executor: {kind: dask, workers: 1, threads: 2}\n" + text)
    events = []
    with Project(str(numbers.path)) as project:
        run = project.repro(sinks=[events.append])
        assert outcomes(run) == {"double": "ran", "side": "ran", "total": "ran", "fails": "failed"}
        assert run.exit_code == 1
        failure = run.stages["fails"]
        assert failure.reason == "ValueError: {'total': 12} (stages.py:38)"
        assert "in fails" in failure.traceback
        assert events[0] == RunStarted(run.id, ("double", "total", "side", "fails"), 2, (), "dask")
        assert project.past_run("last").executor == "dask"
        assert json.loads(numbers.read("side.json")) == {"on": "dask"}
        assert outcomes(project.repro(["total", "side"])) == {
            "double": "unchanged",
            "total": "unchanged",
            "side": "unchanged",
        }

        numbers.edit("stages.py", "FACTOR = 2", "FACTOR = 3")  # a helper's constant, on a cluster that lives
        assert outcomes(project.repro(["total"])) == {"double": "ran", "total": "ran"}
        assert json.loads(numbers.read("total.json")) == {"total": 18}

        numbers.edit("stages.py", "FACTOR = 3", "FACTOR = 2")
        assert outcomes(project.repro(["total"])) == {"double": "restored", "total": "restored"}

        numbers.edit("stages.py", "print(", "import os; os._exit(7); print(")
        died = project.repro(["total"])
        assert outcomes(died) == {"double": "failed", "total": "blocked"}
        assert died.stages["double"].reason.startswith("worker exited with code 7")
        assert json.loads(numbers.read("doubled.json")) == [2, 4, 6]  # the last good one is in place again
        numbers.edit("stages.py", "os._exit(7)", "pass")
        assert outcomes(project.repro(["double"])) == {"double": "ran"}
    assert outcomes(numbers.repro("side", "total", executor="local")) == {
        "double": "unchanged",
        "total": "unchanged",
        "side": "ran",  # it asked where it runs
    }


JOINED = """
import sys
from distributed import LocalCluster
if __name__ == "__main__":
    with LocalCluster(n_workers=1, threads_per_worker=1, host="127.0.0.1", dashboard_address=None) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()
"""


MAPPED = """
def cities() -> list:
    return ["oslo", "rome", "lima"]


def fetch(city):
    return {"city": city}
"""


@needs_dask
def test_values_and_mapped_stages_come_from_a_cluster_in_order(folder):
    folder.write("stages.py", MAPPED)
    fetch = "  fetch:\n    python: stages.fetch\n    depends_on: cities\n    map: cities\n"
    folder.write("pivot.yaml", f"executor: dask\nstages:\n  cities:\n    python: stages.cities\n{fetch}")
    with Project(str(folder.path)) as project:
        assert outcomes(project.repro()) == {"cities": "ran", "fetch": "ran"}
        assert project.load("fetch") == [{"city": "oslo"}, {"city": "rome"}, {"city": "lima"}]
        folder.edit("stages.py", '"rome", ', "")
        assert project.repro().ok
        assert project.load("fetch") == [{"city": "oslo"}, {"city": "lima"}]


@needs_dask
def test_a_cluster_that_is_there_is_joined_compared_and_left_as_it_was(numbers, tmp_path_factory):
    script = tmp_path_factory.mktemp("cluster") / "cluster.py"
    script.write_text(JOINED)
    with subprocess.Popen(
        [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as cluster:
        address = cluster.stdout.readline().strip()
        initialize(str(numbers.path))
        numbers.write(".pivot/config.yaml", f"executor: {{kind: dask, address: '{address}'}}\n")
        for _ in range(2):  # the first one left it alive
            run = numbers.repro(force=True)
            assert outcomes(run) == {"double": "ran", "total": "ran"}
        left = [path.name for path in (numbers.path / ".pivot/tmp").iterdir()]
        assert not [name for name in left if name.startswith("cluster-")]
        cluster.communicate()
    with pytest.raises(PivotError, match=f"no Dask scheduler answers at {address}"):
        numbers.repro(force=True)
    assert outcomes(numbers.repro(force=True, executor="local")) == {"double": "ran", "total": "ran"}


def test_a_wrong_executor_is_told_with_its_line_before_anything_runs(numbers):
    numbers.write("pivot.yaml", "executor: {kind: dusk, worker: 2}\n" + numbers.read("pivot.yaml"))
    with pytest.raises(DefinitionErrors) as no:
        numbers.repro()
    assert str(no.value) == (
        "executor.worker is unknown (pivot.yaml:1)\nhint: did you mean 'workers'?\n"
        "executor.kind is one of local, dask, ray, not 'dusk' (pivot.yaml:1)"
    )
    initialize(str(numbers.path))
    numbers.write(".pivot/config.yaml", "seed: 1\nexecutor: [dask]\n")
    with pytest.raises(DefinitionErrors, match=r"executor is local, dask or ray, or a table .*config.yaml:2"):
        numbers.repro()


def test_an_executor_that_is_not_installed_says_what_to_install(numbers, monkeypatch, tmp_path_factory):
    shadow = tmp_path_factory.mktemp("shadow")
    (shadow / "ray.py").write_text("raise ImportError('No module named ray')\n")
    monkeypatch.setenv("PYTHONPATH", str(shadow), prepend=":")
    with pytest.raises(PivotError) as no:
        numbers.repro(executor="ray")
    assert str(no.value) == (
        "executor ray: Ray is not installed: No module named ray\nhint: pip install 'pivot[ray]'"
    )
