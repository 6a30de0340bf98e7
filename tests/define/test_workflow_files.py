"""A Flowdapt workflow file is read as the ``pivot.yaml`` that says the same, and its mistakes are told by its lines."""

import textwrap
from dataclasses import replace

import pytest

from pivot.config.supply import set_values
from pivot.config.workflow import workflow_of
from pivot.define.discover import definition
from pivot.errors import DefinitionErrors
from pivot.model.place import Place
from pivot.yamlio import read_yaml

STAGES = """\
def cities(): return ["a", "b"]
def radius(): return 3
def fetch(city): return city
def near(city, radius): return city
def begin(n_vals: int): return n_vals
def clean(*args): return None
"""

HEAD = """\
kind: workflow
metadata: {name: build, annotations: {group: nowcast}}
spec:
  stages:
"""


@pytest.fixture
def folder(project):
    project.write("nowcast/stages.py", STAGES)
    return project


def workflow(folder, stages, head=HEAD):
    folder.write("build.yaml", head + textwrap.indent(textwrap.dedent(stages), "    "))


def stages_of(folder, file):
    """All that is said of the stages but where it stands."""
    nowhere = Place("")
    return [
        replace(
            stage,
            place=nowhere,
            depends_on=tuple(replace(one, place=nowhere) for one in stage.depends_on),
            map=stage.map and replace(stage.map, place=nowhere),
        )
        for stage in folder.stages(file)
    ]


CITIES = "- {name: cities, target: nowcast.stages.cities}\n"
OUR_CITIES = "cities: {python: nowcast.stages.cities}\n"
SAME = {
    "one depends on another": (
        CITIES + "- {name: clean, target: nowcast.stages.clean, depends_on: [cities]}",
        OUR_CITIES + "clean: {python: nowcast.stages.clean, depends_on: [cities]}",
    ),
    "a text is a list of one": (
        CITIES + "- {name: clean, target: nowcast.stages.clean, depends_on: cities}",
        OUR_CITIES + "clean: {python: nowcast.stages.clean, depends_on: [cities]}",
    ),
    "parameterized goes over the first, and passes the others on": (
        CITIES
        + "- {name: radius, target: nowcast.stages.radius}\n"
        + "- {name: near, target: nowcast.stages.near, type: parameterized, depends_on: [cities, radius]}",
        OUR_CITIES
        + "radius: {python: nowcast.stages.radius}\n"
        + "near: {python: nowcast.stages.near, map: cities, depends_on: [radius]}",
    ),
    "failing items are left out where the file says so": (
        CITIES
        + "- {name: fetch, target: nowcast.stages.fetch, type: parameterized, depends_on: [cities],\n"
        + "   options: {allow_partial_failure: true}}",
        OUR_CITIES + "fetch: {python: nowcast.stages.fetch, map: {over: cities, on_error: drop}}",
    ),
    "what it takes of the machine": (
        "- {name: cities, target: nowcast.stages.cities, resources: {cpus: 2, memory: 8GB, gpus: 1, fast: 1}}",
        "cities: {python: nowcast.stages.cities, resources: {cpus: 2, memory: 8GB, gpus: 1, fast: 1}}",
    ),
    "Pivot's words in a workflow": (
        "- {name: begin, target: nowcast.stages.begin, params: {n_vals: 3}, always: true, retries: 2, timeout: 3m}",
        "begin: {python: nowcast.stages.begin, params: {n_vals: 3}, always: true, retries: 2, timeout: 3m}",
    ),
}


@pytest.mark.parametrize("case", SAME)
def test_a_workflow_defines_the_stages_that_a_pivot_yaml_would(folder, case):
    theirs, ours = SAME[case]
    workflow(folder, theirs)
    folder.write("pivot.yaml", "stages:\n" + textwrap.indent(ours, "  "))
    assert stages_of(folder, "build.yaml") == stages_of(folder, "pivot.yaml")


@pytest.mark.parametrize("said", ["options: {map_on: payload_cities}", "map_on: payload_cities"])
def test_map_on_goes_over_a_list_of_the_input_wherever_it_stands(folder, said):
    workflow(folder, f"- {{name: fetch, target: nowcast.stages.fetch, type: parameterized, {said}}}")
    text = (folder.root / "build.yaml").read_text()
    read = workflow_of(read_yaml(text, "build.yaml"), [])
    assert read.stages["fetch"]["map"] == "params.payload_cities"


def test_the_file_may_hold_params_and_config_for_all_stages(folder):
    workflow(
        folder,
        "- {name: begin, target: nowcast.stages.begin}",
        "config: {city: a}\nparams: {n_vals: 7}\n" + HEAD,
    )
    (stage,) = folder.stages("build.yaml")
    assert stage.params.values == '{"n_vals":7}'
    assert stage.context.config == '{"city":"a"}'


def test_the_input_may_hold_what_only_the_run_context_is_asked_for_but_no_misspelt_name(folder):
    workflow(folder, "- {name: begin, target: nowcast.stages.begin, params: {n_vals: 1}}")

    def defined(**given):
        return definition(str(folder.root / "build.yaml"), str(folder.root), set_values(given))

    (stage,) = defined(study="weather").stages
    assert '"study":"weather"' in stage.context.params
    with pytest.raises(DefinitionErrors, match="no stage has a param 'n_val'"):
        defined(n_val=5)
    with pytest.raises(DefinitionErrors, match="no stage has a param 'bigin'"):
        defined(**{"bigin.n_vals": 5})


def test_each_part_of_a_stage_keeps_the_line_of_the_workflow(folder):
    workflow(
        folder,
        """\
        - name: cities
          target: nowcast.stages.cities
        - name: radius
          target: nowcast.stages.radius
        - name: near
          target: nowcast.stages.near
          type: parameterized
          depends_on:
            - cities
            - radius
        """,
    )
    near = folder.stages("build.yaml")[2]
    assert (near.place, near.map.place) == (Place("build.yaml", 9), Place("build.yaml", 12))
    assert [one.place for one in near.depends_on] == [Place("build.yaml", 14)]


def test_what_has_no_effect_is_told_once_with_its_lines(folder):
    workflow(
        folder,
        """\
        - name: cities
          target: nowcast.stages.cities
          priority: 3
          description: the cities
        - name: radius
          target: nowcast.stages.radius
          priority: 1
        """,
    )
    said = definition(str(folder.root / "build.yaml"), str(folder.root)).notices
    assert said == (
        (
            "workflow build: keys without effect here: priority (build.yaml:7, build.yaml:11); "
            "description (build.yaml:8)"
        ),
    )


SIZE = "memory must be an amount with its unit, such as 8GB (8·1000³ bytes) or 500MiB (500·1024² bytes)"
WRONG = {
    "misspelt keys hide nothing else": (
        """\
        - {name: cities, targt: nowcast.stages.cities, target: nowcast.stages.cites}
        - name: fetch
          target: nowcast.stages.fetch
          depnds_on: cities
          depends_on: [cities]
          options: {map_no: x}
        - {name: clean, target: nowcast.stages.clean, depends_on: [citties]}
        """,
        [
            "stage 'cities': unknown key 'targt' (build.yaml:5)",
            "stage 'fetch': unknown key 'depnds_on' (build.yaml:8)",
            "stage 'fetch': unknown option 'map_no' (build.yaml:10)",
            "stage 'cities': module nowcast.stages has no function 'cites' (build.yaml:5)",
            "stage 'clean' depends on 'citties', which is no stage (build.yaml:11)",
        ],
    ),
    "a name that stands twice": (
        CITIES + "- {name: radius, target: nowcast.stages.radius}\n" + CITIES,
        ["stage 'cities' stands twice, first at build.yaml:5 (build.yaml:7)"],
    ),
    "no name, no target": (
        "- {target: nowcast.stages.cities}\n- {name: fetch}",
        [
            "stage 1 of the list has no name (build.yaml:5)",
            "stage 'fetch': 'target' is missing (build.yaml:6)",
        ],
    ),
    "an unknown type": (
        "- {name: fetch, target: nowcast.stages.cities, type: parametrized}",
        ["stage 'fetch': unknown type 'parametrized' (build.yaml:5)"],
    ),
    "nothing to map over": (
        "- {name: fetch, target: nowcast.stages.cities, type: parameterized}",
        ["stage 'fetch': it is parameterized, but nothing says over what (build.yaml:5)"],
    ),
    "map_on without parameterized": (
        "- {name: fetch, target: nowcast.stages.cities, map_on: cities}",
        ["stage 'fetch': map_on is for a stage that runs for each item (build.yaml:5)"],
    ),
    "a bad unit": (
        "- {name: cities, target: nowcast.stages.cities, resources: {memory: 8 foos}}",
        [f"stage 'cities': resources: {SIZE}, not '8 foos' (build.yaml:5)"],
    ),
    "a circle": (
        """\
        - {name: one, target: nowcast.stages.clean, depends_on: two}
        - {name: two, target: nowcast.stages.clean, depends_on: one}
        """,
        None,
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_is_told_with_the_line_and_the_stage(folder, case):
    stages, expected = WRONG[case]
    workflow(folder, stages)
    told = [error.splitlines()[0] for error in folder.errors("build.yaml")]
    if expected is None:
        (error,) = told
        assert all(word in error for word in ("one", "two", "build.yaml:"))
    else:
        assert told == expected


HEADS = {
    "kind: workflow\nspec: {stages: [{name: a, target: nowcast.stages.cities}]}": "metadata is missing",
    "kind: workflow\nmetadata: {name: a}": "spec is missing",
    "kind: workflow\nmetadata: {name: a}\nspec: {stages: []}": "spec.stages must be a list of stages",
    "kind: workflow\nmetadata: {name: a}\nspec: {stages: {a: {}}}": "spec.stages must be a list of stages",
    "kind: workflow\nmetadata: [a]\nspec: {stages: [{name: a, target: m.f}]}": "metadata must be a table",
    "kind: worklow\nspec: {}": "a file of kind 'worklow' defines no stages",
    "kind: config\nspec: {}": "a file of kind 'config' defines no stages",
}


@pytest.mark.parametrize("text", HEADS)
def test_a_file_that_is_no_workflow_is_told(folder, text):
    folder.write("build.yaml", text)
    (error,) = folder.errors("build.yaml")
    assert error.startswith(HEADS[text])
    assert "(build.yaml:" in error
