"""``executor:`` as people write it, in ``pivot.yaml`` and the settings: text → checked values."""

from collections.abc import Iterator
from typing import Any

from pivot.config.quantities import MEMORY_FORM, memory_of
from pivot.config.settings import Settings
from pivot.config.spelling import did_you_mean
from pivot.errors import DefinitionError, PivotError, UsageError
from pivot.model.executor import KINDS, LOCAL, ExecutorSpec
from pivot.yamlio import YamlDocument, YamlPath, read_yaml, yaml_text

_FORM = "local, dask or ray, or a table {kind, address, workers, threads, memory}"
_KEYS = ("kind", "address", "workers", "threads", "memory")
EXECUTOR_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "string", "enum": list(KINDS)},
        {
            "type": "object",
            "properties": {
                "kind": {"type": "string", "enum": list(KINDS), "description": "What runs the stages."},
                "address": {
                    "type": "string",
                    "description": "Of a cluster that is there; else one is started.",
                },
                "workers": {"type": "integer", "minimum": 1, "description": "Processes that take stages."},
                "threads": {"type": "integer", "minimum": 1, "description": "Stages that each runs at once."},
                "memory": {"type": ["string", "integer"], "description": "Of each worker: 8GB."},
            },
            "additionalProperties": False,
        },
        {"type": "null"},
    ]
}
"""For editors."""
_FLIGHT = 32
"""How many stages go to a cluster at once that does not say how many it runs."""


def read_executor(
    given: Any, at: YamlPath, document: YamlDocument, errors: list[PivotError]
) -> ExecutorSpec | None:
    """What ``executor:`` says; ``None`` where it says nothing, or what is wrong with it was added to `errors`.

    Args:
        given: the value that stands at `at` in the document.
    """
    if given is None:
        return None
    table: Any = {"kind": given} if isinstance(given, str) else given
    problems = list(_problems(table))
    for key, what, hint in problems:
        line = document.line((*at, key) if key else at)
        name = ".".join(["executor", *([key] if key else [])])
        errors.append(DefinitionError(f"{name} {what} ({document.file}:{line})", hint))
    if problems:
        return None
    return ExecutorSpec(
        kind=table.get("kind", "local"),
        address=table.get("address"),
        workers=table.get("workers"),
        threads=table.get("threads"),
        memory=memory_of(table.get("memory")),
    )


def _problems(table: Any) -> Iterator[tuple[str, str, str | None]]:
    """A key (empty: the table itself), what is wrong with it, and what to do about it."""
    if not isinstance(table, dict):
        yield "", f"is {_FORM}", None
        return
    for key in table:
        if key not in _KEYS:
            yield str(key), "is unknown", did_you_mean(key, _KEYS)
    kind, address, memory = (table.get(key) for key in ("kind", "address", "memory"))
    if kind is not None and kind not in KINDS:
        yield "kind", f"is one of {', '.join(KINDS)}, not {kind!r}", None
    for key in ("workers", "threads"):
        if table.get(key) is not None and not _is_count(table[key]):
            yield key, "is a whole number, 1 or more", None
    if address is not None and not (isinstance(address, str) and address.strip()):
        yield "address", "is the address of a cluster, such as tcp://10.0.0.1:8786", None
    elif address is not None and kind not in KINDS[1:]:
        yield "address", "is that of a cluster", "say which kind: dask or ray"
    if memory is not None and memory_of(memory) is None:
        yield "memory", f"is {MEMORY_FORM}", None
    elif memory is not None and (address is not None or kind not in KINDS[1:]):
        yield "memory", "is for the workers of a cluster that Pivot starts", "leave it out"


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def executor_for(
    asked: str | None, file: str | None, settings: Settings, jobs: int | None, cores: int
) -> tuple[ExecutorSpec, int]:
    """The executor of a run, and how many stages it runs at once.

    Args:
        asked: the kind that a person asks for now; the rest is as the project has it for that kind.
        file: the pipeline file, absolute, whose word counts more than the settings'; ``None``: there is none.
        jobs: as a person asks for now.
        cores: of this machine.

    Raises:
        UsageError: there is no such kind.
    """
    if asked is not None and asked not in KINDS:
        raise UsageError(f"there is no executor {asked!r}", did_you_mean(asked, KINDS))
    said = (_executor_in(file), settings.executor)
    known = [one for one in said if one is not None and asked in (None, one.kind)]
    spec = known[0] if known else ExecutorSpec(asked) if asked else LOCAL
    sized = spec.slots(cores) if spec.workers or spec.threads else None
    return spec, jobs or sized or settings.jobs or spec.slots(cores) or _FLIGHT


def _executor_in(path: str | None) -> ExecutorSpec | None:
    """What a ``pivot.yaml`` says of the executor; ``None`` where it says nothing, or is no YAML file.

    What is wrong with it is told when the stages are read.

    Args:
        path: absolute; ``None`` where there is no such file.
    """
    if path is None or path.endswith(".py"):
        return None
    try:
        text = yaml_text(path, path)
        if "executor" not in text:  # YAML takes its time
            return None
        document = read_yaml(text, path)
    except (OSError, PivotError):
        return None
    given = document.data.get("executor") if isinstance(document.data, dict) else None
    return read_executor(given, ("executor",), document, [])
