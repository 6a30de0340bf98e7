"""Lock files: the record of each stage's last result, kept in git."""

from pivot.errors import StoreError
from pivot.model.record import StageRecord
from pivot.store import atomic, codec
from pivot.store.layout import Layout


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
        with open(path, "rb") as file:
            data = file.read()
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


def write_lock(layout: Layout, record: StageRecord) -> None:
    """Makes ``record`` the stage's last result; a file that says so already is left alone.

    It is for the caller to have it flushed.

    Raises:
        StoreError: it cannot be written.
    """
    path = layout.lock_file(record.stage)
    data = codec.lock_text(record).encode("utf-8")
    try:
        with open(path, "rb") as file:
            if file.read() == data:
                return
    except OSError:
        pass
    atomic.replace_unflushed(path, data, layout.scratch)
