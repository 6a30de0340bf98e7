"""``pivot import flowdapt``: what is written, what is told, and what is never written over."""

import pytest

pytestmark = pytest.mark.called

WORKFLOW = """\
kind: workflow
metadata:
  name: numbers
  annotations: {group: test}
spec:
  stages:
    - name: numbers
      target: user_modules.stuff.numbers
      priority: 1
    - name: total
      target: user_modules.stuff.total
      depends_on: [numbers]
"""
CONFIG = """\
kind: config
metadata: {name: main}
spec:
  selector: {type: annotation, value: {group: test}}
  data: {count: 4}
"""
STUFF = """\
from pivot import get_run_context


def numbers():
    return list(range(get_run_context().config["count"]))


def total(numbers):
    print("the total is", sum(numbers))
    return sum(numbers)
"""
FLOWDAPTS = "from flowdapt.compute.resources.workflow.context import get_run_context"


@pytest.fixture
def theirs(shell):
    """A folder as Flowdapt's users have it, and the command in it."""
    shell.write("flows/numbers.yaml", WORKFLOW)
    shell.write("flows/configs/main.yaml", CONFIG)
    shell.write("flows/compose.yaml", "services: {}\n")
    shell.write("user_modules/stuff.py", STUFF.replace("from pivot import get_run_context", FLOWDAPTS))
    return shell


def test_an_imported_project_runs_once_its_imports_are_changed(theirs):
    done = theirs.pivot("import", "flowdapt", "flows")
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "wrote config/main.yaml\n"
        "wrote pivot.yaml\n"
        "\n"
        "change by hand:\n"
        f"  user_modules/stuff.py:1: {FLOWDAPTS} → from pivot import get_run_context\n"
        "\n"
        "not carried over:\n"
        "  priority (flows/numbers.yaml:9): no result depends on it\n"
        "\n"
        "for you to decide:\n"
        "  Flowdapt runs everything each time, Pivot what changed: a stage that fetches live data (a download, the "
        "clock) needs always: true; it may be one of numbers\n"
        "\n"
        "left alone: 1 file with nothing of Flowdapt's\n"
        "\n"
        "now see what would run: pivot status\n"
    )
    before = theirs.pivot("repro")
    assert before.code == 2
    assert "hint: take it from pivot: `pivot import flowdapt` lists what to change" in before.err
    theirs.write("user_modules/stuff.py", STUFF)
    assert theirs.pivot("repro").code == 0
    assert theirs.pivot("log", "total").out == "the total is 6\n"
    theirs.write("config/main.yaml", "count: 4\nother: 1\n")
    assert "0 stages run, 2 unchanged" in theirs.pivot("repro").out


def test_nothing_is_written_over_unless_asked(theirs):
    theirs.write("pivot.yaml", "stages: {}\n")
    refused = theirs.pivot("import", "flowdapt", "flows")
    assert refused.code == 2
    assert "error: pivot.yaml is there already\nhint: write over it with --force\n" in refused.err
    assert not (theirs.path / "config").exists()
    assert (theirs.path / "pivot.yaml").read_text() == "stages: {}\n"
    assert theirs.pivot("import", "flowdapt", "--force", "flows").code == 0
    assert "numbers" in (theirs.path / "pivot.yaml").read_text()
    assert theirs.pivot("import", "flowdapt", "flows").code == 0, "what is there is what would be written"


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("pivot.yaml", "error: pivot.yaml is one of the files that are read\n"),
        ("pivot.yml", "error: pivot.yml defines stages already\n"),
    ],
)
def test_what_is_read_and_other_pipeline_files_are_never_written_over(shell, file, told):
    shell.write(file, WORKFLOW)
    refused = shell.pivot("import", "flowdapt", "--force", file)
    assert refused.code == 2
    assert told in refused.err
    assert [path.name for path in shell.path.iterdir()] == [file]


def test_all_that_is_wrong_is_told_and_nothing_is_written(theirs):
    theirs.write("flows/numbers.yaml", WORKFLOW.replace("target: user_modules.stuff.total", "targt: x"))
    theirs.write("flows/configs/main.yaml", CONFIG.replace("selector", "selctor"))
    refused = theirs.pivot("import", "flowdapt", "flows")
    assert refused.code == 2
    assert "unknown key 'selctor' in spec (flows/configs/main.yaml:4)" in refused.err
    assert "unknown key 'targt' (flows/numbers.yaml:11)" in refused.err
    assert not (theirs.path / "pivot.yaml").exists()


def test_a_folder_without_workflows_is_an_error(shell):
    shell.write("flows/main.yaml", CONFIG)
    refused = shell.pivot("import", "flowdapt", "flows")
    assert refused.code == 2
    assert "error: no workflow in flows" in refused.err


def test_any_command_works_with_a_file_that_is_named(shell):
    shell.write("flows/numbers.yaml", WORKFLOW.replace("      priority: 1\n", ""))
    shell.write("flows/user_modules/stuff.py", STUFF.replace('get_run_context().config["count"]', "4"))
    assert shell.pivot("--file", "flows/numbers.yaml", "repro").code == 0
    assert shell.pivot("--file", "flows/numbers.yaml", "log", "total").out == "the total is 6\n"
    missing = shell.pivot("--file", "flows/number.yaml", "status")
    assert (missing.code, missing.out) == (2, "")
    assert "flows/number.yaml" in missing.err
