"""What a shell completes: names of stages, for which none of the user's code is imported."""

import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from pivot.errors import PivotError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def complete_stages(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> "list[CompletionItem]":
    """The names of stages that begin so: those that ``pivot.yaml`` says, and those that have run."""
    from click.shell_completion import CompletionItem  # lazy: start-up time

    names: dict[str, None] = {}
    with contextlib.suppress(PivotError, OSError):  # no place to tell of anything
        for name in _known():
            names[name] = None
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def complete_targets(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> "list[CompletionItem]":
    """Names of stages, else files: an output is a target, too."""
    from click.shell_completion import CompletionItem  # lazy: start-up time

    stages = complete_stages(context, parameter, incomplete)
    return stages or [CompletionItem(incomplete, type="file")]


targets_argument = click.argument("targets", nargs=-1, shell_complete=complete_targets)
"""The argument TARGETS."""


def _known() -> Iterator[str]:
    from pivot.define.locate import find_home  # lazy: start-up time
    from pivot.store.layout import plan_layout, stages_with_locks
    from pivot.yamlio import read_yaml, yaml_text

    file, home = find_home(os.getcwd())
    if file is not None and not file.endswith(".py"):
        told = read_yaml(yaml_text(file, file), file).data
        stages = told.get("stages") if isinstance(told, dict) else None
        yield from map(str, stages if isinstance(stages, dict) else ())
    own = "" if home.folder == "." else f"{home.folder}:"
    for stage in stages_with_locks(plan_layout(home.root, None)):
        yield stage.removeprefix(own)
