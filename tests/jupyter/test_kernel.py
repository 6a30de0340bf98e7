"""The notebook in a real kernel, run from top to bottom as Run All does."""

import pytest

IMPORTS = """
from typing import Annotated, TypedDict
import pandas as pd
from pivot import loaders, outputs
"""
HELPER = "def double(x):\n    return x * FACTOR"
CONSTANT = "FACTOR = 2"
CLEAN = """%%pivot_stage
def clean(raw: Annotated[pd.DataFrame, outputs.Dep("raw.csv", loaders.CSV())]) -> Annotated[pd.DataFrame, outputs.Out("clean.csv", loaders.CSV())]:
    print("cleaning")
    return double(raw)
"""
TOTAL = """%%pivot_stage
def total(data: Annotated[pd.DataFrame, outputs.Dep("clean.csv", loaders.CSV())]) -> Annotated[dict, outputs.Metric("total.json")]:
    return {"sum": int(data["a"].sum())}
"""
ALL = (HELPER, CONSTANT, IMPORTS, CLEAN, TOTAL)


@pytest.fixture
def raw(kernel_place):
    (kernel_place / "raw.csv").write_text("a,b\n1,2\n3,4\n")
    return kernel_place


def test_helpers_and_constants_of_other_cells_come_along(raw, run_all):
    ran = run_all(*ALL, "%pivot run", "%pivot load total")
    assert ran.error == ""
    assert "{'sum': 8}" in ran.text(6)
    print(ran.texts)
