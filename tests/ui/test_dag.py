"""The graph by itself in a bare page: what is drawn, how it is walked, and that nothing of a project is taken as HTML.

The page is a front end that knows widgets and nothing else; the kernel's end of the wire is the test.
"""

from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
STATIC = REPOSITORY / "pivot_jupyter/static"
SITE = "http://pivot.test/"

PAGE = """<!doctype html><meta charset="utf-8"><title>Graph</title>
<link rel="stylesheet" href="widget.css">
<style>body { margin: 0; min-height: 3000px } #host { width: WIDTHpx }</style><div id="host"></div>
<script type="module">
  import widget from './widget.js';
  const heard = {};
  let snapshot = null;
  window.sent = [];
  const model = {
    get: () => snapshot,
    on: (event, act) => { heard[event] = act; },
    off: event => { delete heard[event]; },
    send: message => { window.sent.push(message); }
  };
  window.tell = message => { heard['msg:custom'](message); };
  window.show = now => {
    const first = snapshot === null;
    snapshot = now;
    if (first) { window.end = widget.render({model, el: document.getElementById('host')}); }
    else { heard['change:snapshot'](); }
  };
</script>"""

WORDS = {
    "cached": ("●", "cached"),
    "run": ("◐", "will run"),
    "waits": ("◔", "waits for clean"),
    "running": ("▶", "running 12 s"),
    "ran": ("✓", "ran 3.1 s"),
    "failed": ("✗", "failed"),
}
HOSTILE = "<img src=x onerror='window.taken=1'><script>window.taken=1</script>"
SVG = (
    "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' onload='window.taken=1' width='9' height='9'>"
    "<script>window.taken=1</script></svg>"
)


def stage(name, state="cached", reason="", progress=None):
    icon, phrase = WORDS[state]
    return {
        "name": name,
        "group": name.partition("@")[0],
        "state": state,
        "icon": icon,
        "phrase": phrase,
        "reason": reason,
        "progress": progress,
        "seconds": None,
    }


def snapshot(stages, edges=(), *, problem="", going=False):
    return {
        "kind": "Snapshot",
        "seq": 1,
        "protocol": 2,
        "version": "",
        "cells": [],
        "problem": problem,
        "stages": stages,
        "edges": [{"upstream": one, "downstream": other} for one, other in edges],
        "run": {"run": "r", "going": going, "summary": "1 ran"},
        "summary": f"{len(stages)} in all",
    }


def detail(request, name, **parts):
    empty = {"why": [], "params": [], "deps": [], "outs": [], "durations": [], "previews": []}
    return {"kind": "Detail", "request": request, "stage": name, "log": "", "traceback": "", **empty, **parts}


FLOW = snapshot(
    [stage("load"), stage("clean", "run", "Never run"), stage("train", "waits"), stage("stats")],
    [("load", "clean"), ("clean", "train"), ("load", "stats")],
)


class Graph:
    """A page with one graph."""

    def __init__(self, page):
        self.page = page

    def show(self, now):
        self.page.evaluate("now => window.show(now)", now)

    def change(self, seq, *stages, going=False):
        run = {"run": "r", "going": going, "summary": "1 ran"}
        message = {"kind": "Change", "seq": seq, "stages": list(stages), "run": run, "summary": "changed"}
        self.page.evaluate("message => window.tell(message)", message)

    def asked(self, kind):
        """The newest question of a kind."""
        self.page.wait_for_function("kind => window.sent.some(m => m.kind === kind)", arg=kind)
        return self.page.evaluate("kind => window.sent.filter(m => m.kind === kind).at(-1)", kind)

    def answer(self, **parts):
        """Gives the details that were asked for."""
        asked = self.asked("AskDetail")
        told = detail(asked["request"], asked["stage"], **parts)
        self.page.evaluate("message => window.tell(message)", told)

    def refuse(self, kind, message, hint):
        told = {"kind": "Failed", "request": self.asked(kind)["request"], "message": message, "hint": hint}
        self.page.evaluate("message => window.tell(message)", told)

    def place(self, name):
        """The box's rectangle in the window."""
        return self.page.locator(f"[data-stage='{name}']").bounding_box()

    @property
    def focused(self):
        return self.page.evaluate(
            "(({dataset, ariaLabel, textContent}) => dataset.stage ?? ariaLabel ?? textContent)(document.activeElement)"
        )


@pytest.fixture
def graph_in(browser):
    """Opens a bare page of some width; errors in it fail the test."""
    contexts, errors = [], []

    def open_page(width=1000, **options):
        context = browser.new_context(viewport={"width": 1020, "height": 620}, **options)
        contexts.append(context)
        context.set_default_timeout(60_000)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        html = PAGE.replace("WIDTH", str(width))

        def serve(route):
            name = route.request.url.removeprefix(SITE)
            if name == "":
                route.fulfill(body=html, content_type="text/html")
            elif name in {"widget.js", "widget.css"}:
                route.fulfill(path=STATIC / name)
            else:
                route.abort()

        page.route("**/*", serve)
        page.goto(SITE)
        page.wait_for_function("() => window.show")
        return Graph(page)

    assert (STATIC / "widget.js").exists(), "build the extension first: make front"
    yield open_page
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def graph(graph_in):
    return graph_in()


def test_boxes_say_their_state_in_words_and_what_comes_before_and_after(graph):
    graph.show(FLOW)
    group = graph.page.get_by_role("group", name="Pipeline of 4 stages; 4 in all")
    box = group.get_by_role("button", name="clean, will run: Never run", exact=True)
    assert box.get_attribute("aria-description") == "after load; before train"
    assert box.text_content() == "◐cleanwill run: Never run"
    half = {"done": 5, "total": 10, "text": "epoch"}
    graph.change(2, stage("clean", "running", progress=half), going=True)
    assert box.count() == 0
    box = graph.page.get_by_role("button", name="clean, running 12 s · epoch 5 of 10", exact=True)
    assert box.text_content() == "▶clean5 of 10 · running 12 s"
    graph.change(3, stage("clean", "ran"))
    assert graph.page.get_by_role("status").text_content() == "The run is over: 1 ran"


def test_nothing_of_a_project_is_taken_as_html(graph):
    graph.show(snapshot([stage(HOSTILE, "failed", HOSTILE)], problem=HOSTILE))
    graph.page.locator(".pivot-box").click()
    row = {"name": HOSTILE, "value": HOSTILE}
    graph.answer(
        why=[{"title": HOSTILE, "rows": [row], "diff": [f"+{HOSTILE}"]}],
        **{key: [row] for key in ("params", "deps", "outs", "durations")},
        log=f"\x1b[31mred\x1b[0m {HOSTILE} \x1b]8;;javascript:window.taken=1\x1b\\link\x1b]8;;\x1b\\",
        traceback=HOSTILE,
        previews=[
            {"path": HOSTILE, "mime": "text/plain", "data": HOSTILE},
            {"path": "p.svg", "mime": "image/svg+xml", "data": SVG},
            {"path": "far.png", "mime": "image/png", "data": "http://pivot.test/far.png"},
        ],
    )
    pane = graph.page.get_by_role("complementary", name=f"Stage {HOSTILE}", exact=True)
    pane.locator("img").wait_for()
    graph.page.wait_for_function("() => document.querySelector('.pivot-pane img').complete")
    assert graph.page.locator(".pivot-dag :is(script, a)").count() == 0
    assert graph.page.locator(".pivot-dag img").count() == 1
    assert pane.locator(".ansi-red-fg").text_content() == "red"
    assert graph.page.evaluate("window.taken") is None


def test_the_keyboard_walks_the_graph_opens_a_stage_and_comes_back(graph):
    graph.show(FLOW)
    graph.page.keyboard.press("Tab")
    order = [graph.focused]
    for _ in range(4):
        graph.page.keyboard.press("Tab")
        order.append(graph.focused)
    assert order == ["▶ Run", "Smaller", "Larger", "Show all", "load"]
    walked = []
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "End", "Home"):
        graph.page.keyboard.press(key)
        walked.append(graph.focused)
    assert walked[1:3] == ["train", "clean"]
    assert walked[3:] == ["train", "load"]
    graph.page.keyboard.press("Enter")
    pane = graph.page.get_by_role("complementary", name="Stage load")
    pane.wait_for()
    graph.page.keyboard.press("Tab")
    assert graph.page.evaluate("document.activeElement.closest('.pivot-pane') !== null")
    graph.page.keyboard.press("Escape")
    pane.wait_for(state="hidden")
    assert graph.focused == "load"


def test_the_details_keep_focus_and_scrolling_while_states_change(graph):
    graph.show(snapshot([stage("slow", "running")], going=True))
    graph.page.click("[data-stage=slow]")
    graph.answer(log="\n".join(f"line {n}" for n in range(200)), params=[{"name": "lr", "value": "1"}])
    graph.page.get_by_role("button", name="Stop", exact=True).focus()
    log = graph.page.locator(".pivot-pane pre")
    at_end = "pre => pre.scrollHeight - pre.scrollTop - pre.clientHeight < 2"
    assert log.evaluate(at_end)
    log.evaluate("pre => { window.log = pre; pre.scrollTop = 40; }")
    questions = len(graph.page.evaluate("window.sent"))
    for done in range(5):
        graph.change(
            2 + done, stage("slow", "running", progress={"done": done, "total": 9, "text": ""}), going=True
        )
    assert graph.focused == "Stop"
    assert len(graph.page.evaluate("window.sent")) == questions  # a clock that goes is no reason to ask
    assert log.evaluate("pre => pre === window.log && pre.scrollTop === 40")
    log.evaluate("pre => { pre.scrollTop = pre.scrollHeight; }")
    lines = "\n".join(f"line {n}" for n in range(300))
    graph.page.evaluate("log => window.tell({kind: 'Log', stage: 'slow', log})", lines)
    assert log.text_content().endswith("line 299")
    assert log.evaluate(at_end)
    graph.change(7, stage("slow", "ran"))
    assert graph.focused == "Run"
    assert len(graph.page.evaluate("window.sent")) == questions + 1


def test_buttons_ask_the_kernel_and_a_refusal_is_told(graph):
    graph.show(FLOW)
    graph.page.click("[data-stage=clean]")
    wanted = {"Run": (False, True), "Run to here": (False, False), "Force": (True, True)}
    for label, (force, single) in wanted.items():
        graph.page.locator(".pivot-pane").get_by_role("button", name=label, exact=True).click()
        asked = graph.asked("Start")
        assert (asked["targets"], asked["force"], asked["single"]) == (["clean"], force, single)
    graph.refuse("Start", "a run is under way already", "wait for its end")
    assert graph.page.get_by_role("alert").text_content() == "a run is under way already\nwait for its end"
    graph.change(2, stage("clean", "running"), going=True)
    graph.page.get_by_role("alert").wait_for(state="hidden")
    graph.page.get_by_role("button", name="■ Stop").click()
    assert graph.asked("Stop")["stages"] == []


def test_many_variants_are_one_box_until_somebody_unfolds_it(graph):
    variants = [stage(f"fit@{number}", "running" if number == 3 else "cached") for number in range(40)]
    graph.show(snapshot([stage("clean"), *variants], [("clean", one["name"]) for one in variants]))
    box = graph.page.get_by_role("button", name="fit \N{MULTIPLICATION SIGN}40, 1 running, 39 cached")
    assert graph.page.locator(".pivot-box").count() == 2
    box.focus()
    graph.page.keyboard.press("Enter")
    assert graph.page.locator(".pivot-box").count() == 41
    assert graph.focused == "fit@0"
    graph.page.keyboard.press("Enter")
    graph.page.get_by_role("button", name="Fold").click()
    assert graph.page.locator(".pivot-box").count() == 2
    assert graph.focused == "fit"


def test_a_change_of_states_touches_only_their_boxes_of_a_large_graph(graph):
    stages = [stage(f"s{number}") for number in range(500)]
    edges = [(f"s{number // 3}", f"s{number}") for number in range(1, 500)]
    graph.show(snapshot(stages, edges))
    assert graph.page.locator(".pivot-box").count() == 500
    graph.page.evaluate(
        """() => {
          window.touched = new Set();
          new MutationObserver(found => {
            for (const {target} of found) {
              window.touched.add(target.closest?.('.pivot-box')?.dataset.stage ?? target.className);
            }
          }).observe(document.querySelector('.pivot-plane'), {subtree: true, childList: true, attributes: true});
        }"""
    )
    graph.change(2, stage("s7", "running"), stage("s8", "running"), going=True)
    # the plane's label counts the states
    assert set(graph.page.evaluate("[...window.touched]")) <= {
        "s7",
        "s8",
        "pivot-plane",
        "pivot-plane pivot-many",
    }
    graph.change(4, stage("s9", "running"), going=True)  # one message was lost
    assert graph.page.locator("[data-stage=s9]").get_attribute("data-state") == "cached"
    assert [message["kind"] for message in graph.page.evaluate("window.sent")] == ["Hello", "Hello"]


def test_it_is_panned_by_the_wheel_until_its_end_and_zoomed_with_ctrl(graph):
    width = 12
    graph.show(
        snapshot([stage(f"s{n}") for n in range(width)], [(f"s{n}", f"s{n + 1}") for n in range(width - 1)])
    )
    graph.page.mouse.move(500, 60)
    before = graph.place("s0")
    graph.page.mouse.wheel(100, 0)
    graph.page.wait_for_function(
        "x => document.querySelector('[data-stage=s0]').getBoundingClientRect().x < x", arg=before["x"]
    )
    assert graph.page.evaluate("window.scrollY") == 0
    graph.page.mouse.wheel(0, 100)  # there is nothing more below: the page scrolls
    graph.page.wait_for_function("() => window.scrollY > 0")
    graph.page.evaluate("window.scrollTo(0, 0)")
    graph.page.keyboard.down("Control")
    graph.page.mouse.wheel(0, 200)
    graph.page.keyboard.up("Control")
    smaller = "width => document.querySelector('[data-stage=s0]').getBoundingClientRect().width < width"
    graph.page.wait_for_function(smaller, arg=before["width"])
    graph.page.get_by_role("button", name="Show all").click()
    frame = graph.page.locator(".pivot-canvas").bounding_box()
    last = graph.place(f"s{width - 1}")
    assert graph.place("s0")["x"] >= frame["x"]
    assert last["x"] + last["width"] <= frame["x"] + frame["width"]


def test_what_leads_to_a_box_and_from_it_is_lit(graph):
    graph.show(FLOW)
    graph.page.hover("[data-stage=clean]")
    lit = (
        "() => [...document.querySelectorAll('.pivot-box.pivot-on-way')].map(box => box.dataset.stage).sort()"
    )
    assert graph.page.evaluate(lit) == ["clean", "load", "train"]
    assert graph.page.locator(".pivot-wire.pivot-on-way").count() == 2
    graph.page.mouse.move(1010, 600)
    assert graph.page.evaluate(lit) == []


@pytest.mark.parametrize(("width", "axis"), [(260, "y"), (1000, "x")])
def test_ranks_go_where_there_is_room(graph_in, width, axis):
    graph = graph_in(width)
    graph.show(FLOW)
    boxes = [graph.place(name) for name in ("load", "clean", "train")]
    assert boxes[0][axis] < boxes[1][axis] < boxes[2][axis]
    graph.page.evaluate("document.querySelector('[data-stage=clean]').click()")
    pane = graph.page.get_by_role("complementary").bounding_box()
    assert pane["width"] > 200
    assert graph.page.locator(".pivot-canvas").bounding_box()["height"] >= 80


def test_where_there_is_nothing_to_draw_it_says_why(graph):
    graph.show(snapshot([]))
    graph.page.get_by_text("No stage is defined yet").wait_for()
    graph.show(snapshot([], problem="stage 'train': dep 'data' is written by nobody"))
    graph.page.get_by_text("written by nobody").wait_for()
    graph.page.get_by_text("No stage is defined yet").wait_for(state="hidden")
    graph.show(FLOW)
    graph.page.get_by_text("written by nobody").wait_for(state="hidden")
    assert graph.page.locator(".pivot-box").count() == 4


@pytest.mark.parametrize(
    "options",
    [{"color_scheme": "dark"}, {"forced_colors": "active"}, {"reduced_motion": "reduce"}],
    ids=["dark", "high contrast", "reduced motion"],
)
def test_it_follows_what_a_person_has_set(graph_in, options):
    graph = graph_in(**options)
    graph.page.add_style_tag(content="html { color-scheme: light dark }")
    graph.show(snapshot([stage("slow", "running", progress={"done": 1, "total": 2, "text": ""})], going=True))
    style = """([what, name]) => getComputedStyle(document.querySelector(what))[name]"""
    ground, text = (graph.page.evaluate(style, [".pivot-box", name]) for name in ("backgroundColor", "color"))
    assert ground != text
    assert graph.page.evaluate(style, [".pivot-bar", "backgroundColor"]) != ground
    moving = graph.page.evaluate(style, [".pivot-box .pivot-icon", "animationName"])
    assert (moving == "none") == ("reduced_motion" in options)
