"""The graph as text, Mermaid, SVG and record: readable, escaped, the same each time."""

import base64
import re
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pivot.core.graph import Graph
from pivot.core.label import cells
from pivot.core.render import (
    Progress,
    StageState,
    alt_text,
    dag_mermaid,
    dag_svg,
    dag_text,
    record_html,
    record_text,
    state_after,
    state_of,
    state_word,
    summary,
)
from pivot.model.decision import Change, ChangeKind, Decision, Verdict
from pivot.model.event import Outcome, StageFinished

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def graph(stage):
    return Graph(
        [
            stage("load", ["data.csv"], ["raw.csv"]),
            stage("clean", ["raw.csv"], ["clean.csv"]),
            stage("train", ["clean.csv", "raw.csv"], ["model.pkl"]),
            stage("plot", ["clean.csv"], ["plot.png"]),
            stage("report", ["model.pkl", "plot.png"], ["report.html"]),
        ]
    )


@pytest.fixture
def states():
    return {
        "load": StageState(Verdict.UNCHANGED),
        "clean": StageState(Outcome.RAN, seconds=3.14),
        "train": StageState(Verdict.RUN, "Parameter changed: lr 0.01 → 0.05"),
        "plot": StageState(Outcome.FAILED, "ValueError: <b> & 'x' (plots.py:3)"),
        "report": StageState(Outcome.BLOCKED, cause="plot"),
    }


WORDS = [
    (StageState(Verdict.UNCHANGED), "● cached"),
    (StageState(Outcome.UNCHANGED), "● cached"),
    (StageState(Verdict.RESTORE), "○ will restore"),
    (StageState(Verdict.RUN), "◐ will run"),
    (StageState(Verdict.WAITS, cause="clean"), "◔ waits for clean"),
    (StageState(Progress.QUEUED), "◌ queued"),
    (StageState(Progress.RUNNING, seconds=12.4), "▶ running 12 s"),
    (StageState(Outcome.RAN, seconds=3.1), "✓ ran 3.1 s"),
    (StageState(Outcome.RAN, seconds=125), "✓ ran 2 min 05 s"),
    (StageState(Outcome.RAN, seconds=12000), "✓ ran 3 h 20 min"),
    (StageState(Outcome.RAN), "✓ ran"),
    (StageState(Outcome.RESTORED, seconds=0.0), "✓ restored"),
    (StageState(Outcome.FAILED), "✗ failed"),
    (StageState(Outcome.BLOCKED, cause="train"), "⊘ blocked by train"),
    (StageState(Outcome.CANCELLED), "■ cancelled"),
]


@pytest.mark.parametrize(("state", "shown"), WORDS)
def test_each_state_has_one_icon_and_one_word(state, shown):
    assert f"{state.icon} {state.phrase}" == shown


@pytest.mark.parametrize("state", [*Verdict, *Outcome, *Progress])
def test_every_state_has_a_word_and_a_place_in_the_counts(state):
    icon, word = state_word(state)
    assert len(icon) == 1
    assert summary([StageState(state)]) == f"1 {'waiting' if word == 'waits' else word}"


def test_counts_begin_with_what_wants_attention(states):
    assert summary(states.values()) == "1 failed, 1 blocked, 1 will run, 1 ran, 1 cached"


def test_decisions_and_ends_become_states():
    param = Change(ChangeKind.PARAM, "lr", "1", "2")
    assert state_of(Decision("a", Verdict.RUN, (param,))) == StageState(
        Verdict.RUN, "Parameter changed: lr 1 → 2"
    )
    assert state_of(Decision("a", Verdict.UNCHANGED, ())) == StageState(Verdict.UNCHANGED)
    waits = Decision("a", Verdict.WAITS, (Change(ChangeKind.UPSTREAM, "b"),))
    assert state_of(waits) == StageState(Verdict.WAITS, cause="b")
    assert state_after(StageFinished("a", Outcome.RAN, "Never run", 2.0)).phrase == "ran 2.0 s"
    assert state_after(StageFinished("a", Outcome.BLOCKED, "b")).phrase == "blocked by b"
    assert (
        state_after(StageFinished("a", Outcome.RESTORED, "Output missing: x")).reason == "Output missing: x"
    )


def test_text_shows_lanes_states_and_reasons(graph, states):
    assert dag_text(graph, states).splitlines() == [
        "●    load    cached",
        "│",
        "✓    clean   ran 3.1 s",
        "├─╮",
        "│ ◐  train   will run (Parameter changed: lr 0.01 → 0.05)",
        "│ │",
        "✗ │  plot    failed (ValueError: <b> & 'x' (plots.py:3))",
        "├─╯",
        "⊘    report  blocked by plot",
    ]


def test_a_lane_that_is_crossed_is_not_joined(stage):
    crossed = Graph(
        [
            stage("a", [], ["1"]),
            stage("b", ["1"], ["2"]),
            stage("c", ["1"], ["3"]),
            stage("d", ["1"], ["4"]),
            stage("e", ["2", "4"]),
            stage("f", ["3"]),
        ]
    )
    assert dag_text(crossed, {}).splitlines() == [
        "•      a",
        "├─╮",
        "│ •    b",
        "├─│─╮",
        "│ │ •  c",
        "│ │ │",
        "│ │ •  f",
        "│ │",
        "• │    d",
        "├─╯",
        "•      e",
    ]


def test_text_without_stages_is_empty():
    assert dag_text(Graph([]), {}) == ""
    assert record_text(Graph([]), {}) == "0 stages"


def test_a_graph_too_broad_for_lanes_names_what_each_stage_reads(stage):
    sources = [stage(f"source_{i}", [], [f"o{i}"]) for i in range(40)]
    lines = dag_text(Graph([*sources, stage("join", [f"o{i}" for i in range(40)])]), {}).splitlines()
    assert lines[-2:] == ["• join", "  ← source_0, source_1, source_2 and 37 more"]


names = st.text(min_size=1, max_size=60)
any_states = st.builds(
    StageState,
    st.sampled_from([*Verdict, *Outcome, *Progress]),
    st.text(max_size=100),
    st.text(max_size=30),
    st.none() | st.floats(0, 1e6),
)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(names, st.sets(st.integers(0, 30), max_size=4), any_states),
        max_size=14,
        unique_by=lambda row: row[0],
    )
)
def test_whatever_the_names_all_forms_are_well_formed_and_no_line_is_too_wide(stage, rows):
    stages = [
        stage(name, [f"o{j}" for j in sorted(reads) if j < i], [f"o{i}"])
        for i, (name, reads, _) in enumerate(rows)
    ]
    graph, states = Graph(stages), {name: state for name, _, state in rows}
    for text in (dag_text(graph, states), record_text(graph, states)):
        assert all(cells(line) <= 80 for line in text.splitlines())
        assert all(char.isprintable() or char == "\n" for char in text)
    assert len(ET.fromstring(dag_svg(graph, states)).findall(f"{SVG}g")) == len(graph)
    assert '"' not in re.sub(r'\["[^"\n]*"\]', "", dag_mermaid(graph, states))
    picture, table = Page.read(record_html(graph, states))
    assert picture["alt"] == alt_text(
        graph, {n: StageState(s.state, s.reason, s.cause) for n, s in states.items()}
    )
    assert len(table) == len(graph) + 1


class Page(HTMLParser):
    """The image's attributes and the table's rows of a record."""

    ALLOWED = frozenset(["figure", "img", "figcaption", "table", "thead", "tbody", "tr", "th", "td"])

    def __init__(self):
        super().__init__()
        self.image, self.rows, self.open = {}, [], False

    @classmethod
    def read(cls, html):
        page = cls()
        page.feed(html)
        page.close()
        return page.image, page.rows

    def handle_starttag(self, tag, attrs):
        assert tag in self.ALLOWED
        self.open = tag in ("td", "th")
        if tag == "img":
            self.image = dict(attrs)
        elif tag == "tr":
            self.rows.append([])
        elif self.open:
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        self.open = False

    def handle_data(self, data):
        if self.open:
            self.rows[-1][-1] += data


def test_the_record_is_a_picture_with_its_words_and_a_table(graph, states):
    image, rows = Page.read(record_html(graph, states))
    assert image["alt"] == (
        "Pipeline of 5 stages: load cached; clean ran; train will run (Parameter changed: lr 0.01 → 0.05); "
        "plot failed (ValueError: <b> & 'x' (plots.py:3)); report blocked by plot."
    )
    kind, _, data = image["src"].partition(",")
    assert kind == "data:image/svg+xml;base64"
    ET.fromstring(base64.b64decode(data))
    assert rows[0] == ["Stage", "State", "Reason"]
    assert rows[4] == ["plot", "✗ failed", "ValueError: <b> & 'x' (plots.py:3)"]


def test_the_record_does_not_depend_on_how_long_things_took(graph, states):
    slower = states | {"clean": StageState(Outcome.RAN, seconds=99)}
    assert record_html(graph, states) == record_html(graph, slower)
    assert record_text(graph, states) == record_text(graph, slower)
    assert record_text(graph, states).endswith(
        "\n\n5 stages: 1 failed, 1 blocked, 1 will run, 1 ran, 1 cached"
    )


def test_the_picture_needs_nothing_from_elsewhere_and_says_what_it_shows(graph, states):
    svg = dag_svg(graph, states)
    root = ET.fromstring(svg)
    assert root.get("aria-label") == alt_text(graph, states)
    assert not root.findall(f".//{SVG}script")
    assert svg.count("http") == 1  # the namespace
    shown = ["".join(group.itertext()) for group in root.findall(f"{SVG}g")]
    assert any("train" in text and "◐ will run" in text and "writes model.pkl" in text for text in shown)
    assert len(root.findall(f"{SVG}path")) == 5  # load → train is told by load → clean → train
    assert svg == dag_svg(graph, states)


def test_mermaid_names_every_stage_and_escapes_what_it_would_read(stage):
    graph = Graph([stage("a", [], ["1"]), stage('b"]; click', ["1"])])
    assert dag_mermaid(graph, {"a": StageState(Verdict.RUN)}).splitlines() == [
        "flowchart LR",
        '  s0["a<br>◐ will run"]:::will-run',
        '  s1["b#34;#93;#59; click"]',
        "  s0 --> s1",
        "  classDef will-run fill:#fff0da,stroke:#d07800,color:#824800",
    ]


def test_many_variants_are_one_box_of_the_record_that_counts_their_states(stage):
    names = [f"train@{number}" for number in range(100)]
    graph = Graph(
        [
            stage("clean", ["raw.csv"], ["clean.csv"]),
            *(stage(name, ["clean.csv"], [f"{name}.pkl"]) for name in names),
            stage("report", [f"{name}.pkl" for name in names], ["report.html"]),
        ]
    )
    states = dict.fromkeys(graph.order, StageState(Verdict.UNCHANGED))
    states["train@7"] = StageState(Outcome.FAILED, "ValueError: x")
    text = record_text(graph, states)
    assert [" ".join(line.split()) for line in text.splitlines()[:5:2]] == [
        "● clean cached",
        "✗ train \N{MULTIPLICATION SIGN}100 failed (1 failed, 99 cached)",
        "● report cached",
    ]
    assert text.endswith("102 stages: 1 failed, 101 cached")
    html = record_html(graph, states)
    assert html.count("<tr>") == 4
    assert len(html) < 8_000
    # few are shown one by one, and so are those that would make a circle
    few = Graph(
        [stage("clean", [], ["clean.csv"]), *(stage(name, ["clean.csv"], [name]) for name in names[:8])]
    )
    assert "train@7" in record_text(few, {})
    ring = Graph(
        [
            *(stage(name, [], [name]) for name in names[:40]),
            stage("between", ["train@0"], ["between.csv"]),
            stage("train@last", ["between.csv"], ["last.csv"]),
        ]
    )
    assert "train@last" in record_text(ring, {})
