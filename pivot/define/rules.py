"""How a stage is run: its resources, whether it always runs, its retries and its timeout, whatever the door.

None of it changes a result, so none of it is an input.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

from pivot.config.pivotfile import RULES
from pivot.config.quantities import MEMORY_FORM, SPAN_FORM, amount_of, memory_of, seconds_of, span_text
from pivot.config.spelling import did_you_mean
from pivot.define.draft import Draft
from pivot.model.place import Place
from pivot.model.resources import Resources
from pivot.model.retries import Retries
from pivot.model.stage import Stage

_OWN = ("cpus", "gpus", "memory")
_LIKE_OWN = {"cpu": "cpus", "core": "cpus", "cores": "cpus", "gpu": "gpus", "mem": "memory", "ram": "memory"}
_LABEL = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*\Z")
_EXCEPTION = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*\Z")
_RETRIES = ("times", "delay", "on")
_RETRIES_FORM = (
    "a number of further attempts, or a table such as {times: 3, delay: 10s, on: [ConnectionError]}"
)


@dataclass(frozen=True, slots=True)
class Rule:
    """What a door says of one of `RULES`.

    Attributes:
        value: as written.
        place: where it stands, or where a key of it does.
    """

    value: Any
    place: Callable[..., Place]


@dataclass(frozen=True, slots=True)
class Running:
    """How a stage is run; the fields are those of `pivot.model.stage.Stage`."""

    resources: Resources = field(default_factory=Resources)
    always: bool = False
    retries: Retries = field(default_factory=Retries)
    timeout: float | None = None

    def of(self, stage: Stage) -> Stage:
        """A stage that is run so."""
        if self is _USUAL:
            return stage
        return replace(
            stage,
            resources=self.resources,
            always=self.always,
            retries=self.retries,
            timeout=self.timeout,
        )


_USUAL = Running()


def rules_said(table: Mapping[str, Any], place: Place) -> dict[str, Rule]:
    """What keyword arguments say; ``None`` says nothing."""
    return {
        name: Rule(value, lambda *_: place)
        for name, value in table.items()
        if value is not None and name in RULES
    }


def running(draft: Draft, *layers: Mapping[str, Rule]) -> Running:
    """How a stage is run; what is wrong is taken down.

    Args:
        layers: the weakest first. A later one wins; of resources, each that it names.
    """
    found = _USUAL
    for layer in layers:
        for name, rule in layer.items():
            match name:
                case "resources":
                    found = replace(found, resources=_resources(draft, rule, found.resources))
                case "always":
                    found = replace(found, always=_always(draft, rule))
                case "retries":
                    found = replace(found, retries=_retries(draft, rule))
                case "timeout":
                    found = replace(found, timeout=_timeout(draft, rule))
    return found


def rules_table(stage: Stage) -> dict[str, Any]:
    """How a stage is run, as an entry of ``pivot.yaml`` says it; what is as usual is left out."""
    usual = Resources()
    resources: dict[str, Any] = {
        name: int(amount) if amount == int(amount) else amount
        for name, amount in stage.resources.amounts().items()
        if name not in _OWN or amount != getattr(usual, name)
    }
    if "memory" in resources:
        resources["memory"] = f"{stage.resources.memory}B"
    found: dict[str, Any] = {"resources": resources} if resources else {}
    if stage.always:
        found["always"] = True
    retries = stage.retries
    if retries.times:
        table = {
            "times": retries.times,
            "delay": retries.delay and span_text(retries.delay),
            "on": [*retries.on],
        }
        several = retries.delay or retries.on
        found["retries"] = {n: v for n, v in table.items() if v} if several else retries.times
    if stage.timeout is not None:
        found["timeout"] = span_text(stage.timeout)
    return found


def _resources(draft: Draft, rule: Rule, below: Resources) -> Resources:
    if not isinstance(rule.value, Mapping):
        form = "a table such as {cpus: 2, memory: 8GB}"
        draft.wrong(f"resources must be {form}, not {rule.value!r}", rule.place())
        return below
    found: dict[str, Any] = {}
    labels, places = dict(below.labels), dict(below.places)
    for name, value in rule.value.items():
        place = rule.place(name)
        wrong = _wrong_resource(name)
        if wrong is not None:
            draft.wrong(f"resources: {wrong[0]}", place, wrong[1])
            continue
        amount = memory_of(value) if name == "memory" else amount_of(value)
        if amount is None or (name == "cpus" and amount == 0):
            least = "a number above 0" if name == "cpus" else "a number, 0 or more"
            form = MEMORY_FORM if name == "memory" else least
            draft.wrong(f"resources: {name} must be {form}, not {value!r}", place)
            continue
        places[name] = place
        if name in _OWN:
            found[name] = amount
        else:
            labels[name] = amount
    kept = tuple(sorted((name, amount) for name, amount in labels.items() if amount))
    return replace(below, **found, labels=kept, places=tuple(places.items()))


def _wrong_resource(name: Any) -> tuple[str, str | None] | None:
    """What is wrong with the name of a resource."""
    if name in _OWN:
        return None
    if not isinstance(name, str) or not _LABEL.match(name):
        return f"{name!r} is no name", "begin with a letter; then letters, digits and _ . -"
    near = [own for own in get_close_matches(name.lower(), _OWN, 1, 0.7) if abs(len(own) - len(name)) < 2]
    meant = _LIKE_OWN.get(name.lower()) or next(iter(near), None)
    hint = f"did you mean {meant!r}? Any other name is a label of your own"
    return (f"unknown resource {name!r}", hint) if meant else None


def _always(draft: Draft, rule: Rule) -> bool:
    if not isinstance(rule.value, bool):
        draft.wrong(f"always is true or false, not {rule.value!r}", rule.place())
        return False
    return rule.value


def _timeout(draft: Draft, rule: Rule) -> float | None:
    seconds = seconds_of(rule.value)
    if not seconds:
        draft.wrong(f"timeout must be {SPAN_FORM}, more than 0, not {rule.value!r}", rule.place())
        return None
    return seconds


def _retries(draft: Draft, rule: Rule) -> Retries:
    if not isinstance(rule.value, Mapping):
        return Retries(_times(draft, rule.value, "retries", _RETRIES_FORM, rule.place()))
    for name in rule.value:
        if name not in _RETRIES:
            draft.wrong(f"retries: unknown key {name!r}", rule.place(name), did_you_mean(str(name), _RETRIES))
    if "times" not in rule.value:
        draft.wrong("retries: 'times' is missing", rule.place(), "add times: the number of further attempts")
    form = "a whole number, 0 or more"
    times = _times(draft, rule.value.get("times", 0), "retries.times", form, rule.place("times"))
    delay = seconds_of(rule.value.get("delay", 0))
    if delay is None:
        given = rule.value["delay"]
        draft.wrong(f"retries.delay must be {SPAN_FORM}, not {given!r}", rule.place("delay"))
    return Retries(times, delay or 0.0, _exceptions(draft, rule))


def _times(draft: Draft, given: Any, name: str, form: str, place: Place) -> int:
    if not isinstance(given, int) or isinstance(given, bool) or given < 0:
        draft.wrong(f"{name} must be {form}, not {given!r}", place)
        return 0
    return given


def _exceptions(draft: Draft, rule: Rule) -> tuple[str, ...]:
    given = rule.value.get("on", ())
    several = given if isinstance(given, Iterable) and not isinstance(given, str | type) else [given]
    names = [_exception_name(one) for one in several]
    for one, name in zip(several, names, strict=True):
        if name is None:
            place, hint = rule.place("on"), "write names such as ConnectionError or requests.Timeout"
            draft.wrong(f"retries.on: {one!r} is no name of an exception", place, hint)
    if "on" in rule.value and not names:
        draft.wrong("retries.on names no exception", rule.place("on"), "leave it out to try again after any")
    return tuple(dict.fromkeys(name for name in names if name))


def _exception_name(given: Any) -> str | None:
    """The dotted name of an exception, given as such or as the class itself."""
    if isinstance(given, type) and issubclass(given, BaseException):
        if given.__module__ in ("builtins", "__main__"):  # of a notebook it has another name in the workers
            return given.__qualname__
        return f"{given.__module__}.{given.__qualname__}"
    return given if isinstance(given, str) and _EXCEPTION.match(given) else None
