"""What a stage takes of a machine while it runs, and what there is to take. None of it changes a result."""

from dataclasses import dataclass, field

from pivot.model.place import Place


@dataclass(frozen=True, slots=True)
class Resources:
    """What a stage needs while it runs.

    Attributes:
        cpus: cores; more than 0.
        gpus: a part of one is allowed, for stages that share it.
        memory: bytes; 0 where nothing was said.
        labels: anything else that somebody may declare a capacity of, name → amount, sorted by name.
        places: where an amount stands that was written; name → place.
    """

    cpus: float = 1.0
    gpus: float = 0.0
    memory: int = 0
    labels: tuple[tuple[str, float], ...] = ()
    places: tuple[tuple[str, Place], ...] = field(default=(), compare=False)

    def amounts(self) -> dict[str, float]:
        """All that is asked for, by name; what is not asked for is left out."""
        own = {"cpus": self.cpus, "gpus": self.gpus, "memory": float(self.memory)}
        return {name: amount for name, amount in (*own.items(), *self.labels) if amount}

    def place(self, name: str, stage: Place) -> Place:
        """Where an amount stands; `stage`, the place of the whole stage, where nobody wrote one."""
        return dict(self.places).get(name, stage)
