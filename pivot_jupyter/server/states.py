"""What ``pivot … --json`` writes, as the messages that the browser knows."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from pivot_jupyter.previews import preview, size_text
from pivot_jupyter.protocol import (
    PROTOCOL,
    Detail,
    Edge,
    ProgressView,
    Row,
    RunView,
    Snapshot,
    StageView,
    StateName,
    Why,
)
from pivot_jupyter.server.place import Place

_VERDICTS: Mapping[str, StateName] = {
    "unchanged": "cached",
    "restore": "restore",
    "run": "run",
    "waits": "waits",
}
_OUTCOMES: Mapping[str, StateName] = {
    "ran": "ran",
    "restored": "restored",
    "unchanged": "cached",
    "failed": "failed",
    "blocked": "blocked",
    "cancelled": "cancelled",
}
_WORDS: Mapping[StateName, str] = {"restore": "will restore", "run": "will run", "waits": "waiting"}
_ATTENTION: tuple[StateName, ...] = (
    "failed",
    "blocked",
    "cancelled",
    "running",
    "queued",
    "run",
    "waits",
    "restore",
    "ran",
    "restored",
    "cached",
)
LOG_CHARACTERS = 20_000
"""How much of a log's end a browser is sent."""


def empty_snapshot(version: str, problem: str = "") -> Snapshot:
    """No stages, and why."""
    return Snapshot(0, PROTOCOL, version, (), (), (), None, "", problem)


def snapshot_of(report: Mapping[str, Any], version: str) -> Snapshot:
    """What ``pivot status --json`` says."""
    rows = report["stages"]
    stages = tuple(_stage(row) for row in rows)
    names = {stage.name for stage in stages}
    edges = [Edge(upstream, row["name"]) for row in rows for upstream in row["upstream"] if upstream in names]
    return replace(empty_snapshot(version), stages=stages, edges=tuple(edges), summary=summary(stages))


def with_run(snapshot: Snapshot, states: Mapping[str, StageView], run: RunView) -> Snapshot:
    """A snapshot while a run goes on: its stages are as the run says."""
    stages = tuple(states.get(stage.name, stage) for stage in snapshot.stages)
    return replace(snapshot, stages=stages, run=run, summary=summary(stages))


def summary(stages: Iterable[StageView]) -> str:
    """``2 will run, 4 cached``: the ones that want attention first."""
    states = [stage.state for stage in stages]
    counts = {name: states.count(name) for name in _ATTENTION}
    return ", ".join(f"{count} {_WORDS.get(name, name)}" for name, count in counts.items() if count)


def stages_after(event: Mapping[str, Any], states: Mapping[str, StageView]) -> tuple[StageView, ...]:
    """The stages that are in another state since an event of ``pivot repro --json``.

    Args:
        states: of the stages of the run up to now.
    """
    name = event.get("stage", "")
    match event["event"]:
        case "RunStarted":
            return tuple(_shown(event, stage, "queued") for stage in event["stages"])
        case "StageDecided" if event["verdict"] != "run":  # that one is about to run: queued says it
            return (_shown(event, name, _VERDICTS[event["verdict"]]),)
        case "StageStarted":
            return (_shown(event, name, "running"),)
        case "StageProgress" if name in states:
            progress = ProgressView(event["done"], event["total"], event["text"], event.get("failed", 0))
            return (replace(states[name], progress=progress),)
        case "StageRetried" if name in states:
            then = f"attempt {event['attempt']} of {event['of']} failed: {event['reason']}"
            return (replace(states[name], progress=ProgressView(0, None, then)),)
        case "StageFinished":
            outcome = _OUTCOMES[event["outcome"]]
            reason = "" if outcome == "blocked" else event["reason"]
            return (replace(_shown(event, name, outcome), reason=reason),)
    return ()


def detail_of(report: Mapping[str, Any], log: str, place: Place) -> Detail:
    """All that is known of a stage.

    Args:
        report: of ``pivot status STAGE --explain --json``.
        log: of ``pivot log STAGE``.
    """
    (stage,) = report["stages"]
    root = report["root"]
    files = {path: place.inside(path, root) for path in (*stage["deps"], *stage["outs"])}
    sizes = {
        path: size_text(file) if file else "outside of what the server shows" for path, file in files.items()
    }
    previews = (preview(path, file) for path in stage["outs"] if (file := files[path]))
    return Detail(
        request=0,
        stage=stage["name"],
        why=tuple(_why(reason) for reason in stage["reasons"] if reason["title"]),
        params=tuple(_flat("", stage["params"])),
        deps=tuple(Row(path, sizes[path]) for path in stage["deps"]),
        outs=tuple(Row(path, sizes[path]) for path in stage["outs"]),
        durations=(),
        log=log[-LOG_CHARACTERS:],
        traceback="",
        previews=tuple(one for one in previews if one is not None),
    )


def _stage(row: Mapping[str, Any]) -> StageView:
    verdict = row["verdict"]
    # an unchanged one has none to give, and the phrase of one that waits says it
    reason = row["reason"] if verdict in ("run", "restore") else ""
    return replace(_shown(row, row["name"], _VERDICTS[verdict]), reason=reason)


def _shown(said: Mapping[str, Any], name: str, state: StateName) -> StageView:
    group = name.partition("@")[0]
    return StageView(name, group, state, said["icon"], said["phrase"], "", None, None)


def _why(reason: Mapping[str, Any]) -> Why:
    told = {**reason["told"], **({"Note": reason["note"]} if reason["note"] else {})}
    return Why(reason["title"], tuple(Row(*item) for item in told.items()), tuple(reason["diff"]))


def _flat(prefix: str, value: object) -> Iterator[Row]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _flat(f"{prefix}.{name}" if prefix else name, inner)
    else:
        yield Row(prefix, str(value))
