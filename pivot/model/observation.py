"""The observed half of change detection: what a stage touched while it ran, beyond what it declares and reaches."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from pivot.model.digest import Digest, digest_parts
from pivot.model.stored import OWN, KeyName, Stored
from pivot.paths import ProjectPath

ABSENT = "absent"
"""The state of a file, folder or variable that was asked for and is not there."""

PRESENT = "present"
"""The state of something of which only this much counts: a file whose existence was asked, a secret."""

FOLDER = "folder"
"""The state of a folder of which only counts that it is there and a folder."""

UNREADABLE = "unreadable"
"""The state of what is there, but no regular file, or not to be read."""

_MADE = "made "
_LINK = "link "
_OURS = (".pivot-new.", ".pivot-old.")
_UNCOUNTED = frozenset({".pivot", ".git", "__pycache__", ".ipynb_checkpoints"})
_SECRETS = ("*TOKEN*", "*KEY*", "*SECRET*", "*PASSWORD*", "*PASSWD*", "*CREDENTIAL*")


@dataclass(frozen=True, slots=True)
class Seen:
    """What a worker saw while it imported a stage's modules, loaded, called and saved. Paths are absolute.

    Attributes:
        files: of the project: path → `ABSENT`, `PRESENT`, `FOLDER`, a digest of the content when it was read, for a
            listed folder `folder_state` of its names, `link_state`, or `made_state`.
        written: files that the stage wrote before it read them (or never read).
        environment: name → `environment_state`.
        context: what it asked of its run context: pointer → state, see `pivot.model.context`.
        code: functions of the project that ran: (file name of the code, first line); empty where calls are not seen.
        import_code: those that ran while a module that the worker holds was imported.
        imported: project modules that were imported: name → file name.
        missing: modules that were asked for by project code and are nowhere.
        started_process: whether a program or child process was started, in which code may have run unseen.
        calls: whether calls were seen at all (Python 3.12 and newer).
        keys: of the object store: name → `ABSENT`, `PRESENT`, `Stored.state`, `OWN`, for a namespace `listing_state`.
        puts: the values that it put there and did not delete again.
        deleted: keys that it deleted.
    """

    files: dict[str, str] = field(default_factory=dict)
    written: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    context: dict[str, str] = field(default_factory=dict)
    code: tuple[tuple[str, int], ...] = ()
    import_code: tuple[tuple[str, int], ...] = ()
    imported: dict[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    started_process: bool = False
    calls: bool = False
    keys: dict[KeyName, str] = field(default_factory=dict)
    puts: dict[KeyName, Stored] = field(default_factory=dict)
    deleted: tuple[KeyName, ...] = ()


@dataclass(frozen=True, slots=True)
class Observation:
    """What of all that the next check looks at again. Equal code, deps, params and observation, equal result.

    Attributes:
        files: project path → state, as in `Seen`.
        environment: name → state.
        context: pointer into the run context → state.
        ran: definitions beyond the certain reach that ran (or may have): ``module:title``.
        imported: project modules beyond the static reach that were imported.
        missing: modules that were looked for in vain.
        code: the fingerprint's digest with `ran`, `imported` and `missing` joined; ``None`` where there are none.
        complete: whether calls were seen; if not (Python 3.11, a child process), `ran` holds all that may have run.
        keys: of the object store: name → state, as in `Seen`.
    """

    files: Mapping[ProjectPath, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    context: Mapping[str, str] = field(default_factory=dict)
    ran: tuple[str, ...] = ()
    imported: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    code: Digest | None = None
    complete: bool = True
    keys: Mapping[KeyName, str] = field(default_factory=dict)

    @property
    def digest(self) -> Digest:
        """Of everything that decides; not of `complete`."""
        return digest_parts(
            [
                "observed-1",
                *_flat("files", {str(path): state for path, state in self.files.items()}),
                *_flat("environment", dict(self.environment)),
                *("ran", str(len(self.ran)), *self.ran),
                *("imported", str(len(self.imported)), *self.imported),
                *("missing", str(len(self.missing)), *self.missing),
                self.code or "",
                # of a stage that asks for nothing the digest is what it was before there was anything to ask
                *(_flat("context", dict(self.context)) if self.context else ()),
                *(_flat("keys", dict(self.keys)) if self.keys else ()),
            ]
        )

    def agrees(self, other: "Observation") -> bool:
        """Whether the digests are equal, without making them."""
        return (
            dict(self.files) == dict(other.files)
            and dict(self.environment) == dict(other.environment)
            and dict(self.context) == dict(other.context)
            and dict(self.keys) == dict(other.keys)
            and (self.ran, self.imported, self.missing) == (other.ran, other.imported, other.missing)
            and self.code == other.code
        )

    @property
    def has_code(self) -> bool:
        """Whether code beyond the static reach was seen, or looked for."""
        return bool(self.ran or self.imported or self.missing)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was observed that could change."""
        return not (self.files or self.environment or self.context or self.keys or self.has_code)

    @property
    def has_state(self) -> bool:
        """Whether the stage took up what it had put into the object store in an earlier run."""
        return OWN in self.keys.values()


def made_state(what: str) -> str:
    """The state of a file that was not there and that the stage then made itself.

    Its result belongs to a project without the file as well as to one with the file as it was left.

    Args:
        what: the digest of what it left, or `PRESENT` for a folder.
    """
    return f"{_MADE}{what}"


def left_by_stage(state: str) -> str | None:
    """What a `made_state` says was left; ``None`` for other states."""
    return state.removeprefix(_MADE) if state.startswith(_MADE) else None


def is_listing(state: str) -> bool:
    """Whether it is a `folder_state`."""
    return state.startswith("folder ")


def link_state(target: str) -> str:
    """The state of a symbolic link of which counts where it leads."""
    return f"{_LINK}{target}"


def is_link(state: str) -> bool:
    """Whether it is a `link_state`."""
    return state.startswith(_LINK)


def environment_state(stage: str, name: str, value: str | None) -> str:
    """The state of an environment variable: never its value, of a secret not even a digest.

    The digest is salted by the stage's and the variable's name; a value that can be guessed can still be confirmed.
    """
    if value is None:
        return ABSENT
    if any(fnmatchcase(name.upper(), pattern) for pattern in _SECRETS):
        return PRESENT
    return digest_parts(["environment", stage, name, value])


def folder_state(names: Iterable[str]) -> str:
    """The state of a listed folder: the names in it, without those of tools."""
    counted = {name for name in names if is_counted(name)}
    return f"folder {digest_parts(['folder', *sorted(counted)])}"


def undeclared(folder: str, names: Iterable[str], declared: Iterable[str]) -> Iterator[str]:
    """The names in a listed folder that no declared path has or begins with: those come and go with the stage itself.

    Args:
        folder, declared: absolute, normalized.
    """
    prefix = folder.rstrip("/") + "/"
    own = {path[len(prefix) :].partition("/")[0] for path in declared if path.startswith(prefix)}
    return (name for name in names if name not in own)


def is_counted(name: str) -> bool:
    """Whether a file or folder of this name can matter to a stage, rather than belong to Pivot, git or Python."""
    return name not in _UNCOUNTED and not name.startswith(_OURS) and not name.endswith(".pyc")


def _flat(title: str, table: Mapping[str, str] | Mapping[KeyName, str]) -> list[str]:
    return [title, str(len(table)), *(text for pair in sorted(table.items()) for text in pair)]
