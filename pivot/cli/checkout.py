"""``pivot checkout``."""

import json
import sys
from typing import TYPE_CHECKING

import click

from pivot.cli.opened import open_project

if TYPE_CHECKING:
    from pivot.engine.checkout import CheckedOut


@click.command("checkout")
@click.argument("targets", nargs=-1)
@click.option("-f", "--force", is_flag=True, help="Replace what you wrote over an output without keeping it.")
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object.")
def checkout_command(targets: tuple[str, ...], force: bool, as_json: bool) -> int:
    """Put the outputs of the last results back in place; run nothing (TARGETS: only these)."""
    with open_project() as project:
        found = project.checkout(targets, force=force)
    _print_json(found) if as_json else _print(found)
    named = bool(targets)
    return 0 if all(one.ok and not (named and one.unknown) for one in found) else 1


def _print_json(found: "tuple[CheckedOut, ...]") -> None:
    rows = [
        {
            "name": one.stage,
            "known": not one.unknown,
            "restored": list(one.restored) if one.ok else [],
            "missing": list(one.missing),
            "error": one.error.message if one.error else None,
            "notices": list(one.notices),
        }
        for one in found
    ]
    click.echo(json.dumps({"stages": rows}, indent=2))


def _print(found: "tuple[CheckedOut, ...]") -> None:
    from pivot.cli.main import report
    from pivot.cli.words import Words, listed, plural
    from pivot.core.state import StageState
    from pivot.errors import PivotError
    from pivot.model.event import Outcome

    words = Words.for_stream(sys.stdout)
    width = max((len(one.stage) for one in found), default=0)
    for one in found:
        if one.ok and one.restored:
            click.echo(words.row(StageState(Outcome.RESTORED, listed(one.restored)), one.stage, width))
        for text in one.notices:
            click.echo(text, err=True)
        if one.missing:
            message = f"stage '{one.stage}': the bytes of {listed(one.missing)} are not in the cache"
            report(PivotError(message, "pull them (pivot pull), or run the stage: pivot repro"))
        elif one.error:
            report(PivotError(f"stage '{one.stage}': {one.error.message}", one.error.hint))
    unknown = [one.stage for one in found if one.unknown]
    if unknown:
        click.echo(f"no result is known of {listed(unknown)}", err=True)
    restored = sum(one.ok and bool(one.restored) for one in found)
    failed = sum(not one.ok for one in found)
    parts = [f"{plural(restored, 'stage')} restored"]
    parts += [f"{failed} failed"] if failed else []
    in_place = len(found) - restored - failed - len(unknown)
    parts += [f"{in_place} in place"] if in_place else []
    click.echo(", ".join(parts))
