"""Where everything under ``.pivot/`` lies."""

import functools
import json
import os
import re
from dataclasses import dataclass, field

from pivot.errors import FormatError, StoreError
from pivot.model.digest import HASH_NAME, Digest, digest_parts, digest_text
from pivot.model.stored import KeyName, key_file
from pivot.store import atomic
from pivot.store.root import FOLDER

VERSION = 1
STAGING = ".pivot-new."
"""How the folders begin that hold new files beside their targets until they count."""
ASIDE = ".pivot-old."
"""How the folders begin that hold files moved aside, beside where they were."""

_GITIGNORE_BEFORE_VALUES = "/cache/\n/runs/\n/journal/\n/locks/\n/tmp/\n/state.db*\n"
_GITIGNORE = _GITIGNORE_BEFORE_VALUES + "/values/\n"
_UNSAFE = re.compile(rb"^\.|[^A-Za-z0-9_@.-]")
_SAFE = re.compile(rb"%([0-9A-F]{2})")
_LONGEST = 160


@functools.lru_cache(4096)
def file_name(name: str) -> str:
    """A stage's or run's name as a file name: different names give different file names, on one level."""
    data = name.encode("utf-8", "surrogatepass")
    safe = _UNSAFE.sub(lambda match: b"%%%02X" % match[0][0], data).decode("ascii")
    return safe if len(safe) <= _LONGEST else f"{safe[:_LONGEST]}~{digest_text(name)}"


@dataclass(frozen=True, slots=True)
class Layout:
    """Absolute paths of everything that Pivot keeps for one project.

    Attributes:
        root: the project root, absolute.
        cache: the cache folder, absolute; by default ``.pivot/cache``.
        folder: ``.pivot``
    """

    root: str
    cache: str
    folder: str = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        # most of what follows is asked for dozens of times a stage: a format is ten times as fast as `os.path.join`
        object.__setattr__(self, "folder", os.path.join(self.root, FOLDER))

    @property
    def format_file(self) -> str:
        """``format.json``: the version of all this."""
        return f"{self.folder}/format.json"

    @property
    def config_file(self) -> str:
        """``config.yaml``: the project's settings."""
        return f"{self.folder}/config.yaml"

    @property
    def state_db(self) -> str:
        """The SQLite file that may be deleted at any time."""
        return f"{self.folder}/state.db"

    @property
    def scratch(self) -> str:
        """Half-written files of the project (those of the cache are in `cache_scratch`)."""
        return os.path.join(self.folder, "tmp")

    @property
    def cache_scratch(self) -> str:
        """Half-written files of the cache, which may be in another file system."""
        return os.path.join(self.cache, "tmp")

    @property
    def objects(self) -> str:
        """The folder of all objects."""
        return f"{self.cache}/files"

    @property
    def quarantine(self) -> str:
        """Objects whose bytes were wrong."""
        return f"{self.cache}/quarantine"

    @property
    def runs(self) -> str:
        """The history: one folder for each run."""
        return f"{self.folder}/runs"

    @property
    def journals(self) -> str:
        """Changes to outputs that are under way."""
        return f"{self.folder}/journal"

    @property
    def keys(self) -> str:
        """The names of the object store: one file for each key."""
        return f"{self.folder}/keys"

    def key_file(self, name: KeyName) -> str:
        """``keys/0123….json``: what a key of the object store stands for."""
        return os.path.join(self.root, key_file(name))

    def puts_file(self, stage: str) -> str:
        """``keys/stages/<stage>.json``: the keys that a stage has in the object store."""
        return f"{self.folder}/keys/stages/{file_name(stage)}.json"

    def lock_file(self, stage: str) -> str:
        """``stages/<stage>.lock``: the record of the stage's last result."""
        return f"{self.folder}/stages/{file_name(stage)}.lock"

    def guard_file(self, name: str) -> str:
        """``locks/<name>.lock``: mutual exclusion."""
        return f"{self.folder}/locks/{file_name(name)}.lock"

    @property
    def identity_file(self) -> str:
        """``locks/project.id``: what tells this project from another one that lies, or lay, at the same path."""
        return f"{self.folder}/locks/project.id"

    def journal_file(self, stage: str) -> str:
        """``journal/<stage>.json``"""
        return f"{self.folder}/journal/{file_name(stage)}.json"

    def object_file(self, digest: Digest) -> str:
        """``cache/files/ab/cdef…``"""
        return f"{self.cache}/files/{digest[:2]}/{digest[2:]}"

    def records_begin(self, stage: str, declared: Digest) -> str:
        """``cache/runs/ab/cdef…-``: how a stage's records on equal inputs, as known before a run, begin."""
        name = digest_parts([stage, declared])
        return f"{self.cache}/runs/{name[:2]}/{name[2:]}-"

    def record_file(self, stage: str, declared: Digest, observed: Digest) -> str:
        """``cache/runs/ab/cdef…-0123….json``: one of them, under what was observed in the run."""
        return f"{self.records_begin(stage, declared)}{observed}.json"

    def items_file(self, stage: str, base: Digest) -> str:
        """``cache/items/ab/cdef….jsonl``: what the items of a mapped stage gave, see `store.ledger`."""
        name = digest_parts([stage, base])
        return f"{self.cache}/items/{name[:2]}/{name[2:]}.jsonl"

    def source_file(self, digest: Digest) -> str:
        """``cache/sources/ab/cdef….z``: the text of a module that ran."""
        return f"{self.cache}/sources/{digest[:2]}/{digest[2:]}.z"

    def run_folder(self, run: str) -> str:
        """``runs/<run id>``"""
        return f"{self.folder}/runs/{file_name(run)}"

    def events_file(self, run: str) -> str:
        """``runs/<run id>/events.jsonl``"""
        return os.path.join(self.run_folder(run), "events.jsonl")

    def log_file(self, run: str, stage: str) -> str:
        """``runs/<run id>/<stage>.log``: what a stage wrote to stdout and stderr."""
        return os.path.join(self.run_folder(run), f"{file_name(stage)}.log")


def stages_with_locks(layout: Layout) -> list[str]:
    """The stages that have a lock file, by the files' names alone; those whose names are cut short are left out."""
    folder, ending = os.path.dirname(layout.lock_file("any")), ".lock"
    try:
        files = sorted(os.listdir(folder))
    except OSError:
        return []
    names = [file.removesuffix(ending) for file in files if file.endswith(ending) and "~" not in file]
    return [
        _SAFE.sub(lambda m: bytes.fromhex(m[1].decode()), n.encode()).decode(errors="replace") for n in names
    ]


def initialize(folder: str) -> bool:
    """Make ``.pivot/`` in a folder; gives whether it was not there before."""
    fresh = not os.path.isdir(os.path.join(folder, ".pivot"))
    create(folder)
    return fresh


def plan_layout(root: str, cache_dir: str | None) -> Layout:
    """Where everything will be; looks at no file.

    Args:
        root: the project root.
        cache_dir: see `open_layout`.
    """
    root = os.path.abspath(root)
    default = os.path.join(root, FOLDER, "cache")
    # an absolute cache_dir wins over root in join
    return Layout(
        root, os.path.abspath(os.path.join(root, os.path.expanduser(cache_dir))) if cache_dir else default
    )


def create(root: str, cache_dir: str | None = None) -> Layout:
    """Makes ``.pivot/`` with its `format.json` and ``.gitignore``; what is there already stays.

    Args:
        root: the project root.
        cache_dir: see `open_layout`.

    Raises:
        StoreError: it cannot be written.
        FormatError: a newer Pivot made it.
    """
    layout = plan_layout(root, cache_dir)
    with atomic.explained(layout.folder):
        atomic.make_folder(layout.folder)
        # format.json comes last: a folder that has one is complete
        ignore = os.path.join(layout.folder, ".gitignore")
        if not os.path.lexists(ignore) or _is_earlier(ignore):
            atomic.write_bytes(ignore, _GITIGNORE.encode(), layout.scratch)
        if not os.path.lexists(layout.format_file):
            text = json.dumps({"hash": HASH_NAME, "version": VERSION}, sort_keys=True) + "\n"
            atomic.write_bytes(layout.format_file, text.encode(), layout.scratch)
    return open_layout(root, cache_dir)


def _is_earlier(ignore: str) -> bool:
    """Whether the ``.gitignore`` is one of Pivot's own that knows no values yet."""
    try:
        with open(ignore, encoding="utf-8") as file:
            return file.read() == _GITIGNORE_BEFORE_VALUES
    except (OSError, UnicodeDecodeError):
        return False


def open_layout(root: str, cache_dir: str | None = None) -> Layout:
    """The layout of a project whose ``.pivot/`` this Pivot understands.

    Args:
        root: the project root.
        cache_dir: another place for the cache, relative to ``root``; ``None`` for ``.pivot/cache``.

    Raises:
        FormatError: a newer Pivot wrote it.
        StoreError: `format.json` is missing or damaged.
    """
    layout = plan_layout(root, cache_dir)
    try:
        with open(layout.format_file, "rb") as file:
            found = json.loads(file.read())
        version, hash_name = found["version"], found["hash"]
        if type(version) is not int or version < 1:
            raise ValueError(version)  # noqa: TRY301 - as for any damage
    except FileNotFoundError:
        raise StoreError(f"{layout.format_file} is missing", "run `pivot init` to make it anew") from None
    except OSError as error:
        raise StoreError(f"cannot read {layout.format_file}: {error.strerror}", "make it readable") from error
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"{layout.format_file} is damaged", "restore it from git, or delete it and run `pivot init`"
        ) from error
    if version > VERSION or hash_name != HASH_NAME:
        raise FormatError(
            f"{layout.folder} was written by a newer Pivot (version {version}, {hash_name}; "
            f"this one knows version {VERSION}, {HASH_NAME})",
            "upgrade Pivot: pip install --upgrade pivot",
        )
    return layout
