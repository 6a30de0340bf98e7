"""Lock files: the record of each stage's last result, kept in git."""

import contextlib
import json
import os

from pivot.errors import StoreError
from pivot.model.record import StageRecord
from pivot.store import atomic, codec
from pivot.store.layout import Layout

_PIECE = 1 << 16


def read_lock(layout: Layout, stage: str) -> tuple[StageRecord | None, str]:
    """The record of a stage's last result, and what is wrong with the file if there is no telling.

    The contents of small outputs are not in it; the run cache has them.

    Returns:
        the record and an empty text, or ``None`` and why there is none (empty where there simply is no file).

    Raises:
        FormatError: a newer Pivot wrote it.
        StoreError: the file cannot be opened.
    """
    path = layout.lock_file(stage)
    try:
        data = _read(path)
    except (FileNotFoundError, NotADirectoryError):
        return None, ""
    except OSError as error:
        raise StoreError(
            f"stage {stage!r}: cannot read {path}: {error.strerror}", "make it readable"
        ) from error
    try:
        return codec.decode(data.decode("utf-8"), stage, path), ""
    except ValueError as error:  # UnicodeDecodeError is one
        why = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
        return None, f"stage {stage!r}: {path} counts as absent: {why}"


def read_locks(layout: Layout) -> tuple[list[StageRecord], list[str]]:
    """All lock files of the project, also those of stages that are no more; and what is wrong with the others.

    Raises:
        FormatError: a newer Pivot wrote one.
        StoreError: one cannot be opened.
    """
    folder = os.path.dirname(layout.lock_file("any"))
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".lock"))
    except (FileNotFoundError, NotADirectoryError):
        return [], []
    except OSError as error:
        raise StoreError(f"cannot read {folder}: {error.strerror}", "make it readable") from error
    records, problems = [], []
    for path in (os.path.join(folder, name) for name in names):
        try:
            records.append(lock_record(_read(path), path))
        except OSError as error:
            raise StoreError(f"cannot read {path}: {error.strerror}", "make it readable") from error
        except ValueError as error:
            problems.append(f"{path} counts as absent: {error}")
    return records, problems


def lock_record(data: bytes, where: str) -> StageRecord:
    """The record in the bytes of a lock file, whatever stage it is of.

    Args:
        where: the file's name, for messages.

    Raises:
        ValueError: it cannot be read.
        FormatError: a newer Pivot wrote it.
    """
    text = data.decode("utf-8")
    stage = ""
    with contextlib.suppress(ValueError, TypeError, KeyError, RecursionError):  # what is wrong is found below
        stage = str(json.loads(text)["stage"])
    return codec.decode(text, stage, where)


def write_lock(layout: Layout, record: StageRecord, text: str | None = None) -> None:
    """Makes ``record`` the stage's last result; a file that says so already is left alone.

    It is for the caller to have it flushed.

    Args:
        text: what `codec.lock_text` gives for it, where that is known.

    Raises:
        StoreError: it cannot be written.
    """
    path = layout.lock_file(record.stage)
    data = (codec.lock_text(record) if text is None else text).encode("utf-8")
    try:
        if _read(path) == data:
            return
    except OSError:
        pass
    atomic.replace_unflushed(path, data, layout.scratch)


def _read(path: str) -> bytes:
    """A file's bytes. Python's own files take twice as long for one that is small, and a check reads thousands."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return b"".join(iter(lambda: os.read(fd, _PIECE), b""))
    finally:
        os.close(fd)
