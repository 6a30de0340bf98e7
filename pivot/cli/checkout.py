"""``pivot checkout``."""

import json
import sys
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import click

from pivot.cli.completion import targets_argument
from pivot.cli.opened import open_project
from pivot.cli.words import Words, plural
from pivot.config.spelling import listed

if TYPE_CHECKING:
    from pivot.engine.checkout import CheckedOut


@click.command("checkout")
@targets_argument
@click.option("-f", "--force", is_flag=True, help="Replace what you wrote over an output without keeping it.")
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object.")
def checkout_command(targets: tuple[str, ...], force: bool, as_json: bool) -> int:
    """Put the outputs of the last results back in place; run nothing (TARGETS: only these)."""
    with open_project() as project:
        found = project.checkout(targets, force=force)
    if as_json:
        click.echo(json.dumps({"stages": placed_json(found)}, indent=2))
    else:
        tell_placed(found)
        unknown = [one.stage for one in found if one.unknown]
        if unknown:
            click.echo(f"no result is known of {listed(unknown)}; run them: pivot repro", err=True)
        click.echo(", ".join(placed_counts(found)))
    named = bool(targets)
    return 0 if all(one.ok and not (named and one.unknown) for one in found) else 1


def placed_json(found: "Sequence[CheckedOut]") -> list[dict[str, Any]]:
    """What was put in place, a row for each stage."""
    return [
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


def tell_placed(found: "Sequence[CheckedOut]", told: Collection[str] = ()) -> None:
    """A line for each stage of which something was put in place, and what kept others from it.

    Args:
        told: paths of which it has been said that their bytes are not to be had.
    """
    from pivot.cli.commands import report
    from pivot.core.state import StageState
    from pivot.errors import PivotError, about_stage
    from pivot.model.event import Outcome

    words = Words.for_stream(sys.stdout)
    width = max((len(one.stage) for one in found), default=0)
    for one in found:
        if one.ok and one.restored:
            click.echo(words.row(StageState(Outcome.RESTORED, listed(one.restored)), one.stage, width))
        for text in one.notices:
            click.echo(text, err=True)
        missing = [path for path in one.missing if path not in told]
        if missing:
            message = f"stage '{one.stage}': the bytes of {listed(missing)} are not in the cache"
            report(PivotError(message, "pull them (pivot pull), or run the stage: pivot repro"))
        elif one.error:
            report(about_stage(one.stage, one.error))


def placed_counts(found: "Sequence[CheckedOut]") -> list[str]:
    """``2 stages restored``, ``1 failed``, ``3 in place``."""
    restored = sum(one.ok and bool(one.restored) for one in found)
    failed = sum(not one.ok for one in found)
    parts = [f"{plural(restored, 'stage')} restored"]
    parts += [f"{failed} failed"] if failed else []
    in_place = len(found) - restored - failed - sum(one.unknown for one in found)
    return [*parts, f"{in_place} in place"] if in_place else parts
