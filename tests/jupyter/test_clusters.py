"""Cells whose stages run on a cluster."""

import pytest

IMPORTS = "from typing import Annotated\nimport pivot\nfrom pivot import loaders, outputs"
HELPER = "FACTOR = 2\ndef double(x):\n    return x * FACTOR"
STAGE = """%%pivot_stage
def doubled(raw: Annotated[int, outputs.Dep("raw.json")]) -> Annotated[list, outputs.Out("doubled.json")]:
    print("on the cluster")
    return [double(raw), 1]
"""
MAPPED = """%%pivot_stage --map doubled
@pivot.stage
def each(x):
    return double(x)
"""


@pytest.mark.parametrize(("kind", "library"), [("dask", "distributed"), ("ray", "ray")])
def test_cells_run_on_a_cluster_that_stays_warm_and_the_kernel_never_loads_its_library(
    kernel_place, run_all, require_executor, kind, library
):
    require_executor(kind)
    (kernel_place / "raw.json").write_text("21\n")
    ran = run_all(
        IMPORTS, HELPER, STAGE, MAPPED, f"%pivot run --executor {kind}", "%pivot load each", "FACTOR = 3",
        f"%pivot run --executor {kind}", "%pivot load each", f"%pivot run --executor {kind}",
        f"import sys\nprint('{library}' in sys.modules)",
    )  # fmt: skip
    assert ran.error == ""
    assert ran.text(4).count("✓ ran") == 2
    assert "[84, 2]" in ran.text(5)
    assert ran.text(7).count("✓ ran") == 2
    assert "[189, 3]" in ran.text(8)
    assert "✓ ran" not in ran.text(9)
    assert ran.text(10).strip() == "False"
