"""``%pivot metrics``, ``params`` and ``plots`` in the cell: one side, or how two differ."""

import argparse
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pivot.core.columns import pair_columns, value_columns
from pivot.core.compare import pairs
from pivot.core.inset import inset_html, inset_text
from pivot.core.tables import PRECISION, Column, table_html, table_text
from pivot.errors import PivotError
from pivot.model.stage import PlotView
from pivot.project import Project
from pivot_jupyter.shown import Bundle

TITLES = {"metrics": ("file", "metric"), "params": ("stage", "param")}


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be shown.

    Attributes:
        sides: the one, or old and new.
        stages: names or globs; none means all.
        everything: of two sides also what is equal.
        precision: digits of a number.
    """

    sides: tuple[str, ...]
    stages: tuple[str, ...]
    everything: bool
    precision: int


@dataclass(frozen=True, slots=True)
class Told:
    """What a cell shows, and what a person should know besides."""

    bundle: Bundle
    notices: tuple[str, ...]


def read_asked(words: Sequence[str]) -> Asked | None:
    """What the words after the subcommand ask for; ``None``: the command line knows more of them."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("words", nargs="*")
    parser.add_argument("-s", "--stage", action="append", default=[])
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--precision", type=int, default=PRECISION)
    try:
        given, more = parser.parse_known_args(list(words))
    except argparse.ArgumentError:
        return None
    verb, *sides = given.words or ["show"]
    most = {"show": 1, "diff": 2}.get(verb, -1)
    if more or len(sides) > most or given.precision < 0:
        return None
    if verb == "show":
        sides = sides or ["workspace"]
    else:
        sides += ["HEAD", "workspace"][len(sides) :]
    return Asked(tuple(sides), tuple(given.stage), given.all, given.precision)


def told(project: Project, name: str, asked: Asked) -> Told:
    """Metrics, params or plots.

    Args:
        name: of the three.

    Raises:
        UsageError: no such side or stage.
    """
    if name == "plots":
        return _plots(project, asked)
    read: Callable[[Any, Sequence[str]], tuple[dict[str, Any], list[str]]] = (
        (lambda side, stages: side.metrics(stages))
        if name == "metrics"
        else lambda side, stages: (side.params(stages), [])
    )
    titles = TITLES[name]
    if len(asked.sides) == 1:
        side = project.side(asked.sides[0])
        values, problems = read(side, side.chosen(asked.stages))
        notices = (*side.notices, *problems)
        if not values:
            what = "a pivot.Metric" if name == "metrics" else "params"
            return Told({"text/plain": "" if problems else f"no stage of {side.title} has {what}"}, notices)
        return Told(_table(value_columns(values, titles, asked.precision)), notices)
    both = project.side(asked.sides[1]).after(project.side(asked.sides[0]), asked.stages)
    (before, missing), (after, problems) = read(both.old, both.stages), read(both.new, both.stages)
    found = [pair for pair in pairs(before, after) if asked.everything or pair.differs]
    notices = (*both.notices, *missing, *problems)
    if not found:
        equal = f"no {titles[1]} differs between {both.old.title} and {both.new.title}"
        return Told({"text/plain": equal}, notices)
    return Told(_table(pair_columns(found, (both.old.name, both.new.name), titles, asked.precision)), notices)


def _plots(project: Project, asked: Asked) -> Told:
    views: dict[str, PlotView | None] = {}
    with contextlib.suppress(PivotError):  # two runs can be compared while the code is broken
        views = {out.path: out.view for stage in project.stages() for out in stage.outs}
    if len(asked.sides) == 1:
        side = project.side(asked.sides[0])
        plots, title, notices = side.plots(side.chosen(asked.stages), views), side.title, side.notices
    else:
        both = project.side(asked.sides[1]).after(project.side(asked.sides[0]), asked.stages)
        plots, title, notices = both.plots(views), f"{both.old.title} or {both.new.title}", both.notices
    if not plots:
        return Told({"text/plain": f"no stage of {title} has a pivot.Plot"}, notices)
    ordered = sorted(plots, key=lambda plot: plot.word == "same")
    return Told({"text/plain": inset_text(ordered), "text/html": inset_html(ordered)}, notices)


def _table(columns: Sequence[Column]) -> Bundle:
    return {"text/plain": table_text(columns), "text/html": table_html(columns)}
