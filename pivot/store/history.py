"""The history: one folder for each run, with its events and what its stages wrote, and the records of their results.

Nothing rests on it: what cannot be kept is done without, and all of it may be deleted.
"""

import contextlib
import errno
import fcntl
import json
import os
import re
import shutil
import threading
import zlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from pivot.errors import FormatError, StoreError
from pivot.model.digest import Digest, digest_bytes, digest_parts
from pivot.model.event import Event
from pivot.model.record import StageRecord
from pivot.paths import absolute
from pivot.store import atomic, codec
from pivot.store.events import event_from_json, event_json, event_line
from pivot.store.layout import Layout, file_name
from pivot.store.runcache import read_record

__all__ = [
    "RunLog",
    "event_json",
    "is_going_on",
    "keep_record",
    "kept_records",
    "list_runs",
    "prune_runs",
    "pruning",
    "read_events",
    "read_result",
    "result_name",
    "run_name",
]

UNCLAIMED = 24 * 3600.0
"""Seconds that a record is kept which no run names: one that is going on may be about to."""

SWEPT = 3600.0
"""Seconds for which results that no run names are not looked for again."""

LARGEST_CONTENT = 1 << 20
"""Bytes of an uncached output in the workspace that is kept with a result."""

_PACKED = ".z"
"""How the file of a result ends that is not the run cache's own: it is compressed."""

_ORDER = "%Y%m%d-%H%M%S-%f"
_TIME = re.compile(r"\d{8}-\d{6}-\d{6}(?=-)")
_NAMED_RECORD = re.compile(rb'"record": "([0-9a-f]{32})"')
_BULKY = (b'{"event": "StageOutput"', b'{"done": ')
"""How the lines begin that hold what stages printed and how far they were, which most readers need not parse."""


class RunLog:
    """The growing ``events.jsonl`` of one run. While it is open, the run counts as going on.

    Args:
        layout: of the project.
        run: the run's id, which no other run has; its folder is made.

    Raises:
        StoreError: the folder or the file cannot be made.
    """

    def __init__(self, layout: Layout, run: str) -> None:
        self._path = layout.events_file(run)
        with atomic.explained(self._path):
            # the history may be lost in a power failure; nothing rests on it
            os.makedirs(layout.run_folder(run), exist_ok=True)
            self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(self._fd, fcntl.LOCK_EX)

    def append(self, event: Event) -> None:
        """Adds an event.

        Raises:
            StoreError: it cannot be written.
        """
        line = event_line(event)
        with atomic.explained(self._path):
            atomic.write_all(self._fd, line, self._path)

    def close(self) -> None:
        """Ends the log. Call it once."""
        with contextlib.suppress(OSError):
            fcntl.flock(self._fd, fcntl.LOCK_UN)  # said aloud: a forked child may still hold the descriptor
        os.close(self._fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_events(layout: Layout, run: str, *, output: bool = True) -> tuple[Event, ...]:
    """The events of a run in the order in which they happened, also of one that is going on.

    A torn last line, and lines that this Pivot does not know, are left out. A run that never was has none.

    Args:
        output: also what stages printed and how far they said they were, which may be most of the file.
    """
    events = []
    for line in _whole_lines(layout, run):
        if not output and line.startswith(_BULKY):
            continue
        try:
            events.append(event_from_json(json.loads(line)))
        except ValueError:
            continue
    return tuple(events)


def list_runs(layout: Layout) -> tuple[str, ...]:
    """The folder names of all runs (their ids, where these are plain), in their order as text.

    Raises:
        StoreError: the folder is there and cannot be read.
    """
    try:
        found = [entry.name for entry in os.scandir(layout.runs) if entry.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as error:
        raise StoreError(f"cannot read {layout.runs}: {error.strerror}", "make it readable") from error
    return tuple(sorted(name for name in found if not name.startswith(".")))


def run_name(layout: Layout, now: datetime) -> str:
    """The id of a run that begins now. Ids are in the order of the runs, also when the clock was put back."""
    try:
        times = [found[0] for name in list_runs(layout) if (found := _TIME.match(name))]
    except StoreError:  # whoever needs them says so
        times = []
    with contextlib.suppress(ValueError, OverflowError):
        last = datetime.strptime(max(times, default=""), _ORDER).replace(tzinfo=now.tzinfo)
        now = max(now, last + timedelta(microseconds=1))
    return f"{now:{_ORDER}}-{os.urandom(2).hex()}"


def is_going_on(layout: Layout, run: str) -> bool:
    """Whether some process has the run's log open; the system closes it when the process dies."""
    try:
        fd = os.open(layout.events_file(run), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)
    finally:
        os.close(fd)
    return False


def ask_to_stop(layout: Layout, run: str, stages: Iterable[str] = ()) -> None:
    """Asks a run, in whatever process, to end early, or to go on without some of its stages.

    Args:
        stages: their names; none for the whole run.

    Raises:
        StoreError: its folder cannot be written to.
    """
    for file in [_stop_file(layout, run, stage) for stage in stages] or [_stop_file(layout, run)]:
        atomic.replace_unflushed(file, b"", layout.scratch)


def is_asked_to_stop(layout: Layout, run: str, stage: str = "") -> bool:
    """Whether somebody asked the run, or one of its stages, to end early."""
    return os.path.exists(_stop_file(layout, run, stage))


def _stop_file(layout: Layout, run: str, stage: str = "") -> str:
    return os.path.join(layout.run_folder(run), f"{file_name(stage)}.stop" if stage else "stop")


def result_name(record: StageRecord) -> Digest:
    """What names a result in the history: equal inputs and outputs of equal stages, equal names."""
    outputs = sorted(record.outputs.items())
    return digest_parts(
        [
            record.stage,
            record.inputs.key,
            *(t for p, state in outputs for t in (p, state.digest)),
            *(t for name, one in sorted(record.puts.items()) for t in (name, one.state)),
        ]
    )


def keep_record(layout: Layout, record: StageRecord, text: str | None = None) -> Digest:
    """Keeps a result for the history, once; gives its name.

    Args:
        record: what was run, restored or found unchanged. The bytes of small outputs that it has not are taken
            from the run cache, or from the files in place.
        text: what `codec.full_text` gives for it, where that is known.
    """
    name = result_name(record)
    path = _record_file(layout, name)
    for known in (path, f"{path}{_PACKED}"):
        with contextlib.suppress(OSError):
            os.utime(known)  # in use
            return name
    whole = _with_contents(layout, record)
    data = (codec.full_text(whole) if text is None or whole is not record else text).encode("utf-8")
    if not _shared(layout, whole, path, data):
        with contextlib.suppress(StoreError, OSError):
            atomic.replace_unflushed(f"{path}{_PACKED}", zlib.compress(data), layout.scratch)
    return name


def _shared(layout: Layout, record: StageRecord, path: str, data: bytes) -> bool:
    """Lets a result be a second name of its run cache entry: neither is ever written to; gives whether it is one."""
    entry = layout.record_file(record.stage, record.inputs.declared_key, record.inputs.observed.digest)
    try:
        try:
            os.link(entry, path)
        except FileNotFoundError:
            atomic.make_folder(os.path.dirname(path))
            os.link(entry, path)
        if atomic.holds(path, data):  # else another run has put another one there
            return True
        os.unlink(path)
    except OSError:  # another file system, or it is gone
        pass
    return False


def read_result(layout: Layout, name: Digest) -> StageRecord | None:
    """The result that was kept under a name; ``None`` where it is gone, or this Pivot cannot read it."""
    try:
        return _read_result(_record_file(layout, name), name)
    except (OSError, ValueError, KeyError, TypeError, zlib.error, FormatError):
        return None


def kept_records(layout: Layout) -> Iterator[StageRecord]:
    """All results that the history keeps: those of its runs, and of runs that were pruned a short while ago.

    Damaged ones are left out.

    Raises:
        StoreError: they cannot be read.
        FormatError: a newer Pivot keeps them.
    """
    for name in _record_names(layout):
        path = _record_file(layout, name)
        try:
            yield _read_result(path, name)
        except FileNotFoundError:  # pruned meanwhile
            continue
        except OSError as error:
            raise StoreError(f"cannot read {path}: {error.strerror}", "make it readable") from error
        except (ValueError, KeyError, TypeError, zlib.error):
            continue


@contextlib.contextmanager
def pruning(layout: Layout, keep: int, now: float, run: str) -> Iterator[None]:
    """`prune_runs` on a thread of its own while a run goes on: removing thousands of files takes its time."""
    thread = threading.Thread(target=prune_runs, args=(layout, keep, now, run), name="pivot-pruning")
    thread.start()
    try:
        yield
    finally:
        thread.join()


def prune_runs(layout: Layout, keep: int, now: float, coming: str = "") -> tuple[str, ...]:
    """Removes the oldest runs and the results that none of the others names; gives the runs that are gone.

    A run that is going on stays, however old it is, and so does a folder that is no run's.

    Args:
        keep: how many runs stay, 1 or more.
        now: seconds since the epoch.
        coming: a run that is one of them, whether it is there yet or not.
    """
    try:
        runs = [run for run in list_runs(layout) if run != coming]
    except StoreError:  # whoever needs them says so
        return ()
    most = keep - bool(coming)
    gone = tuple(run for run in runs[: max(0, len(runs) - most)] if _is_over(layout, run))
    for run in gone:
        shutil.rmtree(layout.run_folder(run), ignore_errors=True)
    if gone and _is_time(os.path.join(layout.runs, ".swept"), now):
        with contextlib.suppress(StoreError):
            _drop_records(layout, _claimed(layout), now)
    return gone


def _is_time(mark: str, now: float) -> bool:
    """Whether results are to be looked through: all events of all runs are read for it, so not after each run."""
    with contextlib.suppress(OSError):
        if 0 <= now - os.stat(mark).st_mtime < SWEPT:
            return False
    with contextlib.suppress(OSError), open(mark, "wb"):
        os.utime(mark, (now, now))
    return True


def _is_over(layout: Layout, run: str) -> bool:
    try:
        names = os.listdir(layout.run_folder(run))
    except OSError:
        return False
    return (not names or os.path.basename(layout.events_file(run)) in names) and not is_going_on(layout, run)


def _claimed(layout: Layout) -> set[str]:
    """The names of the results that the events of any run hold."""
    lines = (line for run in list_runs(layout) for line in _whole_lines(layout, run))
    found = (_NAMED_RECORD.search(line) for line in lines if not line.startswith(_BULKY))
    return {match[1].decode("ascii") for match in found if match}


def _drop_records(layout: Layout, claimed: Collection[str], now: float) -> None:
    for name in _record_names(layout):
        for path in (_record_file(layout, name), f"{_record_file(layout, name)}{_PACKED}"):
            with contextlib.suppress(OSError):
                if name not in claimed and now - os.stat(path).st_mtime > UNCLAIMED:
                    os.unlink(path)


def _with_contents(layout: Layout, record: StageRecord) -> StageRecord:
    """The record with the bytes of small outputs, which a lock file does not hold."""
    cached = {out.path for out in record.inputs.outs if out.cache}
    lacking = [p for p, state in record.outputs.items() if p not in cached and state.content is None]
    if not lacking:
        return record
    whole = read_record(layout, record.stage, record.inputs)
    outputs = dict(record.outputs)
    for path in lacking:
        found = whole.outputs.get(path) if whole is not None else None
        content = found.content if found is not None else None
        if content is None and outputs[path].size <= LARGEST_CONTENT:
            with contextlib.suppress(OSError), open(absolute(path, layout.root), "rb") as file:
                content = file.read()
        if content is not None and digest_bytes(content) == outputs[path].digest:
            outputs[path] = replace(outputs[path], content=content)
    return replace(record, outputs=outputs)


def _whole_lines(layout: Layout, run: str) -> list[bytes]:
    try:
        with open(layout.events_file(run), "rb") as file:
            return file.read().split(b"\n")[:-1]  # what follows the last line break is empty or torn
    except (FileNotFoundError, NotADirectoryError):
        return []


def _record_file(layout: Layout, name: str) -> str:
    """``runs/.records/ab/cdef…``: beside the runs, as a run's name begins with no dot."""
    return os.path.join(layout.runs, ".records", name[:2], name[2:])


def _read_result(path: str, name: Digest) -> StageRecord:
    try:
        with open(path, "rb") as file:
            text = file.read().decode("utf-8")
    except FileNotFoundError:
        with open(f"{path}{_PACKED}", "rb") as file:
            text = zlib.decompress(file.read()).decode("utf-8")
    return codec.decode(text, json.loads(text)["stage"], name)


def _record_names(layout: Layout) -> Iterator[Digest]:
    folder = os.path.join(layout.runs, ".records")
    for first in atomic.names_in(folder):
        found = atomic.names_in(os.path.join(folder, first))
        yield from (Digest(first + name) for name in sorted({name.removesuffix(_PACKED) for name in found}))
