"""The live graph: laid out and repainted in a browser, and how often a kernel tells browsers of a run."""

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from typing import Any

import peers
from measure import NOTHING, Goal, Plan, Row, Table, told

from pivot.core.graph import Graph
from pivot.core.render import StageState
from pivot.model.decision import Verdict
from pivot.model.event import Outcome, RunFinished, RunStarted, StageFinished, StageStarted
from pivot_jupyter.board import Board
from pivot_jupyter.protocol import Change, FromKernel

STATIC = peers.CHECKOUT / "pivot_jupyter" / "static"

DRAW = """async ({layered, updates}) => {
  const {default: widget} = await import('/widget.js');
  const stage = (name, state) => ({
    name, group: name, state, icon: '●', phrase: state, reason: '', progress: null, seconds: null
  });
  const painted = () => new Promise(done => requestAnimationFrame(() => setTimeout(done, 0)));
  const median = numbers => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
  const shown = snapshot => {
    const heard = new Map();
    const model = {
      get: () => snapshot, on: (event, act) => heard.set(event, act), off: () => {}, send: () => {}
    };
    const el = document.createElement('div');
    el.style.height = '800px';
    document.body.replaceChildren(el);
    const end = widget.render({model, el});
    return {end, tell: message => heard.get('msg:custom')(message)};
  };
  const snapshotOf = count => {
    const names = Array.from({length: count}, (_, index) => `stage${index}`);
    const wide = Math.ceil(Math.sqrt(count));
    const edges = [];
    names.forEach((downstream, index) => {
      if (index >= wide) {
        const above = index - wide;
        edges.push({upstream: names[above], downstream});
        if (above % wide > 0) {
          edges.push({upstream: names[above - 1], downstream});
        }
      }
    });
    return {
      kind: 'Snapshot', seq: 0, protocol: 2, version: '', stages: names.map(name => stage(name, 'run')), edges,
      cells: [], run: null, summary: '', problem: ''
    };
  };
  const draws = [];
  for (let turn = 0; turn < updates; turn++) {
    await painted();
    const began = performance.now();
    const {end} = shown(snapshotOf(layered));
    document.body.getBoundingClientRect();
    await painted();
    draws.push(performance.now() - began);
    end();
  }
  const snapshot = snapshotOf(500);
  const {tell} = shown(snapshot);
  await painted();
  const one = [], all = [];
  const change = (seq, stages) => {
    const began = performance.now();
    tell({kind: 'Change', seq, stages, run: {run: 'r', going: true, summary: ''}, summary: 'running'});
    document.body.getBoundingClientRect();  // style and layout are part of it
    return performance.now() - began;
  };
  let seq = 0;
  for (let turn = 0; turn < updates * 2; turn++) {
    const state = turn % 2 ? 'ran' : 'queued';
    const some = snapshot.stages.slice(turn * 2, turn * 2 + 4);
    one.push(change(++seq, some.map(({name}) => stage(name, state))));
    await painted();
    all.push(change(++seq, snapshot.stages.map(({name}) => stage(name, state))));
    await painted();
  }
  return {draw: median(draws), one: median(one), all: median(all), boxes: document.querySelectorAll('.pivot-box').length};
}"""


def measure(plan: Plan) -> Iterator[Table]:
    """The table of the live graph."""
    table = Table("The live graph", ("Pivot", "", "ratio"))
    if plan.wants("graph"):
        table.rows.extend(browser_rows(plan, table))
    if plan.wants("messages"):
        table.rows.append(message_row(plan))
    if table.rows:
        table.how.append(
            "In Chromium, without graphics hardware: from the snapshot until the picture was painted, once its code is "
            "loaded; from a message until style and layout are done, of 500 boxes with 4 or all of them changed. "
            "Messages: a run of 500 stages that takes 3 s, counted at the kernel's side."
        )
        yield table


def browser_rows(plan: Plan, table: Table) -> Iterator[Row]:
    """What Chromium measures of the widget."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None or not (STATIC / "widget.js").exists():
        why = "there is no Chromium" if chromium is None else "its browser's part is not built: make front"
        table.how.append(f"Pictures were not measured: {why}.")
        return
    told("  the live graph in a browser")
    with page_of(chromium) as page:
        found = page.evaluate(DRAW, {"layered": 300, "updates": plan.times(9)})
    assert found["boxes"] == 500, found
    for title, key, limit in (
        ("300 stages laid out and painted", "draw", 500),
        ("update of 500 stages, 4 changed", "one", 16),
        ("update of 500 stages, all changed", "all", 16),
    ):
        goal = Goal(f"≤ {limit} ms", found[key] <= limit)
        yield Row(title, (f"{found[key]:.1f} ms", NOTHING, NOTHING), (goal,))


@contextlib.contextmanager
def page_of(chromium: str) -> Iterator[Any]:
    """An empty page beside which the built widget lies."""
    from playwright.sync_api import sync_playwright

    def serve(route: Any) -> None:
        name = route.request.url.rpartition("/")[2]
        if name in {"widget.js", "widget.css"}:
            kind = "text/javascript" if name.endswith("js") else "text/css"
            route.fulfill(body=(STATIC / name).read_text(encoding="utf-8"), content_type=kind)
        else:
            style = '<link rel="stylesheet" href="/widget.css">'
            route.fulfill(body=f"<!doctype html>{style}<body></body>", content_type="text/html")

    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=chromium, args=options)
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        page.route("**/*", serve)
        page.goto("http://bench.invalid/")
        yield page
        browser.close()


def message_row(plan: Plan) -> Row:
    """How many messages a fast run brings about, in the second with the most of them."""
    names = [f"stage{number}" for number in range(500)]
    times: list[float] = []

    def note(message: FromKernel, _who: str) -> None:
        if isinstance(message, Change):
            times.append(time.monotonic())

    with tempfile.TemporaryDirectory(prefix="pivot-bench-") as root:
        board = Board("1.0", root, note)
        board.show(Graph(()), {name: StageState(Verdict.RUN) for name in names}, ())
        board.heard(RunStarted("run", tuple(names), 2))
        for name in names:
            board.heard(StageStarted(name, ""))
            time.sleep(plan.size(3, 1) / len(names))
            board.heard(StageFinished(name, Outcome.RAN, "", 0.0))
        board.heard(RunFinished("run", {Outcome.RAN: len(names)}, 3.0, cancelled=False))
        board.close()
    most = max(sum(begin <= at < begin + 1 for at in times) for begin in times)
    cells = (f"{most} in a second", NOTHING, NOTHING)
    return Row("messages to browsers while stages run, at most", cells, (Goal("≤ 4", most <= 4),))
