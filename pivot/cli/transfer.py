"""``pivot push`` and ``pivot pull``."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from pivot.cli.opened import open_project

if TYPE_CHECKING:
    from pivot.engine.exchange import Exchange


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Write one JSON object."),
        click.option(
            "-j",
            "--jobs",
            type=click.IntRange(min=1),
            default=8,
            show_default=True,
            help="How many files are moved at once.",
        ),
        click.option(
            "-r", "--remote", metavar="NAME", help="Which remote (default: the setting default_remote)."
        ),
        click.argument("targets", nargs=-1),
    ):
        command = option(command)
    return command


@click.command("push")
@_options
def push_command(targets: tuple[str, ...], remote: str | None, jobs: int, as_json: bool) -> int:
    """Bring the last results of TARGETS, and of what they need, to a remote."""
    with open_project() as project:
        return _tell("pushed", project.push(targets, remote=remote, jobs=jobs), as_json)


@click.command("pull")
@_options
def pull_command(targets: tuple[str, ...], remote: str | None, jobs: int, as_json: bool) -> int:
    """Bring the results of TARGETS, and of what they need, from a remote into the cache.

    They are put in place by `pivot repro`, which then need not run them.
    """
    with open_project() as project:
        return _tell("pulled", project.pull(targets, remote=remote, jobs=jobs), as_json)


def _tell(verb: str, exchange: "Exchange", as_json: bool) -> int:
    from pivot.cli.words import listed, plural, size

    done = exchange.transferred
    if as_json:
        failed = [{"name": one.label, "error": one.error.message} for one in done.failed]
        report = {"moved": done.moved, "bytes": done.size, "present": done.present, "failed": failed}
        click.echo(json.dumps(report | {"unknown": list(exchange.unknown)}, indent=2))
        return 0 if exchange.ok else 1
    for one in done.failed:
        click.echo(f"{click.style('error:', fg='red')} {one.label}: {one.error.message}", err=True)
        if one.error.hint:
            click.echo(f"{click.style('hint:', fg='cyan')} {one.error.hint}", err=True)
    if exchange.unknown:
        click.echo(f"no result is known of {listed(exchange.unknown)}", err=True)
    parts = [f"{verb} {plural(done.moved, 'file')} ({size(done.size)})"]
    parts += [f"{done.present} were there already"] if done.present else []
    parts += [f"{len(done.failed)} failed"] if done.failed else []
    click.echo(", ".join(parts))
    return 0 if exchange.ok else 1
