"""``pivot status`` and ``pivot list``."""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from pivot.cli.completion import targets_argument
from pivot.cli.opened import open_project
from pivot.cli.setting import set_option, set_values
from pivot.model.decision import Change, Decision, Verdict
from pivot.model.upstream import shown_path

if TYPE_CHECKING:
    from pivot.core.explain import Detail, Explanation
    from pivot.core.graph import Graph
    from pivot.model.stage import Stage
    from pivot.project import Project


@dataclass(frozen=True, slots=True)
class Ground:
    """What the JSON of a status is about: the root of the project, absolute, and the graph of its stages."""

    root: str
    graph: "Graph"

    @classmethod
    def of(cls, project: "Project") -> "Ground":
        """That of a project."""
        return cls(project.root, project.graph())


NO_STAGES = "no stages are defined"
ALLOW_MISSING = "Files that are not there count as they were in the last run (for CI without data)."


@click.command("status")
@targets_argument
@click.option(
    "--explain", is_flag=True, help="Show every reason of TARGETS: hashes, places, paths and diffs."
)
@click.option(
    "--json", "as_json", is_flag=True, help="Write one JSON object; with --explain all that is known."
)
@click.option("--check", is_flag=True, help="Exit with 1 if anything would run.")
@click.option("--allow-missing", is_flag=True, help=ALLOW_MISSING)
@set_option
def status_command(
    targets: tuple[str, ...],
    explain: bool,
    as_json: bool,
    check: bool,
    allow_missing: bool,
    given: tuple[str, ...],
) -> int:
    """Show what a run would do with each stage, and why (TARGETS: only these and what they need)."""
    with open_project(set_values(given)) as project:
        if explain:
            found = project.explain(targets, allow_missing=allow_missing)
            named = project.named(targets)
            decisions = tuple(one.decision for one in found)
        else:
            decisions = project.status(targets, allow_missing=allow_missing)
        ground = Ground.of(project) if as_json else None
    if explain:
        # without targets, all that are not up to date
        shown = [e for e in found if (e.stage.name in named if named else _is_stale(e.decision))]
        _print_explained_json(shown, ground) if ground else _print_explained(shown, len(found))
    else:
        print_json(decisions, ground) if ground else print_table(decisions)
    would_run = any(decision.verdict in (Verdict.RUN, Verdict.WAITS) for decision in decisions)
    return 1 if check and would_run else 0


def _is_stale(decision: Decision) -> bool:
    return decision.verdict is not Verdict.UNCHANGED


def print_json(decisions: tuple[Decision, ...], ground: Ground) -> None:
    """``{"root", "stages": [{"name", "verdict", "icon", "phrase", "reason", "reasons", "upstream"}]}``."""
    _write([_as_json(decision, ground.graph) for decision in decisions], ground)


def _write(rows: list[dict[str, object]], ground: Ground) -> None:
    click.echo(json.dumps({"root": ground.root, "stages": rows}, indent=2))


def _as_json(decision: Decision, graph: "Graph") -> dict[str, object]:
    from pivot.core.explain import headline
    from pivot.core.state import state_of

    state = state_of(decision)
    return {
        "name": decision.stage,
        "verdict": str(decision.verdict),
        "icon": state.icon,
        "phrase": state.phrase,
        "reason": headline(decision),
        "reasons": reasons_json(decision),
        "upstream": list(graph.upstream(decision.stage)),
    }


def reasons_json(decision: Decision) -> list[dict[str, object]]:
    """``[{"kind", "name", "before", "after", "file"}]``, one for each reason."""
    return [_reason(change) for change in decision.changes]


def _reason(change: Change) -> dict[str, object]:
    return {
        "kind": str(change.kind),
        "name": change.name,
        "before": change.before,
        "after": change.after,
        "file": str(change.place) if change.place else None,
    }


def _told(stage: "Stage", detail: "Detail") -> dict[str, str]:
    """What the text says of a reason: ``Old``, ``New``, ``File``, ``Path``, …"""
    from pivot.core.explain import places, values, way

    steps = way(stage, detail.path)
    return dict(
        [*values(detail.change), *places(stage, detail.change), *([("Path", steps)] if steps else [])]
    )


def _print_explained_json(shown: Iterable["Explanation"], ground: Ground) -> None:
    from pivot.core.explain import title

    rows: list[dict[str, object]] = [
        {
            **_as_json(found.decision, ground.graph),
            "reasons": [
                {
                    **_reason(detail.change),
                    "file_before": str(detail.change.place_before) if detail.change.place_before else None,
                    "path": list(detail.path),
                    "title": title(detail.change),
                    "told": _told(found.stage, detail),
                    "diff": list(detail.diff),
                    "note": detail.note,
                }
                for detail in found.details
            ],
            "not_observed": found.unseen,
            "params": json.loads(found.stage.params.values) if found.stage.params else {},
            "deps": list(found.stage.dep_paths()),
            "outs": list(found.stage.out_paths()),
        }
        for found in shown
    ]
    _write(rows, ground)


def _print_explained(shown: Sequence["Explanation"], count: int) -> None:
    from pivot.core.explain import explain_lines

    for number, found in enumerate(shown):
        if number:
            click.echo()
        click.echo("\n".join(explain_lines(found, paint)))
    if not shown:
        click.echo(f"nothing would run: {_all_of(count)} up to date" if count else NO_STAGES)


def paint(line: str) -> str:
    """A line of a diff in the colours that people know; click drops them where none belong."""
    colour = {"+": "green", "-": "red"}.get(line[:1])
    return click.style(line, fg=colour) if colour else line


def _all_of(number: int) -> str:
    return "the stage is" if number == 1 else f"all {number} stages are"


def print_table(decisions: tuple[Decision, ...]) -> None:
    """One line a stage: state, name, the first reason; then the counts."""
    from pivot.cli.words import Words
    from pivot.core.explain import headline
    from pivot.core.state import StageState, counts_text

    words = Words.for_stream(sys.stdout)
    width = max((len(d.stage) for d in decisions), default=0)
    rows = [words.row(StageState(d.verdict, headline(d)), d.stage, width) for d in decisions]
    rows.append(counts_text(decisions) if decisions else NO_STAGES)
    click.echo("\n".join(rows))  # one write for thousands


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object.")
def list_command(as_json: bool) -> None:
    """List the stages with what they read and write."""
    with open_project() as project:
        stages = project.stages()
    if as_json:
        rows = [
            {
                "name": stage.name,
                "python": str(stage.function),
                "deps": list(stage.dep_paths()),
                "outs": list(stage.out_paths()),
                "place": str(stage.place),
            }
            for stage in stages
        ]
        click.echo(json.dumps({"stages": rows}, indent=2))
        return
    if not stages:
        click.echo(NO_STAGES)
    width = max((len(stage.name) for stage in stages), default=0)
    for stage in stages:
        reads = ", ".join(map(shown_path, stage.dep_paths())) or "-"
        writes = ", ".join(map(shown_path, stage.out_paths())) or "-"
        click.echo(f"{stage.name:<{width}}  {reads} -> {writes}")
