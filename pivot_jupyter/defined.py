"""What the cells of a notebook define: its module, its stages, and how ``pivot.yaml`` says them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, NamedTuple

from pivot.core.links import linked
from pivot.errors import DefinitionErrors, PivotError
from pivot.model.fingerprint import ModuleText
from pivot.model.stage import Stage
from pivot.paths import project_path
from pivot_jupyter.compile import NotebookModule
from pivot_jupyter.entry import entry_of
from pivot_jupyter.stages import Draft, Ground


class Made(NamedTuple):
    """A draft and the stages that it makes; several with a matrix."""

    draft: Draft
    stages: tuple[Stage, ...]


@dataclass(frozen=True, slots=True)
class Defined:
    """The module and stages as the cells define them now.

    Attributes:
        entries: of ``pivot.yaml``, by their names.
        own: the stages that were asked for.
    """

    module: NotebookModule
    text: ModuleText
    stages: tuple[Stage, ...]
    entries: Mapping[str, Mapping[str, Any]]
    own: tuple[Stage, ...]


def defined_by(
    module: NotebookModule,
    ground: Ground,
    holding: ModuleType,
    made: Sequence[Made],
    asked: Collection[Draft] | None = None,
) -> Defined:
    """What drafts made.

    Args:
        holding: the functions.
        asked: the drafts that were asked for; ``None``: all.
    """
    wanted = {one.key for draft, stages in made if asked is None or draft in asked for one in stages}
    # what a stage names that no cell defines is told when a graph is made of them: a file may
    linked_stages = linked([stage for _, stages in made for stage in stages], [])
    return Defined(
        module=module,
        text=module.module_text(project_path(f"{module.name}.py", ground.folder)),
        stages=linked_stages,
        entries={draft.name: entry_of(draft, stages, holding, ground) for draft, stages in made},
        own=tuple(stage for stage in linked_stages if stage.key in wanted),
    )


def raise_all(errors: Sequence[PivotError]) -> None:
    """Raises what was found, all at once and each once; nothing where nothing was."""
    found = list({(error.message, error.hint): error for error in errors}.values())
    if found:
        raise found[0] if len(found) == 1 else DefinitionErrors(found)
