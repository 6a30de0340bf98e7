"""What a run rested on and what it gave: the one record that lock file, run cache and history hold."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pivot.model.digest import Digest, digest_parts
from pivot.model.fingerprint import Part
from pivot.model.observation import Observation
from pivot.model.stage import OutKind
from pivot.model.stored import KeyName, Stored
from pivot.model.tree import TreeEntry
from pivot.paths import ProjectPath


@dataclass(frozen=True, slots=True)
class DeclaredOut:
    """An out as far as it decides the result."""

    path: ProjectPath
    kind: OutKind
    cache: bool
    loader: Digest


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that the result of a stage depends on. Equal inputs, equal result.

    Attributes:
        code: the fingerprint's digest.
        parts: the fingerprint's parts; they explain a change of `code` and do not enter the key.
        params: field → value as JSON text.
        deps: path → digest of the content.
        loaders: dep name (``shards[0]`` for one of several paths) → digest of its loader.
        settings: settings that act on the result (``seed``) → text.
        observed: what the stage touched beyond all that when it ran.
        names: parameter or output → the path that it stands for, so that two of them cannot change places unseen.
    """

    code: Digest
    parts: tuple[Part, ...]
    params: Mapping[str, str]
    deps: Mapping[ProjectPath, Digest]
    loaders: Mapping[str, Digest]
    outs: tuple[DeclaredOut, ...]
    settings: Mapping[str, str]
    observed: Observation = field(default_factory=Observation)
    names: Mapping[str, str] = field(default_factory=dict)
    _declared: list[Digest] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def key(self) -> Digest:
        """The input hash of all; equal keys, equal result."""
        return digest_parts(["all", self.declared_key, self.observed.digest])

    def agrees(self, other: "Inputs") -> bool:
        """Whether the keys are equal, without making them."""
        return (
            self.code == other.code
            and dict(self.params) == dict(other.params)
            and dict(self.deps) == dict(other.deps)
            and dict(self.loaders) == dict(other.loaders)
            and sorted(self.outs, key=_path) == sorted(other.outs, key=_path)
            and dict(self.settings) == dict(other.settings)
            and dict(self.names) == dict(other.names)
            and self.observed.agrees(other.observed)
        )

    @property
    def declared_key(self) -> Digest:
        """The input hash of what is known before a run: under it the run cache keeps what came of it."""
        if not self._declared:  # it is asked for several times
            parts = [
                "inputs-1",
                self.code,
                *_flat("params", self.params),
                *_flat("deps", self.deps),
                *_flat("loaders", self.loaders),
                *(f"{o.path}\0{o.kind}\0{o.cache}\0{o.loader}" for o in sorted(self.outs, key=_path)),
                *_flat("settings", self.settings),
                *_flat("names", self.names),
            ]
            self._declared.append(digest_parts(parts))
        return self._declared[0]


def _path(out: DeclaredOut) -> str:
    return out.path


def _flat(title: str, table: Mapping[ProjectPath, Digest] | Mapping[str, str]) -> list[str]:
    return [title, str(len(table)), *(text for pair in sorted(table.items()) for text in pair)]


@dataclass(frozen=True, slots=True)
class OutputState:
    """The bytes of one output.

    Attributes:
        digest: of a folder: of its tree's text.
        size: in bytes; of a folder all its files together.
        executable: whether the owner may execute the file.
        content: the bytes themselves for a small output outside the object cache (a Metric), so that a revert
            brings back the number that belongs to the code; else ``None``.
        entries: the files of a folder, where they are known: right after a run. Records on disk hold the digest
            only; the tree is an object of the cache.
    """

    digest: Digest
    size: int
    executable: bool = False
    content: bytes | None = None
    entries: tuple[TreeEntry, ...] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class StageRecord:
    """Inputs → outputs of one execution of a stage. Holds no time, host or run id.

    Attributes:
        sources: place of each project module → digest of the text that ran, to show what changed since.
        puts: what it put into the object store, by name.
    """

    stage: str
    inputs: Inputs
    outputs: Mapping[ProjectPath, OutputState]
    sources: Mapping[str, Digest] = field(default_factory=dict)
    puts: Mapping[KeyName, Stored] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unread:
    """What an output holds whose loader can only write, and that is a file."""

    path: ProjectPath
    content: bytes
