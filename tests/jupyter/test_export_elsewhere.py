"""Export into another folder: the module, the results, and on request the inputs; there is nothing to run there."""

import os
import subprocess
import sys

import nbformat
import pytest

from pivot.project import initialize

STAGE = """%%pivot_stage
def clean(
    raw: Annotated[str, outputs.Dep("raw.txt", loaders.Text())],
    more: Annotated[pathlib.Path, outputs.Dep("more/", loaders.PathOnly())],
) -> Annotated[str, outputs.Out("made/clean.txt", loaders.Text())]:
    return raw.strip() + SUFFIX + ",".join(sorted(path.name for path in more.iterdir())) + loud(open("note.txt").read())
"""
NEXT = """%%pivot_stage
def total(data: Annotated[str, outputs.Dep("made/clean.txt", loaders.Text())]) -> Annotated[dict, outputs.Metric("total.json")]:
    return {"length": len(data)}
"""
INPUTS = ("raw.txt", "note.txt", "more/a.txt", "more/b.txt")


@pytest.fixture
def project(kernel_place, monkeypatch):
    """A project with a module of its own, settings, and inputs."""
    (kernel_place / "more").mkdir()
    for name in INPUTS:
        (kernel_place / name).write_text(f"in {name}\n")
    (kernel_place / "voice.py").write_text("def loud(text):\n    return text.upper()\n")
    initialize(str(kernel_place))
    (kernel_place / ".pivot" / "config.yaml").write_text("seed: 7\n")
    monkeypatch.syspath_prepend(kernel_place)
    yield kernel_place
    sys.modules.pop("voice", None)


def pivot(folder, *words):
    done = subprocess.run(
        [sys.executable, "-m", "pivot", *words],
        cwd=folder, capture_output=True, text=True, check=False, timeout=90,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def ran(project, ready):
    """A session in which both stages ran."""
    told = ready("from voice import loud", STAGE, NEXT, "%pivot run")
    assert [line.split()[-1] for line in told.splitlines() if line.startswith("✓ ran")] == ["clean", "total"]
    return ready


def test_with_its_inputs_nothing_runs_in_the_other_folder(project, ran, tmp_path):
    there = tmp_path / "there"
    told = ran(f"%pivot export {there} --with-data")
    assert "results of clean, total are there" in told
    assert "bring" not in told
    assert sorted(path.name for path in there.iterdir()) == [
        ".pivot", "more", "note.txt", "notebook_stages.py", "pivot.yaml", "raw.txt", "voice.py",
    ]  # fmt: skip
    code, told = pivot(there, "repro")
    assert (code, "0 stages run, 2 restored" in told) == (0, True), told
    for name in ("made/clean.txt", "total.json", *INPUTS):
        assert (there / name).read_bytes() == (project / name).read_bytes()
    (there / "voice.py").write_text("def loud(text):\n    return text.lower()\n")
    assert "1 stage run" in pivot(there, "repro")[1].replace("2 stages", "1 stage")
    assert "IN NOTE" in (project / "made" / "clean.txt").read_text()
    assert ran("%pivot status").endswith("0 of 2 stages will run\n")


def test_without_them_it_says_what_to_bring_and_the_results_are_known(project, ran, tmp_path):
    there = tmp_path / "there"
    assert "note: bring raw.txt, more/, note.txt there too, or export --with-data" in ran(
        f"%pivot export {there}"
    )
    (there / "note.txt").write_bytes(
        (project / "note.txt").read_bytes()
    )  # undeclared, so no lock can stand for it
    code, told = pivot(there, "status", "--check", "--allow-missing")
    assert code == 0, told
    objects = [
        os.path.join(folder, n) for folder, _, names in os.walk(there / ".pivot/cache/files") for n in names
    ]
    assert objects
    assert all(os.stat(path).st_nlink > 1 for path in objects)


def test_nothing_of_others_is_overwritten_there(project, ran, tmp_path):
    there = tmp_path / "there"
    there.mkdir()
    (there / "voice.py").write_text("other = 1\n")
    told = ran(f"%pivot export {there} --with-data")
    assert "voice.py there has another content: name an empty folder" in told
    assert [path.name for path in there.iterdir()] == ["voice.py"]
    assert "--check compares the files beside the notebook" in ran(f"%pivot export {there} --check")
    assert "--with-data is for an export into another folder" in ran("%pivot export --with-data")
    assert "lies in the project .., which would keep its results there" in ran("%pivot export below")
    assert not (project / "below").exists()
    assert ran("%pivot export .") == "notebook_stages.py\npivot.yaml\n"


def test_the_command_line_exports_elsewhere_too(project, tmp_path):
    texts = (
        "%load_ext pivot_jupyter",
        "import pathlib\nfrom typing import Annotated\nfrom pivot import loaders, outputs\nfrom voice import loud",
        "SUFFIX = '!'",
        STAGE,
        NEXT,
    )
    cells = [nbformat.v4.new_code_cell(text) for text in texts]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), project / "n.ipynb")
    code, told = pivot(project, "notebook", "export", "n.ipynb", str(tmp_path / "there"), "--with-data")
    assert code == 0, told
    assert "note: clean, total never ran, and will there" in told
    (tmp_path / "there" / "note.txt").write_text("only a run shows that it is read\n")
    assert "2 stages run" in pivot(tmp_path / "there", "repro")[1]
