import base64
import re
from html.parser import HTMLParser

from pivot.core.gallery import PlotFile, gallery_html
from pivot.model.stage import PlotView

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
CURVE = b'[{"epoch": 0, "loss": 1}, {"epoch": 1, "loss": 0.5}]'


class Tags(HTMLParser):
    """Every tag with its attributes; fails where they are not nested."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def tags_of(page: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = Tags()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    return parser.seen


def test_the_page_needs_no_network_and_runs_nothing():
    page = gallery_html(
        "HEAD → the workspace",
        [
            PlotFile("a.png", "s", None, {"old": PNG, "new": PNG + b"x"}),
            PlotFile("a.svg", "s", None, {"old": b"<svg onload='x()'/>", "new": None}),
            PlotFile("a.json", "s", PlotView(y="loss"), {"old": CURVE, "new": CURVE}),
            PlotFile("a.pdf", "s", None, {"old": b"%PDF", "new": b"%PDF"}),
            PlotFile("a.bin", "s", None, {"old": b"\xff\xfe\x00", "new": b"x"}),
        ],
    )
    seen = tags_of(page)
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in seen}
    addresses = [v for _, attributes in seen for n, v in attributes.items() if n in ("src", "href")]
    assert addresses
    assert all(address.startswith("data:") for address in addresses)
    assert not re.search(r"https?://|url\(|@import", page)
    assert base64.b64encode(PNG).decode() in page
    assert "prefers-color-scheme: dark" in page


def test_a_plot_that_is_a_page_is_shown_in_a_frame_that_reaches_nothing():
    own = b'<script>parent.document.title = "x"</script><b>"report"</b>'
    ((_, frame),) = [
        seen
        for seen in tags_of(gallery_html("now", [PlotFile("a.html", "s", None, {"now": own})]))
        if seen[0] == "iframe"
    ]
    assert (frame["sandbox"], frame["srcdoc"]) == ("allow-scripts", own.decode())


def test_names_of_users_are_escaped():
    bad = "<script>alert(1)</script>"
    rows = f'[{{"x": 1, "{bad}": 2}}]'.encode()
    page = gallery_html(bad, [PlotFile(f"{bad}.json", bad, None, {bad: rows})])
    tags = [tag for tag, _ in tags_of(page)]
    assert "script" not in tags
    assert "svg" in tags


def test_what_changed_comes_first_and_each_plot_says_what_became_of_it():
    sides = [(CURVE, CURVE), (CURVE, PNG), (None, CURVE), (CURVE, None), (None, None)]
    plots = [PlotFile(f"{i}.json", "s", None, {"A": a, "B": b}) for i, (a, b) in enumerate(sides)]
    assert [plot.word for plot in plots] == ["same", "changed", "added", "removed", "missing"]
    page = gallery_html("both", plots)
    assert re.findall(r"<h2>(\d)\.json", page) == ["1", "2", "3", "4", "0"]
    assert page.count("not there") == 4
    assert "cannot be drawn: it is not UTF-8" in page


def test_one_side_has_no_word_and_no_plots_are_said():
    assert PlotFile("a.json", "s", None, {"A": CURVE}).word == ""
    assert "There are no plots" in gallery_html("nothing", [])
    assert gallery_html("t", []) == gallery_html("t", [])


def test_a_column_has_one_colour_on_both_sides():
    old, new = b'[{"x": 1, "loss": 2}, {"x": 2, "loss": 1}]', b'[{"x": 1, "acc": 3, "loss": 2}]'
    page = gallery_html("both", [PlotFile("a.json", "s", None, {"A": old, "B": new})])
    assert re.findall(r'<li><span class="(s\d)"></span>(\w+)', page) == [
        ("s0", "loss"),
        ("s1", "acc"),
        ("s0", "loss"),
    ]
