"""The object store: values under names, for stages and people alike.

    put("model", value) ──► object (by content) ──► keys/….json: "model" is that object

While a stage runs, somebody sits at the desk who notes what it puts and gets: its puts are outputs, which appear when
the stage has succeeded, and what it gets are inputs. Outside of runs the project of the current folder is asked.
"""

import base64
import contextlib
import functools
import os
import pickle
from collections.abc import Iterator
from typing import Any, Final, Protocol

from pivot.config.settings import load_settings
from pivot.errors import NoSuchKeyError, StoreError, UsageError
from pivot.loaders.binary import PathOnly
from pivot.loaders.value import Value
from pivot.model.stored import (
    Entry,
    KeyName,
    Stored,
    key_name,
    key_of,
    namespace_name,
    shown_name,
)
from pivot.store import atomic, hashing
from pivot.store.keytable import drop_entry, entries_in, find_entry, read_entry, write_entry
from pivot.store.objects import ObjectStore
from pivot.store.root import find_root, git_root, pipeline_folder
from pivot.store.store import Store

RUNNING: Final = "PIVOT_STAGE"
"""The variable that names the stage that runs, for programs that it starts."""

_MISSING: Final = object()


class Desk(Protocol):
    """Who answers for the object store. Errors are as of the public functions."""

    def put(self, name: KeyName, value: Any, loader: Any) -> None: ...  # noqa: D102
    def get(self, name: KeyName, *, state: bool) -> Any: ...  # noqa: D102
    def exists(self, name: KeyName, *, state: bool) -> bool: ...  # noqa: D102
    def delete(self, name: KeyName) -> None: ...  # noqa: D102
    def keys(self, namespace: KeyName) -> list[str]: ...  # noqa: D102


def put(key: str, value: Any, namespace: str | None = None, *, loader: Any = None) -> None:
    """Keep a value under a name.

    In a stage it is one of the stage's outputs: it is there when the stage has succeeded, and comes back when the
    stage is restored. Elsewhere it is there at once, and durably.

    Args:
        key: any text.
        namespace: keys of different namespaces do not meet; none is a namespace of its own.
        loader: writes and reads the value, as in an `Out`; by default JSON, NumPy, Parquet or a pickle, whichever
            gives the value back as it is.

    Raises:
        UsageError: another stage's key, or one that this stage has read.
        Exception: the value cannot be saved, whatever the loader raises.
    """
    _desk().put(_name(key, namespace), value, loader)


def get(key: str, namespace: str | None = None, *, default: Any = _MISSING, state: bool = False) -> Any:
    """The value under a name.

    In a stage it is one of the stage's inputs: the stage runs again when the value changes, or when the key comes or
    goes. What the stage itself put in earlier runs is not there for it, unless it asks for its state.

    Args:
        default: what to give where there is no such key.
        state: in a stage, also what it put in an earlier run, as with an `IncrementalOut`.

    Raises:
        NoSuchKeyError: there is no such key; also a ``KeyError`` and a ``FileNotFoundError``.
        StoreError: the object is gone or damaged.
    """
    try:
        return _desk().get(_name(key, namespace), state=state)
    except NoSuchKeyError:
        if default is _MISSING:
            raise
        return default


def exists(key: str, namespace: str | None = None, *, state: bool = False) -> bool:
    """Whether `get` would give a value. In a stage the answer is an input, the value is not."""
    return _desk().exists(_name(key, namespace), state=state)


def delete(key: str, namespace: str | None = None) -> None:
    """Take a name away; nothing happens where there is none.

    In a stage, only its own: what it put, or what it took up as its state.

    Raises:
        UsageError: in a stage, a key that is not its own.
    """
    _desk().delete(_name(key, namespace))


def keys(namespace: str | None = None) -> list[str]:
    """The keys in a namespace that `get` would give, sorted. In a stage the list is an input."""
    if namespace is not None and not isinstance(namespace, str):
        raise UsageError(f"a namespace is a text, not {namespace!r}")
    return _desk().keys(namespace_name(namespace))


@contextlib.contextmanager
def at_desk(desk: Desk) -> Iterator[None]:
    """Meanwhile this one answers, in whatever thread it is asked."""
    desks = _desks()
    desks.append(desk)
    try:
        yield
    finally:
        desks.remove(desk)


def store_value(objects: ObjectStore, name: KeyName, value: Any, loader: Any) -> Stored:
    """Makes an object of a value; whoever asks for it needs its name in the table.

    Raises:
        UsageError: the loader cannot do it.
        Exception: whatever the loader raises.
    """
    text = _loader_text(loader)
    path = os.path.join(objects.layout.cache_scratch, atomic.token())
    atomic.make_folder(os.path.dirname(path))
    try:
        (Value() if loader is None else loader).save(value, path)
        if not os.path.isfile(path):
            raise UsageError(f"the loader of {shown_name(name)} wrote no file at the path it was given")
        digest, found = hashing.hash_file(path)
        objects.verify(digest)  # a seal does not see every damage to what is there; good bytes are at hand
        objects.adopt(path, digest)
    finally:
        atomic.discard(path)
    return Stored(digest, found.st_size, text)


def load_value(objects: ObjectStore, name: KeyName, stored: Stored) -> Any:
    """The value that a name stands for.

    Raises:
        StoreError: the object is gone or damaged.
        Exception: whatever the loader raises.
    """
    if not objects.has(stored.digest):
        raise StoreError(
            f"what key {shown_name(name)} stands for is not in the cache",
            "run the stage that puts it, pull it, or put it again",
        )
    loader: Any = pickle.loads(base64.b64decode(stored.loader)) if stored.loader else Value()
    return loader.load(objects.layout.object_file(stored.digest))


def missing(name: KeyName, hint: str | None = None) -> NoSuchKeyError:
    """The error that there is no such key."""
    return NoSuchKeyError(f"the object store has no key {shown_name(name)}", hint)


class ProjectDesk:
    """Answers outside of runs: what is put is there at once.

    Args:
        folder: in or under the project, absolute.
    """

    def __init__(self, folder: str) -> None:
        self._root = find_root(folder)
        self._folder = folder

    def put(self, name: KeyName, value: Any, loader: Any) -> None:
        """See `put`."""
        root = self._root or git_root(self._folder) or pipeline_folder(self._folder) or self._folder
        with self._open(root) as store:
            store.create()
            with store.in_use():
                before = find_entry(store.layout, name)
                if before is not None and before.owner:
                    raise UsageError(
                        f"key {shown_name(name)} is what stage '{before.owner}' put, which would put it again",
                        "use another key or namespace, or delete it first if that stage is no more",
                    )
                stored = store_value(store.objects, name, value, loader)
                store.objects.flusher.flush()
                write_entry(store.layout, Entry(name, stored))

    def get(self, name: KeyName, *, state: bool) -> Any:  # noqa: ARG002 - there is no run that it could come from
        """See `get`."""
        with self._opened() as store:
            entry = read_entry(store.layout, name) if store is not None else None
            if store is None or entry is None:
                raise missing(name)
            with store.in_use():
                return load_value(store.objects, name, entry.value)

    def exists(self, name: KeyName, *, state: bool) -> bool:  # noqa: ARG002
        """See `exists`."""
        with self._opened() as store:
            return store is not None and read_entry(store.layout, name) is not None

    def delete(self, name: KeyName) -> None:
        """See `delete`."""
        with self._opened() as store:
            if store is not None:
                drop_entry(store.layout, name)

    def keys(self, namespace: KeyName) -> list[str]:
        """See `keys`."""
        with self._opened() as store:
            found = [] if store is None else entries_in(store.layout, namespace)
            return sorted(key_of(entry.name) for entry in found)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[Store | None]:
        if self._root is None:
            yield None
            return
        with self._open(self._root) as store:
            yield store

    @contextlib.contextmanager
    def _open(self, root: str) -> Iterator[Store]:
        settings = load_settings(root, os.environ)
        store = Store(root, settings.cache_dir, settings.checkout_mode)  # which settles what a kill has left
        try:
            yield store
        finally:
            store.close()


def _desk() -> Desk:
    desks = _desks()
    if desks:
        return desks[-1]
    stage = os.environ.get(RUNNING)
    if stage:
        raise UsageError(
            f"stage '{stage}' uses pivot.store in a program that it started, where nobody sees it",
            "use it in the stage's own process, and pass values on",
        )
    return ProjectDesk(os.getcwd())


@functools.cache
def _desks() -> list[Desk]:
    return []


def _name(key: str, namespace: str | None) -> KeyName:
    if not isinstance(key, str):
        raise UsageError(f"a key of the object store is a text, not {key!r}", "give str(key)")
    if namespace is not None and not isinstance(namespace, str):
        raise UsageError(f"a namespace is a text, not {namespace!r}")
    return key_name(key, namespace)


def _loader_text(loader: Any) -> str:
    if loader is None:
        return ""
    named = f"loader {type(loader).__name__}"
    if isinstance(loader, type):
        raise UsageError(f"loader {loader.__name__} is a class", f"call it: {loader.__name__}()")
    if isinstance(loader, PathOnly) or not all(callable(getattr(loader, m, None)) for m in ("load", "save")):
        raise UsageError(
            f"{named} cannot both read and write", "give a loader with load(path) and save(value, path)"
        )
    try:
        return base64.b64encode(pickle.dumps(loader, protocol=5)).decode("ascii")
    except Exception as error:
        raise UsageError(
            f"{named} cannot be kept: {error}", "define its class in a module, not in a function"
        ) from error
