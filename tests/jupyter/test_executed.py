"""What a session knows of cells: executed before it, ended by an error, run in any order."""

import sys

STAGE = """%%pivot_stage
def clean(raw: Annotated[str, outputs.Dep("raw.txt", loaders.Text())]) -> Annotated[str, outputs.Out("clean.txt", loaders.Text())]:
    return raw.strip() + SUFFIX
"""
NEXT = """%%pivot_stage
def total(data: Annotated[str, outputs.Dep("clean.txt", loaders.Text())]) -> Annotated[dict, outputs.Metric("total.json")]:
    return {"length": len(data)}
"""


def test_cells_executed_before_the_extension_was_loaded_count(ready, shell):
    shell.run_line_magic("unload_ext", "pivot_jupyter")
    ready("def helper(x):\n    return x * 2")
    assert "not found" in ready(STAGE)
    ready("1 / 0\nLATER = 1")
    ready("%load_ext pivot_jupyter\nFACTOR = 3")
    assert "will run" in ready(STAGE.replace("raw.strip()", "helper(raw) * FACTOR"))
    assert "✓ ran" in ready("%pivot run")
    assert "nothing defines 'LATER'" in ready(STAGE.replace("SUFFIX", "LATER"), "%pivot run")


def test_what_a_cell_defined_above_its_error_counts(ready, shell, kernel_place):
    shell.run_cell("A = '1'\nB = '2'", store_history=True, cell_id="a")
    shell.run_cell("A = '3'\n1 / 0\nB = '4'", store_history=True, cell_id="a")
    ready(STAGE.replace("SUFFIX", "A + B"), "%pivot run")
    assert (kernel_place / "clean.txt").read_text() == "abc32"
    shell.run_cell("A = '5'\nB = '6'", store_history=True, cell_id="a")
    ready("%pivot run")
    assert (kernel_place / "clean.txt").read_text() == "abc56"


def test_a_stage_whose_cell_fails_below_it_is_the_new_one(ready, kernel_place):
    ready(STAGE)
    assert ready(STAGE.replace("SUFFIX", "'new'") + "\nclean(1)").startswith("AttributeError")
    ready("%pivot run")
    assert (kernel_place / "clean.txt").read_text() == "abcnew"


def test_a_stage_defined_anew_in_another_cell_keeps_the_helpers_of_the_first(ready):
    ready(STAGE.replace("SUFFIX", "helper()") + "\ndef helper():\n    return '1'")
    ready(STAGE.replace("SUFFIX", "helper() + '2'"))
    assert "✓ ran" in ready("%pivot run")


def test_log_and_code_are_told_while_something_is_wrong(ready):
    ready(
        STAGE.replace("return", "print('hello')\n    return"),
        "%pivot run",
        "get_ipython().user_ns['frame'] = 1",
    )
    assert "exists only in this kernel" in ready(NEXT.replace("len(data)", "frame"))
    assert ready("%pivot log clean") == "hello\n"
    assert "def total(" in ready("%pivot code")
    assert ready("%pivot status").startswith("PivotRunError")


def test_all_that_is_wrong_is_told_at_once(ready):
    ready(
        "files = !ls", "get_ipython().user_ns['frame'] = 1", "import datetime\nNOW = datetime.datetime.now()"
    )
    told = ready(STAGE.replace("SUFFIX", "str((files, frame, NOW))"))
    assert [line.split(" exists")[0].split(" works")[0].split(", line")[0] for line in told.splitlines()] == [
        "PivotRunError: Cell In[3]", "`frame`", "NOW in Cell In[5]",
    ]  # fmt: skip


def test_a_name_that_only_a_star_could_bind_is_told_where_it_does_not(ready, kernel_place):
    (kernel_place / "lib.py").write_text("def known(x):\n    return x\n")
    sys.path.insert(0, str(kernel_place))
    try:
        ready(
            "from lib import *",
            "get_ipython().user_ns['frame'] = 1",
            STAGE.replace("raw.strip()", "known(raw.strip())"),
        )
        assert "✓ ran" in ready("%pivot run")
        assert "`frame` exists only in this kernel" in ready(STAGE.replace("raw.strip()", "known(frame)"))
        assert "not defined yet: nowhere" in ready(STAGE.replace("raw.strip()", "known(nowhere)"))
    finally:
        sys.path.remove(str(kernel_place))
        sys.modules.pop("lib", None)


def test_a_forgotten_stage_is_gone(ready):
    ready(STAGE, NEXT, "%pivot forget total")
    assert "0 of 1" in ready("%pivot run", "%pivot status")
    assert "did you mean 'clean'?" in ready("%pivot forget clea")


def test_why_takes_globs_and_paths(ready):
    ready(STAGE, NEXT)
    assert "Stage: total" in ready("%pivot why tot*")
    assert "Stage: clean" not in ready("%pivot status --explain total.json")


def test_before_any_stage_the_way_is_told(ready):
    for asked in ("run", "status", "load clean", "dag", "code", "export"):
        assert "no stage is defined in this notebook yet: head a cell %%pivot_stage" in ready(
            f"%pivot {asked}"
        )


def test_an_exported_stage_is_loaded_before_its_cell_ran(ready, shell):
    ready(STAGE, NEXT, "%pivot run", "%pivot export", "%reload_ext pivot_jupyter")
    shell.run_line_magic("unload_ext", "pivot_jupyter")
    ready("%load_ext pivot_jupyter")
    assert shell.run_cell("%pivot load total").result == {"length": 4}
    ready(STAGE)
    assert shell.run_cell("%pivot load total").result == {"length": 4}


def test_a_renamed_module_takes_its_exported_stages_along(ready, kernel_place):
    ready("class Point:\n    pass", STAGE.replace("SUFFIX", "str(Point)"), "%pivot run", "%pivot export")
    assert "what was pickled so far names its classes notebook_stages.*" in ready("%pivot module better")
    assert "better.py" in ready("%pivot export")
    assert "notebook_stages" not in (kernel_place / "pivot.yaml").read_text()


def test_export_makes_a_project_that_the_next_command_accepts(ready, kernel_place):
    ready(STAGE, "%pivot export")
    assert (kernel_place / ".pivot" / "format.json").is_file()


def test_order_of_execution_is_told_at_export_only_where_it_matters(ready):
    first = "VALUES = []"
    ready(first, "VALUES.append(1)", STAGE.replace("SUFFIX", "str(VALUES)"), "%pivot run", "1 + 1")
    assert "Restart and Run All" not in ready("%pivot export")


def test_a_stage_is_defined_while_another_one_is_refused(ready):
    ready("get_ipython().user_ns['frame'] = 1", STAGE.replace("SUFFIX", "frame"))
    assert "total: clean.txt → total.json" in ready(NEXT)
    assert "`frame` exists only in this kernel" in ready("%pivot run")
