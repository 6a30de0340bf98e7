"""The journal of a stage: what must be undone or finished if its process dies while its outputs change.

It is there from before the first file is touched until the result counts. `commit` writes it and acts on it.
The result is added as a second line: a new file in its place would cost ten times as much, since file systems write
what replaces a file to the disk at once.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from pivot.errors import FormatError, StoreError
from pivot.model.digest import Digest
from pivot.model.record import StageRecord
from pivot.paths import ProjectPath, absolute, is_folder
from pivot.store import atomic, codec
from pivot.store.layout import ASIDE, STAGING, Layout, file_name

_SCHEMA = 2
_encode = json.JSONEncoder(sort_keys=True).encode
_MOST_LINKS = 40  # one behind the other, as the system allows


@dataclass(frozen=True, slots=True)
class Journal:
    """A change to a stage's outputs that is under way.

    Attributes:
        outs: all files and folders (with ``/`` at the end) that may change.
        written: those that the stage itself writes at their targets.
        existed: those of `written` that were there before; they are moved aside.
        before: the digests of the files that are replaced, where `record` is known.
        record: the result; once it is here, the change will be finished, before that it will be undone.
        notices: what a person should know of what was found at the start.
    """

    layout: Layout
    stage: str
    outs: tuple[ProjectPath, ...]
    written: tuple[ProjectPath, ...]
    existed: tuple[ProjectPath, ...]
    before: Mapping[ProjectPath, Digest]
    record: StageRecord | None = None
    notices: tuple[str, ...] = ()
    _found: dict[str, str] = field(default_factory=dict, compare=False, repr=False)

    def target(self, path: ProjectPath) -> str:
        """Where the output lies: behind a symbolic link, if somebody put one there. No path here ends with ``/``.

        A link to an object, which Pivot put there, is the output itself. The answer is that of the first time: a
        link that is made or taken away meanwhile does not part the new file from its place.
        """
        key = f"\0{path}"  # which no path beside it is called
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = _behind_links(absolute(path, self.layout.root), self.layout.objects)
        return found

    def staging(self, path: ProjectPath) -> str:
        """Where the new file or folder is left until it counts: beside its target, under the same name."""
        return self._beside(path, STAGING)

    def aside(self, path: ProjectPath) -> str:
        """Where the old one is while the stage writes its target, and a folder just before it goes.

        Else a copy of what an incremental output held last, for the stage to read.
        """
        return self._beside(path, ASIDE)

    def folders(self) -> tuple[str, ...]:
        """The folders of ours beside the targets."""
        files = [place for path in self.outs for place in (self.staging(path), self.aside(path))]
        return tuple(dict.fromkeys(map(os.path.dirname, files)))

    def _beside(self, path: ProjectPath, prefix: str) -> str:
        found = self._found.get(prefix + path)
        if found is None:
            folder, name = os.path.split(self.target(path))
            found = self._found[prefix + path] = os.path.join(folder, prefix + file_name(self.stage), name)
        return found


def _behind_links(place: str, objects: str) -> str:
    place = place.rstrip("/")
    for _ in range(_MOST_LINKS):
        folder, name = os.path.split(place)
        if name in ("", ".", ".."):
            break
        place = os.path.join(os.path.realpath(folder), name)
        if not os.path.islink(place):
            return place
        behind = os.path.join(os.path.dirname(place), os.readlink(place)).rstrip("/")
        inside = os.path.join(os.path.realpath(objects), "")
        if os.path.join(os.path.realpath(os.path.dirname(behind)), "").startswith(inside):
            return place
        place = behind
    return os.path.realpath(place)


def read_journal(layout: Layout, path: str) -> Journal | None:
    """The journal in a file, or ``None`` if there is no such file.

    Raises:
        ValueError: it is damaged.
        FormatError: a newer Pivot wrote it.
        StoreError: it cannot be opened.
    """
    try:
        with open(path, "rb") as file:
            begun, _, ended = file.read().partition(b"\n")
        data = json.loads(begun)
        if ended.endswith(b"\n"):  # else it was being written
            data |= json.loads(ended)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}", "make it a readable file") from error
    except (RecursionError, TypeError) as error:
        raise ValueError("it is not valid JSON of ours") from error
    if isinstance(data, dict) and isinstance(data.get("schema"), int) and data["schema"] > _SCHEMA:
        raise FormatError(
            f"{path} was written by a newer Pivot", "finish that run with the newer Pivot first"
        )
    try:
        record, stage = data.get("record"), _text(data["stage"])
        return Journal(
            layout=layout,
            stage=stage,
            outs=tuple(ProjectPath(_text(name)) for name in data["outs"]),
            written=tuple(ProjectPath(_text(name)) for name in data["written"]),
            existed=tuple(ProjectPath(_text(name)) for name in data["existed"]),
            before={
                ProjectPath(name): Digest(_text(digest)) for name, digest in data.get("before", {}).items()
            },
            record=None if record is None else codec.decode(_text(record), stage, path),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{error}") from error


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def write_journal(journal: Journal) -> None:
    """Puts the beginning of the journal in its place, all at once.

    It is flushed where files are moved aside.
    """
    text = _line(
        schema=_SCHEMA,
        stage=journal.stage,
        outs=journal.outs,
        written=journal.written,
        existed=journal.existed,
    )
    layout = journal.layout
    path = layout.journal_file(journal.stage)
    if _moves_aside(journal):
        atomic.write_bytes(path, text, layout.scratch)
    else:
        atomic.replace_unflushed(path, text, layout.scratch)


def add_record(journal: Journal, record: str) -> None:
    """Adds the result to the journal that was written; a line that is not whole does not count.

    Args:
        record: the text of `Journal.record`.
    """
    path = journal.layout.journal_file(journal.stage)
    with atomic.explained(path):
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            atomic.write_all(fd, _line(before=dict(journal.before), record=record), path)
            if _moves_aside(journal):
                atomic.sync(fd, path)
        finally:
            os.close(fd)


def _line(**fields: object) -> bytes:
    # ASCII: names of files may hold bytes that are no UTF-8
    return _encode(fields).encode("ascii") + b"\n"


def _moves_aside(journal: Journal) -> bool:
    return bool(journal.existed) or any(map(is_folder, journal.outs))


def drop_journal(journal: Journal) -> None:
    """Removes the folders of ours beside the targets, then the journal."""
    for folder in journal.folders():
        try:
            os.rmdir(folder)  # most often it is empty by now, or never was
        except FileNotFoundError:
            continue
        except OSError:
            atomic.discard_tree(folder)
    atomic.discard(journal.layout.journal_file(journal.stage))
