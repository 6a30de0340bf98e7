"""A name is bound anew, and the stage's cell is not run again: what the stage declares is what the module declares."""

import sys

import pytest

from pivot.project import Project

CELLS = {
    "names": "PATH = 'raw.txt'\nMARK = 'm'\nimport dataclasses",
    "loader": """@dataclasses.dataclass(frozen=True)
class Marked(loaders.Loader[str, str]):
    mark: str = '-'
    def load(self, path): return pathlib.Path(path).read_text().strip() + self.mark
    def save(self, value, path): pathlib.Path(path).write_text(value)
    def empty(self): return ''
""",
    "inner": "class Inner(pivot.StageParams):\n    depth: int = 1",
    "params": "class Params(pivot.StageParams):\n    times: int = 2\n    inner: Inner = Inner()",
    "text": "Text_ = Annotated[str, outputs.Dep(PATH, Marked(MARK))]",
    "outs": "class Outs(TypedDict):\n    out: Annotated[str, outputs.Out(\"out.txt\", Marked(''))]",
    "stage": """%%pivot_stage
def work(params: Params, text: Text_) -> Outs:
    return {"out": text * params.times + str(params.inner.depth)}
""",
}


@pytest.fixture
def session(ready, shell, kernel_place):
    """Runs cells by their names; gives what the stage's output is after a run."""
    (kernel_place / "other.txt").write_text("xyz\n")

    def run(changed=None, before="", after=""):
        for name in [changed] if changed else CELLS:
            shell.run_cell(CELLS[name].replace(before, after), store_history=True, cell_id=name)
        ready("%pivot run")
        return shell.run_cell("%pivot load work").result

    return run


@pytest.mark.parametrize(
    ("cell", "before", "after", "value"),
    [
        ("loader", "self.mark", "self.mark.upper()", "abcMabcM1"),
        ("loader", "", "", "abcmabcm1"),
        ("params", "2", "3", "abcmabcmabcm1"),
        ("inner", "1", "7", "abcmabcm7"),
        ("names", "'m'", "'n'", "abcnabcn1"),
        ("names", "raw.txt", "other.txt", "xyzmxyzm1"),
        ("text", "Marked(MARK)", "Marked('!')", "abc!abc!1"),
        ("outs", "out.txt", "away.txt", "abcmabcm1"),
    ],
)
def test_the_stage_takes_the_new_meaning_and_export_agrees(
    session, ready, kernel_place, cell, before, after, value
):
    assert session() == "abcmabcm1"
    assert session(cell, before, after) == value
    ready("%pivot export")
    with Project(str(kernel_place)) as project:
        assert [d.verdict.value for d in project.status()] == ["unchanged"]


def test_running_the_stage_cell_again_then_changes_nothing(session, shell, ready):
    session()
    session("params", "2", "3")
    shell.run_cell(CELLS["stage"], store_history=True, cell_id="stage")
    assert "0 of 1 stage will run" in ready("%pivot status")


def test_a_mark_and_a_default_of_params_are_made_again_and_nothing_else_happens(ready, shell, kernel_place):
    ready(
        CELLS["names"], CELLS["inner"], CELLS["params"], "calls = []\ndef noted(value):\n    calls.append(value)\n    return value",
        "@pivot.stage(deps=['raw.txt'], outs=['copy.txt'], params=Params)\ndef copy(params: Params = Params(times=5), more=noted('-')):\n"
        "    pathlib.Path('copy.txt').write_text(str(params.times) + more)",
    )  # fmt: skip
    told = ready(CELLS["params"].replace("2", "3"), "%pivot run")
    assert "✓ ran" in told, told
    assert (kernel_place / "copy.txt").read_text() == "5-"
    assert shell.user_ns["calls"] == ["-"]


def test_a_closure_is_not_made_again_by_looking(ready):
    told = ready(
        "calls = []\ndef outer(text):\n    calls.append(text)\n    def inner(raw: Annotated[str, outputs.Dep('raw.txt')]):\n"
        "        return text\n    return inner",
        "%%pivot_stage\nclosed = outer('x')",
        "from typing import Annotated",
        "%pivot status",
    )  # fmt: skip
    assert "captures 'text' from outer" in told
    assert ready("print(len(calls))") == "1\n"


def test_a_functional_typeddict_is_made_again(ready, shell):
    ready(
        "PATH = 'a.txt'",
        "Outs = TypedDict('Outs', {'out': Annotated[str, outputs.Out(PATH)]})",
        "%%pivot_stage\ndef work(text: Annotated[str, outputs.Dep('raw.txt')]) -> Outs:\n    return {'out': text}",
    )
    ready("PATH = 'b.txt'")
    assert "work  raw.txt -> b.txt" in ready("%pivot list")


@pytest.mark.skipif(sys.version_info < (3, 12), reason="type statements are new in 3.12")
def test_a_type_statement_is_made_again(ready, shell):
    names = {
        "loader": CELLS["loader"],
        "alias": CELLS["text"].replace("Text_", "type Text_").replace("MARK", "'?'"),
    }
    ready("import dataclasses\nPATH = 'raw.txt'")
    for name, text in names.items():
        shell.run_cell(text, store_history=True, cell_id=name)
    ready(
        "%%pivot_stage\ndef work(text: Text_) -> Annotated[str, outputs.Out('out.txt')]:\n    return text",
        "%pivot run",
    )
    shell.run_cell(
        CELLS["loader"].replace("self.mark", "self.mark * 2"), store_history=True, cell_id="loader"
    )
    ready("%pivot run")
    assert shell.run_cell("%pivot load work").result == "abc??"
