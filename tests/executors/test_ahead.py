"""A fork server that is started before anybody knows who will use it."""

from pivot.executors.ahead import Ahead
from pivot.model.task import Success

LOADED = "import sys\ndef run(): return [name for name in ('wave', 'colorsys') if name in sys.modules]"


def loaded(executor, tasks):
    with executor as pool:
        assert isinstance(pool.submit(tasks.task(LOADED)).result(60), Success)
    return (tasks.folder / ".staging/output.json").read_text().split()


def test_the_first_executor_has_the_server_and_what_it_loaded_and_the_next_one_has_its_own(tasks):
    ahead = Ahead(1, ["wave"])
    assert loaded(ahead.executor(1, ["colorsys"]), tasks) == ["[", '"wave"', "]"]
    assert loaded(ahead.executor(1, ["colorsys"]), tasks) == ["[", '"colorsys"', "]"]


def test_an_executor_with_another_number_of_slots_has_a_server_of_its_own(tasks):
    ahead = Ahead(2, ["wave"])
    assert loaded(ahead.executor(1, ["colorsys"]), tasks) == ["[", '"colorsys"', "]"]


def test_a_server_that_nobody_took_ends_and_one_that_was_taken_goes_on(tasks):
    ahead = Ahead(1, ["wave"])
    ahead.close()
    assert loaded(ahead.executor(1, ["colorsys"]), tasks) == ["[", '"colorsys"', "]"]
    other = Ahead(1, ["wave"])
    executor = other.executor(1, [])
    other.close()
    assert loaded(executor, tasks) == ["[", '"wave"', "]"]
