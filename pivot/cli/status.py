"""``pivot status`` and ``pivot list``."""

import json
import sys

import click

from pivot.cli.opened import open_project
from pivot.model.decision import Decision, Verdict
from pivot.model.stage import Stage


@click.command("status")
@click.argument("targets", nargs=-1)
@click.option("--explain", is_flag=True, help="Show every reason of TARGETS, with hashes and places.")
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object.")
@click.option("--check", is_flag=True, help="Exit with 1 if anything would run.")
def status_command(targets: tuple[str, ...], explain: bool, as_json: bool, check: bool) -> int:
    """Show what a run would do with each stage, and why (TARGETS: only these and what they need)."""
    from pivot.core.query import select  # lazy: start-up time

    with open_project() as project:
        decisions = project.status(targets)
        stages = {stage.name: stage for stage in project.stages()}
        named = select(project.graph(), targets, single=True) if targets else ()
    if as_json:
        print_json(decisions)
    elif explain:
        _explain(stages, decisions, named)
    else:
        print_table(decisions)
    would_run = any(decision.verdict in (Verdict.RUN, Verdict.WAITS) for decision in decisions)
    return 1 if check and would_run else 0


def print_json(decisions: tuple[Decision, ...]) -> None:
    """``{"stages": [{"name", "verdict", "reason", "reasons"}]}``."""
    click.echo(json.dumps({"stages": [_as_json(decision) for decision in decisions]}, indent=2))


def _as_json(decision: Decision) -> dict[str, object]:
    from pivot.core.explain import headline

    return {
        "name": decision.stage,
        "verdict": str(decision.verdict),
        "reason": headline(decision),
        "reasons": [
            {
                "kind": str(change.kind),
                "name": change.name,
                "before": change.before,
                "after": change.after,
                "file": str(change.place) if change.place else None,
            }
            for change in decision.changes
        ],
    }


def _explain(stages: dict[str, Stage], decisions: tuple[Decision, ...], named: tuple[str, ...]) -> None:
    """The reasons of the stages that were named; without names, of all that are not up to date."""
    from pivot.core.explain import Detail, Explanation, explain_lines

    shown = [d for d in decisions if d.stage in named or not (named or d.verdict is Verdict.UNCHANGED)]
    for number, decision in enumerate(shown):
        if number:
            click.echo()
        click.echo(
            "\n".join(
                explain_lines(
                    Explanation(stages[decision.stage], decision, tuple(map(Detail, decision.changes)))
                )
            )
        )
    if not shown:
        click.echo(f"nothing would run: {_all_of(len(decisions))} up to date")


def _all_of(number: int) -> str:
    return "the stage is" if number == 1 else f"all {number} stages are"


def print_table(decisions: tuple[Decision, ...]) -> None:
    """One line a stage: state, name, the first reason; then the counts."""
    from pivot.cli.words import Words, plural
    from pivot.core.explain import headline
    from pivot.core.state import StageState

    words = Words.for_stream(sys.stdout)
    width = max((len(d.stage) for d in decisions), default=0)
    for decision in decisions:
        click.echo(words.row(StageState(decision.verdict, headline(decision)), decision.stage, width))
    counts = {verdict: sum(d.verdict is verdict for d in decisions) for verdict in Verdict}
    parts = [f"{counts[Verdict.RUN]} of {plural(len(decisions), 'stage')} will run"]
    parts += [f"{counts[Verdict.WAITS]} wait"] if counts[Verdict.WAITS] else []
    parts += [f"{counts[Verdict.RESTORE]} will be restored"] if counts[Verdict.RESTORE] else []
    click.echo(", ".join(parts))


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
    width = max((len(stage.name) for stage in stages), default=0)
    for stage in stages:
        reads = ", ".join(stage.dep_paths()) or "-"
        click.echo(f"{stage.name:<{width}}  {reads} -> {', '.join(stage.out_paths()) or '-'}")
