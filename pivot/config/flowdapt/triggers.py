"""Flowdapt's triggers → edges between stages where that can be, and else lines for a person.

A workflow that is to run when another has finished is the same pipeline: its first stages depend on the other's last.
"""

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pivot.config.flowdapt.code import Signature
from pivot.config.flowdapt.documents import Trigger
from pivot.config.workflow import Workflow


@dataclass(frozen=True, slots=True)
class Ground:
    """What triggers are about.

    Attributes:
        workflows: by name.
        homes: workflow → its folder in the project that is made; empty for the one folder of all.
        known: target → what the function takes; those that could not be read are missing.
        folder: of the project that is made, absolute.
        prefix: its path from the project's root, with a ``/`` at its end; empty for the root itself.
    """

    workflows: Mapping[str, Workflow]
    homes: Mapping[str, str]
    known: Mapping[str, Signature]
    folder: str
    prefix: str

    def command(self, workflow: str, given: Mapping[str, Any]) -> str:
        """The shell's words that run a workflow with some input."""
        home = self.homes[workflow]
        is_alone = list(self.homes.values()).count(home) == 1
        where = f"{self.folder}/{home}" if home else self.folder
        values = [word for key, value in given.items() for word in ("--set", f"{key}={json.dumps(value)}")]
        targets = [] if is_alone else self.workflows[workflow].ends()
        return f"cd {shlex.quote(where)} && {shlex.join(['pivot', 'repro', *targets, *values])}"


@dataclass(slots=True)
class Links:
    """What became of the triggers.

    Attributes:
        edges: (workflow, stage) → names of stages that it shall depend on.
        include: workflow → the folders of those whose files it takes in.
        after: workflow → those that it runs after.
        left: what is not carried over.
        decide: what a person must do about the rest.
        later: lines for the crontab.
    """

    edges: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    include: dict[str, tuple[str, ...]] = field(default_factory=dict)
    after: dict[str, set[str]] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    decide: list[str] = field(default_factory=list)
    later: list[str] = field(default_factory=list)

    def follows(self, first: str, then: str) -> bool:
        """Whether ``first`` runs after ``then`` already, so that the other way round would be a circle."""
        return first == then or any(self.follows(one, then) for one in self.after.get(first, ()))


def links(triggers: list[Trigger], ground: Ground) -> Links:
    """What becomes of the triggers."""
    done = Links()
    for trigger in triggers:
        who = f"trigger {trigger.name} ({trigger.place})"
        if trigger.workflow is None:
            done.left.append(f"{who}: Pivot has no action {trigger.action!r}")
        elif trigger.workflow not in ground.workflows:
            done.left.append(f"{who}: workflow {trigger.workflow!r} is not among the files")
        elif trigger.schedule:
            done.later += (line for line in _crontab(trigger, ground) if line not in done.later)
        else:
            _after(done, trigger, trigger.workflow, who, ground)
    return done


def _crontab(trigger: Trigger, ground: Ground) -> Iterator[str]:
    yield "CRON_TZ=UTC"  # in which Flowdapt's schedules are
    for cron in trigger.schedule:
        # in a crontab a % ends the line
        yield f"{cron} {ground.command(trigger.workflow or '', trigger.given)}".replace("%", "\\%")


def _after(done: Links, trigger: Trigger, then: str, who: str, ground: Ground) -> None:
    """A condition: an edge, or a line that says what to do."""
    run = ground.command(then, trigger.given)
    failed, first = trigger.after_failure(), trigger.after()
    if failed in ground.workflows and failed is not None:
        done.left.append(f"{who}: in the shell it is ({ground.command(failed, {})}) || ({run})")
    elif first is None or first not in ground.workflows:
        why = "it waits for something else than the success of one of these workflows"
        done.left.append(f"{who}: {why}; let what knows of it run: {run}")
    elif done.follows(first, then):
        done.left.append(f"{who}: {then} would run after itself; when it should, run: {run}")
    else:
        _tie(done, first, then, who, ground)
        if trigger.given:
            given = json.dumps(dict(trigger.given))
            done.decide.append(f"{who}: its input {given} belongs under params: in pivot.yaml")


def _tie(done: Links, first: str, then: str, who: str, ground: Ground) -> None:
    """Makes what begins a workflow depend on what ends another, where its functions take nothing."""
    home = ground.homes[first]
    workflow, ends = ground.workflows[then], ground.workflows[first].ends()
    is_apart = home != ground.homes[then]
    names = tuple(f"{ground.prefix}{home}:{end}" if is_apart else end for end in ends)
    for root in workflow.roots():
        takes = ground.known.get(workflow.stages[root]["python"])
        if takes is not None and not takes.names and not takes.required and workflow.over(root) is None:
            done.edges[then, root] = (*done.edges.get((then, root), ()), *names)
        else:
            why = "its function was not found" if takes is None else "its function takes values"
            done.decide.append(
                f"{who}: {root} is to run after {first}, but {why}: let it take *args (or nothing at all), and "
                f"write depends_on: [{', '.join(names)}]"
            )
    done.after.setdefault(then, set()).add(first)
    if is_apart:
        done.include[then] = tuple(dict.fromkeys((*done.include.get(then, ()), home)))
