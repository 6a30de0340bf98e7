"""Whether a notebook holds what it promises: it runs from top to bottom, the second time nothing, and is exported."""

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pivot.errors import DefinitionErrors, PivotError
from pivot.model.event import Outcome
from pivot.project import Project
from pivot_jupyter.cells import Role, read_cell
from pivot_jupyter.command import code_cells
from pivot_jupyter.drift import Drift, out_of_step
from pivot_jupyter.export import drifts
from pivot_jupyter.fresh import FreshRun, read, run_all
from pivot_jupyter.headless import defined_notebook


class Answer(StrEnum):
    """What came of a check."""

    OK = "ok"
    NOTE = "note"  # it fails nothing, and somebody should know
    FAILED = "failed"
    SKIPPED = "skipped"  # what it needs failed


@dataclass(frozen=True, slots=True)
class Check:
    """One promise.

    Attributes:
        name: of one to three words.
        told: one line: what was found.
        hint: what to do about it; empty where nothing is to be done.
        drifts: the files that are not as the notebook says.
        traceback: of a cell that failed.
    """

    name: str
    answer: Answer
    told: str
    hint: str = ""
    drifts: tuple[Drift, ...] = ()
    traceback: tuple[str, ...] = ()


def inspect(file: str, *, module: str | None = None, timeout: int | None = None) -> Iterator[Check]:
    """Checks a notebook file, one promise after the other; the file stays as it is.

    Args:
        module: as for export.
        timeout: of one cell, in seconds.

    Raises:
        UsageError: it is no notebook that can be executed.
    """
    notebook = read(file)
    texts = [cell.text for cell in code_cells(file)]
    yield from _commands(texts)
    yield _export(file, module)
    first = run_all(notebook, file, timeout=timeout)
    yield _all_cells("run all", first)
    if first.failure is not None:
        yield Check("second run", Answer.SKIPPED, "the first one failed")
    else:
        yield _second_run(notebook, file, timeout)
    yield _paths(notebook, first, os.path.dirname(os.path.abspath(file)))


def _commands(texts: Sequence[str]) -> Iterator[Check]:
    """What only a kernel understands: told, since no module takes it along."""
    found = []
    for number, text in enumerate(texts, 1):
        source = read_cell(text)
        words = [command.text for command in source.commands]
        if source.role is Role.FOREIGN:
            words.append(next(line.strip() for line in text.splitlines() if line.strip()))
        found += [f"Cell In[{number}]: `{word}`" for word in words]
    if found:
        yield Check("commands", Answer.NOTE, f"work in a notebook only: {', '.join(found)}")


def _export(file: str, module: str | None) -> Check:
    try:
        defined, ground = defined_notebook(file, module)
        found = drifts(defined, ground)
    except PivotError as error:
        errors = error.errors if isinstance(error, DefinitionErrors) else (error,)
        told = "; ".join(one.message for one in errors)
        return Check("export", Answer.FAILED, told, errors[0].hint or "")
    if found:
        told = out_of_step(found).message
        return Check("export", Answer.FAILED, told, f"pivot notebook export {file}", found)
    count = len(defined.stages)
    return Check(
        "export", Answer.OK, f"{defined.module.name}.py and pivot.yaml hold its {_counted(count, 'stage')}"
    )


def _all_cells(name: str, run: FreshRun, told: str = "") -> Check:
    failure = run.failure
    if failure is None:
        return Check(name, Answer.OK, told or f"{_counted(run.cells, 'cell')} came to their end")
    return Check(
        name,
        Answer.FAILED,
        f"{failure.cell}: {failure.message}",
        "Restart and Run All in the notebook shows it",
        traceback=failure.traceback,
    )


def _second_run(notebook: Any, file: str, timeout: int | None) -> Check:
    folder = os.path.dirname(os.path.abspath(file))
    with Project(folder) as project:
        before = {run.id for run in project.past_runs()}
        again = run_all(notebook, file, timeout=timeout)
        runs = [run for run in project.past_runs() if run.id not in before]
    if again.failure is not None:
        return _all_cells("second run", again)
    ran = [stage for run in runs for stage in run.stages if stage.outcome is Outcome.RAN]
    if not ran:
        return Check("second run", Answer.OK, "no stage ran")
    told = ", ".join(f"{stage.stage} ({stage.reason})" if stage.reason else stage.stage for stage in ran)
    return Check(
        "second run",
        Answer.FAILED,
        f"ran again: {told}",
        "make what changes between two runs a param, or a dep; %pivot why STAGE shows it",
    )


_MACHINE = re.compile(
    r"(?<![\w.:/+=])(?:/(?:home|Users|root|tmp|private|var/folders)/|[A-Za-z]:\\+Users\\+)[\w.-]+[\w./\\-]*"
)
"""Folders that another machine has not."""


def _paths(notebook: Any, run: FreshRun, folder: str) -> Check:
    own = [place for place in (folder, os.path.expanduser("~"), sys.prefix) if len(place) > 3]
    here = re.compile("|".join([*(rf"{re.escape(place)}(?![\w-])" for place in own), _MACHINE.pattern]))
    found: dict[str, str] = {}
    for made in (notebook, run.notebook):
        code = [cell for cell in made.cells if cell.cell_type == "code" and cell.source.strip()]
        for number, cell in enumerate(code, 1):
            for text in _texts(cell.get("outputs", ())):
                if match := here.search(text):
                    found.setdefault(f"Cell In[{number}]", match[0])
    if not found:
        return Check("paths", Answer.OK, "no output names a folder of this machine")
    told = ", ".join(f"{cell}: {path}" for cell, path in found.items())
    return Check(
        "paths", Answer.FAILED, f"outputs name folders of one machine: {told}", "print relative paths"
    )


def _texts(outputs: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for output in outputs:
        if output["output_type"] == "error":
            continue  # the cell failed, which is told
        yield output.get("text", "")
        for mime, data in output.get("data", {}).items():
            if not mime.startswith("image/") or mime == "image/svg+xml":
                yield data if isinstance(data, str) else repr(data)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def check_lines(check: Check, paint: Callable[[str], str] = str) -> list[str]:
    """A check for people: what was found, what to do, and what belongs to it."""
    lines = [f"{check.answer:<7} {check.name:<11} {check.told}"]
    if check.hint:
        lines.append(f"{'':<19} → {check.hint}")
    lines += [f"    {line}" for line in check.traceback]
    return [*lines, *(f"    {paint(line)}" for drift in check.drifts for line in drift.diff)]


def check_json(check: Check) -> dict[str, object]:
    """A check for machines."""
    return {
        "name": check.name,
        "answer": str(check.answer),
        "told": check.told,
        "hint": check.hint,
        "diffs": {drift.file: list(drift.diff) for drift in check.drifts},
        "traceback": list(check.traceback),
    }
