"""Cells whose stages run on a cluster."""

import importlib.util

import pytest

IMPORTS = "from typing import Annotated\nfrom pivot import loaders, outputs"
HELPER = "FACTOR = 2\ndef double(x):\n    return x * FACTOR"
STAGE = """%%pivot_stage
def doubled(raw: Annotated[int, outputs.Dep("raw.json")]) -> Annotated[int, outputs.Out("doubled.json")]:
    print("on the cluster")
    return double(raw)
"""


@pytest.mark.skipif(
    importlib.util.find_spec("distributed") is None, reason="Dask is not installed: pip install 'pivot[dask]'"
)
def test_cells_run_on_a_cluster_that_stays_warm_and_the_kernel_never_loads_dask(kernel_place, run_all):
    (kernel_place / "raw.json").write_text("21\n")
    ran = run_all(
        IMPORTS, HELPER, STAGE, "%pivot run --executor dask", "%pivot load doubled", "FACTOR = 3",
        "%pivot run --executor dask", "%pivot load doubled", "%pivot run",
        "import sys\nprint('distributed' in sys.modules)",
    )  # fmt: skip
    assert ran.error == ""
    assert "✓ ran" in ran.text(3)
    assert "42" in ran.text(4)
    assert "✓ ran" in ran.text(6)
    assert "63" in ran.text(7)
    assert "✓ ran" not in ran.text(8)
    assert ran.text(9).strip() == "False"
