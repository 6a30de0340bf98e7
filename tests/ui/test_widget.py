"""The live graph as a widget, in a JupyterLab that has no extension of Pivot."""

import os
import time

import nbformat
import pytest

LOAD = "%load_ext pivot_jupyter\nfrom typing import Annotated\nimport pivot\nfrom pivot.loaders import Text"
SLOW = (
    "%%pivot_stage\n"
    'def slow() -> Annotated[str, pivot.Out("slow.txt", Text())]:\n'
    "    import time\n"
    "    print('it begins', flush=True)\n"
    "    for step in pivot.progress(range(600)):\n"
    "        time.sleep(0.1)\n"
    '    return "done"'
)
OPEN = """async path => {
  const app = window.jupyterapp;
  await app.restored;
  const panel = await app.commands.execute('docmanager:open', {path});
  await panel.context.ready;
  await panel.sessionContext.ready;
  await panel.sessionContext.session.kernel.info;
  for (const index of [0, 1, 2]) {
    panel.content.activeCellIndex = index;
    await app.commands.execute('notebook:run-cell');
  }
  return app.commands.hasCommand('pivot:show');
}"""
RUN_LAST = """() => {
  const {commands, shell} = window.jupyterapp;
  shell.currentWidget.content.activeCellIndex = 3;
  commands.execute('notebook:run-cell');
}"""
SUBSHELLS = "() => !!window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.supportsSubshells"
END = "() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown().then(() => 1)"


@pytest.fixture
def page(server, browser):
    """A page of JupyterLab that cannot load the extension."""
    url, _ = server
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.route("**/lab/extensions/pivot-labextension/**", lambda route: route.abort())
    page.goto(f"{url}/lab/workspaces/w{time.time_ns()}?token=token")
    page.wait_for_function("() => window.jupyterapp && window.jupyterapp.started")
    yield page
    page.evaluate(END)
    context.close()


def picture(page, name):
    folder = os.environ.get("PIVOT_PICTURES")
    if folder:
        page.screenshot(path=f"{folder}/{name}.png")


def test_the_widget_is_alive_and_stops_a_run_while_the_kernel_is_busy(page, server):
    folder = server[1] / "widget"
    folder.mkdir()
    cells = [nbformat.v4.new_code_cell(text) for text in (LOAD, SLOW, "%pivot dag --widget", "%pivot run")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, folder / "notebook.ipynb")
    assert not page.evaluate(OPEN, "widget/notebook.ipynb")  # there is no extension
    widget = page.locator(".pivot-widget")
    tools = widget.get_by_role("toolbar")
    stop = tools.get_by_role("button", name="Stop")

    def wait_for(state):
        widget.locator(f"[data-stage=slow][data-state={state}]").wait_for()

    wait_for("run")
    # a run in the background, begun and followed in the widget
    tools.get_by_role("button", name="Run").click()
    wait_for("running")
    widget.locator("[data-stage=slow]").click()
    widget.locator(".pivot-pane >> text=it begins").wait_for()
    picture(page, "widget")
    stop.click()
    wait_for("cancelled")
    assert not (folder / "slow.txt").exists()
    if not page.evaluate(SUBSHELLS):
        return  # ipykernel 6 hears a widget when the cell has ended
    # and one that a cell waits for
    page.evaluate(RUN_LAST)
    wait_for("running")
    stop.click()
    wait_for("run")  # what a run would do is told when the cell has ended
    assert not (folder / "slow.txt").exists()
