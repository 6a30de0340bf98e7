"""`pivot.progress`, and the bars of tqdm: what a stage says of how far it is."""

import gc
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pivot
from pivot.worker.report import Reporter, Standing, read_record

LOOP = """
import pivot
def run():
    found = []
    for item in pivot.progress({items}, text="epoch"):
        found.append(item)
    return found
"""


@pytest.fixture
def reporter(tmp_path):
    return Reporter(str(tmp_path / "progress"))


@pytest.fixture
def said(tmp_path):
    """What a reader of the file finds now."""
    return lambda: read_record((tmp_path / "progress").read_bytes())


@pytest.mark.parametrize(
    "items", ["range(20)", "(n for n in range(20))", "list(range(20))", "iter(range(20))"]
)
def test_a_loop_gets_its_items_and_the_last_word_is_all_of_them(workbench, items):
    assert workbench.value(LOOP.format(items=items)) == list(range(20))
    total = None if items.startswith(("(", "iter")) else 20
    assert workbench.progress() == Standing(20, total, "epoch")


def test_each_step_is_there_at_once_for_whoever_looks(bench):
    text = """
    import pathlib, pivot
    from pivot.worker.report import read_record
    def said():
        found = read_record(pathlib.Path("stage.log.progress").read_bytes())
        return [found.done, found.total, found.text]
    def run():
        found = []
        with pivot.progress(total=4, text="load") as bar:
            found.append(said())
            bar.update()
            found.append(said())
            bar.update(2, text="count")
            found.append(said())
            bar.total = 5
            bar.update(0.5)
            found.append(said())
        for item in pivot.progress("ab"):
            found.append(said())
        return found
    """
    expected = [[0, 4, "load"], [1, 4, "load"], [3, 4, "count"], [3.5, 5, "count"], [0, 2, ""], [1, 2, ""]]
    assert bench.value(text) == expected
    assert bench.progress() == Standing(2, 2, "")


def test_a_loop_that_is_left_early_says_how_far_it_came(bench):
    text = """
    import pivot
    def run():
        for item in pivot.progress(range(10)):
            if item == 3: break
    """
    bench.run(text)
    assert bench.progress().done == 3


def test_an_empty_loop_is_complete_at_once(bench):
    assert bench.value(LOOP.format(items="[]")) == []
    assert bench.progress() == Standing(0, 0, "epoch")


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
    assert bench.progress() == Standing(3, 3, "train")


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
    assert workbench.progress().done == 100


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


@given(steps=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.booleans()), max_size=30))
def test_what_can_be_read_is_the_outermost_bar_that_is_not_complete(tmp_path_factory, steps):
    place = tmp_path_factory.mktemp("report") / "progress"
    reporter, bars = Reporter(str(place)), {}
    for bar, more, ends in steps:
        is_new = bar not in bars
        bars[bar] = Standing(more if is_new else bars[bar].done + more, 3, f"bar {bar}")
        if ends and not is_new:
            reporter.end(bar, bars[bar])
        elif is_new:
            reporter.report(bar, bars[bar])
        else:
            reporter.count(bar, bars[bar].done)
        incomplete = [standing for standing in bars.values() if standing.done < 3]
        assert read_record(place.read_bytes()) == (incomplete or [*bars.values()][-1:])[0]
        if ends and not is_new:
            del bars[bar]
    reporter.close()


def test_steps_that_are_only_counted_are_those_of_the_bar_that_is_shown(reporter, said):
    reporter.report(1, Standing(0, 3, "epoch"))
    reporter.report(2, Standing(0, 100, "batch"))
    reporter.count(2, 50)
    assert said() == Standing(0, 3, "epoch")
    reporter.count(1, 2)
    assert said() == Standing(2, 3, "epoch")
    reporter.count(1, 3)  # complete, but never closed
    reporter.count(2, 60)
    assert said() == Standing(60, 100, "batch")


def test_nothing_is_told_any_more_once_the_stage_is_over(reporter, said):
    reporter.report(1, Standing(1, 10, ""))
    reporter.count(1, 9)
    reporter.close()
    for late in (lambda: reporter.count(1, 10), lambda: reporter.report(1, Standing(10, 10, ""))):
        late()
        assert said() == Standing(9, 10, "")


def test_numbers_and_words_of_any_kind_become_a_record_that_can_be_read(reporter, said):
    np = pytest.importorskip("numpy")
    for done, total, read in (
        (np.float32(1.5), np.int64(3), (1.5, 3)),
        (float("nan"), float("inf"), (0, None)),
        (10**15, None, (10**15, None)),
    ):
        reporter.report(1, Standing(done, total, "two\nlines \ud800" + "ü" * 500))
        assert (said().done, said().total) == read
        assert said().text.startswith("two lines ?ü")
        assert len(said().text) == 200
        reporter.count(1, np.float32(2.5))
        assert said().done == 2.5


def test_a_place_that_cannot_be_written_is_no_failure(tmp_path):
    reporter = Reporter(str(tmp_path / "missing" / "progress"))
    reporter.report(1, Standing(1, 2, ""))
    reporter.count(1, 2)
    reporter.close()
    assert list(tmp_path.iterdir()) == []


def test_a_bar_that_garbage_collection_ends_while_another_moves_blocks_nothing(reporter, said):
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
    reporter.report(1, Standing(1, 2, Words()))
    assert ended == [threading.get_ident()]
    assert said().done == 1


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
    assert workbench.progress() == Standing(7, 7, "epoch")


@pytest.mark.parametrize(
    ("body", "last"),
    [
        (
            "bar = tqdm(total=5, unit='file'); bar.update(2); bar.close()",
            Standing(2, 5, "file"),
        ),
        ("[None for _ in tqdm(iter('abc'))]", Standing(3, None, "")),
        ("[None for _ in tqdm('abc', disable=True)]", None),
    ],
)
def test_bars_of_tqdm_are_taken_as_they_are(workbench, body, last):
    pytest.importorskip("tqdm")
    workbench.run(f"from tqdm import tqdm\ndef run(): {body}")
    assert workbench.progress() == last


def test_after_a_stage_tqdm_is_as_it_was(bench):
    tqdm = pytest.importorskip("tqdm").tqdm
    before = {name: vars(tqdm)[name] for name in ("__init__", "refresh", "close")}
    bench.run("from tqdm import tqdm\ndef run(): list(tqdm('abc'))")
    assert bench.progress().done == 3
    assert {name: vars(tqdm)[name] for name in before} == before
