"""The routes of the Jupyter server, asked over HTTP of a real one."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from pivot_jupyter.server.states import stages_after

pytestmark = pytest.mark.xdist_group("jupyter server")

TOKEN = "token"
STAGES = """
from pathlib import Path
from typing import Annotated

import pivot
from pivot.loaders import JSON, Text


def first() -> Annotated[str, pivot.Out("first.txt", Text())]:
    print("said by first")
    return "one"


def second(text: Annotated[str, pivot.Dep("first.txt", Text())]) -> Annotated[dict, pivot.Metric("size.json")]:
    return {"size": {"all": len(text)}}
"""
SLOW = """
import time
from typing import Annotated

import pivot
from pivot.loaders import Text


def slow() -> Annotated[str, pivot.Out("slow.txt", Text())]:
    for _ in pivot.progress(range(3000)):
        time.sleep(0.1)
    return "done"


def after(text: Annotated[str, pivot.Dep("slow.txt", Text())]) -> Annotated[str, pivot.Out("after.txt", Text())]:
    return text
"""


class Server:
    """A Jupyter server; `get` and `post` give the code of the answer and its JSON."""

    def __init__(self, url: str, root: Path) -> None:
        self.url = url
        self.root = root

    def project(self, name, code=STAGES, stages=("first", "second")):
        folder = self.root / name
        folder.mkdir(parents=True)
        (folder / "code.py").write_text("")
        (folder / "steps.py").write_text(code)
        lines = [f"  {stage}:\n    python: steps.{stage}" for stage in stages]
        (folder / "pivot.yaml").write_text("\n".join(["stages:", *lines, ""]))
        return folder

    def get(self, route, token=TOKEN, **query):
        return self._send(urllib.request.Request(self._address(route, query), headers=_headers(token)))

    def post(self, route, token=TOKEN, headers=None, **body):
        data = json.dumps(body).encode()
        every = {**_headers(token), **(headers or {})}
        return self._send(urllib.request.Request(self._address(route, {}), data, every, method="POST"))

    def stages(self, path, **query):
        """The state and the reason of each stage."""
        code, told = self.get("project", path=path, **query)
        assert (code, told["snapshot"]["problem"]) == (200, "")
        return {stage["name"]: (stage["state"], stage["reason"]) for stage in told["snapshot"]["stages"]}

    def events(self, path):
        """The messages of the run that is under way, as they come."""
        address = self._address("events", {"path": path})
        with urllib.request.urlopen(
            urllib.request.Request(address, headers=_headers(TOKEN)), timeout=90
        ) as lines:
            for line in lines:
                yield json.loads(line)

    def _address(self, route, query):
        return f"{self.url}/pivot/{route}?{urllib.parse.urlencode(query)}"

    def _send(self, request):
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            text = error.read().decode()
            return error.code, json.loads(text) if text.startswith("{") else text


def _headers(token):
    return {"Authorization": f"token {token}"} if token else {}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    own = tmp_path_factory.mktemp("jupyter")
    root = Path(os.path.realpath(tmp_path_factory.mktemp("root"))) / "served"
    root.mkdir()
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    names = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "HOME")
    with (own / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", "--ip=127.0.0.1"),
                *(f"--port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={TOKEN}"),
                *(f"--ServerApp.root_dir={root}", '--ServerApp.jpserver_extensions={"pivot_jupyter": True}'),
            ],
            env={**os.environ, **{name: str(own / name) for name in names}},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + 90
        while True:
            try:
                urllib.request.urlopen(f"{url}/api/status?token={TOKEN}", timeout=2).close()
                break
            except OSError:
                assert process.poll() is None, (own / "log").read_text()[-3000:]
                assert time.monotonic() < end, (own / "log").read_text()[-3000:]
                time.sleep(0.1)
        yield Server(url, root)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def test_a_project_is_shown_run_and_looked_back_on(server):
    folder = server.project("demo")
    (folder / "inner").mkdir()
    _, told = server.get("project", path="demo/inner")
    assert (told["project"], told["fresh"], told["snapshot"]) == (
        "demo",
        True,
        None,
    )  # nothing was run by looking
    assert not (folder / ".pivot").exists()
    assert server.stages("demo/inner", look=1) == dict.fromkeys(("first", "second"), ("run", "Never run"))
    _, told = server.get("project", path="demo", look=1)
    assert told["snapshot"]["edges"] == [{"upstream": "first", "downstream": "second"}]
    assert (told["snapshot"]["summary"], told["title"]) == ("2 will run", "demo")

    assert server.post("run", path="demo", targets=[]) == (200, {})
    messages = list(server.events("demo"))
    assert {message["kind"] for message in messages} == {"Change"}
    last = messages[-1]
    assert last["run"] | {"run": ""} == {"run": "", "going": False, "summary": "2 ran"}
    states = {
        stage["name"]: stage["phrase"].split()[0] for message in messages for stage in message["stages"]
    }
    assert states == {"first": "ran", "second": "ran"}
    assert last["summary"] == "2 ran"
    assert server.stages("demo") == {"first": ("cached", ""), "second": ("cached", "")}

    _, detail = server.get("detail", path="demo", stage="first")
    assert detail["log"] == "said by first\n"
    assert detail["outs"] == [{"name": "first.txt", "value": "3 B"}]
    assert detail["previews"] == [{"path": "first.txt", "mime": "text/plain", "data": "one"}]
    (folder / "steps.py").write_text(STAGES.replace('"one"', '"three"'))
    _, detail = server.get("detail", path="demo", stage="first")
    assert {'-    return "one"', '+    return "three"'} <= set(detail["why"][0]["diff"])

    _, history = server.get("history", path="demo")
    (run,) = history["runs"]
    assert run["counts"] == {"ran": 2}
    _, past = server.get("past", path="demo", run=run["id"])
    assert [(stage["name"], stage["outcome"]) for stage in past["stages"]] == [
        ("first", "ran"),
        ("second", "ran"),
    ]
    _, metrics = server.get("metrics", path="demo")
    assert [(row["key"], row["new"]) for row in metrics["metrics"]] == [("size.all", 3)]
    assert not metrics["compared"]
    server.post("run", path="demo", targets=["first"], single=True)
    list(server.events("demo"))
    server.post("run", path="demo")
    list(server.events("demo"))
    _, difference = server.get("compare", path="demo", old=run["id"], new="last")
    assert [(row["name"], row["what"]) for row in difference["stages"]] == [
        ("first", "changed"),
        ("second", "changed"),
    ]
    assert [(row["key"], row["old"], row["new"]) for row in difference["metrics"]] == [("size.all", 3, 5)]


def test_a_run_goes_on_when_nobody_looks_and_is_stopped_in_order(server):
    folder = server.project("slow", SLOW, ("slow", "after"))
    assert server.post("run", path="slow") == (200, {})
    for message in server.events("slow"):
        if any(stage["state"] == "running" and stage["progress"] for stage in message["stages"]):
            break  # this tab is closed now
    _, told = server.get("project", path="slow")
    assert [stage["state"] for stage in told["snapshot"]["stages"]] == ["running", "queued"]
    run = told["snapshot"]["run"]
    assert run["going"]
    code, told = server.post("run", path="slow")
    assert (code, told["message"]) == (409, "a run is under way already")
    again = server.events("slow")
    assert {stage["name"]: stage["state"] for stage in next(again)["stages"]} == {
        "slow": "running",
        "after": "queued",
    }
    code, told = server.post("stop", path="slow", run="20260101")
    assert (code, told["message"]) == (422, "there is no run '20260101'")
    assert server.post("stop", path="slow", run=run["run"]) == (200, {})
    last = list(again)[-1]
    assert (last["run"]["going"], last["summary"]) == (False, "2 cancelled")
    assert not (folder / "slow.txt").exists()
    _, history = server.get("history", path="slow")
    assert history["runs"][0]["state"] == "cancelled"


def test_what_is_wrong_is_told_in_full(server):
    broken = STAGES.replace("Annotated[str, pivot.Dep", "Annotated[int, pivot.Deb").replace("Out(", "Oud(")
    server.project("broken", broken)
    _, told = server.get("project", path="broken", look=1)
    assert told["snapshot"]["stages"] == []
    assert "Oud" in told["snapshot"]["problem"]
    server.post("run", path="broken")
    *_, last = server.events("broken")
    assert last["kind"] == "Failed"
    assert "Oud" in last["message"]

    server.project("words")
    code, told = server.get("detail", path="words", stage="thrid")
    assert (code, "thrid" in told["message"]) == (422, True)
    code, told = server.get("past", path="words", run="--json")
    assert (code, told["message"]) == (400, "'--json' is no name of a stage, a run or a revision")


def test_only_what_is_inside_the_root_is_a_project(server):
    outside = server.root.parent / "outside"
    server.project("../outside")
    (server.root / "link").symlink_to(outside)
    (server.root / "plain").mkdir()
    for path in ("../outside", "link", "plain", "nowhere", "/etc"):
        assert server.get("project", path=path, look=1) == (
            200,
            {"project": None, "defined": False, "snapshot": None},
        )
        assert server.get("history", path=path)[0] == 404
        assert server.post("run", path=path)[0] == 404
    assert not (outside / ".pivot").exists()


def test_nobody_gets_in_without_logging_in_or_from_another_page(server):
    server.project("closed")
    assert server.get("project", token="", path="closed")[0] == 403
    assert server.post("run", token="", path="closed")[0] == 403
    assert server.post("run", token="", path="closed", headers={"Cookie": "_xsrf=2|1"})[0] == 403
    assert not (server.root / "closed/.pivot").exists()


@pytest.mark.parametrize(
    ("version", "problem", "notice"),
    [
        ("0.0.1", "has Pivot 0.0.1", ""),
        (None, "", "has no Pivot, so the Python of JupyterLab is used"),
    ],
)
def test_the_environment_of_a_project_is_its_python(server, version, problem, notice):
    folder = server.project(f"environment-{version}")
    packages = folder / ".venv/lib/python3.12/site-packages"
    packages.mkdir(parents=True)
    (folder / ".venv/bin").mkdir()
    (folder / ".venv/bin/python").symlink_to(sys.executable)
    if version:
        (packages / f"pivot-{version}.dist-info").mkdir()
    _, told = server.get("project", path=folder.name, look=1)
    assert problem in told["snapshot"]["problem"]
    assert bool(told["snapshot"]["stages"]) is not bool(problem)
    assert notice in "".join(told["notices"])


def test_plots_are_named_where_the_server_has_them_and_drawn_on_one_page(server):
    code = STAGES.replace('pivot.Metric("size.json")', 'pivot.Plot("size.json")')
    folder = server.project("plots", code)
    server.post("run", path="plots")
    list(server.events("plots"))
    _, told = server.get("plots", path="plots")
    assert [(plot["file"], plot["served"]) for plot in told["plots"]] == [("size.json", "plots/size.json")]
    assert "size.json" in server.get("gallery", path="plots")[1]["html"]
    shutil.rmtree(folder / ".pivot")
    code, told = server.get("gallery", path="plots", old="HEAD")
    assert code == 422
    assert "HEAD" in told["message"]


def test_a_notebook_that_was_not_exported_has_a_history(server):
    folder = server.project("notebook")
    server.post("run", path="notebook")
    list(server.events("notebook"))
    (folder / "pivot.yaml").unlink()
    assert server.get("project", path="notebook")[1]["snapshot"] is None
    assert len(server.get("history", path="notebook")[1]["runs"]) == 1
    assert [row["new"] for row in server.get("metrics", path="notebook")[1]["metrics"]] == [3]


def test_the_server_imports_nothing_of_the_pipeline_tool():
    told = subprocess.run(
        [
            *(sys.executable, "-c"),
            "import pivot_jupyter.server.routes, sys; print([m for m in sys.modules if m.split('.')[0] == 'pivot'])",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == "[]"


def test_a_stage_between_two_attempts_says_in_the_browser_why_it_is_not_over():
    started = {"event": "StageStarted", "stage": "clean", "icon": "▶", "phrase": "running"}
    (running,) = stages_after(started, {})
    told = {"event": "StageRetried", "stage": "clean", "attempt": 1, "of": 3, "reason": "OSError", "delay": 5}
    (waiting,) = stages_after(told, {"clean": running})
    assert (waiting.state, waiting.progress.text) == ("running", "attempt 1 of 3 failed: OSError")
