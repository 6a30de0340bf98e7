"""The code blocks of the founding documents, one by one: the test that runs each.

`test_seed_rules` does the same for table rows and lists. The texts lie in ``tests/define/seed_blocks``; the tests named
here run them unaltered, with code and files around them for what the page leaves undefined.
"""

import ast
import hashlib
import re
import tomllib
from pathlib import Path

import pytest

HERE = Path(__file__).parent
BLOCKS = HERE.parent / "define" / "seed_blocks"

# document, heading, block, the test that runs it
TABLE = [
    ("stages", "Basic Usage", "process.yaml", "test_the_basic_usage_runs"),
    ("stages", "Basic Usage", "process.py", "test_the_basic_usage_runs"),
    ("stages", "Dependencies", "preprocess.py", "test_a_body_of_dots_names_the_missing_output"),
    ("stages", "Dependencies", "preprocess.yaml", "test_a_body_of_dots_names_the_missing_output"),
    ("stages", "Outputs", "train.py", "test_the_outputs_of_the_guide_are_tracked_by_their_kind"),
    ("stages", "Outputs", "train.yaml", "test_the_outputs_of_the_guide_are_tracked_by_their_kind"),
    ("stages", "Parameters", "train_params.py", "test_params_in_yaml_reach_the_stage"),
    ("stages", "Parameters", "train_params.yaml", "test_params_in_yaml_reach_the_stage"),
    ("stages", "Mutex Groups", "mutex.yaml", "test_stages_of_one_mutex_group_never_overlap"),
    ("stages", "Working Directory", "cwd.yaml", "test_cwd_shifts_paths_and_the_current_directory"),
    ("stages", "Do", "process_data.py", "test_cwd_shifts_paths_and_the_current_directory"),
    ("stages", "Don't", "dont.py", "test_what_cannot_be_a_stage_is_refused_before_anything_runs"),
    ("concepts", "Stages", "decorated.py", "test_a_body_of_pass_names_the_missing_output"),
    ("concepts", "Dependency Graph (DAG)", "graph.figure", "test_the_graph_is_the_one_of_the_figure"),
    ("concepts", "Automatic Code Fingerprinting", "decorated_helper.py", "test_a_changed_helper_is_detected"),
    ("concepts", "Caching", "cache.tree", "test_the_cache_is_laid_out_as_in_the_figure"),
    (
        "concepts",
        "Parallel Execution",
        "parallel.figure",
        "test_independent_stages_run_at_once_and_the_next_waits_for_both",
    ),
    ("concepts", "Parameters", "decorated_params.py", "test_params_yaml_overrides_the_defaults"),
    ("concepts", "Parameters", "params.yaml", "test_params_yaml_overrides_the_defaults"),
    ("home", "Pivot", "edit.sh", "test_editing_a_helper_runs_what_is_affected"),
    ("home", "Quick Example", "pipeline.py", "test_the_quick_example_runs_and_then_is_instant"),
    ("home", "Quick Example", "repro.sh", "test_the_quick_example_runs_and_then_is_instant"),
    (
        "home",
        "Automatic Code Change Detection",
        "normalize.py",
        "test_editing_a_helper_runs_what_is_affected",
    ),
    ("home", "See Why Stages Run", "explain.sh", "test_status_explains_in_exactly_the_form_shown"),
    ("home", "Watch Mode", "watch.sh", "test_watching_runs_again_when_a_file_changes"),
    ("home", "Getting Started", "install.sh", "test_the_name_to_install_is_that_of_the_package"),
    ("outputs", "The return-type pattern", "train_outputs.py", "test_values_are_saved_by_their_loaders"),
    ("outputs", "Single-output shorthand", "clean.py", "test_a_single_output_is_returned_as_it_is"),
    ("outputs", "Out", "results.py", "test_a_stage_with_the_return_type_of_a_block_writes_its_files"),
    ("outputs", "Multi-file outputs", "shards.py", "test_several_files_under_one_key_take_as_many_values"),
    ("outputs", "Disabling caching", "debug_log.py", "test_an_uncached_output_is_written_and_not_cached"),
    ("outputs", "Metric", "scores.py", "test_a_stage_with_the_return_type_of_a_block_writes_its_files"),
    ("outputs", "Plot", "plots.py", "test_figures_are_saved_and_files_of_the_stage_tracked"),
    ("outputs", "IncrementalOut", "incremental.py", "test_the_next_run_gets_what_the_last_one_wrote"),
    ("outputs", "DirectoryOut", "directory.py", "test_each_file_of_a_folder_is_written_and_cached"),
    ("outputs", "Overriding output paths", "override_path.py", "test_an_overridden_output_lands_elsewhere"),
    (
        "outputs",
        "Overriding output paths",
        "override_options.py",
        "test_an_overridden_output_lands_elsewhere",
    ),
    ("outputs", "Overriding output paths", "override_single.py", "test_an_overridden_output_lands_elsewhere"),
    (
        "outputs",
        "Decision tree",
        "choice.figure",
        "test_each_answer_of_the_decision_tree_does_what_the_question_asks",
    ),
]

# of all blocks and rules, as they stand in the documents
TEXTS = "576253cf666817db56b11bc21902730fed844314d490e40a8d9a361929c55c6e"
# blocks with (...) for parameters that they leave open: docs/adr/0016-how-the-first-texts-are-read.md
FILLED = {"shards.py", "directory.py"}
TAKEN = re.compile(r"\b(block|filled|commands)\(\"([\w.]+)\"\)(\.replace\()?")


def functions() -> dict[str, str]:
    """The source of each function of the tests beside this one, those of the fixtures it takes included."""
    found: dict[str, tuple[str, list[str]]] = {}
    for path in HERE.glob("test_seed*.py"):
        text = path.read_text(encoding="utf-8")
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef):
                first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
                source = "\n".join(text.splitlines()[first - 1 : node.end_lineno])
                found[node.name] = (source, [argument.arg for argument in node.args.args])
    return {
        name: "\n".join([source, *(found[taken][0] for taken in fixtures if taken in found)])
        for name, (source, fixtures) in found.items()
    }


def test_the_table_has_every_block_once():
    assert sorted(block for _, _, block, _ in TABLE) == sorted(path.stem for path in BLOCKS.iterdir())


@pytest.mark.parametrize(("block", "test"), [(block, test) for _, _, block, test in TABLE])
def test_the_named_test_uses_the_block(block: str, test: str):
    assert f'"{block}"' in functions()[test]


def test_no_text_is_altered_but_where_it_leaves_parameters_open():
    assert {path.stem for path in BLOCKS.iterdir() if "(...)" in path.read_text(encoding="utf-8")} == FILLED
    taken = [
        found for path in HERE.glob("test_seed_*.py") for found in TAKEN.findall(path.read_text("utf-8"))
    ]
    assert {name for fixture, name, _ in taken if fixture == "filled"} == FILLED
    assert not [name for fixture, name, replaced in taken if replaced and fixture != "filled"]


def test_the_texts_are_those_of_the_documents():
    rules = (HERE / "seed_rules.txt").read_text(encoding="utf-8").splitlines()
    said = [line for line in rules if not line.startswith(("## ", "-> "))]
    blocks = [path.read_text(encoding="utf-8") for path in sorted(BLOCKS.iterdir())]
    assert hashlib.sha256("\n".join([*blocks, *said]).encode()).hexdigest() == TEXTS


def test_the_name_to_install_is_that_of_the_package(block):
    project = tomllib.loads((HERE.parent.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert block("install.sh").split() == ["pip", "install", project["name"]]
