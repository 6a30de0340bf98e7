"""A process that is the client of a cluster, for one driver: ``python -m pivot.executors.client DESCRIPTOR``.

Neither Dask nor Ray is loaded in the driver, which may be a notebook's kernel: their threads, signal handlers and
global state, and what they print, stay in here. The process ends with its driver however that ends, and takes along
what it started.
"""

import contextlib
import pickle
import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from pivot.errors import PivotError
from pivot.executors.carrier import Carrier
from pivot.executors.message import (
    Begin,
    Carried,
    Carry,
    Prepare,
    Ready,
    Refused,
    Stop,
    ToClient,
    ToDriver,
    Verified,
    Verify,
)
from pivot.model.task import Failure
from pivot.worker.wire import receive, send


class _Line:
    """The way to the driver; one message after the other."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._lock = threading.Lock()

    def say(self, message: ToDriver) -> None:
        with self._lock, contextlib.suppress(OSError):  # nobody is there any more: the end comes by `hear`
            send(self._fd, pickle.dumps(message))

    def hear(self) -> ToClient | None:
        """The next message; ``None`` once the driver is gone."""
        try:
            message: ToClient = pickle.loads(receive(self._fd, lambda: None))
        except (EOFError, OSError):
            return None
        return message


def main(fd: int) -> None:
    """Serve the driver at the other end of a socket until it is gone."""
    line = _Line(fd)
    begin = line.hear()
    if not isinstance(begin, Begin):
        return
    try:
        carrier = _connected(begin)
    except PivotError as error:
        line.say(Refused(error.message, error.hint))
        return
    except ImportError as error:
        kind = begin.spec.kind
        line.say(Refused(f"{kind.capitalize()} is not installed: {error}", f"pip install 'pivot[{kind}]'"))
        return
    except Exception as error:  # noqa: BLE001 - whatever it is: the driver waits for a word
        said = f"{type(error).__name__}: {error}".splitlines()[0]
        line.say(Refused(f"{begin.spec.title} cannot be used: {said}", None))
        return
    try:
        line.say(Ready(carrier.slots, carrier.has))
        with ThreadPoolExecutor(
            1, "pivot-orders"
        ) as aside:  # a word that takes its time must not hold up the next
            while (message := line.hear()) is not None:
                match message:
                    case Prepare(preload):
                        aside.submit(carrier.prepare, preload)
                    case Carry():
                        _carry(carrier, message, line)
                    case Stop(number, hard):
                        aside.submit(carrier.stop, number, hard=hard)
                    case Verify(expected):
                        line.say(Verified(carrier.verify(expected)))
    finally:
        carrier.close()
        shutil.rmtree(begin.folder, ignore_errors=True)


def _carry(carrier: Carrier, message: Carry, line: _Line) -> None:
    def done(result: bytes | Failure) -> None:
        line.say(Carried(message.number, pickle.dumps(result) if isinstance(result, Failure) else result))

    try:
        carrier.carry(message, done)
    except Exception as error:  # noqa: BLE001 - the driver waits for an answer
        done(Failure("died", f"the cluster did not take it: {type(error).__name__}: {error}".splitlines()[0]))


def _connected(begin: Begin) -> Carrier:
    if begin.spec.kind == "dask":
        from pivot.executors.dask import DaskCarrier  # lazy: only one of them may be installed

        return DaskCarrier(begin)
    from pivot.executors.ray import RayCarrier  # lazy: only one of them may be installed

    return RayCarrier(begin)


if __name__ == "__main__":
    main(int(sys.argv[1]))
