"""What stands on the path of every command must be light."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "module", ["graph", "query", "decide", "reasons", "explain", "inventory", "schedule", "render"]
)
def test_importing_it_loads_no_heavy_library(module):
    heavy = ("networkx", "pandas", "numpy", "pydantic", "yaml", "click", "IPython", "difflib")
    code = f"import sys, pivot.core.{module}; print(*[name for name in {heavy!r} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert loaded.strip() == ""
