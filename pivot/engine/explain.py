"""What explaining a verdict needs: the last record, the texts of then and now, the ways through the code."""

import platform

from pivot.core.explain import Explanation, Paths, explanation
from pivot.core.inventory import Inventory, inventory
from pivot.engine.observe import NOTHING, Observer, beside
from pivot.model.decision import ChangeKind, Decision
from pivot.model.observation import Observation
from pivot.model.record import StageRecord
from pivot.model.stage import Stage
from pivot.store.store import Store


def explain(observer: Observer, store: Store, stage: Stage, decision: Decision) -> Explanation:
    """A decision with all that is known of its reasons; texts are read only where code changed."""
    record = store.lock(stage.name)
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


def take_inventory(observer: Observer, store: Store, stage: Stage) -> Inventory:
    """All that the stage's fingerprint holds now, and what was observed when it last ran."""
    record = store.lock(stage.name)
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
