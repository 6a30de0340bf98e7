"""The manifest: what the last verdict "nothing to do" rested on, as names and stats of files.

A full check that finds all chosen stages unchanged leaves one behind. While every file and folder in it has the stat
that it had then (and every name that was looked up in vain is still nobody's), the same check would find the same:
the next command looks at the stats and is done. Any doubt (another Python, another search path, a file that differs
or cannot be looked at, a manifest that cannot be read) means a full check. It is a cache: to lose it costs time only.

This module imports next to nothing, and the command line asks it before it imports anything else. So `Manifest` is a
plain class: importing `dataclasses` takes longer than all that is done here.
"""

import marshal
import os
import sys
import zlib

from pivot.store.root import FOLDER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

FULL_CHECK = "PIVOT_FULL_CHECK"
"""The environment variable that makes every check a full one."""

SLOTS = 16
"""So many manifests a project has at most; two questions that share a slot put out each other's."""

_MAGIC = b"pivot manifest 1\n"
_SURROUNDINGS = ("PYTHONPATH", "PIVOT_CACHE_DIR", "HOME")

Mark = tuple[int, int, int, int, int, int] | None
"""What tells one version of a file (or folder, or link) from another: mode, inode, device, size, times of the last
write and the last change in ns; ``None`` where there is no file.
"""

Question = tuple[object, ...]
"""What was asked, by whom, and in which surroundings, see `question`."""


class Manifest:
    """What a verdict rested on.

    Attributes:
        chosen: the stages that were asked about, in the order of the graph.
        ends: the same as they ended, each with the name under which the history has its result.
        variables: environment variables that were observed: (stage, name, state).
        marks: of files, folders and names that nobody has; of a symbolic link, of the link itself.
        behind: of what lies behind symbolic links.
    """

    __slots__ = ("behind", "chosen", "ends", "marks", "variables")

    def __init__(
        self,
        chosen: tuple[str, ...],
        ends: tuple[tuple[str, str | None], ...],
        variables: tuple[tuple[str, str, str], ...],
        marks: "Mapping[str, Mark]",
        behind: "Mapping[str, Mark]",
    ) -> None:
        self.chosen = chosen
        self.ends = ends
        self.variables = variables
        self.marks = marks
        self.behind = behind

    def stands(self, environment: "Mapping[str, str]") -> bool:
        """Whether all is as it was. Looks at each file once, and opens none."""
        return (
            _hold(self.marks.items(), os.lstat)
            and _hold(self.behind.items(), os.stat)
            and (not self.variables or _variables_hold(self.variables, environment))
        )


def question(root: str, here: str, targets: "Iterable[str]", single_stage: bool) -> Question:
    """What a verdict is asked for: by whom, where, on what.

    Args:
        root: of the project, absolute.
        here: the folder that the question is asked in, absolute.
        targets: as written.
        single_stage: whether what the targets need is left out.

    Raises:
        OSError: the current folder is gone.
    """
    own = (__file__, mark(os.stat(__file__)))  # an installation of another Pivot writes it anew
    surroundings = (os.environ.get(name) for name in _SURROUNDINGS)
    python = (sys.version, sys.prefix, sys.executable, *map(str, sys.path))
    return (
        own,
        os.geteuid(),
        python,
        tuple(surroundings),
        os.getcwd(),
        root,
        here,
        tuple(targets),
        single_stage,
    )


def is_wanted(environment: "Mapping[str, str]") -> bool:
    """Whether the environment lets a check be anything but full."""
    return not environment.get(FULL_CHECK)


def path_of(asked: Question, root: str) -> str:
    """Where the manifest for a question lies, if there is one."""
    slot = zlib.crc32(repr(asked).encode("utf-8", "backslashreplace")) % SLOTS
    return os.path.join(root, FOLDER, "manifests", f"{slot:02}")


def dump(asked: Question, manifest: Manifest) -> bytes:
    """The manifest for a question, as it is written."""
    parts = (manifest.chosen, manifest.ends, manifest.variables, dict(manifest.marks), dict(manifest.behind))
    data = marshal.dumps((asked, *parts))  # type: ignore[arg-type]  # it knows of no tuple of objects
    return _MAGIC + zlib.crc32(data).to_bytes(4, "little") + data


def load(asked: Question, root: str) -> Manifest | None:
    """The manifest for a question; ``None`` where there is none, or one that is damaged or another Pivot's."""
    try:
        with open(path_of(asked, root), "rb") as file:
            found = file.read()
    except OSError:
        return None
    start = len(_MAGIC) + 4
    data = memoryview(found)[start:]
    if found[: start - 4] != _MAGIC or zlib.crc32(data).to_bytes(4, "little") != found[start - 4 : start]:
        return None
    try:
        known, *parts = marshal.loads(data)  # noqa: S302 - of our own folder, as the pickles in state.db
        return Manifest(*parts) if known == asked else None
    except (ValueError, EOFError, TypeError):  # written by another Python
        return None


def mark(stat: os.stat_result) -> Mark:
    """What tells this version of a file from others."""
    return (stat.st_mode, stat.st_ino, stat.st_dev, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


def _hold(marks: "Iterable[tuple[str, Mark]]", look: "Callable[[str], os.stat_result]") -> bool:
    for path, known in marks:
        try:
            stat = look(path)
        except (FileNotFoundError, NotADirectoryError):
            if known is None:
                continue
            return False
        except (OSError, ValueError):
            return False
        # `mark`, written out: this line is most of what a command does when there is nothing to do
        if known != (
            stat.st_mode,
            stat.st_ino,
            stat.st_dev,
            stat.st_size,
            stat.st_mtime_ns,
            stat.st_ctime_ns,
        ):
            return False
    return True


def _variables_hold(variables: "Iterable[tuple[str, str, str]]", environment: "Mapping[str, str]") -> bool:
    # lazy: most projects read no variables
    from pivot.model.observation import environment_state

    return all(
        environment_state(stage, name, environment.get(name)) == state for stage, name, state in variables
    )
