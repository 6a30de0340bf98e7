"""The project's settings: ``.pivot/config.yaml``, and what the environment says over it.

Read by every command, so it imports neither pydantic nor, where there is no file, YAML.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pivot.config.spelling import did_you_mean
from pivot.errors import DefinitionError, DefinitionErrors, PivotError
from pivot.yamlio import YamlDocument, read_yaml

SETTINGS_FILE = ".pivot/config.yaml"

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
    """

    seed: int | None = 0
    cache_dir: str | None = None
    jobs: int | None = None
    strict: bool = False
    ignore_env: tuple[str, ...] = IGNORED_ENVIRONMENT


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
        with open(os.path.join(root, SETTINGS_FILE), encoding="utf-8") as file:
            text = file.read()
    except (FileNotFoundError, NotADirectoryError):
        text = ""
    except OSError as error:
        raise PivotError(f"cannot read {SETTINGS_FILE}: {error.strerror}", "make it readable") from error
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
    document = read_yaml(text, SETTINGS_FILE)
    errors: list[PivotError] = []
    top = _table(document, document.data, (), ("seed", "cache", "jobs", "strict", "observe"), errors)
    observe = _table(document, top.get("observe"), ("observe",), ("ignore_env",), errors)
    strict, ignored = top.get("strict", False), observe.get("ignore_env", [])
    cache = _table(document, top.get("cache"), ("cache",), ("dir",), errors)
    seed, jobs, folder = top.get("seed", 0), top.get("jobs"), cache.get("dir")
    if seed == "off":
        seed = None
    elif not _is_count(seed) or not 0 <= seed < 2**32:
        errors.append(_wrong(document, ("seed",), "is a whole number from 0 to 4294967295, or off"))
    if jobs is not None and (not _is_count(jobs) or jobs < 1):
        errors.append(_wrong(document, ("jobs",), "is a whole number, 1 or more"))
    if folder is not None and (not isinstance(folder, str) or not folder.strip()):
        errors.append(_wrong(document, ("cache", "dir"), "is the path of a folder"))
    if not isinstance(strict, bool):
        errors.append(_wrong(document, ("strict",), "is true or false"))
    if not isinstance(ignored, list) or not all(isinstance(name, str) for name in ignored):
        errors.append(_wrong(document, ("observe", "ignore_env"), "is a list of names or patterns"))
        ignored = []
    if errors:
        raise DefinitionErrors(errors)
    return Settings(seed, folder, jobs, strict, (*IGNORED_ENVIRONMENT, *ignored))


def _table(
    document: YamlDocument, value: Any, at: tuple[str, ...], known: tuple[str, ...], errors: list[PivotError]
) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        errors.append(_wrong(document, at, f"has the keys {', '.join(known)}"))
        return {}
    for key in value:
        if key not in known:
            where = f"{document.file}:{document.line((*at, key))}"
            name = ".".join([*at, str(key)])
            errors.append(DefinitionError(f"setting {name!r} is unknown ({where})", did_you_mean(key, known)))
    return value


def _wrong(document: YamlDocument, at: tuple[str, ...], what: str) -> DefinitionError:
    name = f"setting {'.'.join(at)!r}" if at else document.file
    return DefinitionError(f"{name} {what} ({document.file}:{document.line(at)})")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
