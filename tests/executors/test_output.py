"""Whatever a stage prints is in its log, in order, and in nobody else's."""

from concurrent.futures import wait
from dataclasses import replace

import pytest

from pivot.executors.inline import InlineExecutor
from pivot.model.task import Success

ALL_WAYS = """
    import ctypes, logging, os, subprocess, sys, warnings
    def run():
        print("print", 1)
        print("error", file=sys.stderr)
        os.write(1, b"os.write\\n")
        os.system("echo os.system")
        subprocess.run(["echo", "subprocess"])
        ctypes.CDLL(None).puts(b"from C")
        logging.getLogger("x").warning("logged")
        warnings.warn("warned")
        print("grüße \\udcff")
        sys.stdout.write("no newline")
        return 1
"""
LINES = [
    "print 1",
    "error",
    "os.write",
    "os.system",
    "subprocess",
    "from C",
    "logged",
    "grüße \\udcff",
    "no newline",
]


def test_all_ways_to_write_keep_their_order(pool, tasks):
    pool.submit(tasks.task(ALL_WAYS)).result(60)
    assert [line for line in tasks.log.read_text().splitlines() if line in LINES] == LINES


def test_every_run_shows_its_own_warning(pool, tasks):
    text = "import warnings\ndef run():\n    warnings.warn('mind', UserWarning)\n    return 1"
    for count in (1, 2, 3):
        pool.submit(tasks.task(text)).result(60)
        assert tasks.log.read_text().count("UserWarning: mind") == count


def test_the_inline_executor_captures_too_and_gives_the_streams_back(tasks, capfd):
    with InlineExecutor() as executor:
        executor.submit(tasks.task("import os\ndef run():\n    print('print')\n    os.system('echo child')"))
    print("mine")
    assert tasks.log.read_text() == "print\nchild\n"
    assert capfd.readouterr().out == "mine\n"


def test_the_log_is_appended_to(executor, tasks):
    tasks.log.write_text("before\n")
    executor.submit(tasks.task("def run(): print('now')")).result(60)
    assert tasks.log.read_text() == "before\nnow\n"


def test_two_stages_at_once_do_not_mix(pool, tasks):
    futures = []
    for name in ("a", "b"):
        text = (
            f"import os\ndef run():\n    for i in range(300): print({name!r} * 50); os.system('echo {name}')"
        )
        log = tasks.folder / f"{name}.log"
        out = tasks.out("output", f"{name}.json")
        futures.append(pool.submit(tasks.task(text, stage=name, log=log, outs=[out])))
    wait(futures, 60)
    for name in ("a", "b"):
        assert set((tasks.folder / f"{name}.log").read_text()) == {name, "\n"}
        assert (tasks.folder / f"{name}.log").read_text().count("\n") == 600


def test_what_is_written_appears_while_the_stage_runs(pool, tasks):
    text = """
        import ctypes, os
        def run():
            print("first")
            ctypes.CDLL(None).puts(b"second")
            with open("stage.log") as log: seen = log.read()
            return seen
    """
    assert isinstance(pool.submit(tasks.task(text)).result(60), Success)
    assert '"first\\nsecond\\n"' in (tasks.folder / ".staging/output.json").read_text()


def test_logging_set_up_by_one_stage_is_gone_in_the_next(pool, tasks):
    loud = "import logging\ndef run(): logging.basicConfig(level=logging.DEBUG); logging.debug('loud')"
    quiet = "import logging\ndef run(): logging.debug('quiet')"
    pool.submit(tasks.task(loud)).result(60)
    pool.submit(tasks.task(quiet)).result(60)
    assert tasks.log.read_text() == "DEBUG:root:loud\n"


def test_logging_that_a_module_sets_up_at_import_is_so_for_each_stage_that_imports_it(pool, tasks):
    text = """
        import logging
        logging.basicConfig(level="INFO", format="%(message)s")
        def run(): logging.info("here")
    """
    for name in ("a", "b", "c"):
        task = tasks.task(text, log=tasks.folder / f"{name}.log")
        pool.submit(replace(task, root=str(tasks.folder))).result(60)
        assert (tasks.folder / f"{name}.log").read_text() == "here\n"


def test_a_handler_made_at_import_writes_to_the_log_of_the_stage_that_runs(pool, tasks):
    text = """
        import logging
        log = logging.getLogger("mine")
        log.addHandler(logging.StreamHandler())
        def run(): log.error("here")
    """
    for name in ("a", "b", "c"):
        pool.submit(tasks.task(text, log=tasks.folder / f"{name}.log")).result(60)
        assert (tasks.folder / f"{name}.log").read_text().startswith("here\n")


@pytest.mark.parametrize(
    "harm", ["sys.stdout.close()", "sys.stdout = None", "sys.stdout = open(os.devnull, 'w')"]
)
def test_a_stage_that_breaks_its_stdout_harms_no_other(pool, tasks, harm):
    pool.submit(tasks.task(f"import os, sys\ndef run(): {harm}")).result(60)
    for _ in range(2):
        pool.submit(tasks.task("def run(): print('works')")).result(60)
    assert tasks.log.read_text().endswith("works\nworks\n")


def test_a_log_that_cannot_be_opened_is_a_failure(pool, tasks):
    failure = pool.submit(tasks.task("def run(): 1", log=tasks.folder / "no" / "log")).result(60)
    assert failure.kind == "exception"
    assert "No such file or directory" in failure.message
