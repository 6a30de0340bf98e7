"""All that a stage can declare, in cells of a real kernel: run in untidy order, restarted, exported, by hand and back."""

import subprocess
import sys

import nbformat
import pytest

IMPORTS = """%pivot module mails
import dataclasses, pathlib, collections, re
from typing import Annotated, TypedDict
import pandas as pd
import pivot
from pivot import Dep, DirectoryOut, IncrementalOut, Metric, Out, Plot, loaders"""
LOADER = """@dataclasses.dataclass(frozen=True)
class Lines(loaders.Loader[list, list]):
    strip: bool = True
    def load(self, path): return [line.strip() if self.strip else line for line in pathlib.Path(path).read_text().splitlines()]
    def save(self, value, path): pathlib.Path(path).write_text("\\n".join(value))
    def empty(self): return []"""
PARSE = """%%pivot_stage --mutex disk
class Parsed(TypedDict):
    words: Annotated[dict[str, list], DirectoryOut("words/", loaders.JSON())]
    index: Annotated[list[str], Out(["first.txt", "rest.txt"], Lines())]
    own: Annotated[pathlib.Path, DirectoryOut("own/", loaders.PathOnly())]

def parse(mails: Annotated[dict[str, str], Dep("inbox/", loaders.Text())]) -> Parsed:
    own = pivot.out_path("own")
    own.mkdir(parents=True, exist_ok=True)
    (own / "count.bin").write_bytes(bytes([len(mails)]))
    words = {name.replace(".txt", ".json"): WORD.findall(text) for name, text in mails.items()}
    return {"words": words, "index": [sorted(words)[:1], sorted(words)[1:]], "own": own}
"""
WORD = 'WORD = re.compile(r"[a-z]+")'
SEEN = """%%pivot_stage
def seen(known: Annotated[list, IncrementalOut("seen.txt", Lines())], words: Annotated[dict, Dep("words/")]) -> Annotated[list, IncrementalOut("seen.txt", Lines())]:
    return [*known, str(len(words))]
"""
TOP = """%%pivot_stage --matrix n=1,2 --out top=top/${n}.json
def top(variant: int, words: Annotated[dict[str, list], Dep("words/", loaders.JSON())]) -> Annotated[list, Out("x.json")]:
    return collections.Counter(w for ws in words.values() for w in ws).most_common(variant)
"""
REPORT = """%%pivot_stage --dep tops=top/1.json --dep tops=top/2.json
class Report(TypedDict):
    total: Annotated[dict, Metric("total.json")]
    curve: Annotated[pd.DataFrame, Plot("curve.csv", x="word", y="n")]

def report(tops: Annotated[list[list], Dep(["one.json"])], first: Annotated[list, Dep("words/m0.json")]) -> Report:
    return {"total": {"tops": len(tops), "first": len(first)}, "curve": pd.DataFrame(tops[1], columns=["word", "n"])}
"""
STAGES = ["parse", "seen", "top@1", "top@2", "report"]


@pytest.fixture
def inbox(kernel_place):
    (kernel_place / "inbox").mkdir()
    (kernel_place / "inbox" / "m0.txt").write_text("eggs ham\n")
    (kernel_place / "inbox" / "m1.txt").write_text("spam ham\n")
    return kernel_place


def ran(text):
    return sorted(line.split()[-1] for line in text.splitlines() if line.startswith("✓ ran"))


def pivot(folder, *words):
    command = [sys.executable, "-m", "pivot", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=90)
    return done.stdout + done.stderr


def test_every_kind_runs_once_and_export_is_a_non_event(inbox, run_all, tmp_path):
    untidy = (IMPORTS, LOADER, TOP, SEEN, REPORT, WORD, PARSE)
    first = run_all(
        *untidy, "%pivot run", "%pivot load report total", "%pivot load top@2", "%pivot load seen",
        "%pivot load parse index", "%pivot load parse words", "%pivot metrics",
    )  # fmt: skip
    assert first.error == ""
    assert ran(first.text(7)) == sorted(STAGES)
    assert first.text(8).splitlines()[-1] == "{'tops': 2, 'first': 2}"
    assert first.text(9).splitlines()[-1] == "[['ham', 2], ['eggs', 1]]"
    assert first.text(10).splitlines()[-1] == "['2']"
    assert first.text(11).splitlines()[-1] == "[['m0.json'], ['m1.json']]"
    assert first.text(12).splitlines()[-1] == "{'m0.json': ['eggs', 'ham'], 'm1.json': ['spam', 'ham']}"
    assert "total.json  tops" in first.text(13)

    tidy = (IMPORTS, LOADER, WORD, PARSE, SEEN, TOP, REPORT)
    again = run_all(*tidy, "%pivot run", "%pivot export")
    assert again.error == ""
    assert ran(again.text(7)) == []
    assert "0 stages run, 5 unchanged" in pivot(inbox, "repro")
    assert "0 of 5 stages will run" in pivot(inbox, "status")

    notebook = nbformat.read(tmp_path / "own" / "run.ipynb", as_version=4)
    nbformat.write(notebook, inbox / "mails.ipynb")
    assert pivot(inbox, "notebook", "export", "mails.ipynb", "--check") == ""

    module = inbox / "mails.py"
    module.write_text(module.read_text().replace("most_common(variant)", "most_common(variant)[::-1]"))
    assert "3 stages run, 2 unchanged" in pivot(inbox, "repro")
    back = run_all(*tidy[:5], TOP.replace("most_common(variant)", "most_common(variant)[::-1]"), REPORT,
                   "%pivot run", "%pivot export")  # fmt: skip
    assert back.error == ""
    assert ran(back.text(7)) == []
