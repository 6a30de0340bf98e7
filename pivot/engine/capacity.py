"""What there is of the resources that stages ask for, and what to say where that is not enough."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from pivot.core.admission import beyond
from pivot.core.graph import Graph
from pivot.engine.observe import Observer, assess
from pivot.errors import DefinitionError
from pivot.model.decision import Verdict
from pivot.model.resources import Resources
from pivot.model.stage import Stage

_USUAL = Resources()


def capacity_for(
    stages: Iterable[Stage], declared: Mapping[str, float], found: Callable[[], Mapping[str, float]]
) -> Mapping[str, float]:
    """How much there is of each resource: what the project declares, else what the machine has.

    Args:
        found: looks at the machine; called if a stage asks for anything.
    """
    if all(stage.resources == _USUAL for stage in stages):
        return declared
    return {**found(), **declared}


class Capacity:
    """What the stages of a run may take.

    Args:
        limits: resource → how much there is.
        stages: of the run.
        tell: takes what a person should know.
    """

    def __init__(
        self, limits: Mapping[str, float], stages: Iterable[Stage], tell: Callable[[str], None]
    ) -> None:
        self._limits = limits
        self._tell = tell
        labels = {name for stage in stages for name, _ in stage.resources.labels}
        self._unlimited = sorted(labels - {*limits})

    def require(self, stage: Stage) -> None:
        """Refuse a stage that is about to run and asks for more than there is.

        The first that asks for a label of which nobody says how much there is makes a notice of all such labels.

        Raises:
            DefinitionError: which resource, and how much of it there is.
        """
        for error in _too_much(stage, self._limits):
            raise error
        if self._unlimited and any(name in self._unlimited for name, _ in stage.resources.labels):
            names, self._unlimited = self._unlimited, []
            one = len(names) == 1
            self._tell(
                f"resource{'' if one else 's'} {', '.join(names)} {'is' if one else 'are'} ignored: nobody says how "
                f"much there is (capacity: {{{names[0]}: 1}} in .pivot/config.yaml)"
            )


def require_capacity(
    graph: Graph, chosen: Iterable[str], limits: Mapping[str, float], observer: Observer, *, force: bool
) -> Iterator[DefinitionError]:
    """What is wrong where stages ask for more than there is and are known to run.

    One whose result can be had from the cache is none of them; one that waits for another is judged in its turn.
    """
    names = tuple(chosen)
    wrong = {name: [*_too_much(graph.stage(name), limits)] for name in names}
    if any(wrong.values()):
        for decision in assess(observer, graph, names, force=force):
            if decision.verdict is Verdict.RUN:
                yield from wrong[decision.stage]


def _too_much(stage: Stage, limits: Mapping[str, float]) -> Iterator[DefinitionError]:
    for name, (wanted, there) in beyond(stage.resources, limits).items():
        declared, place = _shown(name, wanted), stage.resources.place(name, stage.place)
        yield DefinitionError(
            f"stage '{stage.name}': {name}: {declared} is more than there is, {_shown(name, there)} ({place})",
            f"ask for less, or say what there is: capacity: {{{name}: {declared}}} in .pivot/config.yaml",
        )


def _shown(name: str, amount: float) -> str:
    if name == "memory":
        for unit, size in (("GiB", 1 << 30), ("MiB", 1 << 20)):
            if amount >= size:
                return f"{amount / size:.1f}".removesuffix(".0") + unit
        return f"{amount:.0f}B"
    return f"{amount:g}"
