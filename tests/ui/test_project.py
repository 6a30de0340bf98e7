"""The panel without a kernel: the pipeline of the folder that the file browser shows."""

import shutil
import subprocess
import sys

import pytest

STEPS = """
from typing import Annotated

import pivot
from pivot.loaders import Text


def first() -> Annotated[str, pivot.Out("first.txt", Text())]:
    print("said by first")
    return "one"


def second(text: Annotated[str, pivot.Dep("first.txt", Text())]) -> Annotated[dict, pivot.Metric("size.json")]:
    return {"size": len(text)}


def report(text: Annotated[str, pivot.Dep("first.txt", Text())]) -> Annotated[str, pivot.Plot("report.html", Text())]:
    return "<h1>" + text + "</h1>"


def slow(text: Annotated[str, pivot.Dep("first.txt", Text())]) -> Annotated[str, pivot.Out("slow.txt", Text())]:
    import time

    for _ in pivot.progress(range(3000 if text == "slow" else 0)):
        time.sleep(0.1)
    return text
"""
STAGES = ("first", "second", "report", "slow")
BROWSE = """path => window.jupyterapp.commands.execute(
  'filebrowser:go-to-path', {path, dontShowBrowser: true}).then(() => 1)"""

LEAVE = """async () => {
  const { shell, commands } = window.jupyterapp;
  for (const widget of [...shell.widgets('main')].filter(one => one.node.matches('.pivot-gallery'))) {
    widget.dispose();
  }
  document.querySelectorAll('.pivot-section').forEach(section => { section.open = false; });
  await commands.execute('filebrowser:go-to-path', { path: '/', dontShowBrowser: true });
}"""


def everywhere(state):
    return dict.fromkeys(STAGES, state)


def git(folder, *words):
    subprocess.run(
        ["git", "-c", "user.name=one", "-c", "user.email=one@here", *words],
        cwd=folder,
        check=True,
        capture_output=True,
    )


@pytest.fixture
def project(lab):
    """A folder with a pipeline, which the file browser shows, the panel beside it."""
    folder = lab.root / "project"
    (folder / "inner").mkdir(parents=True)
    (folder / "steps.py").write_text(STEPS)
    stages = [f"  {stage}:\n    python: steps.{stage}" for stage in STAGES]
    (folder / "pivot.yaml").write_text("\n".join(["stages:", *stages, ""]))
    lab.page.evaluate(BROWSE, "project/inner")
    lab.command("pivot:show")
    yield folder
    lab.page.evaluate(LEAVE)
    shutil.rmtree(folder)


def opened(lab, section, wanted):
    lab.page.click(f"[data-section={section}] > summary")
    lab.page.wait_for_selector(f"[data-section={section}] {wanted}")
    return lab.page.inner_text(f"[data-section={section}] .pivot-section-body")


def test_a_folder_s_pipeline_is_run_and_looked_back_on_without_a_kernel(lab, project):
    lab.page.wait_for_selector(".pivot-hint >> text=only if you trust it")
    assert not (project / ".pivot").exists()
    lab.page.click(".pivot-panel >> text=Show the pipeline")
    lab.until("boxes", everywhere("run"))
    assert lab.page.inner_text(".pivot-project .pivot-name") == "project"
    lab.command("pivot:run")
    lab.until("boxes", everywhere("ran"))
    lab.page.click(".pivot-panel [data-stage=first]")
    lab.page.wait_for_selector(".pivot-pane >> text=said by first")

    git(project, "init", "-q")
    git(project, "add", "-A")
    git(project, "commit", "-qm", "first")
    (project / "steps.py").write_text(STEPS.replace('"one"', '"three"'))
    lab.page.click(".pivot-project >> text=↻")
    lab.until("boxes", {"first": "run", "second": "waits", "report": "waits", "slow": "waits"})
    lab.page.wait_for_selector(".pivot-pane .pivot-line-added >> text=three")
    assert opened(lab, "Metrics", "table").split() == ["metric", "HEAD", "now", "change", "size", "3", "3"]
    lab.page.click(".pivot-panel .pivot-tools >> text=Run")
    lab.until("boxes", everywhere("ran"))
    lab.page.wait_for_selector("[data-section=Metrics] >> text=+2")  # a run's end is enough for it

    lab.page.click(".pivot-pane [aria-label=Close]")
    assert opened(lab, "History", "li:nth-child(2)").count("4 ran") == 2
    lab.page.click(".pivot-runs li:nth-child(1) summary")
    lab.page.wait_for_selector(".pivot-runs li:nth-child(1) >> text=Stage code changed")
    for number in (1, 2):
        lab.page.check(f".pivot-runs li:nth-child({number}) input")
    lab.page.click("[data-section=History] >> text=Compare")
    lab.page.wait_for_selector(".pivot-compared >> text=+2")
    lab.picture("project")
    lab.page.click(".pivot-compared >> text=Plots side by side")
    page = lab.page.frame_locator(".pivot-gallery iframe")
    page.frame_locator("iframe >> nth=0").locator("text=one").wait_for()
    page.frame_locator("iframe >> nth=1").locator("text=three").wait_for()
    opened(lab, "Plots", "iframe")
    lab.page.locator(".pivot-plots iframe").scroll_into_view_if_needed()
    lab.page.frame_locator(".pivot-plots iframe").locator("text=three").wait_for()
    lab.picture("gallery")


def test_a_run_of_a_folder_outlives_a_reload_and_is_stopped(lab, project):
    subprocess.run([sys.executable, "-P", "-m", "pivot", "repro", "first"], cwd=project, check=True)
    (project / "steps.py").write_text(STEPS.replace('"one"', '"slow"'))
    lab.page.click(".pivot-project >> text=↻")  # it is known now: nothing is asked
    lab.until("boxes", {"first": "run", "second": "run", "report": "run", "slow": "run"})
    lab.page.click(".pivot-panel .pivot-tools >> text=Run")
    lab.until("boxes", {"first": "ran", "second": "ran", "report": "ran", "slow": "running"})
    lab.page.reload()
    lab.wait()
    lab.page.evaluate(BROWSE, "project")
    lab.command("pivot:show")
    lab.until("boxes", {"first": "ran", "second": "ran", "report": "ran", "slow": "running"})
    lab.command("pivot:stop")
    lab.until("boxes", {"first": "ran", "second": "ran", "report": "ran", "slow": "cancelled"})
    assert not (project / "slow.txt").exists()


def test_what_is_wrong_with_a_folder_s_pipeline_is_told(lab, project):
    (project / "pivot.yaml").write_text(
        "stages:\n  first:\n    python: steps.frist\n  other:\n    pyhton: x\n"
    )
    lab.page.click(".pivot-panel >> text=Show the pipeline")
    lab.page.wait_for_selector(".pivot-dag .pivot-problem >> text=frist")
    assert "pyhton" in lab.page.inner_text(".pivot-dag .pivot-problem")
    (project / "pivot.yaml").unlink()
    lab.page.evaluate(BROWSE, "/")
    lab.page.wait_for_selector(".pivot-hint >> text=folder with a pivot.yaml")
