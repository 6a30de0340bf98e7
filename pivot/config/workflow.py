"""A Flowdapt ``kind: workflow`` file, as it stands, as the ``pivot.yaml`` that says the same.

Every key keeps the line on which the workflow has it, so that whatever is found wrong later names that line. What a
workflow cannot say (``params``, ``always``, …) may stand in it in Pivot's words: Flowdapt passes over keys that it
does not know.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pivot.config.spelling import did_you_mean
from pivot.errors import DefinitionError, DefinitionErrors, PivotError
from pivot.model.place import Place
from pivot.yamlio import YamlDocument, YamlPath

WORKFLOW = "workflow"

_OWN = ("config", "executor", "include", "params", "vars")
"""What is Pivot's beside ``kind``, ``metadata`` and ``spec``."""
_TOP = ("kind", "metadata", "spec", "uid", "created_at", "updated_at")
_METADATA = ("name", "annotations", "uid", "created_at", "updated_at")
_OWN_OF_STAGE = ("params", "always", "retries", "timeout", "mutex", "map")
_SAID_OF_STAGE = ("name", "target", "type", "depends_on", "resources", "options", "map_on")
_IGNORED = ("priority", "description", "version")
"""What Flowdapt takes of a stage and no result depends on."""
_OPTIONS = ("map_on", "allow_partial_failure")
_TYPES = ("simple", "parameterized")


@dataclass(frozen=True, slots=True)
class Workflow:
    """What a workflow says, in the words of a ``pivot.yaml``.

    Attributes:
        annotations: by which configs select it.
        document: the ``pivot.yaml``, with the lines of the workflow.
        broken: stages that a wrong part was taken out of.
        ignored: keys of stages that mean nothing here, and where they stand.
        may_drop: mapped stages of which Flowdapt would leave failing items out without a word of the file.
    """

    name: str
    annotations: Mapping[str, Any]
    document: YamlDocument
    broken: frozenset[str]
    ignored: Mapping[str, tuple[Place, ...]]
    may_drop: tuple[str, ...]

    @property
    def stages(self) -> Mapping[str, Mapping[str, Any]]:
        """Name → what a ``pivot.yaml`` says of the stage."""
        stages: Mapping[str, Mapping[str, Any]] = self.document.data["stages"]
        return stages

    def over(self, stage: str) -> str | None:
        """What a stage is mapped over: another one, or ``params.KEY``; ``None`` if it is not."""
        said = self.stages[stage].get("map")
        over: str | None = said.get("over") if isinstance(said, dict) else said
        return over

    def upstream(self, stage: str) -> tuple[str, ...]:
        """The stages that a stage needs."""
        said, over = self.stages[stage].get("depends_on", ()), self.over(stage)
        names = (said,) if isinstance(said, str) else tuple(said)
        return names if over is None or over.startswith("params.") else (over, *names)

    def roots(self) -> list[str]:
        """The stages that need no other."""
        return [name for name in self.stages if not self.upstream(name)]

    def ends(self) -> list[str]:
        """The stages that no other needs."""
        needed = {one for name in self.stages for one in self.upstream(name)}
        return [name for name in self.stages if name not in needed]

    def notices(self) -> Iterator[str]:
        """What a person should know of a file that is used as it stands."""
        if self.ignored:
            listed = "; ".join(f"{key} ({', '.join(map(str, at))})" for key, at in self.ignored.items())
            yield f"workflow {self.name}: keys without effect here: {listed}"


def is_workflow(document: YamlDocument) -> bool:
    """Whether a document is a Flowdapt workflow and no ``pivot.yaml``.

    Raises:
        DefinitionError: it is another thing of Flowdapt's, or its kind is misspelt.
    """
    if not isinstance(document.data, dict) or "kind" not in document.data or "stages" in document.data:
        return False
    kind = document.data["kind"]
    if kind == WORKFLOW:
        return True
    hint = "pivot import flowdapt PATH… reads it, with the workflows that it is for"
    if kind not in ("config", "trigger_rule"):
        hint = did_you_mean(kind, (WORKFLOW,)) or hint
    place = Place(document.file, document.line(("kind",)))
    raise DefinitionError(f"a file of kind {kind!r} defines no stages ({place})", hint)


def workflow_of(document: YamlDocument, errors: list[PivotError], *, drops: bool = False) -> Workflow:
    """What a workflow says.

    Args:
        errors: what is wrong is added to it, as long as something can be said about the rest.
        drops: whether a mapped stage that says nothing of it leaves failing items out, as in Flowdapt.

    Raises:
        DefinitionErrors: what is wrong leaves nothing that could be looked at.
    """
    reading = _Reading(document)
    top = reading.table((), "the file", (*_TOP, *_OWN))
    metadata = reading.table(("metadata",), "metadata", _METADATA)
    spec = reading.table(("spec",), "spec", ("stages",))
    name = metadata.get("name")
    if not isinstance(name, str) and isinstance(document.data.get("metadata"), dict):
        reading.wrong(("metadata", "name"), "metadata.name must be the name of the workflow", "add name: …")
    listed = spec.get("stages")
    if isinstance(document.data.get("spec"), dict) and not (isinstance(listed, list) and listed):
        reading.wrong(("spec", "stages"), "spec.stages must be a list of stages", "begin it with - name: …")
    stages = _stages(reading, listed if isinstance(listed, list) else [], drops=drops)
    if not reading.can_go_on:
        raise DefinitionErrors(reading.errors)
    errors.extend(reading.errors)
    own = {key: top[key] for key in _OWN if top.get(key) is not None}
    lines = {path: line for path, line in document.lines.items() if path and path[0] in own}
    for stage in stages:
        lines |= stage.lines(document)
    lines[()] = document.line(("kind",))
    data = {**own, "stages": {stage.name: stage.entry for stage in stages}}
    ignored = {
        key: tuple(stage.place(document, key) for stage in stages if key in stage.said) for key in _IGNORED
    }
    annotations = metadata.get("annotations")
    return Workflow(
        str(name),
        annotations if isinstance(annotations, dict) else {},
        YamlDocument(document.file, data, lines),
        frozenset(stage.name for stage in stages if stage.is_broken),
        {key: places for key, places in ignored.items() if places},
        tuple(stage.name for stage in stages if stage.may_drop),
    )


@dataclass(slots=True)
class _Reading:
    """Collects what is wrong with a document.

    Attributes:
        can_go_on: whether anything can be said about the rest.
    """

    document: YamlDocument
    errors: list[PivotError] = field(default_factory=list)
    can_go_on: bool = True

    def wrong(self, path: YamlPath, message: str, hint: str | None, *, can_go_on: bool = False) -> None:
        """Add an error."""
        place = Place(self.document.file, self.document.line(path))
        self.errors.append(DefinitionError(f"{message} ({place})", hint))
        self.can_go_on = self.can_go_on and can_go_on

    def table(self, path: YamlPath, name: str, known: Collection[str]) -> dict[str, Any]:
        """The table at a path, without the keys that nobody knows; these are errors."""
        value = self.document.data
        for step in path:
            value = value.get(step) if isinstance(value, dict) else None
        if not isinstance(value, dict):
            what = f"{name} is missing" if value is None else f"{name} must be a table of keys and values"
            self.wrong(path, what, f"known: {', '.join(known)}")
            return {}
        for key in value:
            if key not in known and not str(key).startswith("x-"):
                where = f" in {name}" if path else ""
                self.wrong((*path, key), f"unknown key {key!r}{where}", did_you_mean(key, known))
        return {key: item for key, item in value.items() if key in known}


@dataclass(slots=True)
class _Stage:
    """One of the workflow's stages while it is read.

    Attributes:
        said: as written.
        entry: what a ``pivot.yaml`` says; for each of its keys `written` has the path of the workflow's.
        passed: so many of the first in ``depends_on`` are said by ``map``.
    """

    reading: _Reading
    name: str
    number: int
    said: Mapping[str, Any]
    entry: dict[str, Any] = field(default_factory=dict)
    written: dict[str, YamlPath] = field(default_factory=dict)
    passed: int = 0
    is_broken: bool = False
    may_drop: bool = False

    @property
    def at(self) -> YamlPath:
        """Where it stands in the workflow."""
        return ("spec", "stages", self.number)

    def place(self, document: YamlDocument, *keys: str) -> Place:
        """Where one of its keys stands."""
        return Place(document.file, document.line((*self.at, *keys)))

    def wrong(self, message: str, hint: str | None, *keys: str) -> None:
        """Add an error; the rest of the stage can be looked at."""
        self.is_broken = True
        self.reading.wrong((*self.at, *keys), f"stage {self.name!r}: {message}", hint, can_go_on=True)

    def put(self, key: str, value: Any, *written: str) -> None:
        """Say something in the words of a ``pivot.yaml``."""
        self.entry[key] = value
        self.written[key] = (*self.at, *written)

    def lines(self, document: YamlDocument) -> dict[YamlPath, int]:
        """The lines of its keys as a ``pivot.yaml`` has them."""
        here: YamlPath = ("stages", self.name)
        found = {here: document.line(self.at)}
        for key, path in self.written.items():
            found[*here, key] = document.line(path)
            for inner, line in document.lines.items():
                if len(inner) > len(path) and inner[: len(path)] == path:
                    step, *rest = inner[len(path) :]
                    if isinstance(step, int) and key == "depends_on":
                        step -= self.passed
                    found[*here, key, step, *rest] = line
        return found


def _stages(reading: _Reading, listed: Iterable[Any], *, drops: bool) -> list[_Stage]:
    stages: dict[str, _Stage] = {}
    for number, said in enumerate(listed):
        at: YamlPath = ("spec", "stages", number)
        name = said.get("name") if isinstance(said, dict) else None
        if not isinstance(said, dict) or not isinstance(name, str):
            hint = "write - name: NAME and target: module.function"
            reading.wrong(at, f"stage {number + 1} of the list has no name", hint)
            continue
        if name in stages:
            first = stages[name].place(reading.document)
            reading.wrong(at, f"stage {name!r} stands twice, first at {first}", "give one another name")
            continue
        stages[name] = _Stage(reading, name, number, said)
    for stage in stages.values():
        _translate(stage, stages, drops=drops)
    return list(stages.values())


def _translate(stage: _Stage, names: Collection[str], *, drops: bool) -> None:
    """Fills what a ``pivot.yaml`` says of a stage."""
    said = stage.said
    known = (*_SAID_OF_STAGE, *_IGNORED, *_OWN_OF_STAGE)
    for key in said:
        if key not in known and not str(key).startswith("x-"):
            stage.wrong(f"unknown key {key!r}", did_you_mean(key, known), key)
    target = said.get("target")
    if not isinstance(target, str):
        what = "'target' is missing" if target is None else f"target must be a text, not {target!r}"
        stage.wrong(what, "add target: module.function", "target")
        stage.reading.can_go_on = False
    stage.put("python", target, "target")
    for key in ("depends_on", "resources", *_OWN_OF_STAGE):
        if said.get(key) not in (None, []):
            stage.put(key, said[key], key)
    options = _options(stage)
    kind = said.get("type") or "simple"
    if kind not in _TYPES:
        stage.wrong(f"unknown type {kind!r}", did_you_mean(kind, _TYPES), "type")
    elif kind == "parameterized" and "map" not in stage.entry:
        _fan_out(stage, options, names, drops=drops)
    elif kind == "simple":
        out_of_place = [("map_on",)] if "map_on" in said else []
        for keys in (*out_of_place, *(("options", key) for key in options if key in _OPTIONS)):
            hint = "add type: parameterized, or take it out"
            stage.wrong(f"{keys[-1]} is for a stage that runs for each item", hint, *keys)


def _options(stage: _Stage) -> Mapping[str, Any]:
    options = stage.said.get("options") or {}
    if not isinstance(options, dict):
        stage.wrong("options must be a table of keys and values", f"known: {', '.join(_OPTIONS)}", "options")
        return {}
    for key in options:
        if key not in _OPTIONS:
            stage.wrong(f"unknown option {key!r}", did_you_mean(key, _OPTIONS), "options", key)
    return options


def _fan_out(stage: _Stage, options: Mapping[str, Any], names: Collection[str], *, drops: bool) -> None:
    """What the stage is mapped over, and what becomes of items that fail."""
    written: tuple[str, ...] = ("options", "map_on") if "map_on" in options else ("map_on",)
    on = options.get("map_on", stage.said.get("map_on"))
    needed = stage.said.get("depends_on")
    listed = [needed] if isinstance(needed, str) else needed if isinstance(needed, list) else []
    if on is not None and not isinstance(on, str):
        stage.wrong(f"map_on must be the name of a list in the input, not {on!r}", None, *written)
        return
    if on is not None:
        over = on if on in names else f"params.{on}"
    elif listed:
        over, *rest = listed
        written = ("depends_on",)
        stage.passed = 1
        if rest:
            stage.put("depends_on", rest, "depends_on")
        else:
            del stage.entry["depends_on"]
    else:
        hint = "name the stage that gives the list in depends_on, or write options: {map_on: KEY}"
        stage.wrong("it is parameterized, but nothing says over what", hint, "type")
        return
    may_drop = options.get("allow_partial_failure")
    if may_drop not in (None, True, False):
        stage.wrong("allow_partial_failure must be true or false", None, "options", "allow_partial_failure")
    stage.may_drop = may_drop is None
    is_dropping = may_drop is True or (may_drop is None and drops)
    stage.put("map", {"over": over, "on_error": "drop"} if is_dropping else over, *written)
