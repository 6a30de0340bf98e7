"""What a person who leaves Flowdapt must know of their workflows, beside the files that are written."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from pivot.config.flowdapt.code import Signature, changes
from pivot.config.flowdapt.documents import Config
from pivot.config.workflow import Workflow

Source = Callable[[str], tuple[str, str] | None]
"""The file of a module, as messages name it, and its text; ``None`` where nobody finds it."""


def without_effect(workflow: Workflow) -> Iterator[str]:
    """Keys that no result depends on."""
    for key, places in workflow.ignored.items():
        yield f"{key} ({', '.join(map(str, places))}): no result depends on it"


def missing_input(workflow: Workflow, known: Mapping[str, Signature]) -> Iterator[str]:
    """Stages that cannot do without the input of a run, and how it is given here.

    Args:
        known: target → what the function takes.
    """
    given = workflow.document.data.get("params", {})
    for name, stage in workflow.stages.items():
        over = workflow.over(name)
        is_mapped = over is not None and over.startswith("params.")
        wanted = [str(over).removeprefix("params.")] if is_mapped else []
        signature = known.get(stage["python"])
        if signature is not None and name in workflow.roots():
            wanted += signature.required[is_mapped:]
        missing = [one for one in wanted if one not in {**given, **stage.get("params", {})}]
        if missing:
            yield (
                f"stage {name} takes {', '.join(missing)} from the input of a run: write params: "
                f"{{{missing[0]}: …}} into pivot.yaml, or say --set {missing[0]}=… each time"
            )


def overlaps(workflow: Workflow, configs: Sequence[Config]) -> Iterator[str]:
    """Keys that several configs of a workflow give, which Flowdapt merges otherwise."""
    seen: dict[str, Config] = {}
    for config in configs:
        for key, value in config.data.items():
            before = seen.get(key)
            if before is not None and before.data[key] != value:
                both = isinstance(value, dict) and isinstance(before.data[key], dict)
                how = (
                    "Flowdapt takes the second table alone, here the two are merged"
                    if both
                    else "the second wins"
                )
                yield f"workflow {workflow.name}: configs {before.name} and {config.name} both give {key!r}: {how}"
            seen[key] = config


def may_drop(workflow: Workflow) -> Iterator[str]:
    """Mapped stages that leave failing items out in Flowdapt, and here fail."""
    if workflow.may_drop:
        stages = ", ".join(workflow.may_drop)
        yield (
            f"workflow {workflow.name}: where Flowdapt leaves failing items out of {stages} and says nothing, the "
            "stage fails here; to leave them out here too: --keep-drop"
        )


def may_be_live(workflows: Iterable[Workflow]) -> Iterator[str]:
    """The stages that may fetch what no cache can know of."""
    stages = [
        name
        for workflow in workflows
        for name, stage in workflow.stages.items()
        if (name in workflow.roots() or workflow.over(name)) and "always" not in stage
    ]
    if stages:
        yield (
            "Flowdapt runs everything each time, Pivot what changed: a stage that fetches live data (a download, the "
            f"clock) needs always: true; it may be one of {', '.join(dict.fromkeys(stages))}"
        )


def lines_to_change(targets: Iterable[str], source: Source) -> Iterator[str]:
    """The lines of code that call Flowdapt."""
    for module in dict.fromkeys(target.rpartition(".")[0] for target in targets):
        found = source(module)
        if found is None:
            yield f"module {module} was not found: look for flowdapt in it, and in what it imports"
            continue
        file, text = found
        for change in changes(text):
            yield f"{file}:{change.line}: {change.old} → {change.new}"
