"""Processes begin, are interrupted and end; none is ever left."""

import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import wait
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from pivot.executors.forkserver import ForkserverExecutor
from pivot.model.task import Failure, Success

CONFTEST = Path(__file__).with_name("conftest.py")

SLEEP = """
    import os, subprocess, sys, time
    def run():
        child = subprocess.Popen(["sleep", "1000"])
        with open("pids.tmp", "w") as file: file.write(f"{os.getpid()} {child.pid}")
        os.rename("pids.tmp", "pids")
        while True: time.sleep(0.01)
"""

HOLD = SLEEP.replace("import os,", "import ctypes, os,").replace(
    "while True: time.sleep(0.01)",
    "ctypes.PyDLL(None).sleep(1000)  # no other thread of Python's gets its turn",
)


def until(condition, seconds=10.0):
    """Poll for something that another process does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def gone(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def pids_of(folder):
    until((folder / "pids").exists)
    return [int(word) for word in (folder / "pids").read_text().split()]


def our_workers():
    """The fork server and its children. The resource tracker belongs to Python and ends with this process."""
    family = [process for process in psutil.Process().children(recursive=True) if not gone(process.pid)]
    return [process for process in family if "resource_tracker" not in str(process.cmdline())]


def test_an_interrupt_ends_only_its_stage_and_the_programs_it_started(pool, tasks):
    other = "import os, time\ndef run():\n    while not os.path.exists('go'): time.sleep(0.01)"
    survivor = pool.submit(tasks.task(other, stage="other"))
    future = pool.submit(tasks.task(SLEEP, stage="sleeper", outs=[tasks.out("output", "s.json")]))
    pids = pids_of(tasks.folder)
    pool.interrupt("sleeper")
    failure = future.result(60)
    assert isinstance(failure, Failure)
    assert failure.kind == "cancelled"
    assert failure.message == "interrupted (stages.py:6)"
    assert "in run" in failure.traceback
    until(lambda: all(map(gone, pids)))
    assert not survivor.done()
    (tasks.folder / "go").touch()
    assert isinstance(survivor.result(60), Success)


@pytest.mark.parametrize(
    "deaf",
    [
        "signal.signal(signal.SIGINT, signal.SIG_IGN)",
        "signal.signal(signal.SIGINT, signal.SIG_IGN); signal.signal(signal.SIGTERM, signal.SIG_IGN)",
    ],
    ids=["SIGTERM", "SIGKILL"],
)
def test_a_stage_that_ignores_the_interrupt_is_ended_after_the_graces(tasks, deaf):
    text = f"""
        import os, signal, time
        def run():
            {deaf}
            open("deaf", "w").close()
            while True: time.sleep(0.01)
    """
    with ForkserverExecutor(1, graces=(0.05, 0.1)) as pool:
        future = pool.submit(tasks.task(text))
        until((tasks.folder / "deaf").exists)
        pool.interrupt("stage")
        assert future.result(60).kind == "cancelled"
        assert isinstance(pool.submit(tasks.task("def run(): return 1")).result(60), Success)


def test_a_stage_that_cleans_up_after_an_interrupt_may_finish_doing_so(pool, tasks):
    text = """
        import time
        def run():
            try:
                open("begun", "w").close()
                while True: time.sleep(0.01)
            finally:
                time.sleep(0.7)  # longer than until the second signal
                open("clean", "w").close()
    """
    future = pool.submit(tasks.task(text))
    until((tasks.folder / "begun").exists)
    pool.interrupt("stage")
    assert future.result(60).kind == "cancelled"
    assert (tasks.folder / "clean").exists()


def test_an_interrupt_at_any_instant_ends_the_task_and_the_slot_lives_on(tasks):
    text = "import time\ndef run():\n    time.sleep(0.003)\n    return 1"
    with ForkserverExecutor(1, graces=(0.2, 0.4)) as pool:
        for number in range(60):
            future = pool.submit(tasks.task(text + "\n" * (number % 7)))
            wait([future], number * 0.0005)
            pool.interrupt("stage")
            result = future.result(20)
            assert isinstance(result, Success) or result.kind == "cancelled", result
        assert isinstance(pool.submit(tasks.task("def run(): return 2")).result(60), Success)


def test_a_waiting_task_is_cancelled_at_once(tasks):
    with ForkserverExecutor(1) as pool:
        running = pool.submit(tasks.task(SLEEP, stage="first"))
        waiting = pool.submit(tasks.task("def run(): open('ran', 'w').close()", stage="second"))
        pids_of(tasks.folder)
        pool.interrupt("second")
        assert waiting.result(0) == Failure("cancelled", "cancelled before it began")
        pool.interrupt("first")
        assert running.result(60).kind == "cancelled"
        pool.submit(tasks.task("def run(): 1", stage="third")).result(60)
    assert not (tasks.folder / "ran").exists()


def test_close_ends_everything_and_settles_every_future(tasks):
    others, kept = set(our_workers()), set(threading.enumerate())  # of pools that other tests keep
    pool = ForkserverExecutor(2)
    futures = [pool.submit(tasks.task(SLEEP))]
    pids = pids_of(tasks.folder)
    futures += [pool.submit(tasks.task("import time\ndef run(): time.sleep(1000)")) for _ in range(3)]
    threads = {thread for thread in threading.enumerate() if thread.name.startswith("pivot-")} - kept
    assert set(our_workers()) - others
    pool.close()
    pool.close()
    assert [future.result(0).kind for future in futures] == ["cancelled"] * 4
    until(lambda: all(map(gone, pids)))
    assert set(our_workers()) - others == set()
    assert not any(thread.is_alive() for thread in threads)
    with pytest.raises(RuntimeError, match="closed"):
        pool.submit(tasks.task("def run(): 1"))


def test_opening_and_closing_leaks_no_descriptor_and_changes_no_environment(tasks):
    def once():
        with ForkserverExecutor(2) as pool:
            wait([pool.submit(tasks.task(f"def run(): return {n}")) for n in range(3)])

    once()
    gc.collect()  # what other tests left open must not be closed meanwhile
    before, environment = psutil.Process().num_fds(), dict(os.environ)
    for _ in range(3):
        once()
    assert psutil.Process().num_fds() == before
    assert dict(os.environ) == environment


def test_a_worker_that_died_takes_the_programs_of_its_stage_along(pool, tasks):
    text = """
        import os, signal, subprocess
        def run():
            child = subprocess.Popen(["sleep", "1000"])
            with open("pids", "w") as file: file.write(str(child.pid))
            os.kill(os.getpid(), signal.SIGKILL)
    """
    assert pool.submit(tasks.task(text)).result(60).kind == "died"
    (pid,) = pids_of(tasks.folder)
    until(lambda: gone(pid))


DRIVER = """
    import importlib.util, sys
    from pathlib import Path
    spec = importlib.util.spec_from_file_location("factory", {conftest!r})
    factory = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(factory)
    from pivot.executors.forkserver import ForkserverExecutor
    tasks = factory.TaskFactory(Path({folder!r}))
    print("driver begins", flush=True)
"""


def driver(tasks, text):
    """A script without ``if __name__ == "__main__"``."""
    script = tasks.folder / "driver.py"
    head = textwrap.dedent(DRIVER).format(conftest=str(CONFTEST), folder=str(tasks.folder))
    script.write_text(head + textwrap.dedent(text))
    return subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def test_a_script_without_main_guard_runs_once(tasks):
    process = driver(
        tasks,
        """
        with ForkserverExecutor(2) as pool:
            results = [pool.submit(tasks.task("def run(): return %d" % n)) for n in range(4)]
            print([type(one.result(60)).__name__ for one in results])
        """,
    )
    out, _ = process.communicate(timeout=60)
    assert out == "driver begins\n['Success', 'Success', 'Success', 'Success']\n"
    assert process.returncode == 0


@pytest.mark.parametrize("spec", ["main.__spec__ = None", "del main.__spec__"])
def test_a_driver_whose_main_module_cannot_be_imported_runs_stages(tasks, spec):
    head = textwrap.dedent(DRIVER).format(conftest=str(CONFTEST), folder=str(tasks.folder))
    text = f"""
        main = sys.modules["__main__"]
        main.__file__ = "/no/such/script.py"
        {spec}
        with ForkserverExecutor(1) as pool:
            print(type(pool.submit(tasks.task("def run(): return 1")).result(60)).__name__)
    """
    run = subprocess.run(
        [sys.executable, "-"], input=head + textwrap.dedent(text), capture_output=True, text=True
    )
    assert (run.stdout, run.stderr) == ("driver begins\nSuccess\n", "")


@pytest.mark.parametrize("ending", ["", "import os; os._exit(0)", "raise SystemExit(0)"])
def test_a_driver_that_forgets_to_close_leaves_nothing(tasks, ending):
    process = driver(
        tasks,
        f"""
        pool = ForkserverExecutor(1)
        pool.submit(tasks.task("import os\\ndef run(): open('pids', 'w').write(str(os.getpid()))")).result(60)
        {ending}
        """,
    )
    out, _ = process.communicate(timeout=60)
    assert out.startswith("driver begins\n")
    assert "Traceback" not in out
    (pid,) = pids_of(tasks.folder)
    until(lambda: gone(pid), 2)


@pytest.mark.parametrize("stage", [SLEEP, HOLD], ids=["Python", "C"])
def test_kill_9_of_the_driver_leaves_no_process(tasks, stage):
    process = driver(
        tasks,
        f"""
        pool = ForkserverExecutor(2)
        future = pool.submit(tasks.task({textwrap.dedent(stage)!r}))
        future.result()
        """,
    )
    pids = pids_of(tasks.folder)
    pids += [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
    assert len(set(pids)) >= 4  # worker, its program, fork server, resource tracker
    process.kill()
    until(lambda: all(map(gone, pids)), 2)
    process.communicate(timeout=10)  # and nobody holds its stdout


def test_ctrl_c_at_a_terminal_reaches_no_worker(tasks):
    process = driver(
        tasks,
        """
        import os, signal, time
        signal.signal(signal.SIGINT, lambda *_: open("go", "w").close())
        os.setpgid(0, 0)
        pool = ForkserverExecutor(1)
        text = "import os, time\\ndef run():\\n    open('up', 'w').close()\\n    while not os.path.exists('go'): time.sleep(0.01)"
        future = pool.submit(tasks.task(text))
        os.chdir(tasks.folder)
        print(type(future.result(60)).__name__)
        pool.close()
        """,
    )
    until((tasks.folder / "up").exists)
    os.killpg(process.pid, signal.SIGINT)
    assert process.communicate(timeout=60)[0] == "driver begins\nSuccess\n"


def test_ctrl_c_while_the_fork_server_starts_neither_ends_it_nor_is_it_told(tasks):
    process = driver(
        tasks,
        """
        import os, signal
        os.setpgid(0, 0); signal.signal(signal.SIGINT, lambda *_: None)
        with ForkserverExecutor(1) as pool:
            os.killpg(0, signal.SIGINT)
            print(type(pool.submit(tasks.task("def run(): return 1")).result(60)).__name__)
        """,
    )
    assert process.communicate(timeout=60)[0] == "driver begins\nSuccess\n"


def test_a_folder_with_names_of_the_standard_library_breaks_no_worker(tasks):
    (tasks.folder / "shadow").mkdir()
    for name in ("random", "socket", "queue", "signal", "multiprocessing"):
        (tasks.folder / "shadow" / f"{name}.py").write_text("raise RuntimeError('not this one')\n")
    process = driver(
        tasks,
        f"""
        import os
        os.chdir({str(tasks.folder / "shadow")!r})
        with ForkserverExecutor(1, ["random"]) as pool:
            print(type(pool.submit(tasks.task("def run(): return 1")).result(60)).__name__)
        """,
    )
    assert process.communicate(timeout=60)[0] == "driver begins\nSuccess\n"


def test_preloaded_libraries_are_there_and_bad_names_do_no_harm(tasks):
    text = "import sys\ndef run(): return ['wave' in sys.modules, 'numpy.random' in sys.modules]"
    with ForkserverExecutor(1, ["numpy", "wave", "no_such_library", "ray"]) as pool:
        assert isinstance(pool.submit(tasks.task(text)).result(60), Success)
    assert (tasks.folder / ".staging/output.json").read_text().split() == ["[", "true,", "true", "]"]


def test_what_the_fork_server_made_is_not_looked_through_again_in_each_worker(pool, tasks):
    text = "import gc\ndef run(): return [gc.isenabled(), gc.get_freeze_count() > len(gc.get_objects())]"
    assert isinstance(pool.submit(tasks.task(text)).result(60), Success)
    assert (tasks.folder / ".staging/output.json").read_text().split() == ["[", "true,", "true", "]"]


def test_a_child_that_a_stage_forks_and_that_comes_back_answers_for_nobody(tasks):
    text = """
        import os
        def run():
            child = os.fork()
            if child: os.waitpid(child, 0)
            return child != 0
    """
    with ForkserverExecutor(1) as pool:
        assert isinstance(pool.submit(tasks.task(text)).result(60), Success)
        assert (tasks.folder / ".staging/output.json").read_text() == "true\n"
        assert isinstance(pool.submit(tasks.task("def run(): raise ValueError")).result(60), Failure)


def test_a_task_that_takes_too_long_is_ended_on_a_warm_worker_too(tasks):
    text = "import os, time\ndef run(): time.sleep(600 if os.path.exists('slow') else 0)"
    with ForkserverExecutor(1) as pool:
        assert isinstance(pool.submit(tasks.task(text)).result(60), Success)
        (tasks.folder / "slow").touch()
        assert pool.submit(replace(tasks.task(text), timeout=0.1)).result(60).kind == "timeout"


def test_a_worker_that_died_between_two_tasks_is_replaced(tasks):
    text = """
        import os
        def run():
            with open("pids", "w") as file: file.write(str(os.getpid()))
            return 1
    """
    with ForkserverExecutor(1) as pool:
        assert isinstance(pool.submit(tasks.task(text)).result(60), Success)
        (pid,) = pids_of(tasks.folder)
        os.kill(pid, signal.SIGKILL)
        until(lambda: not psutil.pid_exists(pid))  # as a zombie it may still hold its end of the wire
        assert isinstance(pool.submit(tasks.task(text)).result(60), Success)
