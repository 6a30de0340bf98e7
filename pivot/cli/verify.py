"""``pivot verify``."""

import json

import click

from pivot.cli.opened import open_project


@click.command("verify")
@click.option("--all", "everything", is_flag=True, help="Also the objects that no lock file needs.")
@click.option("--allow-missing", is_flag=True, help="An object that is not in the cache is no fault.")
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object.")
def verify_command(everything: bool, allow_missing: bool, as_json: bool) -> int:
    """Hash every object that the lock files need; put wrong ones aside, and name what is lost.

    A lost one is made again where the file in place has the same bytes.
    """
    from pivot.cli.words import plural

    with open_project() as project:
        found = project.verify(everything=everything)
    lost = [(need, "damaged") for need in found.damaged]
    lost += [(need, "missing") for need in found.missing if not allow_missing]
    if as_json:
        rows = [
            {
                "digest": need.digest,
                "stage": need.stage,
                "path": need.path,
                "fault": fault,
                "mended": need.digest in found.mended,
            }
            for need, fault in lost
        ]
        click.echo(json.dumps({"checked": found.checked, "faults": rows}, indent=2))
        return 1 if lost else 0
    for need, fault in lost:
        whose = f"stage '{need.stage}': {need.path}" if need.path else "an object that no lock file needs"
        after = "; made again of the file in place" if need.digest in found.mended else ""
        click.echo(f"{click.style(fault, fg='red')}  {whose} ({need.digest}){after}")
    unmended = [need for need, _ in lost if need.digest not in found.mended and need.path]
    parts = [f"{plural(found.checked, 'object')} checked"]
    faults = [fault for _, fault in lost]
    parts += [f"{faults.count(fault)} {fault}" for fault in ("damaged", "missing") if fault in faults]
    click.echo(", ".join(parts))
    if unmended:
        click.echo(click.style("hint: ", fg="cyan") + "pull them (pivot pull), or run the stages", err=True)
    return 1 if lost else 0
