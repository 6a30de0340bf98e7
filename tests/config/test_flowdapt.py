"""What becomes of Flowdapt's workflows, configs and triggers, and what a person is told of the rest."""

import textwrap

import pytest

from pivot.config.flowdapt.code import Signature, changes, signatures
from pivot.config.flowdapt.documents import Documents, add_documents
from pivot.config.flowdapt.moving import BY_HAND, DECIDE, LATER, LEFT, move
from pivot.yamlio import read_yaml

STAGES = """\
def cities(*args): return []
def fetch(city): return city
def begin(n_vals, step=1): return []
def end(values): return None
"""

FEATURES = """\
kind: workflow
metadata: {name: features, annotations: {group: nowcast}}
spec:
  stages:
    - {name: begin, target: nc.begin}
    - {name: fetch, target: nc.fetch, type: parameterized, depends_on: [begin]}
    - {name: end, target: nc.end, depends_on: [fetch]}
"""
TRAIN = """\
kind: workflow
metadata: {name: train, annotations: {group: nowcast}}
spec:
  stages:
    - {name: cities, target: nc.cities}
    - {name: fit, target: nc.fetch, type: parameterized, depends_on: [cities]}
"""


def config(name, selector, data):
    head = f"kind: config\nmetadata: {{name: {name}}}\nspec:\n  selector: {selector}\n  data: "
    return f"{head}{data}\n"


def finished(workflow, then, state="finished", given=""):
    return textwrap.dedent(f"""\
        kind: trigger_rule
        metadata: {{name: after_{workflow}}}
        spec:
          type: condition
          rule:
            and:
              - eq: [{{var: type}}, com.event.workflow.workflow_finished]
              - eq: [{workflow}, {{var: data.workflow}}]
              - eq: [{{var: data.state}}, {state}]
          action: {{target: run_workflow, parameters: {{workflow: {then}{given}}}}}
        """)


def moved(*texts, code=STAGES, drops=False, prefix=""):
    documents, errors = Documents(), []
    for number, text in enumerate(texts):
        add_documents(documents, text, f"f{number}.yaml", errors, is_named=True, drops=drops)
    assert not errors, errors
    return move(documents, lambda module: ("nc.py", code) if module == "nc" else None, "/home/me/p", prefix)


def errors_of(*texts):
    errors = []
    documents = Documents()
    for number, text in enumerate(texts):
        add_documents(documents, text, f"f{number}.yaml", errors, is_named=True, drops=False)
    return [str(error).splitlines()[0] for error in errors]


def stages(done, file="pivot.yaml"):
    return read_yaml(done.files[file], file).data["stages"]


def test_workflows_with_stages_of_different_names_share_one_file():
    done = moved(FEATURES, TRAIN)
    assert list(done.files) == ["pivot.yaml"]
    assert stages(done) == {
        "begin": {"python": "nc.begin"},
        "fetch": {"python": "nc.fetch", "map": "begin"},
        "end": {"python": "nc.end", "depends_on": ["fetch"]},
        "cities": {"python": "nc.cities"},
        "fit": {"python": "nc.fetch", "map": "cities"},
    }


@pytest.mark.parametrize(
    "texts",
    [
        (TRAIN, TRAIN.replace("name: train", "name: predict")),
        (TRAIN, FEATURES, config("main", "{type: name, value: train}", "{a: 1}")),
    ],
    ids=["the same stage names", "other configs"],
)
def test_workflows_that_do_not_fit_into_one_file_get_folders_of_their_own(texts):
    done = moved(*texts)
    folders = [path.removesuffix("/pivot.yaml") for path in done.files if path.endswith("/pivot.yaml")]
    assert len(folders) == 2
    assert read_yaml(done.files["pivot.yaml"], "").data == {"include": folders, "stages": {}}
    assert list(done.files)[-1] == "pivot.yaml"
    assert any(", ".join(folders) in line for line in done.said[DECIDE])


SELECTORS = {
    "by name": ("{type: name, value: train}", True),
    "by another name": ("{type: name, value: features}", False),
    "by an annotation": ("{type: annotation, value: {group: nowcast}}", True),
    "by any one annotation": ("{type: annotation, value: {group: nowcast, team: x}}", True),
    "by another value": ("{type: annotation, value: {group: cryptocast}}", False),
    "by nothing": ("null", False),
}


@pytest.mark.parametrize("case", SELECTORS)
def test_a_config_goes_to_the_workflows_that_it_selects(case):
    selector, is_selected = SELECTORS[case]
    done = moved(TRAIN, config("main", selector, "{n_cities: 3, data: {radius: 2}}"))
    said = read_yaml(done.files["pivot.yaml"], "").data
    assert said.get("config") == (["config/main.yaml"] if is_selected else None)
    if is_selected:
        assert read_yaml(done.files["config/main.yaml"], "").data == {"n_cities": 3, "data": {"radius": 2}}
    else:
        assert done.said[LEFT] == ["config main (f1.yaml:2): it selects none of the workflows"]


def test_what_annotations_select_comes_over_what_the_name_selects_and_a_person_is_told():
    done = moved(
        TRAIN,
        config("broad", "{type: annotation, value: {group: nowcast}}", "{depth: 3, data: {a: 1}}"),
        config("own", "{type: name, value: train}", "{depth: 5, data: {b: 1}}"),
    )
    said = read_yaml(done.files["pivot.yaml"], "").data
    assert said["config"] == ["config/own.yaml", "config/broad.yaml"]
    told = [line for line in done.said[DECIDE] if line.startswith("workflow train: configs own and broad")]
    assert [line.partition("give ")[2] for line in told] == [
        "'depth': the second wins",
        "'data': Flowdapt takes the second table alone, here the two are merged",
    ]


def test_a_workflow_that_runs_after_another_depends_on_its_last_stages():
    done = moved(FEATURES, TRAIN, finished("features", "train"))
    assert stages(done)["cities"] == {"python": "nc.cities", "depends_on": ["end"]}
    assert LEFT not in done.said


def test_between_folders_the_edge_names_the_folder():
    predict = TRAIN.replace("name: train", "name: predict")
    done = moved(TRAIN, predict, finished("train", "predict"), prefix="flows/")
    said = read_yaml(done.files["predict/pivot.yaml"], "").data
    assert said["include"] == ["../train"]
    assert said["stages"]["cities"]["depends_on"] == ["flows/train:fit"]


def test_an_edge_that_would_pass_a_value_is_left_to_the_person():
    done = moved(FEATURES, TRAIN, finished("train", "features"))
    assert stages(done)["begin"] == {"python": "nc.begin"}
    (line,) = (line for line in done.said[DECIDE] if line.startswith("trigger after_train (f2.yaml:2)"))
    assert "begin is to run after train" in line
    assert "depends_on: [fit]" in line


NOT_EDGES = {
    "after itself": (finished("train", "train"), "train would run after itself"),
    "after a failure": (
        finished("features", "train", "failed"),
        "in the shell it is (cd /home/me/p && pivot",
    ),
    "of a workflow that is not there": (finished("features", "predict"), "'predict' is not among the files"),
    "after one that is not there": (finished("other", "train"), "something else than the success"),
    "another action": (
        finished("features", "train").replace("run_workflow", "print_event"),
        "Pivot has no action 'print_event'",
    ),
    "another condition": (
        finished("features", "train").replace("- eq: [{var: data.state}", "- ne: [{var: data.state}"),
        "something else than the success",
    ),
}


@pytest.mark.parametrize("case", NOT_EDGES)
def test_a_trigger_that_is_no_edge_is_told(case):
    trigger, expected = NOT_EDGES[case]
    done = moved(FEATURES, TRAIN, trigger)
    assert stages(done)["cities"] == {"python": "nc.cities"}
    (line,) = done.said[LEFT]
    assert line.startswith("trigger after_")
    assert expected in line


def test_workflows_that_trigger_each_other_do_not_become_a_circle():
    code = STAGES.replace("def begin(n_vals, step=1)", "def begin(*args)")
    done = moved(FEATURES, TRAIN, finished("features", "train"), finished("train", "features"), code=code)
    assert stages(done)["cities"]["depends_on"] == ["end"]
    assert "depends_on" not in stages(done)["begin"]
    assert "features would run after itself" in done.said[LEFT][0]


def test_a_schedule_is_a_crontab_line_with_its_input():
    trigger = (
        "kind: trigger_rule\nmetadata: {name: nightly}\nspec:\n  type: schedule\n  rule: ['*/5 * * * *', '0 1 * * *']\n"
        "  action: {target: run_workflow, parameters: {workflow: train, input: {share: 5%}}}\n"
    )
    assert moved(TRAIN, trigger).said[LATER] == [
        "CRON_TZ=UTC",
        "*/5 * * * * cd /home/me/p && pivot repro --set 'share=\"5\\%\"'",
        "0 1 * * * cd /home/me/p && pivot repro --set 'share=\"5\\%\"'",
    ]
    assert (
        moved(FEATURES, TRAIN, trigger)
        .said[LATER][1]
        .startswith("*/5 * * * * cd /home/me/p && pivot repro fit ")
    )


def test_the_input_that_stages_cannot_do_without_is_told():
    mapped = "    - {name: each, target: nc.fetch, type: parameterized, options: {map_on: payload_cities}}\n"
    told = [line for line in moved(FEATURES + mapped).said[DECIDE] if " from the input " in line]
    assert [line.partition(" from ")[0] for line in told] == [
        "stage begin takes n_vals",
        "stage each takes payload_cities",
    ]


def test_stages_that_may_fetch_live_data_are_named_unless_they_say_always():
    done = moved(FEATURES.replace("nc.begin}", "nc.begin, always: true}"))
    assert [line for line in done.said[DECIDE] if line.endswith("may be one of fetch")]


def test_failing_items_are_dropped_only_on_request():
    done = moved(FEATURES)
    assert stages(done)["fetch"]["map"] == "begin"
    assert [line for line in done.said[DECIDE] if line.endswith("to leave them out here too: --keep-drop")]
    assert stages(moved(FEATURES, drops=True))["fetch"]["map"] == {"over": "begin", "on_error": "drop"}


WRONG = {
    "kind: workflw\nspec: {}": "f0.yaml has kind 'workflw', which is none of Flowdapt's (f0.yaml:1)",
    "a: 1": "f0.yaml has no kind (f0.yaml:1)",
    "": "f0.yaml is empty",
    "kind: config\nspec: {}": "a config needs metadata: {name: …} (f0.yaml:1)",
    config("main", "{type: nme, value: x}", "{}"): "config 'main': the selector is neither {type: name,",
    config("main", "{typ: name, value: x}", "{}"): "unknown key 'typ' in spec.selector (f0.yaml:4)",
    config("main", "null", "[1]"): "config 'main': spec.data must be a table (f0.yaml:5)",
    finished("a", "b").replace(
        "condition", "conditon"
    ): "trigger 'after_a': unknown type 'conditon' (f0.yaml:4)",
    finished("a", "[b]"): "trigger 'after_a': the action must be",
    (
        "kind: trigger_rule\nmetadata: {name: t}\nspec: {type: schedule, rule: [hourly],\n  action: {target: x}}"
    ): "trigger 't': 'hourly' is no cron expression of five fields (f0.yaml:3)",
    "a: [": "cannot read f0.yaml:",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_document_is_told_with_its_line(text):
    (error,) = errors_of(text)
    assert error.startswith(WRONG[text])


def test_documents_of_one_stream_and_twins_are_told_by_their_lines():
    assert errors_of(TRAIN + "---\n" + TRAIN) == ["there are two workflows 'train', the second at f0.yaml:9"]


CODE = """\
from flowdapt.compute.resources.workflow.context import get_run_context as context_of, WorkflowRunContext
from flowdapt.compute import (
    object_store,
)
from flowdapt.lib.errors import ResourceNotFoundError
from flowdapt.compute.artifacts.misc import json_to_artifact
import flowdapt_nowcast_plugin


def stage(a, b=1, *args, c, d=2):
    context = get_run_context()
    name = context.input["name"]
    object_store.put(name, a, artifact_only=True, namespace="n", save_artifact_hook=json_to_artifact())
    cache.get(name, strategy="x")
    return object_store.get(name)
"""


def test_the_lines_of_code_that_call_flowdapt_are_told_with_what_takes_their_place():
    nothing = "nothing: copy what you need of it into your own code"
    module = "flowdapt.compute.resources.workflow.context"
    assert [(one.line, one.old, one.new) for one in changes(CODE)] == [
        (
            1,
            f"from {module} import get_run_context as context_of",
            "from pivot import get_run_context as context_of",
        ),
        (1, f"from {module} import WorkflowRunContext", nothing),
        (2, "from flowdapt.compute import object_store", "from pivot import store as object_store"),
        (
            5,
            "from flowdapt.lib.errors import ResourceNotFoundError",
            "from pivot.store import NoSuchKeyError as ResourceNotFoundError",
        ),
        (
            6,
            "from flowdapt.compute.artifacts.misc import json_to_artifact",
            "nothing: pivot.store chooses the format by the value; take the hooks out",
        ),
        (12, "context.input", ".params"),
        (13, "object_store.put(…, artifact_only=…, save_artifact_hook=…)", "the same without them"),
    ]
    assert signatures(CODE) == {"stage": Signature(("a", "b"), ("a", "c"))}


def test_code_that_is_no_python_is_read_by_its_lines():
    wrong = "from flowdapt.compute.resources.workflow.context import get_run_context()\n"
    (change,) = changes(wrong)
    assert (change.line, change.new) == (1, "from pivot import get_run_context")
    assert signatures(wrong) == {}


def test_a_module_that_is_not_found_is_told():
    done = moved(TRAIN.replace("nc.", "elsewhere."))
    assert done.said[BY_HAND] == [
        "module elsewhere was not found: look for flowdapt in it, and in what it imports",
    ]
