"""``--set KEY=VALUE``: values of params and config over all that files say, for one command."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

set_option = click.option(
    "--set",
    "given",
    multiple=True,
    metavar="KEY=VALUE",
    help="A param of all stages that have it, of one (STAGE.KEY), or config.KEY; VALUE is YAML. Repeatable.",
)
"""The option ``--set``, under the name ``given``."""


def set_values(given: Sequence[str]) -> dict[str, Any]:
    """What several ``--set`` say: key → value.

    Raises:
        UsageError: one is no KEY=VALUE.
        PivotError: a value is no YAML.
    """
    pairs = []
    for word in given:
        key, equals, text = word.partition("=")
        if not equals or not key.strip():
            raise click.UsageError(f"--set takes KEY=VALUE, not {word!r}")
        pairs.append((key.strip(), text))
    return _read(pairs)


def named_values(words: Sequence[str]) -> dict[str, Any]:
    """What words such as ``--n_vals 5`` and ``--n_vals=5`` say.

    Raises:
        UsageError: a word is no name, or a name has no value.
        PivotError: a value is no YAML.
    """
    pairs: list[tuple[str, str]] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("--") or word == "--":
            raise click.UsageError(f"unexpected {word!r}: values are given as --NAME VALUE")
        key, equals, text = word.removeprefix("--").partition("=")
        if not equals:
            if not rest:
                raise click.UsageError(f"{word} has no value: write {word} VALUE")
            text = rest.pop(0)
        pairs.append((key, text))
    return _read(pairs)


def merged(*tables: Mapping[str, Any]) -> dict[str, Any]:
    """Several of them; what comes later wins."""
    return {key: value for table in tables for key, value in table.items()}


def _read(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    from pivot.yamlio import read_yaml  # lazy: start-up time

    return {key: read_yaml(text, f"--set {key}").data for key, text in pairs}
