"""``pivot gc``."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from pivot.cli.opened import open_project

if TYPE_CHECKING:
    from pivot.store.collection import Pile


@click.command("gc")
@click.option("-n", "--dry-run", is_flag=True, help="Show what would go; take nothing away.")
@click.option(
    "--keep-runs",
    type=click.IntRange(min=0),
    metavar="N",
    help="Keep results of the last N runs only (default: of all in the history).",
)
@click.option(
    "--drop-kept", is_flag=True, help="Also drop files of yours that were kept when outputs replaced them."
)
@click.option("-f", "--force", is_flag=True, help="Leave out projects and repositories that cannot be read.")
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object.")
def gc_command(dry_run: bool, keep_runs: int | None, drop_kept: bool, force: bool, as_json: bool) -> None:
    """Take away what the cache holds and nothing needs.

    Kept is what the lock files name, here and in every branch and tag of git, what the runs in the history gave, and
    files of yours that outputs replaced; in a shared cache also what its other projects need.
    """
    from pivot.cli.words import plural, size

    with open_project() as project:
        found = project.collect(keep_runs=keep_runs, dry_run=dry_run, force=force, kept=drop_kept)
    if as_json:
        click.echo(json.dumps({"dry_run": dry_run, **asdict(found)}, indent=2))
        return

    def told(pile: "Pile", noun: str) -> str:
        return f"{plural(pile.count, noun)} ({size(pile.size)})"

    piles = [(found.objects, "object"), (found.records, "run cache record"), (found.texts, "old source text")]
    piles += [(found.damaged, "damaged object"), (found.unfinished, "half-written file")]
    parts = [told(pile, noun) for pile, noun in piles if pile.count]
    verb = "would remove" if dry_run else "removed"
    click.echo(f"{verb} {', '.join(parts) or 'nothing'}")
    click.echo(f"{told(found.kept, 'object')} {'stays' if found.kept.count == 1 else 'stay'}")
