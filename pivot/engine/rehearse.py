"""A stage is called in this process with what a run would give it; nothing that it makes is kept."""

import contextlib
import os
import tempfile
from collections.abc import Iterator

from pivot.engine.attempt import Conditions, Places, item_files, task_for
from pivot.engine.keys import with_keys
from pivot.engine.observe import Observer
from pivot.errors import DefinitionErrors, PivotError, UsageError
from pivot.model.stage import Stage
from pivot.paths import is_folder
from pivot.store.guard import holder, try_guard
from pivot.store.store import Store
from pivot.worker.rehearsal import Placed, Rehearsal, rehearsing


@contextlib.contextmanager
def rehearse(
    store: Store, observer: Observer, stage: Stage, conditions: Conditions, placed: Placed
) -> Iterator[Rehearsal]:
    """Prepares an execution of a stage as a run does, and undoes it at the end.

    Files that the stage itself writes are moved aside meanwhile, and put back.

    Args:
        placed: what becomes of the code of project modules before it is executed.

    Raises:
        DefinitionErrors: inputs that are not there.
        UsageError: somebody else runs the stage.
        PivotError: a run could not prepare it either.
    """
    _require_inputs(observer, stage, conditions)
    guard = try_guard(store.layout, stage.key)
    if guard is None:
        who = holder(store.layout, stage.key)
        raise UsageError(f"stage '{stage.name}' is being run by {who}", "wait for its end, or stop that run")
    with contextlib.ExitStack() as undo:
        undo.enter_context(guard)
        undo.enter_context(store.in_use())
        scratch = undo.enter_context(tempfile.TemporaryDirectory(prefix="pivot-"))
        fingerprint = observer.fingerprint(stage)
        texts = observer.texts(stage)
        folders = {
            path: observer.dep_entries(path, conditions.graph)
            for path in filter(is_folder, stage.dep_paths())
        }
        values = store.last_values(stage, anew=False)
        journal = store.begin(stage)
        undo.callback(store.abort, journal)
        previous = store.place_last_values(journal, stage, values)
        places = Places(
            journal, folders, previous, item_files(store, stage), os.path.join(scratch, "log"), ""
        )
        task = task_for(stage, texts, fingerprint.libraries, places, store.root, conditions)
        task = with_keys(task, store, stage, conditions.graph)
        yield undo.enter_context(rehearsing(task, placed))


def _require_inputs(observer: Observer, stage: Stage, conditions: Conditions) -> None:
    errors: list[PivotError] = []
    for path in observer.missing(stage, ()):
        maker = conditions.graph.producer(path)
        hint = f"run what makes it first: pivot repro {maker}" if maker else "put the file there"
        errors.append(PivotError(f"stage '{stage.name}': {path} is not there ({stage.place})", hint))
    if errors:
        raise DefinitionErrors(errors)
