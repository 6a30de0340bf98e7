"""Flowdapt's YAML files → checked workflows, configs and triggers, each with its place."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pivot.config.spelling import did_you_mean
from pivot.config.workflow import WORKFLOW, Workflow, workflow_of
from pivot.errors import DefinitionError, DefinitionErrors, PivotError
from pivot.model.place import Place
from pivot.yamlio import YamlDocument, YamlPath, read_yamls

CONFIG, TRIGGER = "config", "trigger_rule"
KINDS = (WORKFLOW, CONFIG, TRIGGER)


@dataclass(frozen=True, slots=True)
class Config:
    """Values for the workflows that a selector picks.

    Attributes:
        names: of the workflow that is picked; ``None`` where annotations say it.
        annotations: any one of them picks a workflow.
    """

    name: str
    place: Place
    names: str | None
    annotations: Mapping[str, Any]
    data: Mapping[str, Any]

    def selects(self, workflow: Workflow) -> bool:
        """Whether a workflow gets the values."""
        if self.names is not None:
            return self.names == workflow.name
        return any(workflow.annotations.get(key) == value for key, value in self.annotations.items())


@dataclass(frozen=True, slots=True)
class Trigger:
    """What starts a workflow.

    Attributes:
        schedule: cron expressions, in UTC; empty for a condition.
        condition: as written; ``None`` for a schedule.
        action: what is done, as written: ``run_workflow`` or another.
        workflow: that is run; ``None`` for another action.
        given: its input.
    """

    name: str
    place: Place
    schedule: tuple[str, ...]
    condition: Any
    action: str
    workflow: str | None
    given: Mapping[str, Any]

    def after(self) -> str | None:
        """The workflow whose success the condition waits for; ``None`` if it is about anything else."""
        return self._finished("finished")

    def after_failure(self) -> str | None:
        """The workflow whose failure the condition waits for."""
        return self._finished("failed")

    def _finished(self, state: str) -> str | None:
        table = self.condition if isinstance(self.condition, dict) else {}
        wanted = dict(_equalities(table.get("and")))
        workflow = wanted.pop("data.workflow", None)
        rest = {"type": "com.event.workflow.workflow_finished", "data.state": state}
        return workflow if isinstance(workflow, str) and wanted == rest else None


@dataclass(frozen=True, slots=True)
class Documents:
    """All that was read.

    Attributes:
        others: files of a folder that hold nothing of Flowdapt's.
    """

    workflows: list[Workflow] = field(default_factory=list)
    configs: list[Config] = field(default_factory=list)
    triggers: list[Trigger] = field(default_factory=list)
    others: list[str] = field(default_factory=list)


def add_documents(
    documents: Documents, text: str, file: str, errors: list[PivotError], *, is_named: bool, drops: bool
) -> None:
    """Read a file; what is wrong is added to ``errors``.

    Args:
        file: as errors name it.
        is_named: whether a person named it: then it must hold something of Flowdapt's.
        drops: as for `workflow_of`.
    """
    try:
        found = [one for one in read_yamls(text, file) if one.data is not None]
    except PivotError as error:
        errors.append(error)
        return
    if not is_named and not any(
        isinstance(one.data, dict) and one.data.get("kind") in KINDS for one in found
    ):
        documents.others.append(file)
        return
    for document in found:
        try:
            _add(documents, document, errors, drops=drops)
        except DefinitionErrors as error:
            errors.extend(error.errors)
        except PivotError as error:
            errors.append(error)
    if not found:
        errors.append(DefinitionError(f"{file} is empty", f"it begins with kind: {', '.join(KINDS)}"))


def _add(documents: Documents, document: YamlDocument, errors: list[PivotError], *, drops: bool) -> None:
    kind = document.data.get("kind") if isinstance(document.data, dict) else None
    if kind not in KINDS:
        what = "has no kind" if kind is None else f"has kind {kind!r}, which is none of Flowdapt's"
        at = Place(document.file, document.line(("kind",)))
        raise DefinitionError(f"{document.file} {what} ({at})", did_you_mean(kind, KINDS))
    if kind == WORKFLOW:
        workflow = workflow_of(document, errors, drops=drops)
        _refuse_twin(workflow.name, "workflow", [one.name for one in documents.workflows], document)
        documents.workflows.append(workflow)
    elif kind == CONFIG:
        config = _config(document)
        _refuse_twin(config.name, "config", [one.name for one in documents.configs], document)
        documents.configs.append(config)
    else:
        documents.triggers.append(_trigger(document))


def _refuse_twin(name: str, kind: str, others: Collection[str], document: YamlDocument) -> None:
    if name in others:
        place = Place(document.file, document.line(("metadata", "name")))
        raise DefinitionError(
            f"there are two {kind}s {name!r}, the second at {place}", "leave one of them out"
        )


def _config(document: YamlDocument) -> Config:
    name, place = _name(document)
    _refuse_unknown(document, ("spec",), ("selector", "data"))
    data = _at(document, "spec", "data") or {}
    if not isinstance(data, dict):
        raise _wrong(document, ("spec", "data"), f"config {name!r}: spec.data must be a table")
    selector = _at(document, "spec", "selector")
    if selector is None:
        return Config(name, place, None, {}, data)
    if not isinstance(selector, dict):
        raise _wrong(document, ("spec", "selector"), f"config {name!r}: the selector must be a table")
    _refuse_unknown(document, ("spec", "selector"), ("kind", "type", "value"))
    value = selector.get("value")
    match selector.get("type"):
        case "name" if isinstance(value, str):
            return Config(name, place, value, {}, data)
        case "annotation" if isinstance(value, dict):
            return Config(name, place, None, value, data)
    raise _wrong(
        document,
        ("spec", "selector"),
        f"config {name!r}: the selector is neither {{type: name, value: WORKFLOW}} nor {{type: annotation, value: "
        "{KEY: VALUE}}",
    )


def _trigger(document: YamlDocument) -> Trigger:
    name, place = _name(document)
    _refuse_unknown(document, ("spec",), ("type", "rule", "action"))
    kind, rule = _at(document, "spec", "type"), _at(document, "spec", "rule")
    if kind not in ("schedule", "condition"):
        hint = did_you_mean(kind, ("schedule", "condition"))
        raise _wrong(document, ("spec", "type"), f"trigger {name!r}: unknown type {kind!r}", hint)
    crons = (rule if isinstance(rule, list) else [rule]) if kind == "schedule" else []
    for cron in crons:
        if not isinstance(cron, str) or len(cron.split()) != 5:
            message = f"trigger {name!r}: {cron!r} is no cron expression of five fields"
            raise _wrong(document, ("spec", "rule"), message)
    action = _at(document, "spec", "action", "target")
    workflow = _at(document, "spec", "action", "parameters", "workflow")
    given = _at(document, "spec", "action", "parameters", "input") or {}
    if not isinstance(action, str) or (action == "run_workflow" and not isinstance(workflow, str)):
        message = (
            f"trigger {name!r}: the action must be target: run_workflow with parameters: {{workflow: NAME}}"
        )
        raise _wrong(document, ("spec", "action"), message)
    return Trigger(
        name,
        place,
        tuple(crons),
        rule if kind == "condition" else None,
        action,
        workflow if action == "run_workflow" else None,
        given if isinstance(given, dict) else {},
    )


def _equalities(given: Any) -> Iterator[tuple[str, Any]]:
    """The ``eq: [{var: path}, value]`` of a list; of anything else something that equals nothing."""
    for one in given if isinstance(given, list) else ():
        sides = one.get("eq") if isinstance(one, dict) and len(one) == 1 else None
        sides = sides if isinstance(sides, list) and len(sides) == 2 else [None, None]
        if not isinstance(sides[0], dict):
            sides = sides[::-1]
        var = sides[0].get("var") if isinstance(sides[0], dict) else None
        yield str(var), sides[1]


def _name(document: YamlDocument) -> tuple[str, Place]:
    name = _at(document, "metadata", "name")
    if not isinstance(name, str):
        raise _wrong(document, ("metadata", "name"), f"a {document.data['kind']} needs metadata: {{name: …}}")
    return name, Place(document.file, document.line(("metadata", "name")))


def _at(document: YamlDocument, *path: str) -> Any:
    value = document.data
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _refuse_unknown(document: YamlDocument, path: tuple[str, ...], known: Collection[str]) -> None:
    for key in _at(document, *path) or ():
        if key not in known:
            name = f"unknown key {key!r} in {'.'.join(path)}"
            raise _wrong(document, (*path, key), name, did_you_mean(key, known))


def _wrong(document: YamlDocument, path: YamlPath, message: str, hint: str | None = None) -> DefinitionError:
    return DefinitionError(f"{message} ({Place(document.file, document.line(path))})", hint)
