"""Which saved files may change what a pipeline gives: all that it rests on, none that it writes."""

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pivot.model.observation import is_counted, is_listing, left_by_stage
from pivot.model.record import StageRecord
from pivot.model.stage import Stage
from pivot.model.stored import is_listing as is_namespace
from pivot.model.stored import key_file
from pivot.paths import ProjectPath, is_folder

DEFINING = (".py", ".yaml", ".yml", ".so", ".pyd")
"""How the names of files end that may define stages, hold their code or their params."""

_SETTINGS = frozenset({".pivot/config.yaml"})
_RULES = ".pivotignore"
_LIBRARIES = frozenset({"node_modules", "site-packages", "dist-packages"})


@dataclass(frozen=True, slots=True)
class Interest:
    """What some stages rest on.

    Attributes:
        files: data files, whether they are there or not.
        folders: data folders, each with ``/`` at its end: everything under them counts.
        listed: folders of which the names of what is in them count.
        own: files and folders that the stages themselves write.
    """

    files: frozenset[ProjectPath] = frozenset()
    folders: frozenset[ProjectPath] = frozenset()
    listed: frozenset[ProjectPath] = frozenset()
    own: frozenset[ProjectPath] = frozenset()

    def matters(self, path: ProjectPath) -> bool:
        """Whether a change of the file at `path`, or that it comes or goes, may change what a run gives."""
        if self.reads(path):
            return True
        folder = ProjectPath(posixpath.dirname(path.rstrip("/")) or ".")
        return (
            folder in self.listed
            and not self.is_own(path)
            and is_counted(posixpath.basename(path.rstrip("/")))
        )

    def reads(self, path: ProjectPath) -> bool:
        """Whether what is in the file at `path` may change what a run gives."""
        if path in _SETTINGS or posixpath.basename(path) == _RULES:
            return True
        if self.is_own(path) or not is_counted(posixpath.basename(path)):
            return False
        above = tuple(_folders(path))
        if path in self.files or not self.folders.isdisjoint(f"{folder}/" for folder in above):
            return True
        return path.endswith(DEFINING) and not any(is_foreign(posixpath.basename(f)) for f in above)

    def is_own(self, path: ProjectPath) -> bool:
        """Whether the stages write it, or a folder that it is in."""
        return path in self.own or any(
            f"{folder}/" in self.own for folder in (path.rstrip("/"), *_folders(path))
        )


def is_foreign(name: str) -> bool:
    """Whether a folder of this name holds no code of the project: hidden ones, bytecode, libraries."""
    return name.startswith(".") or name in _LIBRARIES or not is_counted(name)


def interest(stages: Iterable[Stage], records: Mapping[str, StageRecord]) -> Interest:
    """What some stages rest on.

    Args:
        stages: those that a run is to bring up to date. What another stage writes is, to them, a file like any.
        records: of each that has one, its last result: it says what was read without being declared.
    """
    stages = tuple(stages)
    own = frozenset(path for stage in stages for path in stage.out_paths())
    deps = {path for stage in stages for path in stage.dep_paths()}
    listed: set[ProjectPath] = set()
    for record in (records[stage.name] for stage in stages if stage.name in records):
        for path, state in record.inputs.observed.files.items():
            if is_listing(state):
                listed.add(path)
            elif left_by_stage(state) is None:
                deps.add(path)
        deps.update(key_file(name) for name in record.inputs.observed.keys if not is_namespace(name))
        own |= {key_file(name) for name in record.puts}
    return Interest(
        files=frozenset(path for path in deps - own if not is_folder(path)),
        folders=frozenset(path for path in deps - own if is_folder(path)),
        listed=frozenset(listed),
        own=own,
    )


def _folders(path: str) -> Iterable[ProjectPath]:
    """The folders above a path, the outermost first."""
    at = path.find("/")
    while 0 < at < len(path) - 1:
        yield ProjectPath(path[:at])
        at = path.find("/", at + 1)
