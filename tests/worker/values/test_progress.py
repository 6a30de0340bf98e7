"""`pivot.progress`, and the bars of tqdm: what a stage says of how far it is."""

import gc
import json
import threading

import pytest

import pivot
from pivot.worker.report import Reporter, Standing

LOOP = """
import pivot
def run():
    found = []
    for item in pivot.progress({items}, text="epoch"):
        found.append(item)
    return found
"""


class Clock:
    """Time as the test wants it."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def reporter(tmp_path, clock):
    return Reporter(str(tmp_path / "progress"), clock)


def lines(tmp_path):
    file = tmp_path / "progress"
    return [json.loads(line)["done"] for line in file.read_text().splitlines()] if file.exists() else []


@pytest.mark.parametrize(
    "items", ["range(20)", "(n for n in range(20))", "list(range(20))", "iter(range(20))"]
)
def test_a_loop_gets_its_items_and_the_last_word_is_all_of_them(workbench, items):
    assert workbench.value(LOOP.format(items=items)) == list(range(20))
    said = workbench.progress()
    total = None if items.startswith(("(", "iter")) else 20
    assert said[0] == {"done": 0, "total": total, "text": "epoch"}
    assert said[-1] == {"done": 20, "total": total, "text": "epoch"}


def test_a_bar_in_a_with_block_is_told_of_each_step(bench):
    text = """
    import pivot
    def run():
        with pivot.progress(total=4, text="load") as bar:
            bar.update()
            bar.update(2, text="count")
            bar.update(0.5)
    """
    bench.run(text)
    assert bench.progress()[0] == {"done": 0, "total": 4, "text": "load"}
    assert bench.progress()[-1] == {"done": 3.5, "total": 4, "text": "count"}


def test_a_loop_that_is_left_early_says_how_far_it_came(bench):
    text = """
    import pivot
    def run():
        for item in pivot.progress(range(10)):
            if item == 3: break
    """
    bench.run(text)
    assert bench.progress()[-1]["done"] == 3


def test_an_empty_loop_is_complete_at_once(bench):
    assert bench.value(LOOP.format(items="[]")) == []
    assert bench.progress()[-1] == {"done": 0, "total": 0, "text": "epoch"}


def test_what_an_iterable_raises_reaches_the_stage(bench):
    failure = bench.failure(
        """
        import pivot
        def items():
            yield 1
            raise ValueError("no more")
        def run():
            for item in pivot.progress(items()): pass
        """
    )
    assert failure.message == "ValueError: no more (stages.py:4)"


def test_a_bar_that_nobody_closes_ends_when_it_is_let_go(bench):
    text = """
    import pivot
    def load():
        bar = pivot.progress(total=10, text="load")
        bar.update(1)
        bar.update(6)
    def run():
        load()
        for _ in pivot.progress("abc", text="train"): pass
    """
    bench.run(text)
    assert {"done": 7, "total": 10, "text": "load"} in bench.progress()
    assert bench.progress()[-1] == {"done": 3, "total": 3, "text": "train"}


def test_threads_count_together_and_forked_children_say_nothing(workbench):
    text = """
    import os, pivot
    from concurrent.futures import ThreadPoolExecutor
    def run():
        with pivot.progress(total=100) as bar:
            with ThreadPoolExecutor(4) as pool:
                list(pool.map(lambda _: bar.update(), range(100)))
            child = os.fork()
            if child == 0:
                bar.update(1000)
                bar.close()
                os._exit(0)
            os.waitpid(child, 0)
    """
    workbench.run(text)
    assert workbench.progress()[-1]["done"] == 100


def test_a_stage_that_says_nothing_leaves_no_file(bench):
    bench.run("def run(): return 1")
    assert not (bench.folder / "stage.log.progress").exists()


def test_outside_of_a_stage_it_just_goes_through():
    assert list(pivot.progress("abc")) == ["a", "b", "c"]
    with pivot.progress(total=3, text="x") as bar:
        bar.update()
    assert (bar.done, bar.total) == (1, 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pivot.progress(10), "a number of steps is given as total="),
        (lambda: list(pivot.progress(total=10)), "nothing to go through"),
    ],
)
def test_what_cannot_be_gone_through_is_told(call, message):
    with pytest.raises(TypeError, match=message):
        call()


def test_what_a_lazy_iterable_lists_is_seen_as_the_stage_s_own_reading(workbench):
    workbench.write("data/a.txt", "1")
    text = """
    import mailbox, pathlib, pivot
    def run():
        mailbox.Maildir("mail")
        return [[p.name for p in pivot.progress({lazy})]]
    """
    root = str(workbench.folder)
    for lazy in ("pathlib.Path('data').rglob('*')", "pathlib.Path('data').iterdir()"):
        task = workbench.task(text.format(lazy=lazy), root=root)
        seen = workbench.submit(task).seen
        assert f"{root}/data" in seen.files, (lazy, seen)
    text = "import mailbox, pivot\nBOX = {box}\ndef run(): return len(list(pivot.progress(mailbox.Maildir('mail'))))"
    for folder in ("cur", "new", "tmp"):
        (workbench.folder / "mail" / folder).mkdir(parents=True, exist_ok=True)
    seen = workbench.submit(workbench.task(text.format(box=0), root=root)).seen
    assert f"{root}/mail/cur" in seen.files


def test_no_more_than_five_lines_are_written_in_a_second(reporter, clock, tmp_path):
    for step in range(1000):
        clock.now = 100 + step / 100
        reporter.report(1, Standing(step, None, ""))
    assert 38 <= len(lines(tmp_path)) <= 41
    for step in range(1000):
        clock.now = 110 + step / 100
        reporter.report(step, Standing(0, 1, ""))
        reporter.end(step, Standing(1, 1, ""))
    assert len(lines(tmp_path)) <= 41 + 50


def test_the_last_word_is_told_even_right_after_another(reporter, tmp_path):
    for step in range(10):
        reporter.report(1, Standing(step, 10, ""))
    assert lines(tmp_path) == [0]
    reporter.close()
    assert lines(tmp_path) == [0, 9]
    reporter.report(1, Standing(10, 10, ""))
    assert lines(tmp_path) == [0, 9]


def test_the_end_of_a_bar_is_told_at_once(reporter, tmp_path):
    reporter.report(1, Standing(0, 10, ""))
    reporter.end(1, Standing(10, 10, ""))
    assert lines(tmp_path) == [0, 10]


def test_of_nested_bars_the_outermost_that_is_not_complete_is_told(reporter, clock, tmp_path):
    def say(bar, done, total):
        clock.now += 1
        reporter.report(bar, Standing(done, total, ""))

    say(1, 3, 10)
    say(2, 50, 100)
    assert lines(tmp_path)[-1] == 3
    say(1, 10, 10)  # complete but never closed
    say(2, 60, 100)
    assert lines(tmp_path)[-1] == 60


def test_numbers_and_words_of_any_kind_become_a_line_that_can_be_read(reporter, clock, tmp_path):
    np = pytest.importorskip("numpy")
    for done, total in ((np.float32(1.5), np.int64(3)), (float("nan"), float("inf")), (10**15, None)):
        clock.now += 1
        reporter.report(1, Standing(done, total, "two\nlines \ud800" + "x" * 500))
    found = [json.loads(line) for line in (tmp_path / "progress").read_text().splitlines()]
    assert [(one["done"], one["total"]) for one in found] == [(1.5, 3), (0, None), (10**15, None)]
    assert all(one["text"].startswith("two lines ") and len(one["text"]) == 200 for one in found)


def test_a_place_that_cannot_be_written_is_no_failure(clock, tmp_path):
    reporter = Reporter(str(tmp_path / "missing" / "progress"), clock)
    reporter.report(1, Standing(1, 2, ""))
    reporter.close()
    assert list(tmp_path.iterdir()) == []


def test_a_bar_that_garbage_collection_ends_while_another_moves_blocks_nothing(reporter, clock, tmp_path):
    ended = []

    class Bar:
        def __del__(self):
            reporter.end(id(self), Standing(1, 1, ""))
            ended.append(threading.get_ident())

    class Words(str):
        __slots__ = ()

        def split(self, *_):  # in the middle of writing
            gc.collect()
            return ["x"]

    bar = Bar()
    bar.itself = bar
    reporter.report(1, Standing(0, 2, ""))
    reporter.report(id(bar), Standing(0, 1, ""))
    del bar
    clock.now += 1
    reporter.report(1, Standing(1, 2, Words()))
    assert ended == [threading.get_ident()]
    assert lines(tmp_path) == [0, 1]


TQDM = {
    "before the stage": "from {module} import tqdm\ndef run():\n    ",
    "in the stage": "def run():\n    from {module} import tqdm\n    ",
}


@pytest.mark.parametrize("when", TQDM)
@pytest.mark.parametrize("module", ["tqdm", "tqdm.auto", "tqdm.notebook"])
def test_a_bar_of_tqdm_is_recognised(workbench, when, module):
    pytest.importorskip("tqdm")
    workbench.write("helper.py")
    body = "for _ in tqdm(range(7), desc='epoch'):\n        for _ in tqdm(range(3)): pass"
    workbench.run(TQDM[when].format(module=module) + body)
    assert workbench.progress()[0] == {"done": 0, "total": 7, "text": "epoch"}
    assert workbench.progress()[-1] == {"done": 7, "total": 7, "text": "epoch"}


@pytest.mark.parametrize(
    ("body", "last"),
    [
        (
            "bar = tqdm(total=5, unit='file'); bar.update(2); bar.close()",
            {"done": 2, "total": 5, "text": "file"},
        ),
        ("[None for _ in tqdm(iter('abc'))]", {"done": 3, "total": None, "text": ""}),
        ("[None for _ in tqdm('abc', disable=True)]", None),
    ],
)
def test_bars_of_tqdm_are_taken_as_they_are(workbench, body, last):
    pytest.importorskip("tqdm")
    workbench.run(f"from tqdm import tqdm\ndef run(): {body}")
    assert (workbench.progress() or [None])[-1] == last


def test_after_a_stage_tqdm_is_as_it_was(bench):
    tqdm = pytest.importorskip("tqdm").tqdm
    before = {name: vars(tqdm)[name] for name in ("__init__", "refresh", "close")}
    bench.run("from tqdm import tqdm\ndef run(): list(tqdm('abc'))")
    assert bench.progress()[-1]["done"] == 3
    assert {name: vars(tqdm)[name] for name in before} == before
