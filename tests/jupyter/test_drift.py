"""Where the notebook, its saved cells and the exported files differ, and what is told of it."""

import json

import pytest

from pivot_jupyter.cells import Cell
from pivot_jupyter.drift import LONGEST, against_saved, drift_of

STAGE = """%%pivot_stage
def clean(raw: Annotated[str, outputs.Dep("raw.txt", loaders.Text())]) -> Annotated[str, outputs.Out("clean.txt", loaders.Text())]:
    return raw.strip() + SUFFIX
"""

MODULE = "import x\n\n\ndef f():\n    return 1\n\n\n\n\ndef g():\n    return 2\n"


def test_a_diff_names_the_cells_of_its_lines():
    wanted = MODULE.replace("return 1", "return 3").replace("return 2", "return 4")
    drift = drift_of("m.py", MODULE, wanted, lambda line: "Cell In[1]" if line < 8 else "Cell In[2]")
    assert str(drift) == "m.py (Cell In[1], Cell In[2])"
    assert [line for line in drift.diff if line.startswith("@@")] == [
        "@@ -3,5 +3,5 @@ Cell In[1]",
        "@@ -9,3 +9,3 @@ Cell In[2]",
    ]
    assert "-    return 1" in drift.diff
    assert "+    return 3" in drift.diff


@pytest.mark.parametrize(
    ("there", "told"),
    [(None, "m.py (not there)"), (MODULE.replace("\n", "\r\n"), "m.py"), (MODULE[:-1], "m.py"), ("", "m.py")],
)
def test_a_missing_file_or_another_end_of_lines_differs_too(there, told):
    assert str(drift_of("m.py", there, MODULE)) == told


def test_a_long_diff_ends_in_a_count():
    drift = drift_of("m.py", "", "".join(f"x{n} = {n}\n" for n in range(100)))
    assert len(drift.diff) == LONGEST + 1
    assert drift.diff[-1] == f"… and {100 + 3 - LONGEST} more lines"


def test_equal_texts_do_not_differ():
    assert drift_of("m.py", MODULE, MODULE) is None


def test_check_shows_what_differs_and_which_cell_is_meant(ready, shell, kernel_place, capsys):
    module, pipeline = kernel_place / "notebook_stages.py", kernel_place / "pivot.yaml"
    told = ready(STAGE, "%pivot export --check")
    assert (
        "not as the notebook says: notebook_stages.py (not there), pivot.yaml (not there): %pivot export"
        in told
    )
    assert ready("%pivot export") == "notebook_stages.py\npivot.yaml\n"
    assert ready("%pivot export --check") == ""
    module.write_text(module.read_text().replace("raw.strip()", "raw.lower()"))
    pipeline.write_text(pipeline.read_text().replace("raw.txt", "other.txt"))
    text = module.read_text(), pipeline.read_text()
    shell.run_cell("%pivot export --check", store_history=True)
    shown = capsys.readouterr()
    assert "@@ Cell In[3]\n" in shown.out
    assert "-    return raw.lower() + SUFFIX\n+    return raw.strip() + SUFFIX\n" in shown.out
    assert "-      raw: other.txt\n+      raw: raw.txt\n" in shown.out
    assert "not as the notebook says: notebook_stages.py (Cell In[3]), pivot.yaml" in shown.out + shown.err
    assert (module.read_text(), pipeline.read_text()) == text


def test_what_a_person_wrote_into_the_module_is_refused_and_kept(ready, kernel_place):
    module = kernel_place / "notebook_stages.py"
    ready(STAGE, "%pivot export")
    edited = module.read_text().replace("raw.strip()", "raw.lower()")
    module.write_text(edited)
    pipeline = kernel_place / "pivot.yaml"
    assert "notebook_stages.py: not written by export, or edited since" in ready("%pivot export")
    assert module.read_text() == edited
    entries = pipeline.read_text().replace("raw.txt", "other.txt") + "  # mine\n"
    pipeline.write_text(entries)
    assert "notebook_stages.py and pivot.yaml: not written by export, or edited since" in ready(
        "%pivot export"
    )
    assert pipeline.read_text() == entries
    told = ready("%pivot export --force")
    for file, text in (("notebook_stages.py", edited), ("pivot.yaml", entries)):
        kept = told.partition(f"note: {file} was edited: its text is kept in ")[2].splitlines()[0]
        assert (kernel_place / kept).read_text() == text
    assert "raw.strip()" in module.read_text()
    assert ready("%pivot export --check") == ""
    pipeline.write_text("# a word of mine\n" + pipeline.read_text())
    assert ready("%pivot export") == "notebook_stages.py\npivot.yaml\n"


USED = (Cell(3, "A = 1", "a"), Cell(5, "def f(): pass", "b"))


@pytest.mark.parametrize(
    ("saved", "told"),
    [
        ({"a": "A = 1", "b": "def f(): pass", "c": "other"}, ()),
        (
            {"a": "A = 2", "b": "def f(): pass"},
            ("has another text of Cell In[3]: run again what you edited",),
        ),
        ({"b": "def f(): pass"}, ("has no Cell In[3]: deleted",)),
        (
            {"a": "A = 1", "n": "%%pivot_stage\ndef g(): pass", "b": ""},
            ("another text of Cell In[5]", "not run yet, so not part of this: cell 2 of the saved notebook"),
        ),
        ({}, ()),
    ],
)
def test_executed_cells_that_differ_from_the_saved_ones_are_named(saved, told):
    found = against_saved(saved, USED, {"a", "b"})
    assert len(found) == len(told)
    assert all(part in line for part, line in zip(told, found, strict=True))


def test_export_names_cells_that_were_edited_and_not_run(shell, ready, kernel_place):
    def run(text, own):
        return shell.run_cell(text, store_history=True, cell_id=own)

    notebook = kernel_place / "n.ipynb"
    run("SUFFIX = '?'", "one")
    run(STAGE, "two")
    cells = [
        {"cell_type": "code", "id": own, "source": text.splitlines(keepends=True)}
        for own, text in (("one", "SUFFIX = '!'"), ("two", STAGE))
    ]
    notebook.write_text(json.dumps({"cells": cells}))
    shell.user_ns["__vsc_ipynb_file__"] = str(notebook)
    told = ready("%pivot export")
    assert (
        "note: the saved notebook has another text of Cell In[3]: run again what you edited, or save" in told
    )
    run("SUFFIX = '!'", "one")
    assert ready("%pivot export") == "notebook_stages.py\npivot.yaml\n"
