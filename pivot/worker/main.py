"""The one importable runner: a pickled task in, a pickled result out, every failure a value.

    bytes → Task → modules (texts held?) → surroundings → capture → inject → call → save → TaskResult → bytes

Objects of the user's classes never cross the process border, since one that cannot be unpickled there would end
the worker, or the driver.
"""

import contextlib
import ctypes
import faulthandler
import multiprocessing
import multiprocessing.connection
import multiprocessing.forkserver
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any, cast

from pivot.errors import PivotError
from pivot.model.portrait import pickle_with_portraits
from pivot.model.stage import ObjectRef
from pivot.model.task import Failure, StaleWorker, Success, Task, TaskResult, TrialResult, TrialTask
from pivot.worker import modules
from pivot.worker.capture import adopt_streams, captured, fresh_warnings, logging_setup
from pivot.worker.context import Note, running
from pivot.worker.failures import failure_of
from pivot.worker.imports import ImportLog
from pivot.worker.inject import arguments, spread
from pivot.worker.save import make_room, save
from pivot.worker.seeding import put_back, seeded
from pivot.worker.seen import observing
from pivot.worker.surroundings import TookTooLong, interruptible, limited, surroundings
from pivot.worker.wire import receive, send


def start() -> None:
    """Make this process a worker: its own group, deaf to Ctrl-C between tasks, dead when the driver is."""
    with contextlib.suppress(PermissionError):
        os.setsid()
    signal.signal(signal.SIGINT, lambda _number, _frame: None)
    signal.pthread_sigmask(
        signal.SIG_UNBLOCK, {signal.SIGINT}
    )  # the fork server is deaf to it, and so its children
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    if null > 2:
        os.close(null)
    adopt_streams()
    _buffer_c_output_by_line()
    faulthandler.enable()
    _let_go_of_the_fork_server()
    threading.Thread(target=_die_with_the_driver, name="pivot-parent", daemon=True).start()


def serve(connection: Connection) -> None:
    """Be a worker: call one runner after the other, each by its name, and answer with what it gives."""
    start()
    own, fd = os.getpid(), connection.fileno()
    while True:
        try:
            runner, data = pickle.loads(receive(fd, lambda: None))
        except EOFError:
            return
        answer: bytes = runner(data)
        if os.getpid() != own:  # a child that the stage forked, and that came back as its parent did
            os._exit(0)
        send(fd, answer)


def run_task(data: bytes) -> bytes:
    """Run a stage once.

    Args:
        data: a pickled `Task`.

    Returns:
        A pickled `TaskResult`. Never raises: `SystemExit` and the like are failures too.
    """
    task: Task = pickle.loads(data)
    result: TaskResult
    try:
        with interruptible():
            result = _run(task)
    except BaseException as error:  # noqa: BLE001 - also an interrupt between the steps
        result = failure_of(error, "exception", task.modules)
    return pickle.dumps(result)


def run_trial(data: bytes) -> bytes:
    """Evaluate a module's text and pickle some of its values.

    Takes a pickled `TrialTask`, gives a pickled `TrialResult`. The process is to be discarded afterwards.
    """
    task: TrialTask = pickle.loads(data)
    texts = (*task.modules, task.module)
    try:
        modules.install(texts, task.roots)
        with surroundings(task.cwd, task.environment), captured(os.devnull), limited(task.timeout):
            module = modules.load(task.module.name)
            result = _picked(vars(module), task.names)
    except TookTooLong:
        result = TrialResult(failure=task.too_slow)
    except BaseException as error:  # noqa: BLE001 - every failure is a value
        result = TrialResult(failure=failure_of(error, "import", texts))
    return pickle.dumps(result)


def run_call(data: bytes) -> bytes:
    """Call a function of Pivot's own in this process, which is discarded afterwards.

    Args:
        data: pickled (function, argument, current directory, environment).

    Returns:
        Pickled ``bytes`` that the function gave, or the `PivotError` that it raised.
    """
    function, argument, cwd, environment = cast(
        "tuple[ObjectRef, bytes, str, dict[str, str]]", pickle.loads(data)
    )
    try:
        with surroundings(cwd, environment):
            answer: object = cast("Callable[[bytes], bytes]", modules.resolve(function))(argument)
    except PivotError as error:
        answer = error
    except BaseException as error:  # noqa: BLE001 - it must reach the driver in words
        failure = failure_of(error, "exception", ())
        answer = PivotError(f"{function}: {failure.message}", failure.traceback.rstrip() or None)
    return pickle.dumps(answer)


def _run(task: Task) -> TaskResult:
    stale = modules.stale(task.modules, task.roots, observed=bool(task.root))
    if stale:
        return StaleWorker(stale)
    importer, log = modules.install(task.modules, task.roots)
    with surroundings(task.cwd, task.environment), captured(task.log):
        with observing(task, importer, log) as watch:
            result = _execute(task, log, watch.asked)
        if isinstance(result, Success) or task.afar is not None:  # where something is lacking, it may be why
            return replace(result, seen=watch.seen())
        return result


def _execute(task: Task, log: ImportLog, note: Note) -> Success | Failure:
    begin = time.perf_counter()
    step = "import"
    try:
        logging_before = logging_setup()
        with seeded(task.seed) as moved:
            function = cast("Callable[..., object]", modules.resolve(task.function))
            drawn = moved()
        # the project's own seed and logging hold; a later stage would find its modules imported, and not hear of them
        if drawn or logging_setup() != logging_before:
            log.mark_asked()
        with fresh_warnings(), running(task, note):
            step = "load"
            given, values = spread(function, arguments(task))
            make_room(task)
            step = "exception"
            with seeded(task.seed):
                put_back(drawn)
                returned = function(*given, **values)
            step = "result"
            outputs = save(task, returned)
    except BaseException as error:  # noqa: BLE001 - every failure is a value
        return failure_of(error, step, task.modules)
    return Success(outputs, time.perf_counter() - begin)


def _picked(namespace: dict[str, object], names: tuple[str, ...]) -> TrialResult:
    values, problems = {}, {}
    for name in names:
        if name not in namespace:
            problems[name] = "the module does not define it"
            continue
        try:
            values[name] = pickle_with_portraits(namespace[name])
        except Exception as error:  # noqa: BLE001 - pickling runs the user's code
            problems[name] = f"{type(error).__name__}: {error}"
    return TrialResult(values, problems)


def _die_with_the_driver() -> None:
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    multiprocessing.connection.wait([parent.sentinel])
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)  # the programs that the stage started, and this process
    os._exit(1)


def _let_go_of_the_fork_server() -> None:
    """Close the pipe that would keep the fork server alive as long as this worker lives."""
    server: Any = multiprocessing.forkserver._forkserver  # noqa: SLF001 - there is no public way
    if server._forkserver_alive_fd is not None:  # noqa: SLF001
        os.close(server._forkserver_alive_fd)  # noqa: SLF001
        server._forkserver_alive_fd = None  # noqa: SLF001


def _buffer_c_output_by_line() -> None:
    """Let what C code prints appear in the log as it is printed, and survive a crash."""
    mac = sys.platform == "darwin"
    name, line_buffered = ("__stdoutp", 1) if mac else ("stdout", 1)  # _IOLBF
    with contextlib.suppress(OSError, ValueError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.setvbuf(ctypes.c_void_p.in_dll(libc, name), None, line_buffered, 0)
