"""Keys of the object store that people put, here and elsewhere. Those that stages put travel with their records.

On a remote each write of a key is a file of its own, named by its time: nothing is written over. The last one counts.
What was put here and never pushed is not given up for it.
"""

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass

from pivot.errors import PivotError
from pivot.model.digest import digest_bytes, digest_text
from pivot.model.stored import Entry, KeyName, shown_name
from pivot.remote.transfer import Failed, Link, Transferred, Wanted, whole
from pivot.store.keytable import entries, entry_text, find_entry, parse_entry, write_entry

_FOLDER = "keys/"


@dataclass(frozen=True, slots=True, order=True)
class _Version:
    """A write of a key.

    Attributes:
        time: in ns since 1970, by the clock of who wrote it.
        key: on the remote.
    """

    time: int
    content: str
    key: str


def push_names(link: Link) -> Transferred:
    """Bring the keys that were put outside of stages to the other side, and what they stand for."""
    layout = link.objects.layout
    here = [entry for entry in entries(layout) if not entry.owner]
    done = link.push(_wanted(entry) for entry in here)
    lost = {failure.digest for failure in done.failed}
    for entry in here:
        known = _versions(link, entry.name)
        data, time = entry_text(entry), os.stat(layout.key_file(entry.name)).st_mtime_ns
        content = digest_bytes(data)
        is_known = any(one.content == content for one in known)
        if entry.value.digest in lost or (is_known and not known[-1].time < time):
            continue
        if known and known[-1].content == content:
            continue
        link.backend.write(f"{_folder(entry.name)}{time:020d}-{content}.json", io.BytesIO(data))
        done += Transferred(moved=1, size=len(data))
    return done


def pull_names(link: Link) -> tuple[Transferred, tuple[str, ...]]:
    """Bring the last write of each such key to this side; gives also what a person should know."""
    done, notices = Transferred(), []
    for version, entry, known in _last(link):
        layout, shown = link.objects.layout, shown_name(entry.name)
        mine = find_entry(layout, entry.name)
        if mine is not None:
            if mine.owner:
                notices.append(f"key {shown} is what stage '{mine.owner}' put; the remote's is left there")
                continue
            content = digest_bytes(entry_text(mine))
            time = os.stat(layout.key_file(entry.name)).st_mtime_ns
            if content != version.content and (time > version.time or content not in known):
                older = "an earlier" if time > version.time else "a later"
                notices.append(f"key {shown} was put here and not pushed; {older} one is left on the remote")
                continue
        moved = link.pull([_wanted(entry)])
        done += moved
        if moved.failed or (mine is not None and mine == entry):
            continue
        try:
            write_entry(layout, entry)
            os.utime(layout.key_file(entry.name), ns=(version.time, version.time))
        except PivotError as error:
            done += Transferred(failed=(Failed(f"key {shown}", error),))
    return done, tuple(notices)


def _last(link: Link) -> Iterator[tuple[_Version, Entry, frozenset[str]]]:
    """The last write of each key, and the contents of all its writes."""
    found: dict[str, list[_Version]] = {}
    for one in map(_version, link.backend.list(_FOLDER)):
        if one is not None:
            found.setdefault(one.key.rpartition("/")[0], []).append(one)
    for versions in found.values():
        last = max(versions)
        with link.backend.read(last.key) as source:
            data = whole(source)
        try:
            entry = parse_entry(data, f"{last.key} on the remote")
        except PivotError:  # of another Pivot, or torn: as if it were not there
            continue
        if _folder(entry.name) == last.key.rpartition("/")[0] + "/":
            yield last, entry, frozenset(one.content for one in versions)


def _versions(link: Link, name: KeyName) -> list[_Version]:
    return sorted(filter(None, map(_version, link.backend.list(_folder(name)))))


def _version(key: str) -> _Version | None:
    time, _, content = key.rpartition("/")[2].removesuffix(".json").partition("-")
    return _Version(int(time), content, key) if time.isdecimal() and content else None


def _folder(name: KeyName) -> str:
    return f"{_FOLDER}{digest_text(name)}/"


def _wanted(entry: Entry) -> Wanted:
    return Wanted(entry.value.digest, f"key {shown_name(entry.name)}")
