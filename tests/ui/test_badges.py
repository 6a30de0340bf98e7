"""The line above each cell of a pipeline, in JupyterLab, as a person sees it."""

import pytest

LOAD = "%load_ext pivot_jupyter\nfrom typing import Annotated\nimport pivot\nfrom pivot.loaders import Text"
HELPER = "def greet(name):\n    return 'hello ' + name"
FIRST = '%%pivot_stage\ndef first() -> Annotated[str, pivot.Out("first.txt", Text())]:\n    return "one"'
SECOND = (
    "%%pivot_stage\n"
    'def second(text: Annotated[str, pivot.Dep("first.txt", Text())]) '
    '-> Annotated[str, pivot.Out("second.txt", Text())]:\n'
    "    return greet(text)"
)
THIRD = (
    "%%pivot_stage\n"
    'def third(text: Annotated[str, pivot.Dep("second.txt", Text())]) '
    '-> Annotated[str, pivot.Out("third.txt", Text())]:\n'
    "    return text"
)
CHANGED = "will run · Code dependency changed: func:greet"
EDITED = "edited, not run yet"
NEVER = "will run · Never run"


def test_badges_and_graph_tell_what_a_cell_changes_before_anything_runs(lab):
    lab.open("edit", LOAD, HELPER, FIRST, SECOND, THIRD, "%pivot run")
    lab.run_all()
    cached = ["used by first, second, third", "used by second", "cached", "cached", "cached", ""]
    lab.until("badges", cached)
    lab.until("boxes", {"first": "cached", "second": "cached", "third": "cached"})
    assert "note:" not in lab.outputs(2)
    lab.write(1, "hello", "bye")
    lab.until("badges", [cached[0], EDITED, *cached[2:]])
    lab.write(1, "bye", "hello")
    lab.until("badges", cached)
    lab.write(1, "hello", "bye")
    lab.do(
        """({content}) => {
          window.seen = [];
          const badge = content.widgets[3].node.querySelector('.pivot-badge');
          new MutationObserver(() => {
            window.seen.push(badge.dataset.state);
          }).observe(badge, {subtree: true, childList: true, attributes: true});
        }"""
    )
    lab.run_cell(1)
    lab.until("badges", [*cached[:3], CHANGED, "waits for second", ""])
    lab.until("boxes", {"first": "cached", "second": "run", "third": "waits"})
    assert set(lab.page.evaluate("window.seen")) <= {"cached", "run"}
    assert (lab.root / "edit/second.txt").read_text() == "hello one"
    lab.page.wait_for_selector("#jp-main-statusbar >> text=Pivot: 1 will run")
    lab.picture("edited")


def test_the_menu_of_a_badge_runs_shows_and_explains(lab):
    lab.open("menu", LOAD, HELPER, FIRST, SECOND, "%pivot run")
    lab.run_all()
    lab.until("badges", ["used by first, second", "used by second", "cached", "cached", ""])
    entries = ["Run to Here", "Run", "Force", "Why", "Log", "Show Outputs"]
    lab.write(1, "hello", "bye")
    lab.until("badges", ["used by first, second", EDITED, "cached", "cached", ""])
    lab.badge(1).click()
    lab.until("menus", [["Run Cell"]])
    lab.page.click(".lm-Menu >> text=Run Cell")
    lab.until("badges", ["used by first, second", "used by second", "cached", CHANGED, ""])
    lab.badge(3).click()
    lab.until("menus", [entries])
    lab.picture("menu")
    lab.page.click(".lm-Menu >> text=Why")
    lab.page.wait_for_selector(".pivot-panel .pivot-pane >> text=func:greet")
    lab.page.wait_for_selector(".pivot-panel .pivot-pane >> text=bye")
    lab.picture("why")
    lab.badge(3).click()
    lab.page.click(".lm-Menu >> text=Run to Here")
    lab.until("boxes", {"first": "cached", "second": "ran"})
    assert (lab.root / "menu/second.txt").read_text() == "bye one"
    lab.badge(3).click()
    lab.page.click(".lm-Menu >> text=Show Outputs")
    lab.page.wait_for_selector(".pivot-panel .pivot-pane >> text=bye one")
    lab.badge(0).click()
    lab.until("menus", [["first", "second"]])
    lab.page.click(".lm-Menu >> text=first")
    lab.until("menus", [["first", "second"], entries])
    lab.page.click(".lm-Menu >> text=Force")
    lab.until("boxes", {"first": "ran", "second": "ran"})


def test_the_keyboard_alone_reaches_badge_menu_and_commands(lab):
    lab.open("keys", LOAD, FIRST, "1")
    lab.run_all()
    lab.until("badges", ["used by first", NEVER, ""])
    lab.activate(1)
    lab.do("({content}) => { content.mode = 'command'; content.activeCell.node.focus(); }")
    keyboard = lab.page.keyboard
    for _ in range(8):
        keyboard.press("Tab")
        if lab.focus == f"Pivot: {NEVER}":
            break
    assert lab.focus == f"Pivot: {NEVER}"
    lab.picture("focus")
    keyboard.press("Enter")
    lab.until("menus", [["Run to Here", "Run", "Force", "Why", "Log", "Show Outputs"]])
    keyboard.press("Escape")
    lab.until("menus", [])
    lab.until("focus", f"Pivot: {NEVER}")
    keyboard.press("Enter")
    lab.until("menus", [["Run to Here", "Run", "Force", "Why", "Log", "Show Outputs"]])
    keyboard.press("ArrowDown")
    keyboard.press("Enter")
    lab.until("boxes", {"first": "ran"})
    lab.command("pivot:menu")
    lab.until("menus", [["Run to Here", "Run", "Force", "Why", "Log", "Show Outputs"]])
    keyboard.press("Escape")
    lab.command("pivot:force")  # the stage of the active cell
    lab.page.wait_for_selector(".pivot-panel .pivot-spoken >> text=1 ran", state="attached")
    known = "() => window.jupyterapp.commands.listCommands().filter(id => id.startsWith('pivot:'))"
    for name in lab.page.evaluate(known):
        schema = "id => window.jupyterapp.commands.describedBy(id).then(told => told.args)"
        assert lab.page.evaluate(schema, name)["type"] == "object", name


def test_badges_follow_cells_that_are_moved_split_merged_deleted_and_pasted(lab):
    lab.open("moved", LOAD, HELPER, FIRST, SECOND)
    lab.run_all()
    told = ["used by first, second", "used by second", NEVER, NEVER]
    lab.until("badges", told)
    lab.activate(3)
    lab.command("notebook:move-cell-up")
    lab.command("notebook:move-cell-up")
    lab.until("badges", [told[0], told[3], told[1], told[2]])
    lab.activate(1)
    lab.command("notebook:copy-cell")
    lab.command("notebook:paste-cell-below")
    lab.until("badges", [told[0], told[3], "not run yet", told[1], told[2]])
    lab.command("notebook:delete-cell")
    lab.activate(3)
    lab.do("({content}) => content.model.sharedModel.undoManager.stopCapturing()")
    lab.command("notebook:delete-cell")
    lab.until("badges", [told[0], told[3], told[1]])
    lab.command("notebook:undo-cell-action")
    lab.until("badges", [told[0], told[3], told[1], told[2]])
    lab.activate(2)
    lab.do(
        """({content}) => {
          content.mode = 'edit';
          content.activeCell.editor.setCursorPosition({line: 1, column: 0});
        }"""
    )
    lab.command("notebook:split-cell-at-cursor")
    lab.until("badges", [told[0], told[3], "", EDITED, told[2]])
    command_mode = (
        "({content}) => { content.mode = 'command'; }"  # an editor with the focus would take it back
    )
    lab.do(command_mode)
    lab.activate(1)
    lab.command("notebook:merge-cell-below")
    lab.until("badges", [told[0], "not run yet", EDITED, told[2]])
    lab.do(command_mode)
    lab.activate(2)
    lab.command("notebook:change-cell-to-markdown")
    lab.until("badges", [told[0], "not run yet", "", told[2]])


def test_two_views_of_a_notebook_have_the_same_badges_and_one_may_be_closed(lab):
    lab.open("views", LOAD, FIRST)
    first = lab.do("panel => panel.id")
    lab.command("docmanager:clone")  # before the extension is loaded: it knocks once
    lab.run_all()
    both = ["used by first", NEVER]
    lab.until("badges", both)
    lab.page.evaluate("id => window.jupyterapp.shell.activateById(id)", first)
    lab.until("badges", both)
    lab.page.evaluate(
        "id => [...window.jupyterapp.shell.widgets('main')].find(one => one.id === id).dispose()", first
    )
    lab.page.wait_for_function("() => document.querySelectorAll('.jp-NotebookPanel').length === 1")
    lab.until("badges", both)
    lab.command("pivot:run")
    lab.until("boxes", {"first": "ran"})


@pytest.mark.parametrize("mode", ["none", "defer", "full", "contentVisibility"])
def test_badges_are_right_however_a_long_notebook_is_shown(lab, mode):
    lab.window(mode)
    cells = [f"def helper_{number}():\n    return {number}" for number in range(196)]
    last = SECOND.replace("greet(text)", "text + str(helper_150())")
    lab.open(f"long-{mode}", LOAD, *cells, FIRST, last, "%pivot run")
    lab.run_cells(0, 151, 197, 198)
    wanted = [""] * 200
    wanted[0], wanted[151], wanted[197:] = "used by first, second", "used by second", [NEVER, NEVER, ""]
    lab.until("badges", wanted)
    lab.do("({content}) => { void content.scrollToItem(198); }")
    lab.page.locator(".pivot-badge >> text=Never run").last.wait_for(state="visible")
    lab.do("({content}) => { void content.scrollToItem(0); }")
    lab.run_cell(199)
    lab.write(151, "return 150", "return 0")
    wanted[151], wanted[197:] = EDITED, ["cached", "cached", ""]
    lab.until("badges", wanted)
    lab.run_cell(151)
    wanted[151], wanted[198] = "used by second", "will run · Code dependency changed: func:helper_150"
    lab.until("badges", wanted)
    lab.do("({content}) => { void content.scrollToItem(198); }")
    lab.page.locator(".pivot-badge >> text=func:helper_150").wait_for(state="visible")
    lab.picture(f"long-{mode}")
