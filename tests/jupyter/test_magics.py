"""The magics, in a shell of this process."""

import os
import pickle
import re
import sys

import pytest

STAGE = """%%pivot_stage
def clean(raw: Annotated[str, outputs.Dep("raw.txt", loaders.Text())]) -> Annotated[str, outputs.Out("clean.txt", loaders.Text())]:
    return raw.strip() + SUFFIX
"""
NEXT = """%%pivot_stage
def total(data: Annotated[str, outputs.Dep("clean.txt", loaders.Text())]) -> Annotated[dict, outputs.Metric("total.json")]:
    return {"length": len(data)}
"""


def test_defining_a_stage_shows_one_line_and_leaves_the_function_callable(ready, shell):
    told = ready(STAGE)
    assert "clean: raw.txt → clean.txt  ◐ will run (Never run)" in told
    assert shell.user_ns["clean"](" x ") == "x!"


def test_the_body_runs_once_and_its_last_expression_is_the_value(ready, shell):
    ready("seen = []")
    result = shell.run_cell(STAGE + "\nseen.append(1)\nlen(seen)\n")
    assert result.result == 1
    assert shell.user_ns["seen"] == [1]


def test_functions_and_classes_belong_to_the_module(ready, shell):
    ready("class Point:\n    pass", STAGE.replace("raw.strip()", "str(Point)"))
    clean = shell.user_ns["clean"]
    assert clean.__module__ == "notebook_stages"
    assert sys.modules["notebook_stages"].clean is clean
    assert type(pickle.loads(pickle.dumps(shell.user_ns["Point"]()))) is shell.user_ns["Point"]


def test_a_stage_runs_and_its_value_is_loaded(ready, shell, kernel_place):
    ready(STAGE, NEXT)
    assert "✓ ran" in ready("%pivot run")
    assert (kernel_place / "clean.txt").read_text() == "abc!"
    assert shell.run_cell("%pivot load total").result == {"length": 4}


def test_run_all_again_runs_nothing(ready):
    ready(STAGE, NEXT, "%pivot run")
    told = ready("%pivot repro")
    assert "ran" not in told
    assert "2 cached" in told


def test_a_changed_helper_runs_exactly_the_stages_that_reach_it(ready):
    ready(STAGE, NEXT, "def unused():\n    return 1", "%pivot run")
    ready("def unused():\n    return 2", "# a comment\nSUFFIX  =  '!'")
    assert "0 of 2 stages will run" in ready("%pivot status")
    ready("SUFFIX = '?'")
    assert "will run       clean" in ready("%pivot status")
    told = ready("%pivot run")
    assert [line.split()[-1] for line in told.splitlines() if line.startswith("✓ ran")] == ["clean", "total"]
    ready(NEXT.replace("len(data)", "len(data) + 1"))
    told = ready("%pivot run")
    assert [line.split()[-1] for line in told.splitlines() if line.startswith("✓ ran")] == ["total"]


def test_why_names_the_cell_of_the_definition_that_changed(ready):
    ready("def helper(x):\n    return x", STAGE.replace("raw.strip()", "helper(raw)"), "%pivot run")
    ready("1\n\ndef helper(x):\n    return x * 2")
    told = ready("%pivot why clean")
    assert "func:helper" in told
    assert "Cell: In[" in told


def test_the_module_in_a_cell_before_the_run_counts(ready):
    ready(STAGE, "%pivot run")
    assert "✓ ran" in ready("SUFFIX = '#'\n%pivot run")


def test_output_of_a_stage_is_in_its_log_only(ready):
    ready(STAGE.replace("return", "print('hello from a worker')\n    return"))
    assert "hello" not in ready("%pivot run")
    assert ready("%pivot log clean") == "hello from a worker\n"


def test_a_failed_stage_tells_cell_line_and_log(ready, shell):
    ready("def helper(x):\n    return x / 0")
    ready("\n" + STAGE.replace("return", "print('so far')\n    helper(1)\n    return"))
    number = shell.execution_count - 1
    result = shell.run_cell("%pivot run")
    assert str(result.error_in_exec).startswith("stage 'clean' failed: ZeroDivisionError")
    assert f"Cell In[{number - 1}], line 2" in str(result.error_in_exec)


def test_the_traceback_of_a_worker_has_lines_of_cells(ready, shell, capsys):
    ready("\n" + STAGE.replace("return", "print('so far')\n    raise ValueError('bad')\n    return"))
    number = shell.execution_count - 1
    shell.run_cell("%pivot run")
    told = "".join(capsys.readouterr())
    assert f"Cell In[{number}], line 5" in told
    assert "so far" in told
    assert "<notebook_stages>" not in told


@pytest.mark.parametrize(
    "head", ["%%time\n%%pivot_stage", "%%pivot_stage\n%%time", "%%capture\n%%pivot_stage"]
)
def test_a_cell_of_stages_may_be_timed(ready, head):
    told = ready(STAGE.replace("%%pivot_stage", head), "%pivot status")
    assert "will run       clean" in told


@pytest.mark.parametrize("head", ["if True:", "try:"])
def test_a_function_in_a_block_may_be_a_stage(ready, head):
    marked = "\n    @pivot.stage(deps=['raw.txt'], outs=['copy.txt'])\n    def copy(): ..."
    told = ready(head + marked + ("\nfinally: pass" if head == "try:" else ""), "%pivot status")
    assert "will run       copy" in told


def test_a_stage_that_displays_is_refused_and_what_a_cell_displays_stays_there(ready):
    shows = "def show(x):\n    display(x)\n    return x"
    told = ready(shows, STAGE.replace("raw.strip()", "show(raw)"))
    assert "`display` exists only in a notebook, and Cell In[" in told
    told = ready(
        "LOOK = {'a': 1}\ndisplay(LOOK)\ndef show(x):\n    return x + str(LOOK)", "%pivot code clean"
    )
    assert "LOOK = {'a': 1}" in told
    assert "display" not in told


def test_a_stage_in_a_loop_is_refused(ready):
    marked = "for n in range(2):\n    @pivot.stage(deps=['raw.txt'], outs=['copy.txt'])\n    def copy(): ..."
    assert (
        "copy is defined in a loop, and only the last one would be a stage: head a cell %%pivot_stage --mat"
        in ready(marked)
    )


def test_a_marked_function_of_a_plain_cell_is_a_stage(ready, kernel_place):
    ready("@pivot.stage(deps=['raw.txt'], outs=['copy.txt'])\ndef copy():\n"
          "    pathlib.Path('copy.txt').write_text(pathlib.Path('raw.txt').read_text())")  # fmt: skip
    ready("%pivot run")
    assert (kernel_place / "copy.txt").read_text() == "abc\n"


def test_options_override_paths_params_and_name(ready, kernel_place):
    ready("from pivot import StageParams\nclass P(StageParams):\n    times: int = 1")
    (kernel_place / "other.txt").write_text("x")
    told = ready(
        STAGE.replace(
            "%%pivot_stage",
            "%%pivot_stage --name tidy --dep raw=other.txt --out output=o.txt --param times=3 --run",
        )
        .replace("def clean(raw", "def clean(params: P, raw")
        .replace("raw.strip()", "raw * params.times")
    )
    assert "tidy: other.txt → o.txt" in told
    assert (kernel_place / "o.txt").read_text() == "xxx!"


def test_options_say_how_a_stage_is_run_and_a_badge_says_that_it_always_runs(ready, shell, kernel_place):
    (kernel_place / "fails").touch()
    rules = "--always --retries times=1,delay=0 --timeout 5m --resources cpus=1,tape=2 --resources memory=1MB --run"
    fails = "pathlib.Path('fails').exists() and (pathlib.Path('fails').unlink(), 1 / 0)\n    return "
    told = ready(STAGE.replace("%%pivot_stage", f"%%pivot_stage {rules}").replace("return ", fails))
    assert "clean: attempt 1 of 2 failed: ZeroDivisionError: division by zero" in told
    assert "resource tape is ignored" in told
    assert "✓ ran" in told
    assert "◐ will run       clean  Always runs" in ready("%pivot status")
    ready("%pivot export")
    assert "    always: true\n    retries: 1\n    timeout: 5m\n" in (kernel_place / "pivot.yaml").read_text()


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (STAGE.replace("stage\n", "stage --nme x\n", 1), "unknown option --nme: did you mean --name?"),
        (STAGE.replace("stage\n", "stage --dep raw\n", 1), "--dep raw: write --dep name=value"),
        (STAGE.replace("stage\n", "stage --dep rw=a\n", 1), "dep 'rw' is not a parameter of notebook_stages.clean"),
        (STAGE.replace("stage\n", "stage --retries often\n", 1), "--retries often: write --retries name=value"),
        (STAGE.replace("stage\n", "stage --timeout soon\n", 1), "timeout must be a time such as 90s"),
        (STAGE.replace("stage\n", "stage --resources cpu=1\n", 1), "unknown resource 'cpu' (Cell In["),
        (STAGE + "!ls\n", "line 4: `!ls` works in a notebook only"),
        ("%%pivot_stage\ndef f(x):\n    return x", "no function here is a stage"),
        ("%%pivot_stage --name a\n" + STAGE.split("\n", 1)[1] + STAGE.split("\n", 1)[1].replace("clean", "c2"),
         "options need exactly one stage function"),
        (STAGE.replace("raw.strip()", "frame"), "exists only in this kernel"),
        (STAGE.replace("raw.strip()", "str(table)"), "table in Cell In["),
        (STAGE.replace("raw.txt", "/raw.txt"), "path '/raw.txt' is absolute"),
        (STAGE.replace("raw:", "more, raw:"), "nothing provides parameter 'more'"),
        (("%%pivot_stage\ndef outer(k):\n    def inner(a: Annotated[str, outputs.Dep('raw.txt', loaders.Text())]):\n"
          "        return k\n    return inner\nclosed = outer(3)"),
         "Could not pickle the task to send it to the workers: inner captures 'k' from outer (Cell In["),
        ("open_lambda = pivot.stage(deps=['raw.txt'])(lambda: 3)\n%pivot run", "Can't pickle <lambda>"),
        ("%%pivot_stage --help\n" + STAGE.split("\n", 1)[1], "unknown option --help: known: --always, --cwd, --dep"),
        (STAGE.replace("outputs.Out", "outputs.DirectoryOut"), "ends with / (Cell In["),
        ("%pivot staus", "unknown command 'staus': did you mean 'status'?"),
        ("%pivot run --forse", "unknown option --forse: did you mean --force?"),
        ("%pivot log nope", "nope"),
        ("%pivot code nope", "no stage is called 'nope'"),
        ("%pivot module 1a", "no module name"),
    ],
)  # fmt: skip
def test_wrong_input_is_one_line_with_its_way_out(ready, shell, cell, message):
    ready(STAGE, "get_ipython().user_ns['frame'] = 1", "table = pd.read_csv('raw.txt')")
    told = ready(cell)
    assert told.startswith("PivotRunError: ")
    assert message in told
    assert len(told.splitlines()) == 1


def test_a_missing_name_is_told_on_the_card_and_stops_the_run(ready):
    told = ready(STAGE.replace("SUFFIX", "later(raw)"))
    assert "not defined yet: later" in told
    told = ready("%pivot run")
    assert told.startswith("PivotRunError: Cell In[")
    assert "line 3: nothing defines 'later', which" in told
    assert "run the cell that defines it" in told
    ready("def later(x):\n    return '.'")
    assert "✓ ran" in ready("%pivot run")


def test_a_missing_name_that_a_run_may_do_without_is_told_and_stops_nothing(ready):
    told = ready(STAGE.replace("SUFFIX", "(later(raw) if not raw else '!')"))
    assert "not defined yet: later" in told
    assert "will run" in told
    told = ready("%pivot run")
    assert "defined nowhere, so code that comes to read it fails: later" in told
    assert "✓ ran" in told
    ready("def later(x):\n    return '.'")
    assert "✓ ran" in ready("%pivot run")


def test_a_cycle_is_told_when_it_is_closed(ready):
    ready(STAGE)
    told = ready(NEXT.replace("total.json", "raw.txt"))
    assert told.startswith("PivotRunError")
    assert "clean" in told
    assert "total" in told


def test_a_stage_cell_run_again_replaces_its_stages(ready, shell):
    ready(STAGE, STAGE.replace("def clean", "def tidy"))
    shell.run_cell(NEXT, store_history=True, cell_id="x")
    shell.run_cell(NEXT.replace("total", "sum_up"), store_history=True, cell_id="x")
    told = ready(STAGE.replace("clean.txt", "c.txt"), "%pivot status")
    names = [line.split()[3] for line in told.splitlines() if "will run " in line and "of" not in line]
    assert "total" not in names


def test_a_name_patched_without_a_text_is_told(ready):
    ready("def helper(x):\n    return x", STAGE.replace("raw.strip()", "helper(raw)"))
    ready("exec('def helper(x): return 1')")
    assert "`helper` was replaced by Cell In[" in ready("%pivot run")
    ready("def helper(x):\n    return x")
    assert "✓ ran" in ready("%pivot run")


def test_a_comment_above_the_magic_is_forgiven(ready):
    assert "clean: raw.txt" in ready("# the first stage\n" + STAGE)


def test_a_syntax_error_looks_as_it_does_in_a_cell_without_a_magic(ready, shell, capsys):
    def told(cell):
        result = shell.run_cell(cell, store_history=True)
        assert isinstance(result.error_before_exec, SyntaxError), cell
        return result.error_before_exec.lineno, re.sub(
            r"<ipython-input-.*?>", "cell", "".join(capsys.readouterr())
        )

    ready(STAGE)
    for text in ("def f(:\n    pass", "x = 1\nreturn x", "if x:\ny = '", "!ls\nx = = 1"):
        for head in ("%%pivot_stage", "%%pivot_module", "%%time\n%%pivot_stage --mutex a"):
            plain = told(re.sub("(?m)^.*$", "#", head) + "\n" + text)
            assert "most recent call last" not in plain[1]
            assert told(f"{head}\n{text}") == plain, text
            assert told(f"\n{head}\n{text}")[0] == plain[0] + 1, text
    assert "1 of 1 stage will run" in ready("%pivot status")


def test_an_error_in_the_cell_itself_begins_in_the_cell(ready, shell, capsys):
    result = shell.run_cell(STAGE + "\n1 / 0\n", store_history=True)
    assert isinstance(result.error_in_exec, ZeroDivisionError)
    told = "".join(capsys.readouterr())
    assert "magics.py" not in told
    assert "ZeroDivisionError" in told


def test_an_interrupt_ends_the_run_only(ready, shell, kernel_place):
    ready(
        STAGE,
        NEXT.replace(
            "return",
            "import os, signal, time\n    os.kill(PARENT, signal.SIGINT)\n    time.sleep(60)\n    return",
        ),
    )
    ready(f"PARENT = {os.getpid()}")
    assert (
        ready("%pivot run") == "PivotRunError: the run was interrupted: %pivot run goes on where it stopped"
    )
    ready(NEXT)
    told = ready("%pivot run")
    assert [line.split()[-1] for line in told.splitlines() if line.startswith("✓ ran")] == ["total"]


def test_completion_knows_commands_options_and_stages(ready, shell):
    from pivot_jupyter.completion import words_after

    ready(STAGE)
    stages = ["clean", "total"]
    assert words_after("%pivot st", ["status", "run"], stages) == ("st", ["status"])
    assert words_after("%pivot run ", ["run"], stages) == ("", stages)
    assert words_after("%pivot run --f", ["run"], stages) == ("--f", ["--force"])
    assert words_after("%%pivot_stage --n", [], stages) == ("--n", ["--name"])
    assert words_after("x = 1", [], stages)[1] == []
    from IPython.core.completer import provisionalcompleter

    with provisionalcompleter():
        assert "clean" in [found.text for found in shell.Completer.completions("%pivot why cl", 13)]


def test_loading_twice_changes_nothing_and_unloading_undoes_it(shell):
    callbacks = {name: list(found) for name, found in shell.events.callbacks.items()}
    shell.run_line_magic("load_ext", "pivot_jupyter")
    shell.run_line_magic("reload_ext", "pivot_jupyter")
    shell._pivot_doorway.open()
    assert {n: len(f) for n, f in shell.events.callbacks.items()} == {n: len(f) for n, f in callbacks.items()}
    shell.run_line_magic("unload_ext", "pivot_jupyter")
    assert shell.find_line_magic("pivot") is None
    assert shell.find_cell_magic("pivot_stage") is None
    shell.run_line_magic("load_ext", "pivot_jupyter")


def test_records_are_the_same_for_the_same_state(ready, shell):
    from pivot_jupyter import shown
    from pivot_jupyter.extension import _HANDLE

    ready(STAGE, NEXT, "%pivot run")
    session = getattr(shell, _HANDLE).session

    def record():
        return shown.record(session.project.graph(), shown.states_of(session.status()))

    first = record()
    assert first == record()
    assert str(session.project.root) not in first["text/html"]
    assert "<figure" in first["text/html"]
