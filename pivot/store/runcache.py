"""The run cache: records by stage and input hash, plain files that can be copied about.

What a stage touches is known only after a run. So the names of all its records under the same declared inputs begin
alike, and whoever looks one up asks of each whether what was observed still holds.
"""

import contextlib
import os
from collections.abc import Sequence

from pivot.errors import FormatError
from pivot.model.digest import Digest, digest_bytes
from pivot.model.record import Inputs, StageRecord
from pivot.store import atomic, codec
from pivot.store.layout import Layout

MOST = 64
"""Records of a stage under the same declared inputs; a stage that reads what changes each day makes one each day."""


def read_record(layout: Layout, stage: str, inputs: Inputs) -> StageRecord | None:
    """The record of a stage under all its inputs; ``None`` where there is none that this Pivot can read."""
    path = layout.record_file(stage, inputs.declared_key, inputs.observed.digest)
    record = _read(path, stage)
    return record if record is not None and record.inputs.key == inputs.key else None


def read_records(layout: Layout, stage: str, declared: Digest) -> list[StageRecord]:
    """All readable records of a stage under what is known before a run, in the order of their names."""
    found = (_read(path, stage) for path in _beginning(layout.records_begin(stage, declared)))
    return [record for record in found if record is not None and record.inputs.declared_key == declared]


def write_record(
    layout: Layout, record: StageRecord, text: str | None = None, *, is_first: bool = False
) -> None:
    """Keeps a record under its stage and inputs, and the last `MOST` of them that differ in what was observed.

    Nobody need flush it: a torn one is a miss.

    Args:
        text: what `codec.full_text` gives for it, where that is known.
        is_first: whether the stage had no result before, so that nobody need look for those that are too many.

    Raises:
        StoreError: it cannot be written.
    """
    path = layout.record_file(record.stage, record.inputs.declared_key, record.inputs.observed.digest)
    data = (codec.full_text(record) if text is None else text).encode("utf-8")
    if atomic.holds(path, data):
        with contextlib.suppress(OSError):  # a cache that is read-only for us, of which all can be restored
            os.utime(path)  # among the last ones
        return
    atomic.replace_unflushed(path, data, layout.cache_scratch)
    if not is_first:
        _drop_oldest(_beginning(layout.records_begin(record.stage, record.inputs.declared_key)))


def _beginning(begin: str) -> list[str]:
    """The files whose absolute paths begin so, in order."""
    folder, begin = os.path.split(begin)
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    return [os.path.join(folder, name) for name in sorted(names) if name.startswith(begin)]


def _drop_oldest(paths: Sequence[str]) -> None:
    if len(paths) <= MOST:
        return
    written: dict[str, int] = {}
    for path in paths:
        with contextlib.suppress(FileNotFoundError):  # another run was faster
            written[path] = os.stat(path).st_mtime_ns
    for path in sorted(written, key=written.__getitem__)[:-MOST]:
        atomic.discard(path)


def _read(path: str, stage: str) -> StageRecord | None:
    try:
        with open(path, "rb") as file:
            record = codec.decode(file.read().decode("utf-8"), stage, path)
    except (OSError, ValueError, FormatError):  # a shared cache may hold a newer Pivot's
        return None
    contents = ((state.content, state.digest) for state in record.outputs.values())
    is_whole = all(data is None or digest_bytes(data) == digest for data, digest in contents)
    return record if is_whole else None
