"""What every executor must do, wherever it runs stages: one suite for all of them."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import wait
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from pivot.executors.cluster import ClusterExecutor
from pivot.executors.connection import Connection
from pivot.executors.forkserver import ForkserverExecutor
from pivot.model.executor import ExecutorSpec
from pivot.model.place import Place
from pivot.model.resources import Resources
from pivot.model.stage import ObjectRef, Returns, StageParameters
from pivot.model.task import Failure, Success

CONFTEST = Path(__file__).with_name("conftest.py")

MEET = """
    import os, time
    def run():
        with open(f"{NAME}.tmp", "w") as file: file.write(f"{os.getpid()} {os.getppid()}")
        os.rename(f"{NAME}.tmp", f"{NAME}.here")
        while not os.path.exists(f"{NAME}.go"): time.sleep(0.01)
        return NAME
"""


def until(condition, seconds=30.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def gone(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def clients():
    """The processes that are clients of clusters for this one."""
    return {one for one in psutil.Process().children() if "pivot.executors.client" in one.cmdline()}


@pytest.fixture(scope="module", params=["local", "dask", "ray"])
def kind(request, require_executor):
    require_executor(request.param)
    return request.param


@pytest.fixture(scope="module")
def others():
    """Clients that tests of other modules have left open, as they keep theirs."""
    return clients()


@pytest.fixture(scope="module")
def connection(kind, others):
    """A cluster for two stages at once, for all tests here."""
    if kind == "local":
        yield None
        return
    one = Connection(ExecutorSpec(kind, workers=1, threads=2))
    yield one
    one.close()
    assert clients() <= others


@pytest.fixture
def executor(connection, tmp_path):
    if connection is None:
        with ForkserverExecutor(2) as one:
            yield one
    else:
        with ClusterExecutor(connection, lambda: ForkserverExecutor(1), (), str(tmp_path)) as one:
            yield one


on_clusters = pytest.mark.parametrize("kind", ["dask", "ray"], indirect=True, scope="module")
"""For what a cluster adds."""


def begin(executor, tasks, name, **options):
    """Start a stage that waits for a word, and wait for it; gives its future and its own pids."""
    future = submit_meeting(executor, tasks, name, **options)
    here = tasks.folder / f"{name}.here"
    until(lambda: here.exists() or future.done())
    return future, [int(word) for word in here.read_text().split()]


def submit_meeting(executor, tasks, name, **options):
    text = textwrap.dedent(MEET).replace("{NAME}", name).replace("NAME", repr(name))
    return executor.submit(
        tasks.task(text, stage=name, outs=[tasks.out("output", f"{name}.json")], **options)
    )


def let_go(tasks, *names):
    for name in names:
        (tasks.folder / f"{name}.go").touch()


def test_values_come_in_and_results_are_the_same_everywhere(executor, tasks):
    (tasks.folder / "in.json").write_text('{"n": 20}')
    text = """
        import os, random
        import pydantic
        class Params(pydantic.BaseModel):
            times: int
        def run(raw, params):
            print("at work")
            return {"a": raw["n"] * params.times, "b": [random.random(), os.environ["GIVEN"], os.getcwd()]}
    """
    task = tasks.task(
        text,
        deps=[tasks.dep("raw", "in.json")],
        params=StageParameters("params", ObjectRef("stages", "Params"), '{"times": 3}'),
        outs=[tasks.out("a", "a.json", inline=True), tasks.out("b", "b.json")],
        returns=Returns.MAPPING,
        environment={**os.environ, "GIVEN": "here"},
    )
    result = executor.submit(task).result(60)
    assert isinstance(result, Success), result
    assert result.outputs["a.json"].content == b"60\n"
    saved = json.loads((tasks.folder / ".staging/b.json").read_text())
    assert saved == [0.8444218515250481, "here", str(tasks.folder)]
    assert tasks.log.read_text() == "at work\n"


def test_a_failure_shows_the_lines_of_the_stage_and_no_others(executor, tasks):
    failure = executor.submit(tasks.task("def f(): raise ValueError('bad')\ndef run():\n    f()")).result(60)
    assert (failure.kind, failure.message) == ("exception", "ValueError: bad (stages.py:1)")
    head, *frames, last = failure.traceback.splitlines()
    assert (head, last) == ("Traceback (most recent call last):", "ValueError: bad")
    assert [line.strip() for line in frames if "File" in line] == [
        f'File "{tasks.folder}/stages.py", line 3, in run',
        f'File "{tasks.folder}/stages.py", line 1, in f',
    ]


def test_the_code_that_runs_is_that_of_the_task_not_that_of_one_before(executor, tasks):
    given = []
    for number in range(3):
        helper = tasks.module(f"def help(): return {number}", "helper")
        stage = tasks.module("import helper\ndef run(): return helper.help()")
        result = executor.submit(tasks.task(modules=[helper, stage])).result(60)
        assert isinstance(result, Success), result
        given.append(json.loads((tasks.folder / ".staging/output.json").read_text()))
    assert given == [0, 1, 2]


def test_a_stage_that_ends_its_process_fails_alone(executor, tasks):
    other, _ = begin(executor, tasks, "other")
    failure = executor.submit(tasks.task("import os\ndef run(): os._exit(3)", stage="crash")).result(60)
    assert (failure.kind, failure.message.partition(" (")[0]) == ("died", "worker exited with code 3")
    let_go(tasks, "other")
    assert isinstance(other.result(60), Success)
    assert isinstance(executor.submit(tasks.task("def run(): return 1")).result(60), Success)


def test_an_interrupt_ends_a_stage_wherever_it_runs_or_waits_and_no_other(executor, tasks):
    first, pids = begin(executor, tasks, "first")
    second, _ = begin(executor, tasks, "second")
    third = submit_meeting(executor, tasks, "third")
    executor.interrupt("third")
    assert third.result(60) == Failure("cancelled", "cancelled before it began")
    executor.interrupt("first")
    failure = first.result(60)
    assert failure.kind == "cancelled"
    assert "in run" in failure.traceback
    until(lambda: gone(pids[0]))
    let_go(tasks, "second", "third")
    assert isinstance(second.result(60), Success)
    assert isinstance(executor.submit(tasks.task("def run(): return 1")).result(60), Success)
    assert not (tasks.folder / "third.here").exists()


def test_a_task_that_takes_too_long_is_ended_where_it_runs_and_one_that_waits_gets_no_older(executor, tasks):
    slow = tasks.task("import time\ndef run(): time.sleep(600)", stage="slow")
    quick = tasks.task("def run(): return 1", stage="quick")
    futures = [executor.submit(replace(task, timeout=2.0)) for task in (slow, slow, quick)]
    *failures, success = [future.result(60) for future in futures]
    assert {(failure.kind, failure.message) for failure in failures} == {
        ("timeout", "took longer than 2.0 s")
    }
    assert isinstance(success, Success)


def test_closing_kills_what_runs_before_it_returns(executor, tasks):
    futures, pids = [], []
    for name in ("one", "two"):
        future, (own, _) = begin(executor, tasks, name)
        futures.append(future)
        pids.append(own)
    futures.append(submit_meeting(executor, tasks, "three"))
    executor.close()
    assert all(map(gone, pids))
    assert [future.result(0).kind for future in futures] == ["cancelled"] * 3
    executor.close()
    with pytest.raises(RuntimeError, match="closed"):
        executor.submit(tasks.task("def run(): 1"))


def test_many_tasks_of_one_name_give_each_its_own_value(executor, tasks):
    futures = [
        executor.submit(tasks.task(f"def run(): return {n}", outs=[tasks.out("output", f"{n}.json")]))
        for n in range(12)
    ]
    wait(futures, 60)
    saved = [json.loads((tasks.folder / f".staging/{n}.json").read_text()) for n in range(12)]
    assert saved == list(range(12))


@on_clusters
def test_two_runs_at_once_on_one_cluster_do_not_touch_each_other(executor, connection, tasks, tmp_path):
    with ClusterExecutor(connection, lambda: ForkserverExecutor(1), (), str(tmp_path)) as other:
        (tmp_path / "b").mkdir()
        theirs = type(tasks)(tmp_path / "b")
        mine, _ = begin(executor, tasks, "stage")
        his, _ = begin(other, theirs, "stage")
        other.interrupt("stage")
        assert his.result(60).kind == "cancelled"
        assert not mine.done()
    let_go(tasks, "stage")
    assert isinstance(mine.result(60), Success)


@on_clusters
def test_a_worker_of_the_cluster_that_dies_fails_its_stage_and_the_next_one_runs(executor, tasks):
    future, (own, server) = begin(executor, tasks, "victim")
    psutil.Process(server).parent().kill()
    failure = future.result(60)
    assert (failure.kind, failure.hint) == ("died", "run it again: pivot repro")
    assert "the cluster lost the worker" in failure.message
    until(lambda: gone(own))
    assert isinstance(executor.submit(tasks.task("def run(): return 1")).result(60), Success)


@on_clusters
def test_what_waited_behind_a_worker_of_the_cluster_that_dies_is_handed_out_anew(executor, tasks):
    begun = [begin(executor, tasks, name) for name in ("victim", "other")]
    waiting = submit_meeting(executor, tasks, "next")
    let_go(tasks, "next")
    for worker in {psutil.Process(server).parent() for _, (_, server) in begun}:
        worker.kill()
    assert [future.result(60).kind for future, _ in begun] == ["died", "died"]
    assert isinstance(waiting.result(60), Success)


def test_what_waits_is_taken_back_and_what_runs_goes_on(executor, tasks):
    running = [begin(executor, tasks, name)[0] for name in ("one", "two")]
    waiting = [submit_meeting(executor, tasks, "three") for _ in range(2)]
    for name in ("one", "two", "three"):
        executor.recall(name)
    assert [future.result(60).kind for future in waiting] == ["cancelled", "cancelled"]
    let_go(tasks, "one", "two", "three")
    assert [type(future.result(60)) for future in running] == [Success, Success]
    assert not (tasks.folder / "three.here").exists()


@on_clusters
def test_stages_that_take_all_of_a_cluster_run_one_after_the_other(executor, tasks):
    text = """
        import os, time
        def run():
            os.mkdir("inside")
            time.sleep(0.05)
            os.rmdir("inside")
            return {}
    """
    task = replace(tasks.task(text, outs=[], returns=Returns.MAPPING), resources=Resources(cpus=2))
    results = [future.result(60) for future in [executor.submit(task) for _ in range(3)]]
    assert [type(result) for result in results] == [Success] * 3, results


@on_clusters
def test_a_stage_that_no_worker_has_room_for_is_refused_before_anything_runs(executor, kind):
    with pytest.raises(
        Exception, match=f"stage 'big': no worker of {kind.capitalize()} has room for cpus: 64"
    ) as no:
        executor.require({"small": Resources(), "big": Resources(cpus=64)})
    assert "the most is 2" in no.value.message
    asked = Resources(gpus=1, places=(("cpus", Place("pivot.yaml", 7)), ("gpus", Place("pivot.yaml", 8))))
    with pytest.raises(Exception, match=r"gpus: 1 \(the most is 0\) \(pivot\.yaml:8\)"):
        executor.require({"drawn": asked})
    executor.require({"labelled": Resources(labels=(("license", 1.0),))})  # nobody here declares any


@on_clusters
def test_trials_and_calls_stay_on_this_machine(executor):
    answer = executor.call(ObjectRef("base64", "b64encode"), b"text")
    assert answer == b"dGV4dA=="


DRIVER = """
    import importlib.util, sys
    from pathlib import Path
    spec = importlib.util.spec_from_file_location("factory", {conftest!r})
    factory = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(factory)
    from pivot.executors.cluster import ClusterExecutor
    from pivot.executors.connection import Connection
    from pivot.model.executor import ExecutorSpec
    tasks = factory.TaskFactory(Path({folder!r}))
    one = ClusterExecutor(Connection(ExecutorSpec({kind!r}, workers=1, threads=1)), None, (), {folder!r})
    one.submit(tasks.task({text!r})).result()
"""


@pytest.mark.parametrize("started", ["dask", "ray"])
def test_kill_9_of_the_driver_leaves_no_process(tasks, started, require_executor):
    require_executor(started)
    text = textwrap.dedent(MEET).replace("{NAME}", "only").replace("NAME", "'only'")
    script = tasks.folder / "driver.py"
    script.write_text(
        textwrap.dedent(DRIVER).format(
            conftest=str(CONFTEST), folder=str(tasks.folder), kind=started, text=text
        )
    )
    process = subprocess.Popen([sys.executable, str(script)])
    until((tasks.folder / "only.here").exists, 60)
    family = [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
    assert len(family) >= 4  # client, worker of the cluster, fork server, stage
    process.send_signal(signal.SIGKILL)
    process.wait()
    until(lambda: all(map(gone, family)))


@on_clusters
def test_kill_9_of_the_client_is_told_and_leaves_no_process(executor, connection, others, tasks):
    future, pids = begin(executor, tasks, "last")
    (client,) = clients() - others
    family = [client, *client.children(recursive=True)]
    client.kill()
    failure = future.result(60)
    assert failure.message == f"the connection to {connection.spec.title} broke"
    assert not connection.is_alive
    until(lambda: all(gone(pid) for pid in [*pids, *(one.pid for one in family)]))
