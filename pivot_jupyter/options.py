"""What the head of a ``%%pivot_stage`` cell says."""

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pivot.errors import UsageError
from pivot.yamlio import read_yaml
from pivot_jupyter.words import split, unknown_option


@dataclass(frozen=True, slots=True)
class Options:
    """What the head of a ``%%pivot_stage`` cell says, in the words of an entry of ``pivot.yaml``.

    Attributes:
        name: of the stage; with a matrix perhaps a template.
        deps, outs: annotated name → path, or several.
        params: field → value, nested as the model is.
        mutex: ``None`` where nothing was said.
        rules: ``resources``, ``always``, ``retries`` and ``timeout``: those that were given.
        cwd: the folder that paths are relative to, relative to the notebook's.
        matrix: dimension → values, or value → what it overrides.
        depends_on: stages whose values it takes.
        map: over what it runs for each item; the long form is a table.
    """

    name: str | None = None
    deps: Mapping[str, str | list[str]] = field(default_factory=dict)
    outs: Mapping[str, str | list[str]] = field(default_factory=dict)
    params: Mapping[str, object] = field(default_factory=dict)
    mutex: tuple[str, ...] | None = None
    rules: Mapping[str, object] = field(default_factory=dict)
    cwd: str | None = None
    matrix: Mapping[str, object] | None = None
    depends_on: tuple[str, ...] = ()
    map: str | Mapping[str, object] | None = None

    @property
    def say_something(self) -> bool:
        """Whether any was given."""
        return self != Options()

    def table(self) -> dict[str, Any]:
        """What was given, as an entry of ``pivot.yaml`` holds it; ``outs`` may name outputs of any kind."""
        said: dict[str, Any] = {
            "deps": dict(self.deps),
            "outs": dict(self.outs),
            "params": dict(self.params),
            "mutex": list(self.mutex or ()),
            **self.rules,
            "depends_on": list(self.depends_on),
            "map": self.map,
            "cwd": self.cwd,
        }
        kept = {key: value for key, value in said.items() if value or key in self.rules}
        return kept if self.matrix is None else {**kept, "matrix": dict(self.matrix)}


def read_options(line: str, parser: ArgumentParser) -> tuple[Options, bool]:
    """What a head says, and whether to run the cell's stages at once.

    Args:
        parser: of the magic.

    Raises:
        UsageError: an unknown option, or one that is not written right.
    """
    from IPython.core.error import UsageError as ShellUsageError  # lazy: start-up time of pivot notebook

    try:
        given, unknown = parser.parse_known_args(split(line))
    except ShellUsageError as error:
        raise UsageError(f"%%pivot_stage: {error}", "%%pivot_stage? explains the options") from None
    if unknown:
        raise unknown_option("%%pivot_stage", unknown[0], parser._option_string_actions)  # noqa: SLF001
    options = Options(
        name=given.name,
        deps=_paths(given.dep, "--dep"),
        outs=_paths(given.out, "--out"),
        params=_nested(_single(given.param, "--param")),
        mutex=tuple(given.mutex) if given.mutex else None,
        rules=_rules(given),
        cwd=given.cwd,
        matrix=_dimensions(given.matrix),
        depends_on=tuple(given.depends_on or ()),
        map=_map(given.map),
    )
    return options, given.run


def _map(text: str | None) -> str | dict[str, object] | None:
    """``cities``, or ``over=cities,on_error=drop``."""
    return _table(text, "--map") if text and "=" in text else text


def _rules(given: Namespace) -> dict[str, object]:
    """How the stage is run, as an entry of ``pivot.yaml`` says it."""
    found: dict[str, object] = {}
    if given.resources:
        found["resources"] = {
            name: value for text in given.resources for name, value in _table(text, "--resources").items()
        }
    if given.always:
        found["always"] = True
    if given.retries:
        plain = given.retries.isdecimal()
        found["retries"] = int(given.retries) if plain else _table(given.retries, "--retries")
    if given.timeout:
        found["timeout"] = read_yaml(given.timeout, "--timeout").data
    return found


def _table(text: str, option: str) -> dict[Any, object]:
    """``cpus=2,memory=8GB`` → ``{"cpus": 2, "memory": "8GB"}``; a table in YAML's braces is taken as it is.

    Raises:
        UsageError: it is neither.
    """
    if text.startswith("{"):
        table = read_yaml(text, option).data
        return table if isinstance(table, dict) else {}
    return {name: read_yaml(value, option).data for name, value in _single(text.split(","), option).items()}


def _nested(params: Mapping[str, str]) -> dict[str, object]:
    """``{"model.depth": "3"}`` → ``{"model": {"depth": 3}}``.

    Raises:
        UsageError: a value and what is inside it are both given.
    """
    values: dict[str, object] = {}
    for key, text in params.items():
        inner: dict[str, object] = values
        *outer, last = key.split(".")
        for word in outer:
            deeper = inner.setdefault(word, {})
            if not isinstance(deeper, dict):
                raise UsageError(f"--param {key}: {word} is given as a value, too", "keep one")
            inner = deeper
        if last in inner:
            raise UsageError(f"--param {key}: what is inside it is given, too", "keep one")
        inner[last] = read_yaml(text, "--param").data
    return values


def _dimensions(given: Sequence[str] | None) -> dict[str, object] | None:
    """``["size=small,big"]`` → ``{"size": ["small", "big"]}``; a list or a table in YAML's braces is taken as it is.

    Raises:
        UsageError: one is no pair, or a dimension is given twice.
    """
    if not given:
        return None
    found: dict[str, object] = {}
    for name, text in _single(given, "--matrix").items():
        value = read_yaml(text, "--matrix").data
        if not isinstance(value, dict | list):
            value = [read_yaml(word, "--matrix").data for word in text.split(",")]
        found[name] = value
    return found


def _single(given: Sequence[str] | None, option: str) -> dict[str, str]:
    """``["k=text"]`` → ``{"k": "text"}``.

    Raises:
        UsageError: one is no pair, or a name stands twice.
    """
    found: dict[str, str] = {}
    for text in given or ():
        name, value = _pair(text, option)
        if name in found:
            raise UsageError(f"{option} {name} is given twice", "keep one")
        found[name] = value
    return found


def _paths(given: Sequence[str] | None, option: str) -> dict[str, str | list[str]]:
    """``["k=a", "k=b", "other=c"]`` → ``{"k": ["a", "b"], "other": "c"}``.

    Raises:
        UsageError: one is no pair.
    """
    found: dict[str, list[str]] = {}
    for text in given or ():
        name, path = _pair(text, option)
        found.setdefault(name, []).append(path)
    return {name: several[0] if len(several) == 1 else several for name, several in found.items()}


def _pair(text: str, option: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name or not value:
        raise UsageError(f"{option} {text}: write {option} name=value")
    return name, value
