"""The project's settings: ``.pivot/config.yaml``, and what the environment says over it.

Read by every command, so it imports neither pydantic nor, where there is no file, YAML.
"""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pivot.config.spelling import did_you_mean
from pivot.errors import DefinitionError, DefinitionErrors, PivotError
from pivot.yamlio import YamlDocument, YamlPath, read_yaml, yaml_text

if TYPE_CHECKING:
    from pivot.model.executor import ExecutorSpec

SETTINGS_FILE = ".pivot/config.yaml"
CHECKOUT_MODES = ("copy", "hardlink", "symlink")

_KEYS = (
    "seed",
    "cache",
    "jobs",
    "strict",
    "observe",
    "remotes",
    "default_remote",
    "watch",
    "history",
    "capacity",
    "executor",
)

IGNORED_ENVIRONMENT = tuple(
    """
    HOME USER LOGNAME SHELL PATH PWD OLDPWD SHLVL TERM TERM_* COLORTERM COLUMNS LINES NO_COLOR FORCE_COLOR DISPLAY
    HOSTNAME TMPDIR TEMP TMP EDITOR PAGER VIRTUAL_ENV CONDA_* XDG_* SSH_* DBUS_* JPY_* JUPYTER* IPYTHONDIR PYTHON*
    MPLBACKEND MPLCONFIGDIR OMP_NUM_THREADS OPENBLAS_NUM_THREADS MKL_NUM_THREADS CI GITHUB_* GITLAB_* PYTEST_*
    PIVOT_* _
    """.split()  # noqa: SIM905 - reads better
)
"""Variables of the machine and the session: what a result rests on is not in them."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a project has settled.

    Attributes:
        seed: for ``random`` and NumPy's global generator before each stage; ``None`` (``off``) leaves them.
        cache_dir: the folder of the object cache, absolute; ``None`` is the project's own.
        jobs: how many stages run at once; ``None``: as many as there are cores.
        strict: whether reading an undeclared file of the project is an error.
        ignore_env: patterns of environment variables that are not observed.
        checkout_mode: how files come from the cache into the workspace: ``copy`` (sharing blocks where the file
            system can), ``hardlink`` or ``symlink``.
        remotes: name → folder or address, as written.
        default_remote: the one that is meant where none is named; the only one there is, else ``None``.
        debounce: seconds of quiet after a change before ``--watch`` acts on it.
        kept_runs: how many runs the history keeps.
        executor: where stages run, unless the pipeline file says so; ``None``: in processes of Pivot's own.
        capacity: resource → how much of it stages may take together, memory in bytes; over what the machine has.
    """

    seed: int | None = 0
    cache_dir: str | None = None
    jobs: int | None = None
    strict: bool = False
    ignore_env: tuple[str, ...] = IGNORED_ENVIRONMENT
    checkout_mode: str = "copy"
    remotes: Mapping[str, str] = field(default_factory=dict)
    default_remote: str | None = None
    debounce: float = 0.3
    kept_runs: int = 100
    executor: "ExecutorSpec | None" = None
    capacity: Mapping[str, float] = field(default_factory=dict)


def load_settings(root: str, environment: Mapping[str, str]) -> Settings:
    """The settings of the project at ``root``.

    Args:
        root: absolute.
        environment: ``PIVOT_CACHE_DIR`` wins over the file; a relative folder is taken from the root.

    Raises:
        DefinitionErrors: the file has unknown or ill-typed settings; all are named.
        PivotError: the file is no YAML.
    """
    try:
        text = yaml_text(os.path.join(root, SETTINGS_FILE), SETTINGS_FILE)
    except (FileNotFoundError, NotADirectoryError):
        text = ""
    settings = read_settings(text)
    cache = environment.get("PIVOT_CACHE_DIR") or settings.cache_dir
    if cache is not None:
        cache = os.path.join(root, os.path.expanduser(cache))
    return replace(settings, cache_dir=cache)


def read_settings(text: str) -> Settings:
    """The settings that the text of a settings file gives; ``cache_dir`` as written.

    Raises:
        DefinitionErrors: unknown or ill-typed settings; all are named.
        PivotError: the text is no YAML.
    """
    if not text or text.isspace():
        return Settings()
    reader = _Reader(read_yaml(text, SETTINGS_FILE))
    top = reader.table((), _KEYS)
    cache = reader.table(("cache",), ("dir", "checkout_mode"))
    observe = reader.table(("observe",), ("ignore_env",))
    watch = reader.table(("watch",), ("debounce",))
    history = reader.table(("history",), ("keep",))
    seed = top.get("seed", 0)
    reader.check(
        ("seed",),
        seed == "off" or _is_count(seed, 0, 2**32 - 1),
        "is a whole number from 0 to 4294967295, or off",
    )
    jobs, folder, strict = top.get("jobs"), cache.get("dir"), top.get("strict", False)
    reader.check(("jobs",), jobs is None or _is_count(jobs, 1), "is a whole number, 1 or more")
    reader.check(("cache", "dir"), folder is None or _is_text(folder), "is the path of a folder")
    reader.check(("strict",), isinstance(strict, bool), "is true or false")
    ignored = observe.get("ignore_env", [])
    is_list = isinstance(ignored, list) and all(isinstance(name, str) for name in ignored)
    reader.check(("observe", "ignore_env"), is_list, "is a list of names or patterns")
    mode = cache.get("checkout_mode", "copy")
    reader.check(("cache", "checkout_mode"), mode in CHECKOUT_MODES, f"is one of {', '.join(CHECKOUT_MODES)}")
    debounce, keep = watch.get("debounce", 300), history.get("keep", 100)
    reader.check(("watch", "debounce"), _is_count(debounce, 0), "is a number of milliseconds")
    reader.check(("history", "keep"), _is_count(keep, 1), "is a number of runs, 1 or more")
    capacity = reader.capacity()
    remotes, chosen = reader.remotes()
    executor = reader.executor(top.get("executor"))
    if reader.errors:
        raise DefinitionErrors(reader.errors)
    return Settings(
        seed=None if seed == "off" else seed,
        cache_dir=folder,
        jobs=jobs,
        strict=strict,
        ignore_env=(*IGNORED_ENVIRONMENT, *ignored),
        checkout_mode=mode,
        remotes=remotes,
        default_remote=chosen,
        debounce=debounce / 1000,
        kept_runs=keep,
        executor=executor,
        capacity=capacity,
    )


class _Reader:
    """Takes the settings out of a document and notes all that is wrong."""

    def __init__(self, document: YamlDocument) -> None:
        self.document = document
        self.errors: list[PivotError] = []

    def table(self, at: tuple[str, ...], known: tuple[str, ...]) -> dict[str, Any]:
        """The table at a place, without keys that nobody knows; with no ``known`` any key will do."""
        value = self.document.data
        for key in at:
            value = value.get(key) if isinstance(value, dict) else None
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.check(
                at, False, f"has the keys {', '.join(known)}" if known else "is a table of keys and values"
            )
            return {}
        for key in value:
            if known and key not in known:
                where = f"{self.document.file}:{self.document.line((*at, key))}"
                name = ".".join([*at, str(key)])
                self.errors.append(
                    DefinitionError(f"setting {name!r} is unknown ({where})", did_you_mean(key, known))
                )
        return value

    def check(self, at: YamlPath, right: bool, what: str) -> None:
        """Notes that a setting is not what it must be."""
        if not right:
            name = f"setting {'.'.join(map(str, at))!r}" if at else self.document.file
            place = f"({self.document.file}:{self.document.line(at)})"
            self.errors.append(DefinitionError(f"{name} {what} {place}"))

    def executor(self, given: object) -> "ExecutorSpec | None":
        """Where stages run, if the settings say so."""
        if given is None:
            return None
        from pivot.config.executor import read_executor  # lazy: start-up time

        return read_executor(given, ("executor",), self.document, self.errors)

    def capacity(self) -> dict[str, float]:
        """How much there is of each resource."""
        given = self.table(("capacity",), ())
        if not given:
            return {}
        from pivot.config.quantities import MEMORY_FORM, amount_of, memory_of  # lazy: start-up time

        found: dict[str, float] = {}
        for name, value in given.items():
            amount = memory_of(value) if name == "memory" else amount_of(value)
            self.check(("capacity", name), _is_text(name), "has a text for its name")
            form = MEMORY_FORM if name == "memory" else "a number, 0 or more"
            self.check(("capacity", name), amount is not None, f"is {form}")
            found[name] = float(amount or 0)
        return found

    def remotes(self) -> tuple[dict[str, str], str | None]:
        """The remotes, and the one that is meant where none is named."""
        found = self.table(("remotes",), ())
        for name, address in found.items():
            self.check(("remotes", name), _is_text(name) and _is_text(address), "is a folder or an address")
        chosen = self.document.data.get("default_remote") if isinstance(self.document.data, dict) else None
        if chosen is not None:
            self.check(
                ("default_remote",),
                chosen in found,
                f"names one of the remotes: {', '.join(found) or 'none'}",
            )
        return found, chosen if chosen is not None else next(iter(found), None) if len(found) == 1 else None


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_count(value: object, least: int, most: float = math.inf) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
