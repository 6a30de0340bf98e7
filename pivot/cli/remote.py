"""``pivot remote list|add|remove``."""

import json
import os
from collections.abc import Callable

import click

from pivot.cli.opened import open_project


@click.group("remote")
def remote_command() -> None:
    """Places outside the project to which results are pushed. For now: folders."""


@remote_command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object.")
def list_remotes(as_json: bool) -> None:
    """List the remotes; the one that is meant where none is named has a *."""
    with open_project() as project:
        settings = project.settings
    if as_json:
        click.echo(
            json.dumps(
                {"remotes": dict(settings.remotes), "default_remote": settings.default_remote}, indent=2
            )
        )
        return
    if not settings.remotes:
        click.echo("this project has no remote; add one: pivot remote add NAME FOLDER", err=True)
    width = max(map(len, settings.remotes), default=0)
    for name, address in settings.remotes.items():
        click.echo(f"{'*' if name == settings.default_remote else ' '} {name:<{width}}  {address}")


@remote_command.command("add")
@click.argument("name")
@click.argument("address")
@click.option("--default", is_flag=True, help="Use it where no remote is named.")
def add_remote(name: str, address: str, default: bool) -> None:
    """Add a remote to .pivot/config.yaml.

    ADDRESS is a folder (/mnt/share, ../share, file:///mnt/share); a relative one is taken from here.
    """
    from pivot.config.remotes import with_remote
    from pivot.remote.address import check_name, folder_of

    check_name(name)
    with open_project() as project:
        root = project.root
        folder_of(address, os.getcwd())  # an address that nobody knows is an error now, not at the first push
        if ":" not in address and not address.startswith(("/", "~")):
            address = os.path.relpath(os.path.abspath(address), root).replace(os.sep, "/")
        project.store.create()
        _edit(root, lambda text: with_remote(text, name, address, default=default))
    click.echo(f"added remote {name}: {address}")


@remote_command.command("remove")
@click.argument("name")
def remove_remote(name: str) -> None:
    """Take a remote out of .pivot/config.yaml; what was pushed stays where it is."""
    from pivot.config.remotes import without_remote

    with open_project() as project:
        _edit(project.root, lambda text: without_remote(text, name))
    click.echo(f"removed remote {name}")


def _edit(root: str, change: Callable[[str], str]) -> None:
    from pivot.config.settings import SETTINGS_FILE
    from pivot.store import atomic

    path = os.path.join(root, SETTINGS_FILE)
    try:
        with open(path, encoding="utf-8", newline="") as file:
            text = file.read()
    except FileNotFoundError:
        text = ""
    atomic.write_bytes(path, change(text).encode("utf-8"), os.path.join(root, ".pivot", "tmp"))
