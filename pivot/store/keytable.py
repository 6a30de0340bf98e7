"""The table of names of the object store: which key stands for which object, and who put it there.

One small file for each key, so that writers of different keys do not meet and each change is a rename; and for each
stage one with the names of its keys. What a stage put counts by its record: these files follow from that, and are put
right again whenever the stage's outputs are.
"""

import json
import os
from collections.abc import Iterator, Mapping

from pivot.errors import FormatError, StoreError
from pivot.model.digest import Digest
from pivot.model.record import StageRecord
from pivot.model.stored import Entry, KeyName, Stored
from pivot.store import atomic
from pivot.store.layout import Layout

_SCHEMA = 1


def read_entry(layout: Layout, name: KeyName) -> Entry | None:
    """What a key stands for; ``None`` where there is no such key.

    Raises:
        StoreError: its file is damaged or cannot be read.
        FormatError: a newer Pivot wrote it.
    """
    path = layout.key_file(name)
    try:
        with open(path, "rb") as file:
            found = parse_entry(file.read(), path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}", "make it readable") from error
    return found if found.name == name else None


def find_entry(layout: Layout, name: KeyName) -> Entry | None:
    """`read_entry`, where a damaged file counts as none: a power failure may have torn what a stage put.

    Raises:
        FormatError: a newer Pivot wrote it.
    """
    try:
        return read_entry(layout, name)
    except FormatError:
        raise
    except StoreError:
        return None


def entries(layout: Layout, *, strict: bool = False) -> Iterator[Entry]:
    """All keys, in no order.

    Args:
        strict: whether a damaged file is an error; else it counts as none.

    Raises:
        StoreError, FormatError: as of `read_entry`.
    """
    for file in atomic.names_in(layout.keys):
        if not file.endswith(".json"):
            continue
        path = os.path.join(layout.keys, file)
        try:
            with open(path, "rb") as opened:
                yield parse_entry(opened.read(), path)
        except FileNotFoundError:  # deleted meanwhile
            continue
        except FormatError:
            raise
        except StoreError:
            if strict:
                raise
        except OSError as error:
            raise StoreError(f"cannot read {path}: {error.strerror}", "make it readable") from error


def entries_in(layout: Layout, namespace: KeyName) -> Iterator[Entry]:
    """All keys of a namespace; see `entries`."""
    return (entry for entry in entries(layout) if entry.name.partition(":")[0] == namespace)


def write_entry(layout: Layout, entry: Entry) -> None:
    """Lets a key stand for a value, at once and durably.

    Raises:
        StoreError: it cannot be written.
    """
    _make_folder(layout)
    atomic.write_bytes(layout.key_file(entry.name), entry_text(entry), layout.scratch)


def drop_entry(layout: Layout, name: KeyName) -> None:
    """Takes a key out of the table, durably.

    Raises:
        StoreError: it cannot be taken out.
    """
    path = layout.key_file(name)
    with atomic.explained(path):
        if os.path.lexists(path):
            atomic.discard(path)
            atomic.sync_path(layout.keys)


def keys_of(layout: Layout, stage: str) -> dict[KeyName, Stored]:
    """The keys that stand for what a stage put, as they are now."""
    if not os.path.isdir(layout.keys):
        return {}
    found = {}
    for name in _listed(layout, stage):
        entry = _own_entry(layout, name, stage)
        if entry is not None:
            found[name] = entry.value
    return found


def follow_record(layout: Layout, record: StageRecord) -> tuple[str, ...]:
    """Makes the keys of a stage those of its record: what it no longer puts goes. May be done twice.

    Returns:
        the files that the caller has to have flushed.

    Raises:
        StoreError: something cannot be written.
    """
    index = layout.puts_file(record.stage)
    before = _listed(layout, record.stage)
    if not (record.puts or before):
        return ()
    _make_folder(layout)
    wanted = sorted(record.puts)
    if not {*wanted} <= {*before}:  # all that a kill may leave behind is in the list
        _write_list(layout, index, sorted({*wanted, *before}))
    written = [index]
    for name, value in record.puts.items():
        path, data = layout.key_file(name), entry_text(Entry(name, value, record.stage))
        if not atomic.holds(path, data):
            atomic.replace_unflushed(path, data, layout.scratch)
            written.append(path)
    for name in {*before} - {*wanted}:
        if _own_entry(layout, name, record.stage) is not None:
            with atomic.explained(layout.key_file(name)):
                atomic.discard(layout.key_file(name))
    _write_list(layout, index, wanted)
    return (*written, os.path.dirname(index), layout.keys)


def _own_entry(layout: Layout, name: KeyName, stage: str) -> Entry | None:
    """What a key stands for, if it is what the stage put."""
    entry = find_entry(layout, name)
    return entry if entry is not None and entry.owner == stage else None


def _listed(layout: Layout, stage: str) -> list[KeyName]:
    try:
        with open(layout.puts_file(stage), "rb") as file:
            return [KeyName(str(name)) for name in json.loads(file.read())["keys"]]
    except OSError:
        return []
    except (ValueError, KeyError, TypeError):  # torn by a power failure
        return [entry.name for entry in entries(layout) if entry.owner == stage]


def _write_list(layout: Layout, path: str, names: list[KeyName]) -> None:
    data = json.dumps({"keys": names}, sort_keys=True).encode("ascii") + b"\n"
    if not atomic.holds(path, data):
        atomic.replace_unflushed(path, data, layout.scratch)


def _make_folder(layout: Layout) -> None:
    ignore = os.path.join(layout.keys, ".gitignore")
    if not os.path.lexists(ignore):  # a project of an older Pivot does not ignore the folder
        atomic.replace_unflushed(ignore, b"*\n", layout.scratch)


def entry_text(entry: Entry) -> bytes:
    """The file of a key."""
    fields: dict[str, object] = {
        "digest": entry.value.digest,
        "name": entry.name,
        "schema": _SCHEMA,
        "size": entry.value.size,
    }
    fields |= {"loader": entry.value.loader} if entry.value.loader else {}
    fields |= {"stage": entry.owner} if entry.owner else {}
    # ASCII: a key may hold what is no UTF-8
    return json.dumps(fields, sort_keys=True).encode("ascii") + b"\n"


def parse_entry(data: bytes, path: str) -> Entry:
    """What a file of a key says.

    Raises:
        StoreError: it is damaged.
        FormatError: a newer Pivot wrote it.
    """
    try:
        fields: Mapping[str, object] = json.loads(data)
        schema = fields["schema"]
        if type(schema) is int and schema > _SCHEMA:
            raise FormatError(
                f"{path} was written by a newer Pivot", "upgrade Pivot: pip install --upgrade pivot"
            )
        match fields:
            case {"name": str(name), "digest": str(digest), "size": int(size)}:
                value = Stored(Digest(digest), size, str(fields.get("loader", "")))
                return Entry(KeyName(name), value, str(fields.get("stage", "")))
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    raise StoreError(f"{path} is damaged", "put the value again")
