"""The table rows, numbered and bulleted rules and links of the founding documents, and the test or page for each.

A rule is a test's name, ``later: …``, or ``differs: …`` with the decision that says why. The code blocks are in
`test_seeds`.
"""

import ast
import tomllib
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
ROOT = TESTS.parent

KEY = "test_a_key_of_an_entry_acts"
REFUSED = "test_what_cannot_be_a_stage_is_refused_before_anything_runs"
BY_KIND = "test_each_answer_of_the_decision_tree_does_what_the_question_asks"
DEFAULTS = "test_the_words_have_the_defaults_of_the_tables"
SKIPPED = "test_a_stage_is_skipped_when_everything_matches"
ONE_CHANGES = "test_a_stage_runs_when_one_condition_fails"
REACH = "test_all_code_in_reach_counts_in_its_normal_form"
OVER = "test_an_overridden_output_lands_elsewhere"
STATE = "test_the_next_run_gets_what_the_last_one_wrote"
STATE_RULE = "test_each_rule_has_its_own_error"
FOLDER = "test_each_file_of_a_folder_is_written_and_cached"
FOLDER_KEY = "test_a_key_that_breaks_a_rule_is_named_and_nothing_is_written"

RULES: dict[tuple[str, str], dict[str, str]] = {
    ("stages", "YAML Stage Parameters"): {
        "`python` | `str` | Module path to function (required)": "test_python_names_the_function",
        "`deps` | `dict[str, str]` | Named dependency path overrides": KEY,
        "`outs` | `dict[str, str]` | Named output path overrides": KEY,
        "`metrics` | `dict[str, str]` | Metric outputs (git-tracked)": KEY,
        "`plots` | `dict[str, str]` | Plot outputs": KEY,
        "`params` | `dict` | Stage parameters": KEY,
        "`mutex` | `list[str]` | Mutex groups for exclusive execution": (
            "test_stages_of_one_mutex_group_never_overlap"
        ),
        "`cwd` | `str` | Working directory for paths": KEY,
        "`matrix` | `dict` | Matrix expansion configuration": "test_a_matrix_makes_a_stage_of_each_value",
    },
    ("stages", "Why Serialization Matters"): {
        "Functions must be defined at module level (not inside other functions)": REFUSED,
        "Functions cannot capture local variables (closures)": REFUSED,
        "The module containing the function must be importable": (
            "test_a_module_that_cannot_be_found_is_named"
        ),
    },
    ("concepts", "Stages"): {
        "Has **dependencies** (inputs it reads)": "test_the_graph_is_the_one_of_the_figure",
        "Produces **outputs** (files it writes)": "test_the_graph_is_the_one_of_the_figure",
        "Contains a **function** that does the actual work": "test_the_basic_usage_runs",
    },
    ("concepts", "Automatic Code Fingerprinting"): {
        # the behaviour; the way is another: adr/0003-static-fingerprint-without-imports.md
        "Inspects your function's closure variables": REACH,
        "Parses AST for `module.function` patterns": REACH,
        "Recursively fingerprints all dependencies": REACH,
        "Hashes the normalized code": REACH,
    },
    ("concepts", "Caching"): {
        "Outputs are hashed and stored in `.pivot/cache/`": ("test_the_cache_is_laid_out_as_in_the_figure"),
        "Lock file records the fingerprint (code + params + deps)": (
            "test_the_lock_file_records_code_params_and_deps"
        ),
        "On next run, Pivot compares fingerprints to decide if re-execution is needed": SKIPPED,
    },
    ("concepts", "Skip Conditions"): {
        "Code fingerprint matches": ONE_CHANGES,
        "Parameters match": ONE_CHANGES,
        "All input dependencies match": ONE_CHANGES,
        "All outputs exist in cache": ("test_a_stage_runs_when_its_output_is_neither_there_nor_in_the_cache"),
    },
    ("concepts", "Output Types"): {
        "`Out` | Yes | No | Large data files": BY_KIND,
        "`Metric` | No | Yes | Small metrics (JSON)": BY_KIND,
        "`Plot` | Yes | No | Visualization files": BY_KIND,
        "`IncrementalOut` | Yes | No | Append-only files": BY_KIND,
    },
    ("home", "Requirements"): {
        "Python 3.13+": "differs: 0002-python-3-11.md",
        "Unix only (Linux/macOS)": "test_the_package_is_for_linux_and_macos",
    },
    ("home", "Roadmap"): {
        "**Web UI** - DAG visualization and execution monitoring": "later: the panel in JupyterLab",
        "**Additional remotes** - GCS, Azure, SSH": "later: other remotes than folders",
        "**Cloud orchestration** - Integration with cloud schedulers": "later: other executors",
    },
    ("outputs", "Output types at a glance"): {
        "Out[W] Out(path, writer, cache=True) Yes Standard file output": BY_KIND,
        "Metric Metric(path) No JSON metrics (git-tracked)": BY_KIND,
        "Plot[W] Plot(path, writer) Yes Visualization files": BY_KIND,
        "IncrementalOut[W,R] IncrementalOut(path, loader) Yes State carried across runs": BY_KIND,
        'DirectoryOut[T] DirectoryOut(path + "/", writer) Yes Dynamic file sets': BY_KIND,
    },
    ("outputs", "Out"): {
        "path str | list[str] | tuple[str, ...] required Output file path(s)": DEFAULTS,
        "loader Writer[W] required Serializer for the data": "test_a_loader_is_inferred_from_type_and_extension",
        "cache bool True Whether to cache in .pivot/cache": DEFAULTS,
    },
    ("outputs", "Metric"): {
        "loader required JSON() (automatic)": DEFAULTS,
        "cache True False": DEFAULTS,
    },
    ("outputs", "Plot"): {
        "x str | None None X-axis column name (for structured plot data)": DEFAULTS,
        "y str | None None Y-axis column name (for structured plot data)": DEFAULTS,
        "template str | None None Plot template identifier": DEFAULTS,
    },
    ("outputs", "IncrementalOut: How it works"): {
        "Before execution, Pivot checks for a cached previous output": STATE,
        "If found, restores it and injects as the parameter value": (
            "test_a_state_that_only_the_cache_has_is_given_to_the_next_run"
        ),
        "If not found (first run), uses the loader's empty() method": (
            "test_the_first_value_is_the_loaders_own"
        ),
        "Stage reads, modifies, and returns the updated value": STATE,
        "Pivot writes and re-caches the result": STATE,
    },
    ("outputs", "IncrementalOut: Rules"): {
        "The IncrementalOut must appear on both a parameter and a return field": STATE_RULE,
        "Path and loader must match between input and output": STATE_RULE,
        "For TypedDict returns, the parameter name must match the return field name": STATE_RULE,
        "For single-output stages, only one IncrementalOut parameter is allowed": STATE_RULE,
        "The input does not create a DAG edge (it's self-referential)": "test_the_parameter_is_no_dep",
        "Requires a Loader (not just Reader or Writer) since it reads and writes": STATE_RULE,
        "IncrementalOut paths cannot be overridden": "test_an_override_that_does_not_fit_names_its_line_and_the_way_out",
    },
    ("outputs", "DirectoryOut: How it works"): {
        "Path must end with / (enforced at construction time)": (
            "test_a_word_that_cannot_be_is_refused_where_it_is_written"
        ),
        "Return value is dict[str, T]": FOLDER,
        "Each key must include a file extension": FOLDER_KEY,
        "Keys are validated: no absolute paths, no .. traversal, no empty names": FOLDER_KEY,
        "Duplicate keys after normalization are rejected": FOLDER_KEY,
        "Case collisions are detected (for cross-platform safety)": FOLDER_KEY,
    },
    ("outputs", "DirectoryOut"): {
        "path str (ending with /) required Output directory": FOLDER,
        "loader Writer[T] required Serializer for each file": FOLDER,
        "cache bool True Whether to cache files": "test_a_folder_may_stay_out_of_the_cache",
        "Each file in the directory is cached individually by content hash": (
            "test_a_changed_file_of_a_folder_runs_only_who_reads_it"
        ),
        'Dep("metrics/tasks/") or Dep("metrics/tasks/task_a.yaml")': (
            "test_stages_read_the_folder_or_one_file_in_it"
        ),
    },
    ("outputs", "How Pivot writes outputs"): {
        "Validates all TypedDict keys are present in the return value": (
            "test_all_keys_are_checked_before_anything_is_written"
        ),
        "Resolves each output path relative to the project root": (
            "test_paths_are_relative_to_the_project_wherever_the_command_is_called"
        ),
        "Creates parent directories as needed": "test_folders_are_made_and_every_file_is_written",
        "Writes each file sequentially using the output's loader": (
            "test_folders_are_made_and_every_file_is_written"
        ),
        "Hashes the written files for cache storage": (
            "test_the_lock_file_holds_the_hashes_of_what_was_written"
        ),
        "Updates the stage's lock file with output hashes": (
            "test_the_lock_file_holds_the_hashes_of_what_was_written"
        ),
        # no longer so: test_when_the_third_of_five_fails_the_five_of_before_stay
        "there is no rollback": "differs: 0001-outputs-appear-all-or-nothing.md",
    },
    ("outputs", "Multi-file paths and expansion"): {
        "must be a list/tuple with the same length": "test_the_values_must_be_as_many_as_the_paths",
        "Each file is tracked and cached independently": (
            "test_each_file_of_several_is_tracked_and_cached_on_its_own"
        ),
    },
    ("outputs", "Summary"): {
        "TypedDict with Out fields Multiple outputs from one stage": "test_values_are_saved_by_their_loaders",
        "Annotated[T, Out(...)] return Single output": "test_a_single_output_is_returned_as_it_is",
        'Metric("path.json") Small JSON values for git tracking': "test_a_metric_takes_any_json_value",
        'Plot("path.png", writer) Visualizations': "test_figures_are_saved_and_files_of_the_stage_tracked",
        'IncrementalOut("path", loader) State that accumulates across runs': STATE,
        'DirectoryOut("dir/", writer) Runtime-determined file sets': FOLDER,
        "cache=False Outputs that shouldn't be cached": "test_an_uncached_output_is_written_and_not_cached",
    },
}

# link, as the documents write it → page under docs/
LINKS = {
    "configuration.md": "reference/configuration.md",
    "outputs.md": "reference/outputs.md",
    "parameters.md": "reference/parameters.md",
    "troubleshooting.md": "how-to/troubleshooting.md",
    "../guide/stages.md": "reference/stages.md",
    "../guide/parameters.md": "reference/parameters.md",
    "../guide/caching.md": "how-to/caching.md",
    "getting-started/quickstart.md": "tutorial/quickstart.md",
    "tutorial/watch.md": "tutorial/watch.md",
    "Tutorials: parameters": "tutorial/parameters.md",
    "Tutorials: CI integration": "tutorial/ci.md",
    "reference/pipelines.md": "reference/pipelines.md",
    "migrating-from-dvc.md": "how-to/migrating-from-dvc.md",
    "architecture/overview.md": "explanation/architecture.md",
    "comparison.md": "explanation/comparison.md",
    "Artifacts & the DAG": "explanation/artifacts.md",
    "Dependencies": "reference/dependencies.md",
    "Loaders": "reference/loaders.md",
}

NAMED = sorted({test for rules in RULES.values() for test in rules.values()})


@pytest.fixture(scope="module")
def tests() -> set[str]:
    """The names of all tests."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in TESTS.glob("*/test_*.py")]
    return {node.name for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_each_rule_is_a_test_or_says_why_not(tests):
    for name in NAMED:
        word, _, rest = name.partition(": ")
        if word == "differs":
            assert (ROOT / "docs/adr" / rest).is_file(), name
        elif word != "later":
            assert name in tests, name


def test_each_link_leads_to_a_page_that_the_navigation_shows():
    shown = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for link, page in LINKS.items():
        assert (ROOT / "docs" / page).is_file(), link
        assert f": {page}\n" in shown, link


def test_the_package_is_for_linux_and_macos():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    systems = [name for name in project["classifiers"] if name.startswith("Operating System")]
    assert systems == ["Operating System :: MacOS", "Operating System :: POSIX :: Linux"]
