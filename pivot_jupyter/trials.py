"""Statements tried in a worker: what values they give when they are executed again."""

from dataclasses import replace

from pivot.model.fingerprint import ModuleText
from pivot.model.task import TrialResult
from pivot.project import Project
from pivot_jupyter.compile import NotebookModule

SECONDS = 2.0
"""How long a trial may take: what takes longer belongs into a stage."""


class Trials:
    """Tries each text once.

    Args:
        project: whose workers try.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._known: dict[tuple[str, tuple[str, ...]], TrialResult] = {}

    def result(self, part: NotebookModule, text: ModuleText, names: tuple[str, ...]) -> TrialResult:
        """What a part of the notebook's module gives for some names; a failure is told in cells, and tried again."""
        key = (text.digest, names)
        if key not in self._known:
            result = self._project.trial(text, names, SECONDS)
            if result.failure is not None:
                told = replace(result.failure, message=part.in_cells(result.failure.message))
                return replace(result, failure=told)
            self._known[key] = result
        return self._known[key]
