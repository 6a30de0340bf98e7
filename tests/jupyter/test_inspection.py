"""``pivot notebook run`` and ``check``: what CI asks of a notebook."""

import json
import subprocess
import sys

import nbformat
import pytest

IMPORTS = "from typing import Annotated\nimport pivot"
STAGE = """%%pivot_stage
def count(text: Annotated[str, pivot.Dep("poem.txt", pivot.loaders.Text())]) -> Annotated[dict, pivot.Metric("count.json")]:
    return {"words": len(text.split())}
"""
LOAD = "%load_ext pivot_jupyter"


@pytest.fixture
def write(kernel_place):
    """Writes a notebook ``n.ipynb`` of these cells; gives its path."""

    def make(*cells):
        (kernel_place / "poem.txt").write_text("shall I compare thee\n")
        path = kernel_place / "n.ipynb"
        made = [nbformat.v4.new_code_cell(text, id=f"c{n}") for n, text in enumerate(cells)]
        nbformat.write(nbformat.v4.new_notebook(cells=made), path)
        return path

    return make


def pivot(folder, *words):
    done = subprocess.run(
        [sys.executable, "-m", "pivot", "notebook", *words],
        cwd=folder, capture_output=True, text=True, check=False, timeout=150,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def answers(out):
    """The answer of each check, by its name, in a table for people."""
    lines = [line for line in out.splitlines() if not line.startswith(" ")]
    return {line[8:19].strip(): line[:8].strip() for line in lines}


def test_a_notebook_that_keeps_its_promises_passes_and_stays_as_it_is(write, kernel_place):
    file = write(LOAD, IMPORTS, "", "!true", STAGE, "%pivot run", "%pivot load count")
    before = file.read_bytes()
    assert pivot(kernel_place, "export", "n.ipynb")[0] == 0
    code, out, _ = pivot(kernel_place, "check", "n.ipynb")
    assert code == 0, out
    assert out.splitlines() == [
        "note    commands    work in a notebook only: Cell In[3]: `!true`",
        "ok      export      n_stages.py and pivot.yaml hold its 1 stage",
        "ok      run all     6 cells came to their end",
        "ok      second run  no stage ran",
        "ok      paths       no output names a folder of this machine",
    ]
    assert file.read_bytes() == before
    assert json.loads((kernel_place / "count.json").read_text()) == {"words": 4}


def test_each_broken_promise_is_told_with_its_cell_and_the_way_out(write, kernel_place):
    write(LOAD, IMPORTS, STAGE, "%pivot run --force", "import os; os.getcwd()")
    assert pivot(kernel_place, "export", "n.ipynb")[0] == 0
    module = kernel_place / "n_stages.py"
    module.write_text(module.read_text().replace("len(", "2 * len("))
    code, out, _ = pivot(kernel_place, "check", "n.ipynb")
    assert code == 1
    assert answers(out) == {"export": "failed", "run all": "ok", "second run": "failed", "paths": "failed"}
    assert "not as the notebook says: n_stages.py (Cell In[3])" in out
    assert '+    return {"words": len(text.split())}' in out
    assert "→ pivot notebook export n.ipynb" in out
    assert "ran again: count (" in out
    assert f"outputs name folders of one machine: Cell In[5]: {kernel_place}" in out


def test_a_cell_that_fails_is_named_and_nothing_is_written_over(write, kernel_place):
    file = write("a = 1", "  ", "print('begun')\na / 0", "never")
    before = file.read_bytes()
    code, out, err = pivot(kernel_place, "run", "n.ipynb", "--inplace")
    assert (code, out) == (1, "")
    assert "error: n.ipynb: Cell In[2] failed: ZeroDivisionError: division by zero\n" in err
    assert "----> 2 a / 0" in err
    assert file.read_bytes() == before
    code, out, err = pivot(kernel_place, "check", "n.ipynb", "--json")
    told = {check["name"]: check for check in json.loads(out)["checks"]}
    assert code == 1
    assert told["export"]["told"] == "the notebook defines no stages"
    assert told["run all"]["told"] == "Cell In[2]: ZeroDivisionError: division by zero"
    assert told["second run"]["answer"] == "skipped"


def test_run_writes_the_outputs_where_it_is_told_to(write, kernel_place):
    file = write("print('hello')", "1 + 1")
    before = file.read_bytes()
    assert pivot(kernel_place, "run", "n.ipynb", "--out", "o.ipynb")[1] == "2 cells run, written to o.ipynb\n"
    made = nbformat.read(kernel_place / "o.ipynb", as_version=4)
    assert made.cells[0].outputs[0].text == "hello\n"
    assert file.read_bytes() == before

    write("import time; time.sleep(100)")
    assert (
        "Cell In[1] failed: it took longer than 1 s"
        in pivot(kernel_place, "run", "n.ipynb", "--timeout", "1")[2]
    )
    write("__import__('os')._exit(7)")
    assert "n.ipynb: Cell In[1] failed: the kernel died" in pivot(kernel_place, "run", "n.ipynb")[2]


@pytest.mark.parametrize("word", ["run", "check", "export"])
def test_what_is_no_notebook_of_python_is_refused(word, kernel_place):
    (kernel_place / "n.ipynb").write_text("{}")
    code, _, err = pivot(kernel_place, word, "n.ipynb")
    assert code == 2, err
    assert "n.ipynb is no notebook: " in err
    assert pivot(kernel_place, word, "absent.ipynb")[0] == 2
