"""``pivot doctor``."""

import json
import sys
from typing import TYPE_CHECKING

import click

from pivot.cli.opened import open_project
from pivot.errors import DefinitionErrors, PivotError

if TYPE_CHECKING:
    from pivot.engine.doctor import Check
    from pivot.project import Project

_MARKS = {"well": ("✓", "green"), "note": ("!", "yellow"), "wrong": ("✗", "red")}


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object.")
def doctor_command(as_json: bool) -> int:
    """Check environment, file system, workers and cache, and say what to do.

    Exits with 1 where something needs doing.
    """
    from pivot.cli.words import Words  # lazy: start-up time
    from pivot.engine.doctor import State

    with open_project() as project:
        checks = _checks(project)
    wrong = any(check.state is State.WRONG for check in checks)
    if as_json:
        rows = [
            {"what": one.what, "state": one.state.value, "text": one.text, "hint": one.hint} for one in checks
        ]
        click.echo(json.dumps({"well": not wrong, "checks": rows}, indent=2))
        return int(wrong)
    icons = Words.for_stream(sys.stdout).icons
    for one in checks:
        icon, colour = _MARKS[one.state.value]
        mark = click.style(icon if icons else f"{one.state.value:<5}", fg=colour)
        click.echo(f"{mark} {one.what:<10} {one.text}")
        if one.hint:
            click.echo(f"{' ' * (2 if icons else 6)}{'':<10} {click.style('hint:', fg='cyan')} {one.hint}")
    return int(wrong)


def _checks(project: "Project") -> "list[Check]":
    from pivot.engine.doctor import check_cache, check_environment, check_files

    checks = [*check_environment()]
    project.store.create()
    checks += [*check_files(project.store, project.settings.checkout_mode), _check_worker(project)]
    return [*checks, *_check_stages(project), check_cache(project.store)]


def _check_worker(project: "Project") -> "Check":
    """Whether a process in which stages run can be started."""
    from pivot.engine.doctor import Check, State
    from pivot.model.digest import digest_text
    from pivot.model.fingerprint import ModuleText

    text = "answer = 1\n"
    module = ModuleText("pivot_doctor", "<pivot_doctor>", "pivot_doctor", text, digest_text(text))
    try:
        failure = project.trial(module, ["answer"], timeout=60).failure
    except PivotError as error:
        return Check("workers", State.WRONG, error.message, error.hint or "")
    if failure is not None:
        return Check("workers", State.WRONG, f"a worker fails: {failure.message}", failure.hint or "")
    return Check("workers", State.WELL, "a worker starts and answers")


def _check_stages(project: "Project") -> "list[Check]":
    from pivot.cli.words import plural
    from pivot.engine.doctor import Check, State

    try:
        return [Check("stages", State.WELL, f"{plural(len(project.stages()), 'stage')} defined")]
    except PivotError as error:
        errors = error.errors if isinstance(error, DefinitionErrors) else (error,)
        return [Check("stages", State.WRONG, one.message, one.hint or "") for one in errors]
