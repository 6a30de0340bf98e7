"""Named values of the object store: what a key is called in records, what it stands for, what a stage saw of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NewType

from pivot.model.digest import Digest, digest_parts, digest_text
from pivot.paths import ProjectPath

KeyName = NewType("KeyName", str)
"""A key with its namespace in front: ``:model``, ``prod:a/b``; of a whole namespace, no colon: ``prod``."""

OWN = "own"
"""The state of a key that the stage put in an earlier run and asked for as its state."""

_KEYS = ".pivot/keys/"


@dataclass(frozen=True, slots=True)
class Stored:
    """A value that has a name.

    Attributes:
        digest: of the object that holds it.
        size: of that, in bytes.
        loader: which loader reads it, as text; empty for that of all values (`pivot.loaders.value.Value`).
    """

    digest: Digest
    size: int
    loader: str = ""

    @property
    def state(self) -> Digest:
        """What tells this value from another: the object, and how it is read."""
        return digest_parts(["stored", self.digest, self.loader]) if self.loader else self.digest


@dataclass(frozen=True, slots=True)
class Entry:
    """What the table of names says of one.

    Attributes:
        owner: the key of the stage that put it; empty where it was put outside of stages.
    """

    name: KeyName
    value: Stored
    owner: str = ""


def key_name(key: str, namespace: str | None = None) -> KeyName:
    """What a key is called in records. Different keys, different names."""
    return KeyName(f"{namespace_name(namespace)}:{key}")


def namespace_name(namespace: str | None) -> KeyName:
    """What a namespace is called in records, for a look at all keys in it."""
    return KeyName((namespace or "").replace("%", "%25").replace(":", "%3A"))


def is_listing(name: KeyName) -> bool:
    """Whether a name is that of a whole namespace."""
    return ":" not in name


def key_of(name: KeyName) -> str:
    """The key in a name."""
    return name.partition(":")[2]


def shown_name(name: KeyName) -> str:
    """A name as a person reads it: ``'model'``, ``'model' (namespace 'prod')``, ``all of namespace 'prod'``."""
    escaped, colon, key = name.partition(":")
    namespace = escaped.replace("%3A", ":").replace("%25", "%")
    if not colon:
        return f"all of namespace {namespace!r}" if namespace else "all keys"
    return f"{key!r} (namespace {namespace!r})" if namespace else repr(key)


def key_path(name: KeyName) -> ProjectPath:
    """What stands for a key among paths. No path that a person writes can be it."""
    return ProjectPath(_KEYS + name)


def key_file(name: KeyName) -> ProjectPath:
    """The file that says what a key stands for, in the project."""
    return ProjectPath(f"{_KEYS}{digest_text(name)}.json")


def listing_state(names: Iterable[KeyName]) -> str:
    """The state of a namespace: which keys are in it."""
    return f"keys {digest_parts(['keys', *sorted(names)])}"
