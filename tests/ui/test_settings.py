"""Settings that are changed while the page is open count at once."""

LOAD = "%load_ext pivot_jupyter\nfrom typing import Annotated\nimport pivot\nfrom pivot.loaders import Text"
FIRST = '%%pivot_stage\ndef first() -> Annotated[str, pivot.Out("first.txt", Text())]:\n    return "one"'
OURS = "pivot-labextension:plugin"


def test_badges_sections_and_the_status_bar_go_and_come_with_their_settings(lab, settings):
    lab.open("settings", LOAD, FIRST)
    lab.run_all()
    told = ["used by first", "will run · Never run"]
    bar = lab.page.locator("#jp-main-statusbar >> text=Pivot: 1 will run")
    metrics, plots = (
        lab.page.locator(f".pivot-panel [data-section={name}]") for name in ("Metrics", "Plots")
    )
    lab.until("badges", told)
    bar.wait_for()
    plots.wait_for()
    settings(OURS, "badges", False)
    lab.until("badges", ["", ""])
    settings(OURS, "status", False)
    bar.wait_for(state="hidden")
    settings(OURS, "sections", ["Metrics"])
    plots.wait_for(state="hidden")
    assert metrics.is_visible()
    lab.picture("settings")
    settings(OURS, "badges", True)
    lab.until("badges", told)
    settings(OURS, "status", True)
    bar.wait_for()
    settings(OURS, "sections", ["Metrics", "Plots"])
    plots.wait_for()
