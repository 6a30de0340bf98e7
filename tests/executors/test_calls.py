"""What is asked of a process that is discarded afterwards: calls of our own functions, trials of a module's text."""

import os
import pickle

import pytest

from pivot.errors import DefinitionError, PivotError
from pivot.executors.forkserver import ForkserverExecutor
from pivot.model.stage import ObjectRef
from pivot.model.task import TrialTask


def test_a_call_runs_in_a_process_of_its_own(tasks):
    with ForkserverExecutor(1) as pool:
        own = b"__import__('pickle').dumps(__import__('os').getpid())"
        first, second = (pickle.loads(pool.call(ObjectRef("builtins", "eval"), own)) for _ in range(2))
        assert len({first, second, os.getpid()}) == 3


def test_a_call_gives_back_the_very_error(pool):
    with pytest.raises(DefinitionError) as caught:
        pool.call(ObjectRef("builtins", "exec"), _raising("DefinitionError('stages.py:3: bad', 'mend it')"))
    assert (caught.value.message, caught.value.hint) == ("stages.py:3: bad", "mend it")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ValueError('odd')", "builtins.exec: ValueError: odd"),
        ("SystemExit(4)", "builtins.exec: called sys.exit(4)"),
    ],
)
def test_other_errors_of_a_call_become_ours(pool, code, message):
    with pytest.raises(PivotError) as caught:
        pool.call(ObjectRef("builtins", "exec"), _raising(code))
    assert caught.value.message == message


def test_a_call_whose_process_dies_is_an_error(pool):
    with pytest.raises(PivotError, match="exited with code 5"):
        pool.call(ObjectRef("builtins", "exec"), b"import os; os._exit(5)")


def _raising(expression):
    return f"from pivot.errors import *\nraise {expression}".encode()


def trial_of(tasks, text, names, timeout=30.0):
    module = tasks.module(text, "nb")
    return TrialTask(module, (), (str(tasks.folder),), str(tasks.folder), dict(os.environ), names, timeout)


def test_a_trial_gives_values_and_says_why_there_are_none(executor, tasks):
    text = "a = {'x': [1, 2]}\nb = (i for i in a)\nprint('noise')"
    result = executor.trial(trial_of(tasks, text, ("a", "b", "c")))
    assert result.failure is None
    assert {name: pickle.loads(data) for name, data in result.values.items()} == {"a": {"x": [1, 2]}}
    assert result.problems["b"].startswith("TypeError: cannot pickle")
    assert result.problems["c"] == "the module does not define it"


def test_a_trial_that_fails_says_where(executor, tasks):
    result = executor.trial(trial_of(tasks, "x = 1\ny = 1/0", ("x",)))
    assert result.failure.message == "ZeroDivisionError: division by zero (nb.py:2)"


def test_a_trial_ends_after_its_timeout_and_when_its_process_dies(pool, tasks):
    loop = "while True:\n    try:\n        while True: pass\n    except Exception: pass"
    for text in (loop, "import time; time.sleep(60)"):
        slow = pool.trial(trial_of(tasks, text, ("x",), 0.2))
        assert slow.failure.message == "nb.py took longer than 0.2 s to evaluate"
    dead = pool.trial(trial_of(tasks, "import os; os._exit(2)", ("x",)))
    assert dead.failure.kind == "died"
