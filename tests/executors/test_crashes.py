"""All the ways in which a stage can end badly: each is a value that says what happened, and where."""

import os
import sys
import textwrap

import psutil
import pytest

from pivot.executors.forkserver import ForkserverExecutor
from pivot.model.task import Failure, Success

# name, text of the stage, kind, words of the message, words of the traceback
CRASH_CASES = [
    (
        "raise",
        "def run(): raise ValueError('bad')",
        "exception",
        "ValueError: bad (stages.py:1)",
        "raise ValueError",
    ),
    ("no text", "def run(): raise ValueError", "exception", "ValueError (stages.py:1)", ""),
    (
        "helper",
        "def f(): 1/0\ndef run(): f()",
        "exception",
        "division by zero (stages.py:1)",
        "line 2, in run",
    ),
    (
        "sys.exit",
        "import sys\ndef run(): sys.exit(3)",
        "exception",
        "called sys.exit(3) (stages.py:2)",
        "SystemExit",
    ),
    ("exit text", "def run(): raise SystemExit('no')", "exception", "called sys.exit('no')", ""),
    ("memory", "def run(): raise MemoryError", "exception", "MemoryError (stages.py:1)", ""),
    ("recursion", "def run(): return run()", "exception", "RecursionError: maximum recursion", "repeated"),
    ("generator exit", "def run(): raise GeneratorExit", "exception", "GeneratorExit (stages.py:1)", ""),
    (
        "an exception that cannot be unpickled",
        """
        class Odd(Exception):
            def __init__(self, a, b): super().__init__(a)
        def run(): raise Odd('one', 'two')
        """,
        "exception",
        "Odd: one (stages.py:3)",
        "",
    ),
    (
        "an exception without words",
        """
        class Mute(Exception):
            def __str__(self): raise RuntimeError('no')
        def run(): raise Mute
        """,
        "exception",
        "Mute: (its text cannot be shown: __str__ failed) (stages.py:3)",
        "<exception str() failed>",
    ),
    (
        "a cause",
        """
        def run():
            try: {}['k']
            except KeyError as e: raise ValueError('outer') from e
        """,
        "exception",
        "ValueError: outer (stages.py:3)",
        "KeyError: 'k'",
    ),
    (
        "a group",
        "def run(): raise ExceptionGroup('many', [ValueError('one'), TypeError('two')])",
        "exception",
        "ExceptionGroup: many (2 sub-exceptions) (stages.py:1)",
        "TypeError: two",
    ),
    (
        "import",
        "import nothing_of_this_name\ndef run(): return 1",
        "import",
        "No module named",
        "import nothing",
    ),
    ("syntax", "def run(:\n", "import", "invalid syntax (stages.py, line 1) (stages.py:1)", "def run(:"),
    ("no function", "def walk(): return 1", "import", "has no attribute 'run'", ""),
    ("unpicklable", "def run(): return lambda: 0", "result", "output 'output' (output.json)", ""),
    ("os._exit", "import os\ndef run(): os._exit(3)", "died", "exited with code 3", ""),
    ("exit 0", "import os\ndef run(): os._exit(0)", "died", "exited with code 0", ""),
    (
        "killed",
        "import os, signal\ndef run(): os.kill(os.getpid(), signal.SIGKILL)",
        "died",
        "worker was killed by SIGKILL (the system may have run out of memory)",
        "",
    ),
    (
        "terminated",
        "import os, signal\ndef run(): os.kill(os.getpid(), signal.SIGTERM)",
        "died",
        "SIGTERM",
        "",
    ),
    ("segfault", "import ctypes\ndef run(): ctypes.string_at(0)", "died", "crashed in C code (SIGSEGV)", ""),
    ("abort", "import os\ndef run(): os.abort()", "died", "crashed in C code (SIGABRT)", ""),
]


@pytest.mark.parametrize(
    ("text", "kind", "message", "traceback"),
    [case[1:] for case in CRASH_CASES],
    ids=[c[0] for c in CRASH_CASES],
)
def test_a_crash_is_a_failure_that_says_how_and_the_next_stage_runs(
    pool, tasks, text, kind, message, traceback
):
    failure = pool.submit(tasks.task(text)).result(60)
    assert isinstance(failure, Failure)
    assert failure.kind == kind
    assert message in failure.message
    assert "\n" not in failure.message
    assert traceback in failure.traceback
    assert "pivot/worker" not in failure.traceback
    assert "importlib" not in failure.traceback
    assert not list(tasks.folder.glob("**/output.json"))
    assert isinstance(pool.submit(tasks.task("def run(): return 1")).result(60), Success)


def test_a_segfault_leaves_its_python_lines_in_the_log(pool, tasks):
    pool.submit(tasks.task("import ctypes\ndef run():\n    print('before')\n    ctypes.string_at(0)")).result(
        60
    )
    log = tasks.log.read_text()
    assert log.startswith("before\n")
    assert "Segmentation fault" in log
    assert 'stages.py", line 4 in run' in log


def test_only_the_stage_whose_worker_died_fails(pool, tasks):
    wait = """
        import os, time
        def run():
            open("started", "w").close()
            while not os.path.exists("go"): time.sleep(0.01)
            return "unharmed"
    """
    crash = """
        import os, time
        def run():
            while not os.path.exists("started"): time.sleep(0.01)
            os._exit(9)
    """
    other = pool.submit(tasks.task(wait, stage="other"))
    assert pool.submit(tasks.task(crash, stage="crash")).result(60).kind == "died"
    (tasks.folder / "go").touch()
    assert isinstance(other.result(60), Success)


def test_a_missing_library_says_what_to_do(pool, tasks):
    failure = pool.submit(tasks.task("import nothing_of_this_name\ndef run(): return 1")).result(60)
    assert (
        failure.hint == "install nothing_of_this_name in the environment that runs Pivot, or mend the import"
    )


def test_the_traceback_shows_the_text_that_ran_though_the_file_has_changed(pool, tasks):
    (tasks.folder / "stages.py").write_text("something else entirely\n" * 9)
    failure = pool.submit(tasks.task("def run():\n    x = 1\n    raise ValueError('text')")).result(60)
    assert failure.traceback == textwrap.dedent(f"""\
        Traceback (most recent call last):
          File "{tasks.folder}/stages.py", line 3, in run
            raise ValueError('text')
        ValueError: text
    """)


def test_an_error_in_a_cell_names_the_cell(executor, tasks):
    module = tasks.module("def run():\n    raise ValueError('bad')")
    cell = type(module)("nb_stages", "<nb_stages>", "Cell In[7]", module.text, module.digest)
    failure = executor.submit(tasks.task(modules=[cell])).result(60)
    assert failure.message == "ValueError: bad (Cell In[7], line 2)"
    assert "raise ValueError('bad')" in failure.traceback


def fork_servers() -> list[psutil.Process]:
    processes = psutil.Process().children()
    return [one for one in processes if "multiprocessing.forkserver" in " ".join(one.cmdline())]


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads in /proc")
def test_the_fork_server_has_one_thread_after_loading_pandas(tasks):
    others = set(fork_servers())
    with ForkserverExecutor(os.cpu_count() or 1, ["pandas"]) as pool:
        text = "import sys\ndef run(): return 'pandas' in sys.modules"
        assert isinstance(pool.submit(tasks.task(text)).result(60), Success)
        (server,) = set(fork_servers()) - others
        assert server.num_threads() == 1
    assert (tasks.folder / ".staging/output.json").read_text() == "true\n"


def test_a_fork_server_that_died_is_replaced(tasks):
    others = set(fork_servers())
    with ForkserverExecutor(1) as executor:
        assert isinstance(executor.submit(tasks.task("def run(): return 1")).result(60), Success)
        (server,) = set(fork_servers()) - others
        server.kill()
        server.wait(10)
        results = [executor.submit(tasks.task(f"def run(): return {i}")).result(60) for i in range(3)]
        assert isinstance(results[-1], Success)


def test_a_fork_server_that_dies_when_it_is_asked_for_a_worker_is_replaced(tasks):
    others = set(fork_servers())
    with ForkserverExecutor(1) as executor:
        (server,) = set(fork_servers()) - others
        server.suspend()
        before = psutil.Process().num_fds()
        future = executor.submit(tasks.task("def run(): return 1"))
        while psutil.Process().num_fds() == before and not future.done():
            pass  # nobody has asked it yet
        server.kill()
        assert isinstance(future.result(60), Success)
