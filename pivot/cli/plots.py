"""``pivot plots``."""

import contextlib
import os
from typing import TYPE_CHECKING, Any

import click

from pivot.cli.comparison import (
    COUNTING_BACK,
    side_argument,
    sides_arguments,
    stage_option,
    tell,
    write_json,
)
from pivot.cli.opened import open_project
from pivot.errors import PivotError

if TYPE_CHECKING:
    from pivot.core.gallery import PlotFile
    from pivot.model.stage import PlotView
    from pivot.project import Project

_OUT = click.option(
    "-o", "--out", default="plots.html", show_default=True, metavar="FILE", help="The page to write."
)
_OPEN = click.option("--open", "opens", is_flag=True, help="Show the page in the browser.")
_JSON = click.option("--json", "as_json", is_flag=True, help="List the plots as JSON; write no page.")


@click.group("plots")
def plots_command() -> None:
    """Write all Plots into one HTML page, or two sides next to each other."""


@plots_command.command("show", short_help="Of one side.", context_settings=COUNTING_BACK)
@side_argument
@stage_option
@_OUT
@_OPEN
@_JSON
def show_plots(side: str, stages: tuple[str, ...], out: str, opens: bool, as_json: bool) -> None:
    """Write the plots of the workspace, or of SIDE: a run (`last`, `-2`, an id) or a git revision."""
    with open_project() as project:
        found = project.side(side)
        plots = found.plots(found.chosen(stages), _views(project))
        root = project.root
    if as_json:
        write_json({"side": found.title, "root": root, "plots": [_as_json(plot) for plot in plots]})
    else:
        _write(out, found.title, plots, opens=opens)
    tell(found.notices)


@plots_command.command("diff", short_help="Of two sides.", context_settings=COUNTING_BACK)
@sides_arguments
@stage_option
@_OUT
@_OPEN
@_JSON
def diff_plots(old: str, new: str, stages: tuple[str, ...], out: str, opens: bool, as_json: bool) -> None:
    """Write the plots of A (default: git's HEAD) and B (default: the workspace) next to each other.

    A and B are runs (`last`, `-2`, an id), git revisions, or `workspace`.
    """
    with open_project() as project:
        both = project.side(new).after(project.side(old), stages)
        plots = both.plots(_views(project))
    if as_json:
        rows = [_as_json(plot) for plot in plots]
        names = {"old": both.old.title, "new": both.new.title}
        write_json({**names, "plots": rows, "left_out": list(both.left_out)})
    else:
        _write(out, f"{both.old.title} → {both.new.title}", plots, opens=opens)
    tell(both.notices)


def _views(project: "Project") -> "dict[str, PlotView | None]":
    """How tables are drawn, as the stages say now; of runs and revisions no record says it."""
    with contextlib.suppress(PivotError):  # two runs can be compared while the code is broken
        return {out.path: out.view for stage in project.stages() for out in stage.outs}
    return {}


def _write(out: str, title: str, plots: "list[PlotFile]", *, opens: bool) -> None:
    from pivot.cli.words import plural
    from pivot.core.gallery import gallery_html

    if not plots:
        click.echo(f"no plots: no stage of {title} has a pivot.Plot")
        return
    try:
        with open(out, "w", encoding="utf-8") as file:
            file.write(gallery_html(title, plots))
    except OSError as error:
        raise PivotError(f"cannot write {out}: {error.strerror}", "name another file with --out") from error
    counts = {word: sum(plot.word == word for plot in plots) for word in ("changed", "added", "removed")}
    counts["not there"] = sum(all(data is None for data in plot.sides.values()) for plot in plots)
    told = "".join(f", {count} {word}" for word, count in counts.items() if count)
    click.echo(f"wrote {out} ({plural(len(plots), 'plot')}{told})")
    if opens:
        click.launch(f"file://{os.path.abspath(out)}")


def _as_json(plot: "PlotFile") -> dict[str, Any]:
    from pivot.model.digest import digest_bytes

    digests = [digest_bytes(data) if data is not None else None for data in plot.sides.values()]
    data: dict[str, Any] = {"file": plot.path, "stage": plot.stage}
    if len(digests) == 1:
        return {**data, "digest": digests[0]}
    return {**data, "what": plot.word, "old": digests[0], "new": digests[1]}
