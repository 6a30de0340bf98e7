"""Flowdapt's documents → the files of a Pivot project, and what a person must know or do.

All workflows go into one ``pivot.yaml``. Where two of them use the same stage name, or get different configs, each
has a folder of its own, and the ``pivot.yaml`` above takes them in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pivot.config.flowdapt import advice
from pivot.config.flowdapt.advice import Source
from pivot.config.flowdapt.code import Signature, signatures
from pivot.config.flowdapt.documents import Config, Documents
from pivot.config.flowdapt.triggers import Ground, Links, links
from pivot.config.workflow import Workflow
from pivot.yamlio import dump_yaml

PIPELINE = "pivot.yaml"
CONFIGS = "config"
BY_HAND = "change by hand:"
LEFT = "not carried over:"
DECIDE = "for you to decide:"
LATER = "schedules, for crontab -e:"
_ORDER = ("config", "executor", "params", "vars", "include", "stages")


@dataclass(frozen=True, slots=True)
class Move:
    """What to write and to say.

    Attributes:
        files: path → text; what names others comes after them.
        said: heading → lines.
    """

    files: dict[str, str] = field(default_factory=dict)
    said: dict[str, list[str]] = field(default_factory=dict)

    def say(self, heading: str, lines: "Sequence[str]") -> None:
        """Add lines under a heading, each once."""
        if lines:
            before = self.said.get(heading, [])
            self.said[heading] = list(dict.fromkeys([*before, *lines]))


def move(documents: Documents, source: Source, folder: str, prefix: str) -> Move:
    """The Pivot project that does what Flowdapt's documents say.

    Args:
        source: finds modules.
        folder: in which the project will lie, absolute.
        prefix: its path from the project's root, with a ``/`` at its end; empty for the root itself.
    """
    workflows = {one.name: one for one in documents.workflows}
    homes = _homes(documents)
    known = _known(documents, source)
    tied = links(documents.triggers, Ground(workflows, homes, known, folder, prefix))
    done = Move()
    _add_files(done, documents, homes, tied)
    done.say(BY_HAND, [*advice.lines_to_change(_targets(documents), source)])
    picked = [one for workflow in workflows.values() for one in _configs(documents, workflow)]
    unpicked = [one for one in documents.configs if one not in picked]
    done.say(LEFT, [f"config {one.name} ({one.place}): it selects none of the workflows" for one in unpicked])
    for workflow in workflows.values():
        done.say(LEFT, [*advice.without_effect(workflow)])
        done.say(DECIDE, [*advice.missing_input(workflow, known)])
        done.say(DECIDE, [*advice.overlaps(workflow, _configs(documents, workflow))])
        done.say(DECIDE, [*advice.may_drop(workflow)])
    done.say(LEFT, tied.left)
    done.say(DECIDE, [*tied.decide, *advice.may_be_live(workflows.values())])
    done.say(LATER, tied.later)
    return done


def _homes(documents: Documents) -> dict[str, str]:
    """Workflow → its folder; empty for the one folder of all."""
    workflows = documents.workflows
    stages = [stage for workflow in workflows for stage in workflow.stages]
    around = [(_configs(documents, one), _own(one)) for one in workflows]
    is_one = len(set(stages)) == len(stages) and all(one == around[0] for one in around)
    return {workflow.name: "" if is_one else workflow.name for workflow in workflows}


def _own(workflow: Workflow) -> dict[str, Any]:
    """What a workflow says in Pivot's words for all its stages."""
    return {key: value for key, value in workflow.document.data.items() if key != "stages"}


def _configs(documents: Documents, workflow: Workflow) -> list[Config]:
    """The configs that a workflow gets, in Flowdapt's order: first what picks it by name; the last wins."""
    picked = [config for config in documents.configs if config.selects(workflow)]
    return sorted(picked, key=lambda config: config.names is None)


def _targets(documents: Documents) -> list[str]:
    return [stage["python"] for workflow in documents.workflows for stage in workflow.stages.values()]


def _known(documents: Documents, source: Source) -> dict[str, Signature]:
    """The functions of the stages that could be read."""
    found: dict[str, Signature] = {}
    for target in _targets(documents):
        module, _, name = target.rpartition(".")
        text = source(module)
        of_module = signatures(text[1]) if text else {}
        if name in of_module:
            found[target] = of_module[name]
    return found


def _add_files(done: Move, documents: Documents, homes: Mapping[str, str], tied: Links) -> None:
    """The configs, then the pipeline files; the one that takes in the others comes last."""
    for workflow in documents.workflows:
        for config in _configs(documents, workflow):
            done.files[f"{CONFIGS}/{config.name}.yaml"] = dump_yaml(dict(config.data))
    folders = list(dict.fromkeys(homes.values()))
    for folder in folders:
        own = [one for one in documents.workflows if homes[one.name] == folder]
        path = f"{folder}/{PIPELINE}" if folder else PIPELINE
        done.files[path] = _text(own, "../" if folder else "", _configs(documents, own[0]), tied)
    if PIPELINE not in done.files:
        done.files[PIPELINE] = _head(documents.workflows) + dump_yaml({"include": folders, "stages": {}})
        why = "some share stage names, or differ in their configs; to run one alone, go to its folder"
        done.say(DECIDE, [f"each workflow has a folder of its own ({', '.join(folders)}): {why}"])


def _head(workflows: Sequence[Workflow]) -> str:
    return f"# from Flowdapt: {', '.join(one.name for one in workflows)}\n"


def _text(workflows: Sequence[Workflow], up: str, configs: Sequence[Config], tied: Links) -> str:
    """A ``pivot.yaml``.

    Args:
        up: leads from its folder to that of the configs.
    """
    said = _own(workflows[0])
    before = said.get("config", [])
    said["config"] = [
        *(f"{up}{CONFIGS}/{config.name}.yaml" for config in configs),
        *(before if isinstance(before, list) else [before]),
    ]
    before = said.get("include", [])
    said["include"] = [
        *(before if isinstance(before, list) else [before]),
        *(f"{up}{folder}" for one in workflows for folder in tied.include.get(one.name, ())),
    ]
    said["stages"] = {
        name: {**stage, **_depending(tied.edges.get((workflow.name, name), ()))}
        for workflow in workflows
        for name, stage in workflow.stages.items()
    }
    return _head(workflows) + dump_yaml({key: said[key] for key in _ORDER if said.get(key)})


def _depending(names: Sequence[str]) -> dict[str, list[str]]:
    return {"depends_on": list(names)} if names else {}
