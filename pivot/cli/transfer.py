"""``pivot push``, ``pivot pull`` and ``pivot fetch``."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from pivot.cli.completion import targets_argument
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
        targets_argument,
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
    """Bring the results of TARGETS, and of what they need, from a remote, and put them in place."""
    with open_project() as project:
        return _tell("pulled", project.pull(targets, remote=remote, jobs=jobs), as_json)


@click.command("fetch")
@_options
def fetch_command(targets: tuple[str, ...], remote: str | None, jobs: int, as_json: bool) -> int:
    """Bring the results of TARGETS, and of what they need, from a remote into the cache only.

    `pivot repro` and `pivot checkout` put them in place from there.
    """
    with open_project() as project:
        return _tell("fetched", project.pull(targets, remote=remote, jobs=jobs, place=False), as_json)


def _tell(verb: str, exchange: "Exchange", as_json: bool) -> int:
    from pivot.cli.checkout import placed_counts, placed_json, tell_placed
    from pivot.cli.words import plural, size
    from pivot.config.spelling import listed

    done = exchange.transferred
    if as_json:
        failed = [{"name": one.label, "error": one.error.message} for one in done.failed]
        report: dict[str, Any] = {"moved": done.moved, "bytes": done.size, "present": done.present}
        report |= {"failed": failed, "unknown": list(exchange.unknown), "notices": list(exchange.notices)}
        report |= {"stages": placed_json(exchange.placed)} if verb == "pulled" else {}
        click.echo(json.dumps(report, indent=2))
        return 0 if exchange.ok else 1
    for one in done.failed:
        click.echo(f"{click.style('error:', fg='red')} {one.label}: {one.error.message}", err=True)
        if one.error.hint:
            click.echo(f"{click.style('hint:', fg='cyan')} {one.error.hint}", err=True)
    tell_placed(exchange.placed, {one.label.partition("': ")[2] for one in done.failed})
    for text in exchange.notices:
        click.echo(text, err=True)
    if exchange.unknown:
        click.echo(f"no result is known of {listed(exchange.unknown)}", err=True)
    parts = [f"{verb} {plural(done.moved, 'file')} ({size(done.size)})"]
    parts += [f"{done.present} were there already"] if done.present else []
    parts += [f"{len(done.failed)} failed"] if done.failed else []
    click.echo(", ".join(parts))
    if exchange.placed:
        click.echo(", ".join(placed_counts(exchange.placed)))
    return 0 if exchange.ok else 1
