"""The run cache: records by stage and input hash, plain files that can be copied about."""

from pivot.errors import FormatError
from pivot.model.digest import Digest
from pivot.model.record import StageRecord
from pivot.store import atomic, codec
from pivot.store.layout import Layout


def read_record(layout: Layout, stage: str, key: Digest) -> StageRecord | None:
    """The record of a stage under an input hash; ``None`` where there is none that this Pivot can read."""
    path = layout.record_file(stage, key)
    try:
        with open(path, "rb") as file:
            record = codec.decode(file.read().decode("utf-8"), stage, path)
    except (OSError, ValueError, FormatError):  # a shared cache may hold a newer Pivot's
        return None
    return record if record.inputs.key == key else None


def write_record(layout: Layout, record: StageRecord) -> None:
    """Keeps a record under its stage and input hash.

    Nobody need flush it: a torn one is a miss.

    Raises:
        StoreError: it cannot be written.
    """
    path = layout.record_file(record.stage, record.inputs.key)
    atomic.replace_unflushed(path, codec.full_text(record).encode("utf-8"), layout.cache_scratch)
