"""Stages on workers that do not see the project's folder: files come and go by the remote, and results are those of home."""

import json
import os
import shutil
import subprocess
import sys
import textwrap

import pytest

from pivot.errors import PivotError
from pivot.project import Project, initialize

CLUSTER = {
    "dask": """
        import sys
        from distributed import LocalCluster
        if __name__ == "__main__":
            with LocalCluster(
                n_workers=1, threads_per_worker=2, host="127.0.0.1", dashboard_address=None
            ) as cluster:
                print(cluster.scheduler_address, flush=True)
                sys.stdin.read()
    """,
    "ray": """
        import sys, tempfile
        import ray
        with tempfile.TemporaryDirectory(prefix="pivot-", ignore_cleanup_errors=True) as folder:
            told = ray.init(
                address="local", num_cpus=2, include_dashboard=False, log_to_driver=False,
                object_store_memory=96 << 20, _temp_dir=folder,
            )
            print(told["gcs_address"], flush=True)
            sys.stdin.read()
            ray.shutdown()
    """,
}
CAN_HIDE = (
    bool(shutil.which("unshare")) and not subprocess.run(["unshare", "-rm", "true"], check=False).returncode
)
"""Where not, workers see the projects, and are told to work in folders of their own all the same."""
BLIND = 'mount -t tmpfs none "$0" && exec "$@"'
"""Begins a program that sees an empty folder where all others see the projects."""

STAGES = """
import json
import os
from pathlib import Path
from typing import Annotated

import pivot
from helper import FACTOR
from pivot.loaders import JSON, PathOnly, Text

Numbers = Annotated[list, pivot.Dep("numbers.json", JSON())]


def double(numbers: Numbers) -> Annotated[list, pivot.Out("out/doubled.json", JSON())]:
    print("works in", os.getcwd())
    unit = json.loads(Path("config.json").read_text())["unit"]
    return [f"{n * FACTOR} {unit}" for n in numbers]


def shards(big: Annotated[str, pivot.Dep("big.txt", Text())]) -> Annotated[dict, pivot.DirectoryOut("shards/", Text())]:
    print("z" * 5_000_000)
    return {"a.txt": big[:40000], "deep/b.txt": big[40000:]}


def joined(
    shards: Annotated[dict, pivot.Dep("shards/", Text())],
    doubled: Annotated[list, pivot.Dep("out/doubled.json", JSON())],
) -> Annotated[Path, pivot.Out("joined.txt", PathOnly())]:
    path = pivot.out_path()
    path.write_text(shards["deep/b.txt"] + shards["a.txt"] + doubled[0])
    return path


def counted(
    numbers: Numbers,
    seen: Annotated[list | None, pivot.IncrementalOut("seen.json", JSON(empty_factory=list))],
) -> Annotated[list, pivot.IncrementalOut("seen.json", JSON(empty_factory=list))]:
    return [*seen, len(numbers)]
"""


@pytest.fixture(scope="module", params=["dask", "ray"])
def cluster(request, tmp_path_factory, require_executor):
    """A cluster whose workers see nothing in a folder; gives that and the settings of who joins it."""
    require_executor(request.param)
    base = tmp_path_factory.mktemp("afar")
    script, projects, scratch = base / "cluster.py", base / "projects", base / "scratch"
    script.write_text(textwrap.dedent(CLUSTER[request.param]))
    projects.mkdir()
    hide = ["unshare", "-rm", "sh", "-c", BLIND, str(projects)] if CAN_HIDE else []
    words = [*hide, sys.executable, str(script)]
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("RAY_USAGE_STATS_ENABLED", "0")
        environment.setenv("RAY_AUTH_MODE", "token")  # whoever joins has it, too
        environment.setenv("RAY_AUTH_TOKEN", "0" * 64)
        with subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PIVOT_SCRATCH": str(scratch)},
        ) as one:
            address = one.stdout.readline().strip()
            yield projects, f"executor: {{kind: {request.param}, address: '{address}'}}\n"
            one.communicate()
    assert (
        request.param == "ray" or os.listdir(scratch) == []
    )  # Ray kills its workers: the next one clears away


@pytest.fixture
def far(cluster, tmp_path):
    """Makes a project in the folder that the workers do not see, with a remote that they do."""
    projects, executor = cluster
    (tmp_path / "shared").mkdir()

    def make(stages, pipeline, remote=True, **files):
        path = projects / tmp_path.name
        path.mkdir()
        initialize(str(path))
        (path / "stages.py").write_text(stages)
        (path / "pivot.yaml").write_text(textwrap.dedent(pipeline))
        remotes = f"remotes:\n  shared: {tmp_path / 'shared'}\n" if remote else ""
        (path / ".pivot/config.yaml").write_text(executor + remotes)
        return path

    return make


def outcomes(run):
    return {name: str(end.outcome) for name, end in run.stages.items()}


only_dask = pytest.mark.parametrize("cluster", ["dask"], indirect=True, scope="module")
"""For what is the same code with any cluster."""
PIPELINE = "stages:\n" + "".join(
    f"  {name}: {{python: stages.{name}}}\n" for name in ("double", "shards", "joined", "counted")
)


@only_dask
def test_files_folders_and_undeclared_reads_give_what_they_give_at_home(far):
    path = far(STAGES, PIPELINE)
    (path / "helper.py").write_text("FACTOR = 2\n")
    (path / "numbers.json").write_text("[1, 2]")
    (path / "config.json").write_text('{"unit": "km"}')
    (path / "big.txt").write_text("x" * 40000 + "y" * 40000)
    with Project(str(path)) as project:
        run = project.repro()
        assert outcomes(run) == dict.fromkeys(("double", "shards", "joined", "counted"), "ran"), run
        assert json.loads((path / "out/doubled.json").read_text()) == ["2 km", "4 km"]
        assert (path / "joined.txt").read_text() == "y" * 40000 + "x" * 40000 + "2 km"
        assert "/scratch/pivot-node-" in project.log("double")
        assert len(project.log("shards")) == 5_000_001
        assert project.repro().executed == ()

        (path / "helper.py").write_text("FACTOR = 3\n")
        assert outcomes(project.repro(["joined"])) == {
            "double": "ran",
            "shards": "unchanged",
            "joined": "ran",
        }
        (path / "config.json").write_text('{"unit": "m"}')  # undeclared, and known by its name in the code
        (path / "numbers.json").write_text("[1, 2, 3]")
        assert sorted(project.repro().executed) == ["counted", "double", "joined"]
        assert json.loads((path / "seen.json").read_text()) == [2, 3]
    with Project(str(path)) as project:
        assert project.repro(executor="local").executed == ()
        assert project.repro(executor="local", force=True).ok
        assert json.loads((path / "out/doubled.json").read_text()) == ["3 m", "6 m", "9 m"]


LOOKS = """
import importlib
import os
import subprocess
import pivot


def exists():
    return os.path.exists("".join(["da", "ta"]))


def lists():
    return sorted(os.listdir())


def reads():
    print("looks for it")
    return open("".join(["con", "fig"])).read()


def imports():
    try:
        return importlib.import_module("".join(["hel", "per"])).FACTOR
    except ImportError:
        return None


def writes():
    open("".join(["no", "tes"]), "w").close()


def dies():
    os._exit(7)


def asks_a_program():
    return subprocess.run("cat da*/x.txt config", shell=True, capture_output=True, text=True).stdout


def names_its_folder():
    return os.path.abspath("x")


def appends():
    with open("numbers.json", "a") as file:
        file.write("!")
"""


@only_dask
def test_what_a_stage_saw_otherwise_than_at_home_is_no_result_and_says_what_to_declare(far):
    names = (
        "exists",
        "lists",
        "reads",
        "imports",
        "writes",
        "dies",
        "appends",
        "asks_a_program",
        "names_its_folder",
    )
    pipeline = "stages:\n" + "".join(f"  {name}: {{python: stages.{name}}}\n" for name in names)
    path = far(LOOKS, pipeline)
    (path / "helper.py").write_text("FACTOR = 2\n")
    (path / "config").write_text("km")
    (path / "data").mkdir()
    (path / "numbers.json").write_text("[]")
    with Project(str(path)) as project:
        run = project.repro(keep_going=True)
        assert outcomes(run) == dict.fromkeys(names, "failed")
        told = {name: end.reason for name, end in run.stages.items()}
        begin = "the worker does not have the project as it is here: "
        assert told["exists"] == f"{begin}data is not there"
        assert told["imports"] == f"{begin}helper cannot be imported there"
        assert told["lists"].startswith(f"{begin}. is another one there")
        assert (
            told["reads"] == "FileNotFoundError: [Errno 2] No such file or directory: 'config' (stages.py:18)"
        )
        assert told["writes"] == f"{begin}notes was written there, and would be lost"
        assert told["appends"] == f"{begin}numbers.json was written there, and would be lost"
        assert told["asks_a_program"] == f"{begin}config is not there"
        assert told["names_its_folder"] == (
            "value of names_its_folder names the folder in which the stage ran on the worker, which is gone"
        )
        assert told["dies"].startswith("worker exited with code 7")
        hints = {name: end.hint for name, end in run.stages.items()}
        assert 'Dep("config")' in hints["reads"]
        assert 'Dep("data")' in hints["exists"]
        assert 'Out("notes")' in hints["writes"]
        assert "in reads" in run.stages["reads"].traceback
        assert "looks for it" in project.log("reads")
        assert not (path / "notes").exists()
        assert (path / "numbers.json").read_text() == "[]"
        assert project.repro(["exists", "lists", "reads", "imports"], executor="local").ok
        (path / "config").write_text("m")  # what was seen at home goes along
        (path / "helper.py").write_text("FACTOR = 3\n")
        assert sorted(project.repro(["exists", "reads", "imports"]).executed) == ["imports", "reads"]
        assert (project.load("reads"), project.load("imports")) == ("m", 3)


MAPPED = """
import pivot


def cities():
    return ["oslo", "rome", "lima"]


def fetch(city):
    if city == "lima" and pivot.store.get("closed", default=False):
        raise OSError("closed")
    pivot.store.put(city, city * 20000, namespace="names")
    return {"city": city}


def summary(fetched):
    names = pivot.store.keys("names")
    return [len(fetched), names, sum(len(pivot.store.get(name, "names")) for name in names)]
"""
MAP = """
stages:
  cities: {python: stages.cities}
  fetch: {python: stages.fetch, depends_on: cities, map: cities}
  summary: {python: stages.summary, depends_on: fetch}
"""


def test_items_and_keys_of_the_object_store_travel(far, monkeypatch):
    import pivot

    path = far(MAPPED, MAP)
    monkeypatch.chdir(path)
    pivot.store.put("closed", True)
    with Project(str(path)) as project:
        assert outcomes(project.repro()) == {"cities": "ran", "fetch": "failed", "summary": "blocked"}
        pivot.store.put("closed", False)
        assert project.repro().ok
        assert project.load("fetch") == [{"city": city} for city in ("oslo", "rome", "lima")]
        assert project.load("summary") == [3, ["lima", "oslo", "rome"], 240000]
        assert pivot.store.get("rome", "names") == "rome" * 20000
    assert Project(str(path)).repro(executor="local").executed == ()


@only_dask
def test_without_a_remote_nothing_runs_and_the_way_out_is_named(far):
    path = far(MAPPED, MAP, remote=False)
    with Project(str(path)) as project, pytest.raises(PivotError, match="works in folders of its own") as no:
        project.repro()
    assert "pivot remote add NAME FOLDER" in no.value.hint


@only_dask
@pytest.mark.skipif(not CAN_HIDE, reason="this system lets nobody hide a folder from a process: unshare -rm")
def test_a_remote_that_the_workers_do_not_reach_is_told_before_anything_runs(far):
    path = far(MAPPED, MAP, remote=False)
    with open(path / ".pivot/config.yaml", "a") as config:
        config.write(f"remotes:\n  shared: {path / 'shared'}\n")
    with Project(str(path)) as project, pytest.raises(PivotError, match="nor can it use the remote"):
        project.repro()
    assert os.listdir(path / "shared/tmp") == []


ENDS = """
import time
from pathlib import Path

import psutil


def kills():
    psutil.Process().parent().parent().kill()


def waits():
    Path(HERE).touch()
    time.sleep(600)
"""


@only_dask
def test_a_lost_worker_fails_its_stage_once_and_an_interrupt_reaches_one_that_runs(far, tmp_path):
    here = tmp_path / "shared/here"
    path = far(
        ENDS.replace("HERE", repr(str(here))),
        "stages: {kills: {python: stages.kills}, waits: {python: stages.waits}}",
    )
    with Project(str(path)) as project:
        run = project.repro(["kills"])
        assert outcomes(run) == {"kills": "failed"}
        assert run.stages["kills"].reason.startswith("the cluster lost the worker that ran it")
        assert outcomes(project.repro(["waits"], stopped=here.exists)) == {"waits": "cancelled"}
    assert os.listdir(tmp_path / "shared/tmp") == []
