"""What explaining a verdict needs: the last record, the texts of then and now, the ways through the code."""

from collections.abc import Sequence
from dataclasses import replace

from pivot.config.ignore import ignored
from pivot.core.explain import Detail, Explanation, Paths, explanation
from pivot.core.inventory import Inventory, inventory
from pivot.core.reasons import folder_changes
from pivot.engine.deps import DepReader
from pivot.engine.observe import NOTHING, Observer, beside
from pivot.model.decision import ChangeKind, Decision
from pivot.model.digest import Digest
from pivot.model.observation import Observation
from pivot.model.record import StageRecord
from pivot.model.stage import Stage
from pivot.model.tree import TreeEntry, tree_digest
from pivot.paths import ProjectPath, is_folder
from pivot.store.store import Store

_FOLDERS = (ChangeKind.DEP, ChangeKind.OUTPUT_ALTERED)


def explain(observer: Observer, store: Store, stage: Stage, decision: Decision) -> Explanation:
    """A decision with all that is known of its reasons; texts are read only where code changed."""
    found = _explain(observer, store, stage, decision)
    return replace(found, details=tuple(_with_files(store, detail) for detail in found.details))


def _explain(observer: Observer, store: Store, stage: Stage, decision: Decision) -> Explanation:
    record = store.lock(stage.key)
    if not any(change.kind in (ChangeKind.CODE, ChangeKind.PACKAGE) for change in decision.changes):
        return explanation(stage, decision, record, paths={}, old_text=_nothing, new_text=_nothing)
    observed = _observed(record)
    sources = record.sources if record is not None else {}
    modules = {module.place: module for module in observer.fingerprint(stage, observed).modules}

    def old_text(place: str) -> str | None:
        return store.source(sources[place]) if place in sources else None

    def new_text(place: str) -> str | None:
        return observer.text(stage, modules[place]).text if place in modules else None

    paths = _paths(observer, stage, observed)
    return explanation(stage, decision, record, paths=paths, old_text=old_text, new_text=new_text)


def _with_files(store: Store, detail: Detail) -> Detail:
    """The reason that a folder changed, with the names of the files that did."""
    change = detail.change
    path = ProjectPath(change.name)
    if change.kind not in _FOLDERS or not is_folder(path) or not change.before or not change.after:
        return detail
    before, after = _tree(store, path, Digest(change.before)), _tree(store, path, Digest(change.after))
    return detail if before is None or after is None else replace(detail, diff=folder_changes(before, after))


def _tree(store: Store, folder: ProjectPath, digest: Digest) -> Sequence[TreeEntry] | None:
    """The files of a folder as it was, or is now, if it has that digest."""
    known = store.tree(digest)
    if known is not None:
        return known
    whole = store.hash_files(folder, store.list_files(folder) or ())
    found = (whole, DepReader(store, ignored(store.root)).entries(folder, (), {}) or ())
    return next((entries for entries in found if tree_digest(entries) == digest), None)


def take_inventory(observer: Observer, store: Store, stage: Stage) -> Inventory:
    """All that the stage's fingerprint holds now, and what was observed when it last ran."""
    import platform  # lazy: start-up time

    record = store.lock(stage.key)
    observed = _observed(record)
    fingerprint = observer.fingerprint(stage, observed)
    paths = _paths(observer, stage, observed)
    return inventory(stage, fingerprint, record, paths=paths, python=platform.python_version())


def _observed(record: StageRecord | None) -> Observation:
    return record.inputs.observed if record is not None else NOTHING


def _paths(observer: Observer, stage: Stage, observed: Observation) -> Paths:
    return observer.fingerprinter(stage.roots).paths(stage.function, beside(stage, observed))


def _nothing(place: str) -> str | None:  # noqa: ARG001 - no text is asked for
    return None
