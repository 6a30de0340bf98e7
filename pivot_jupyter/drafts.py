"""The stages that the executed cells define, each with the cell that it comes from."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from pivot.model.stage import Stage
from pivot_jupyter.stages import Draft
from pivot_jupyter.words import no_stage, unknown_stage


@dataclass(frozen=True, slots=True)
class Known:
    """A draft.

    Attributes:
        cell: what its cell is known by.
        made: the names of the stages that it made when it was last defined; several with a matrix.
    """

    draft: Draft
    cell: str
    made: tuple[str, ...] = ()


class Drafts:
    """What is known by name, in the order in which it appeared."""

    def __init__(self) -> None:
        self._known: dict[str, Known] = {}

    def __bool__(self) -> bool:
        return bool(self._known)

    def __iter__(self) -> Iterator[Draft]:
        return iter([known.draft for known in self._known.values()])

    @property
    def functions(self) -> tuple[str, ...]:
        """The names of their functions in the cells."""
        return tuple(draft.function for draft in self)

    @property
    def stages(self) -> tuple[str, ...]:
        """The names of all stages, as far as they were made; else what their drafts are called."""
        return tuple(name for known in self._known.values() for name in known.made or (known.draft.name,))

    def of_cell(self, cell: str) -> tuple[Draft, ...]:
        """Those of one cell."""
        return tuple(known.draft for known in self._known.values() if known.cell == cell)

    def made_in(self, cell: str) -> tuple[str, ...]:
        """The stages that a cell defines."""
        found = [known for known in self._known.values() if known.cell == cell]
        return tuple(name for known in found for name in known.made or (known.draft.name,))

    def made_of(self, draft: Draft) -> tuple[str, ...]:
        """The stages that a draft makes."""
        return self._known[draft.name].made or (draft.name,)

    def replace(self, cell: str, drafts: Iterable[Draft]) -> tuple[Known, ...]:
        """A cell defines these now, and nothing else any more; gives those of other cells that they replace."""
        kept = {name: known for name, known in self._known.items() if known.cell != cell}
        replaced = []
        for draft in drafts:
            if draft.name in kept:
                replaced.append(kept[draft.name])
            kept[draft.name] = Known(draft, cell)
        self._known = kept
        return tuple(replaced)

    def made(self, draft: Draft, stages: Sequence[Stage]) -> None:
        """Keeps what a draft made."""
        names = tuple(stage.name for stage in stages)
        self._known[draft.name] = replace(self._known[draft.name], made=names)

    def find(self, stage: str) -> Draft | None:
        """The draft that makes a stage; by its own name, that of a variant, or the one that all variants share."""
        if stage in self._known:
            return self._known[stage].draft
        found = [known.draft for known in self._known.values() if stage in known.made]
        shared = [
            known.draft
            for known in self._known.values()
            if known.draft.options.matrix is not None and stage == known.draft.name.partition("@")[0]
        ]
        return next(iter([*found, *shared]), None)

    def require(self, stage: str) -> Draft:
        """What `find` finds.

        Raises:
            UsageError: nothing.
        """
        draft = self.find(stage)
        if draft is None:
            raise unknown_stage(stage, self.stages) if self else no_stage()
        return draft

    def forget(self, stage: str) -> None:
        """Takes the draft of a stage out."""
        del self._known[self.require(stage).name]
