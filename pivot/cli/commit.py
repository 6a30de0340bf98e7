"""``pivot commit``."""

import json
import sys
from typing import TYPE_CHECKING

import click

from pivot.cli.completion import targets_argument
from pivot.cli.opened import open_project

if TYPE_CHECKING:
    from pivot.engine.accept import Accepted

_MOST_LINES = 12  # of a diff


@click.command("commit")
@targets_argument
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object.")
def commit_command(targets: tuple[str, ...], as_json: bool) -> int:
    """Accept the files that are there as results of the stages; run nothing (TARGETS: only these).

    For outputs that were made by hand, and for edits that you know to change no result. What differs from the last
    result is shown.
    """
    with open_project() as project:
        found = project.commit(targets)
    _print_json(found) if as_json else _print(found)
    return 1 if any(one.error for one in found) else 0


def _print_json(found: "tuple[Accepted, ...]") -> None:
    from pivot.cli.status import reasons_json

    rows = [
        {
            "name": one.stage,
            "accepted": one.explanation is not None,
            "reasons": reasons_json(one.explanation.decision) if one.explanation else [],
            "error": one.error.message if one.error else None,
            "notices": list(one.notices),
        }
        for one in found
    ]
    click.echo(json.dumps({"stages": rows}, indent=2))


def _print(found: "tuple[Accepted, ...]") -> None:
    from pivot.cli.commands import report
    from pivot.cli.status import paint
    from pivot.cli.words import Words, plural
    from pivot.core.explain import brief_lines, headline
    from pivot.errors import about_stage

    icon = "✓ " if Words.for_stream(sys.stdout).icons else ""
    width = max((len(one.stage) for one in found), default=0)
    for one in found:
        if one.explanation:
            reason = headline(one.explanation.decision)
            click.echo(f"{click.style(f'{icon}accepted', fg='green')}  {one.stage:<{width}}  {reason}")
            for line in brief_lines(one.explanation, _MOST_LINES, paint):
                click.echo(f"    {line}".rstrip())
        for text in one.notices:
            click.echo(text, err=True)
        if one.error:
            report(about_stage(one.stage, one.error))
    accepted = sum(one.explanation is not None for one in found)
    failed = sum(one.error is not None for one in found)
    parts = [f"{plural(accepted, 'stage')} accepted"]
    parts += [f"{failed} failed"] if failed else []
    unchanged = len(found) - accepted - failed
    parts += [f"{unchanged} unchanged"] if unchanged else []
    click.echo(", ".join(parts))
