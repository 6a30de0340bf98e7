"""The first minute of somebody who has typed ``make lab``."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
STAGES = ("clean", "features", "train_forest", "train_logistic", "evaluate")


@pytest.fixture
def quickstart(lab):
    """The page as `make lab` opens it: the notebook in front, never run; gives the page."""
    folder = lab.root / "quickstart"
    folder.mkdir()
    shutil.copy(REPOSITORY / "notebooks/quickstart.ipynb", folder)
    shutil.copytree(REPOSITORY / "notebooks/data", folder / "data")
    lab.page.goto(re.sub(r"/lab/.*?(\?|$)", r"/lab/tree/quickstart/quickstart.ipynb\1", lab.page.url))
    lab.wait()
    lab.page.wait_for_selector(".jp-Notebook .jp-Cell")
    # a kernel that is restarted while it starts is lost in JupyterLab, with Pivot and without
    lab.do(
        "async ({sessionContext}) => { await sessionContext.ready; await sessionContext.session.kernel.info; }"
    )
    yield lab.page
    lab.load()  # the page that the other tests share


def test_make_lab_opens_the_quick_start():
    told = subprocess.run(["make", "-n", "lab"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert re.search(r"(?m)-m jupyter lab notebooks/quickstart\.ipynb *$", told.stdout)


@pytest.mark.timeout(300)
def test_a_green_graph_is_three_clicks_away(quickstart, lab):
    quickstart.click(
        "button[title^='Restart the kernel and run all cells'], jp-button[title^='Restart the kernel and run all cells']"
    )
    quickstart.click(".jp-Dialog .jp-mod-accept")
    quickstart.click("li[data-id=pivot-panel]")
    lab.until("boxes", dict.fromkeys(STAGES, "cached"), seconds=200)
    lab.picture("quickstart")
