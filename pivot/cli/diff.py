"""``pivot diff``."""

from typing import TYPE_CHECKING, Any

import click

from pivot.cli.comparison import COUNTING_BACK, sides_arguments, stage_option, tell, write_json
from pivot.cli.opened import open_project

if TYPE_CHECKING:
    from pivot.core.compare import StageDifference
    from pivot.model.decision import Change


@click.command("diff", context_settings=COUNTING_BACK)
@sides_arguments
@stage_option
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object.")
def diff_command(old: str, new: str, stages: tuple[str, ...], as_json: bool) -> None:
    """Show which stages differ from A (default: git's HEAD) to B (default: the workspace), and in what.

    A and B are runs (`last`, `-2`, an id), git revisions, or `workspace`.
    """
    with open_project() as project:
        both = project.side(new).after(project.side(old), stages)
        found = both.differences()
    if as_json:
        rows = [_as_json(one) for one in found]
        names = {"old": both.old.title, "new": both.new.title}
        write_json({**names, "stages": rows, "left_out": list(both.left_out)})
    elif found:
        click.echo(f"{both.old.title} → {both.new.title}")
        for one in found:
            click.echo("\n".join(_lines(one)))
    else:
        click.echo(f"no stage differs between {both.old.title} and {both.new.title}")
    tell(both.notices)


def _headline(found: "StageDifference") -> str:
    """Why the outputs differ or, where nothing else does, that they do."""
    from pivot.core.explain import headline
    from pivot.model.decision import ChangeKind, Decision, Verdict

    outputs = (ChangeKind.OUTPUT_MISSING, ChangeKind.OUTPUT_ALTERED)
    reasons = tuple(change for change in found.changes if change.kind not in outputs) or found.changes
    return headline(Decision(found.stage, Verdict.RUN, reasons)) if reasons else ""


def _lines(found: "StageDifference") -> list[str]:
    from pivot.core.explain import title

    colour = {"added": "green", "removed": "red"}.get(found.what, "yellow")
    titles = [title(change) for change in found.changes]
    width = max(map(len, titles), default=0)
    return [
        f"{click.style(found.what, fg=colour)}  {found.stage}",
        *(
            f"    {name:<{width}}  {_values(change)}{_place(change)}".rstrip()
            for name, change in zip(titles, found.changes, strict=True)
        ),
    ]


def _values(change: "Change") -> str:
    from pivot.core.shown import shown_value
    from pivot.model.decision import ChangeKind

    if change.kind is ChangeKind.OUTPUT_MISSING:
        return "missing"
    if change.before is None or change.after is None:
        word, value = ("added", change.after) if change.before is None else ("removed", change.before)
        return f"{word} {shown_value(change.kind, value)}" if value is not None else word
    return f"{shown_value(change.kind, change.before)} → {shown_value(change.kind, change.after)}"


def _place(change: "Change") -> str:
    return f"  ({change.place})" if change.place is not None else ""


def _as_json(found: "StageDifference") -> dict[str, Any]:
    reasons = [
        {
            "kind": str(change.kind),
            "name": change.name,
            "before": change.before,
            "after": change.after,
            "file": str(change.place) if change.place else None,
        }
        for change in found.changes
    ]
    return {"name": found.stage, "what": found.what, "reason": _headline(found), "reasons": reasons}
