"""Stages that take what no cell defines yet: they wait, and the others are looked at as if it were there."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pivot.core.explain import Explanation
from pivot.core.graph import Graph
from pivot.core.links import unknown_upstream, without_upstream
from pivot.errors import DefinitionError
from pivot.model.decision import Change, ChangeKind, Decision, Verdict
from pivot.model.stage import Stage


@dataclass(frozen=True, slots=True)
class Awaited:
    """Stages of which some name what is no stage yet.

    Attributes:
        stages: all; those that wait without the names that lead nowhere. To be looked at only: one that waits
            cannot be run.
        names: what a stage waits for, by its own name.
    """

    stages: tuple[Stage, ...] = ()
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, stages: Sequence[Stage]) -> "Awaited":
        """Tells apart what may still come from what is wrong: a name of variants, or of another folder's stage."""
        known = [stage.name for stage in stages]
        found = {
            name: missing
            for name, missing in unknown_upstream(stages).items()
            if not any(":" in one or any(own.startswith(f"{one}@") for own in known) for one in missing)
        }
        return cls(tuple(without_upstream(stage, found.get(stage.name, ())) for stage in stages), found)

    def decided(self, decisions: Sequence[Decision]) -> tuple[Decision, ...]:
        """Decisions, in which what waits and all that rests on it waits."""
        waiting = self._waiting()
        return tuple(waiting.get(decision.stage, decision) for decision in decisions)

    def explained(self, found: Sequence[Explanation]) -> tuple[Explanation, ...]:
        """The same for explanations."""
        waiting = self._waiting()
        return tuple(
            replace(one, decision=waiting[one.stage.name], details=()) if one.stage.name in waiting else one
            for one in found
        )

    def require(self, stage: str) -> None:
        """Raises a `DefinitionError` if a stage waits for one that nobody defined."""
        if names := self.names.get(stage):
            raise DefinitionError(
                f"stage '{stage}' waits for {_nobodys(names)}",
                "run the cell that defines it, or mend the name",
            )

    def _waiting(self) -> dict[str, Decision]:
        if not self.names:
            return {}
        graph = Graph(self.stages)
        found: dict[str, Decision] = {}
        for name in graph.order:
            causes = [_nobodys(self.names[name])] if name in self.names else []
            causes += [upstream for upstream in graph.upstream(name) if upstream in found]
            if causes:
                changes = tuple(Change(ChangeKind.UPSTREAM, cause) for cause in causes)
                found[name] = Decision(name, Verdict.WAITS, changes)
        return found


def require_known(stages: Sequence[Stage], others: Iterable[str]) -> None:
    """Lets stages pass that name each other only, or stages of a file.

    Args:
        others: names of stages in the file.

    Raises:
        DefinitionError: one waits for what nobody defines.
    """
    kept = set(others)
    waits = Awaited.of(stages)
    for stage, names in waits.names.items():
        if not kept.issuperset(names):
            waits.require(stage)


def _nobodys(names: Sequence[str]) -> str:
    *some, last = (f"'{name}'" for name in names)
    told = f"stages {', '.join(some)} and {last}" if some else f"stage {last}"
    return f"{told}, which no cell defines yet"
