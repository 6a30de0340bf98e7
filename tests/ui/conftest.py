"""A real JupyterLab on loopback, and a real browser that looks at it."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

REPOSITORY = Path(__file__).parents[2]
BUILT = REPOSITORY / "pivot_jupyter/labextension"
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
TOKEN = "token"

OPEN = """async path => {
  const app = window.jupyterapp;
  await app.restored;
  const panel = await app.commands.execute('docmanager:open', {path});
  await panel.context.ready;
  app.shell.activateById(panel.id);
  await panel.sessionContext.ready;
  await panel.sessionContext.session.kernel.info;
}"""
BADGES = """() => {
  const cells = window.jupyterapp.shell.currentWidget?.content?.widgets ?? [];
  return cells.map(cell => cell.node.querySelector('.pivot-said')?.textContent ?? '');
}"""
BOXES = """() => Object.fromEntries(
  [...document.querySelectorAll('.pivot-panel .pivot-box')].map(box => [box.dataset.stage, box.dataset.state]))"""
MENUS = """() => [...document.querySelectorAll('.lm-Menu')].map(menu =>
  [...menu.querySelectorAll('.lm-Menu-item[data-type=command], .lm-Menu-item[data-type=submenu]')]
    .map(item => item.querySelector('.lm-Menu-itemLabel').textContent))"""
NOTICES = "() => [...document.querySelectorAll('.Toastify__toast')].map(one => one.textContent)"
SET = """async ([plugin, key, value]) => {
  const app = window.jupyterapp;
  const known = [...app.pluginRegistry._services.keys()];
  const registry = await app.resolveRequiredService(known.find(({name}) => name.endsWith(':ISettingRegistry')));
  await (value === null ? registry.remove(plugin, key) : registry.set(plugin, key, value));
}"""
CLEAN = """async () => {
  const {shell, serviceManager, commands} = window.jupyterapp;
  for (const widget of [...shell.widgets('main')]) {
    if (!widget.id.startsWith('launcher')) {
      widget.dispose();
    }
  }
  document.querySelectorAll('.Toastify__close-button').forEach(button => button.click());
  await commands.execute('apputils:change-theme', {theme: 'JupyterLab Light'});
  await serviceManager.sessions.shutdownAll();
}"""


class Lab:
    """JupyterLab with one notebook in front, driven through its own application object."""

    def __init__(self, page: Any, url: str, root: Path) -> None:
        self.page = page
        self.url = url
        self.root = root
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self._keep(error.stack or str(error)))
        page.on("console", self._note)

    def _note(self, message: Any) -> None:
        if message.type == "error":
            self._keep(f"{message.text} {message.location}")

    def _keep(self, error: str) -> None:
        # JupyterLab has errors of its own, as of a debugger or toolbar whose notebook is closed quickly
        if "pivot" in error:
            self.errors.append(error)

    def load(self) -> None:
        self.page.goto(f"{self.url}/lab/workspaces/w{time.time_ns()}?token={TOKEN}")
        self.wait()

    def reload(self, name: str) -> None:
        """Loads the page again, with the notebook of a folder in front; its kernel may be busy."""
        self.page.reload()
        self.wait()
        self.show(name)

    def show(self, name: str) -> None:
        """Opens the notebook of a folder; does not wait for its kernel."""
        self.page.evaluate(
            "path => window.jupyterapp.commands.execute('docmanager:open', {path})"
            ".then(panel => { window.jupyterapp.shell.activateById(panel.id); return panel.context.ready; })",
            f"{name}/notebook.ipynb",
        )
        self.in_front(name)
        self.command("pivot:show")

    def in_front(self, name: str) -> None:
        """Waits until the notebook of a folder is what commands are about; what asks about others is answered."""
        self.page.wait_for_function(
            """path => {
              document.querySelectorAll('.jp-Dialog .jp-mod-accept').forEach(button => button.click());
              return window.jupyterapp.shell.currentWidget?.context?.path === path;
            }""",
            arg=f"{name}/notebook.ipynb",
        )

    def clean(self) -> None:
        """Closes everything and ends all kernels."""
        self.page.evaluate(CLEAN)

    def wait(self) -> None:
        self.page.wait_for_function("() => window.jupyterapp && window.jupyterapp.started")
        self.page.evaluate("() => window.jupyterapp.restored.then(() => 1)")

    def open(self, name: str, *cells: str) -> None:
        """Makes a notebook of these cells in a folder of its own, opens it, and shows the panel."""
        folder = self.root / name
        folder.mkdir()
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(notebook, folder / "notebook.ipynb")
        self.page.evaluate(OPEN, f"{name}/notebook.ipynb")
        self.in_front(name)
        self.command("pivot:show")

    def command(self, name: str, **arguments: object) -> None:
        self.page.evaluate(
            "([name, args]) => window.jupyterapp.commands.execute(name, args).then(() => 1)",
            [name, arguments],
        )

    def do(self, script: str, *arguments: object) -> Any:
        """Evaluates a function of the notebook in front and of more."""
        return self.page.evaluate(
            f"args => ({script})(window.jupyterapp.shell.currentWidget, ...args)", list(arguments)
        )

    def window(self, mode: str) -> None:
        """Notebooks that are opened from now on keep so much of themselves on the page."""
        self.page.evaluate(
            """mode => {
              const factory = window.jupyterapp.docRegistry.getWidgetFactory('Notebook');
              factory.notebookConfig = {...factory.notebookConfig, windowingMode: mode};
            }""",
            mode,
        )

    def bring(self, index: int) -> None:
        """Scrolls to a cell, and waits until it is in the page.

        Of a long notebook JupyterLab puts a few cells there when the browser is idle: on a busy machine one in a
        second. An update puts some there at once.
        """
        self.do("({content}, index) => { void content.scrollToItem(index); }", index)
        there = "({content}, index) => { content.update(); return content.widgets[index].node.isConnected; }"
        end = time.monotonic() + 120
        while not self.do(there, index):
            assert time.monotonic() < end, f"cell {index} is not in the page"
            self.page.wait_for_timeout(20)

    def badge(self, index: int) -> Any:
        """The line above a cell."""
        return (
            self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell")
            .nth(index)
            .locator(".pivot-badge")
        )

    def run_all(self) -> None:
        self.command("notebook:run-all-cells")

    def run_cell(self, index: int) -> None:
        self.activate(index)
        self.command("notebook:run-cell")

    def run_cells(self, *indices: int) -> None:
        for index in indices:
            self.run_cell(index)

    def begin_cell(self, index: int) -> None:
        """Runs a cell and does not wait for it."""
        self.activate(index)
        self.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-cell'); }")

    def activate(self, index: int) -> None:
        self.do("({content}, index) => { content.deselectAll(); content.activeCellIndex = index; }", index)

    def write(self, index: int, old: str, new: str) -> None:
        """Changes the text of a cell."""
        self.do(
            """({content}, index, old, next) => {
              const cell = content.widgets[index].model.sharedModel;
              cell.setSource(cell.getSource().replace(old, next));
            }""",
            *(index, old, new),
        )

    def outputs(self, index: int) -> str:
        """The text that a cell has given."""
        return self.do(
            """({content}, index) => content.widgets[index].model.toJSON().outputs
              .map(one => one.text ?? one.data?.['text/plain'] ?? one.evalue).join('')""",
            index,
        )

    @property
    def badges(self) -> list[str]:
        """What the line above each cell says; empty where there is none."""
        return self.page.evaluate(BADGES)

    @property
    def boxes(self) -> dict[str, str]:
        """The state of each box in the panel."""
        return self.page.evaluate(BOXES)

    @property
    def going(self) -> list[str]:
        """The stages that run or are going to."""
        return [name for name, state in self.boxes.items() if state in {"running", "queued"}]

    @property
    def menus(self) -> list[list[str]]:
        """The entries of each menu that is open."""
        return self.page.evaluate(MENUS)

    @property
    def notices(self) -> list[str]:
        """What the person is told beside the notebook."""
        return self.page.evaluate(NOTICES)

    @property
    def focus(self) -> str:
        """The name of what has the focus, as a screen reader says it."""
        return self.page.evaluate(
            "() => document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent"
        )

    def until(self, what: str, wanted: object, seconds: float = 60) -> None:
        """Waits until `badges`, `boxes` … are as they should be."""
        end = time.monotonic() + seconds
        while (found := getattr(self, what)) != wanted:
            assert time.monotonic() < end, f"{what} are {found}, not {wanted}"
            self.page.wait_for_timeout(20)

    def picture(self, name: str) -> None:
        """Keeps a screenshot where the environment says so: to be looked at."""
        folder = os.environ.get("PIVOT_PICTURES")
        if folder:
            self.page.screenshot(path=f"{folder}/{name}.png")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A server with the extension of this checkout; its address, and the folder that it serves."""
    if BROWSER is None:
        pytest.skip("there is no Chromium here")
    if not (BUILT / "package.json").exists():
        pytest.skip("the browser's part is not built here: make front")
    own = tmp_path_factory.mktemp("jupyter")
    root = tmp_path_factory.mktemp("notebooks")
    (own / "settings").mkdir()
    (own / "settings/overrides.json").write_text(
        json.dumps(
            {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}}
        )
    )
    (own / "share/labextensions").mkdir(parents=True)
    (own / "share/labextensions/pivot-labextension").symlink_to(BUILT)
    (own / "config/jupyter_server_config.d").mkdir(parents=True)
    shutil.copy(
        REPOSITORY / "pivot_jupyter/server/config.json", own / "config/jupyter_server_config.d/pivot.json"
    )
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    environment = {
        **os.environ,
        "HOME": str(own),
        "JUPYTER_PATH": str(own / "share"),
        "JUPYTER_CONFIG_DIR": str(own / "config"),
        "JUPYTER_DATA_DIR": str(own / "data"),
        "JUPYTER_RUNTIME_DIR": str(own / "runtime"),
        "IPYTHONDIR": str(own / "ipython"),
    }
    with (own / "server.log").open("wb") as log:
        lab = subprocess.Popen(
            [
                *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1"),
                *(f"--port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={TOKEN}"),
                *(f"--ServerApp.root_dir={root}", "--LabApp.expose_app_in_browser=True"),
                *(f"--LabApp.app_settings_dir={own}/settings", f"--LabApp.workspaces_dir={own}/workspaces"),
                f"--LabApp.user_settings_dir={own}/user",
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{url}/api/status?token={TOKEN}", lab, own / "server.log")
        yield url, root
    finally:
        lab.send_signal(signal.SIGTERM)  # it ends its kernels, too
        try:
            lab.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(lab.pid, signal.SIGKILL)
            lab.wait()


def wait_for(address: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Waits until a server answers."""
    end = time.monotonic() + 90
    while True:
        try:
            urllib.request.urlopen(address, timeout=2).close()
        except OSError:
            assert process.poll() is None, log.read_text()[-3000:]
            assert time.monotonic() < end, log.read_text()[-3000:]
            time.sleep(0.1)
        else:
            return


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    if BROWSER is None:
        pytest.skip("there is no Chromium here")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=BROWSER, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def tab(server: tuple[str, Path], browser: Any) -> Iterator[Lab]:
    """The page that all tests share: to load it takes longer than what most of them do."""
    url, root = server
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    context.set_default_timeout(60_000)
    lab = Lab(context.new_page(), url, root)
    lab.load()
    yield lab
    context.close()


@pytest.fixture
def lab(tab: Lab, request: pytest.FixtureRequest) -> Iterator[Lab]:
    """The page with nothing open; errors in it fail the test."""
    before = request.session.testsfailed
    yield tab
    failed = request.session.testsfailed > before
    if failed:
        tab.picture(f"failed-{request.node.name}")
    tab.clean()
    errors, tab.errors[:] = tab.errors[:], []
    if failed:
        tab.load()  # whatever the test left there
    assert errors == []


@pytest.fixture
def settings(lab: Lab) -> Iterator[Callable[[str, str, object], None]]:
    """Gives a setting of a plugin of JupyterLab's another value, until the test is over."""
    changed: list[list[object]] = []

    def change(plugin: str, name: str, value: object) -> None:
        changed.append([plugin, name, None])
        lab.page.evaluate(SET, [plugin, name, value])

    yield change
    for before in changed:
        lab.page.evaluate(SET, before)
