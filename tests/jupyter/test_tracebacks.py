"""Failures of all kinds name the cells and lines of their author."""

import re

LOADER = """import dataclasses
@dataclasses.dataclass(frozen=True)
class Upper:
    def load(self, path):
        raise ValueError(f"bad file {path}")
    def save(self, value, path):
        open(path, "w").write(value)
"""
HELPERS = """def ratio(x):
    return x / 0

def even(n):
    return odd(n)

def odd(n):
    return even(n)
"""
FAILING = r"""%%pivot_stage
def chained() -> Annotated[dict, outputs.Metric("a.json")]:
    try:
        ratio(1)
    except ZeroDivisionError as error:
        raise RuntimeError("no ratio") from error

def syntax() -> Annotated[dict, outputs.Metric("b.json")]:
    exec("x = (\n  1 +")

def custom(raw: Annotated[str, outputs.Dep("raw.txt", Upper())]) -> Annotated[dict, outputs.Metric("c.json")]:
    return {}

def endless() -> Annotated[dict, outputs.Metric("d.json")]:
    return even(1)

def group() -> Annotated[dict, outputs.Metric("e.json")]:
    raise ExceptionGroup("several", [ValueError("one"), TypeError("two")])

def wordy() -> Annotated[dict, outputs.Metric("f.json")]:
    raise ValueError("\n".join(f"line {i}" for i in range(500)) + "y" * 5000)
"""


def test_every_failure_is_told_in_lines_of_cells_and_long_ones_are_cut_in_the_middle(ready, shell, capsys):
    ready(LOADER, HELPERS, FAILING)
    result = shell.run_cell("%pivot run -k")
    told = capsys.readouterr().err
    assert not result.success
    stories = dict(re.findall(r"--- (\w+) failed ---\n(.*?)(?=\n--- |\Z)", told, re.DOTALL))
    assert set(stories) == {"chained", "syntax", "custom", "endless", "group", "wordy"}
    places = {
        "chained": [
            "Cell In[5], line 4, in chained",
            "Cell In[4], line 2, in ratio",
            "Cell In[5], line 6, in chained",
        ],
        "syntax": ["Cell In[5], line 9, in syntax", 'File "<string>", line 1'],
        "custom": ["Cell In[3], line 5, in load", "bad file raw.txt"],
        "endless": [
            "Cell In[5], line 15, in endless",
            "Cell In[4], line 5, in even",
            "Cell In[4], line 8, in odd",
        ],
        "group": ["Cell In[5], line 18, in group", "TypeError: two"],
        "wordy": ["Cell In[5], line 21, in wordy", "ValueError: line 0"],
    }
    for stage, found in places.items():
        for place in found:
            assert place in stories[stage], (stage, place)
    assert "<notebook_stages>" not in told
    for stage in ("endless", "wordy"):
        assert re.search(rf"… \d+ lines more: %pivot log {stage}", stories[stage])
        assert len(stories[stage].splitlines()) < 50
        assert max(map(len, stories[stage].splitlines())) <= 401
    assert "RecursionError" in stories["endless"]
    assert ready("%pivot log wordy").count("\n") > 500
