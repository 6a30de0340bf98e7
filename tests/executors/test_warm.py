"""Workers that runs and short visits share: who may end them, and when."""

import pytest

from pivot.executors.warm import Workers, given


class Pool:
    """Stands for an executor; all that ends it is taken down."""

    def __init__(self, slots, preload):
        self.slots, self.preload, self.closed = slots, preload, False

    def close(self):
        self.closed = True


@pytest.fixture
def started():
    return []


@pytest.fixture
def workers(started):
    def start(slots, preload):
        started.append(Pool(slots, list(preload)))
        return started[-1]

    return Workers(start)


def test_runs_one_after_the_other_have_the_same_executor_and_a_visit_goes_along(workers, started):
    with workers.lend() as loan:
        first = loan.executor(2, {"pandas", "numpy"})
        assert first is loan.executor(2, {"pandas", "numpy"})
        with workers.visit(8, {"scipy"}) as visited:
            assert visited is first
    with workers.lend() as loan:
        assert loan.executor(1, {"numpy"}) is first
    assert [(pool.slots, pool.preload) for pool in started] == [(2, ["numpy", "pandas"])]
    workers.close()
    assert first.closed


def test_a_run_that_starts_nothing_leaves_all_as_it_is(workers, started):
    with workers.lend():
        pass
    with workers.visit(2, ()), workers.lend() as loan:
        loan.spoilt = True
    assert [pool.closed for pool in started] == [False]


@pytest.mark.parametrize(("slots", "preload"), [(3, ()), (2, {"pandas"})])
def test_an_executor_that_lacks_something_is_replaced_and_ends_when_nobody_visits_it(
    workers, started, slots, preload
):
    with workers.visit(2, ()) as old, workers.lend() as loan:
        new = loan.executor(slots, preload)
        assert new is not old
        assert not old.closed
        with workers.visit(2, ()) as visited:
            assert visited is new
    assert [pool.closed for pool in started] == [True, False]


def test_what_a_run_s_own_definitions_started_is_not_replaced_for_a_library(workers, started):
    with workers.lend() as loan:
        with workers.visit(2, {"numpy"}) as first:
            pass
        assert loan.executor(2, {"numpy", "pandas"}) is first
    with workers.lend() as loan:
        assert loan.executor(2, {"numpy", "pandas"}) is not first
    assert [pool.closed for pool in started] == [True, False]


def test_two_runs_at_once_share_nothing_and_the_second_one_s_executor_ends_with_it(workers):
    with workers.lend() as loan:
        first = loan.executor(2, {"numpy"})
        with workers.lend() as other:
            second = other.executor(4, {"pandas"})
            assert second is not first
        assert second.closed
        assert not first.closed
        with workers.visit(1, ()) as visited:
            assert visited is first


def test_after_a_run_that_was_cut_short_the_executor_ends_with_the_last_visit(workers):
    with workers.visit(2, ()) as first:
        with workers.lend() as loan:
            assert loan.executor(2, ()) is first
            loan.spoilt = True
        assert not first.closed
        with workers.lend() as loan:
            assert loan.executor(2, ()) is not first
    assert first.closed


def test_after_an_exception_the_executor_is_not_used_again(workers):
    with pytest.raises(ValueError, match="sink"), workers.lend() as loan:  # noqa: PT012 - the run's own
        first = loan.executor(2, ())
        raise ValueError("sink")
    assert first.closed
    with workers.visit(2, ()) as other:
        assert other is not first


def test_to_close_ends_it_at_once_also_in_the_middle_of_a_run(workers):
    with workers.lend() as loan:
        first = loan.executor(2, ())
        workers.close()
        assert first.closed
        with workers.visit(2, ()) as other:
            assert not other.closed
    assert not other.closed


def test_an_executor_that_was_given_is_never_ended(started):
    own = Pool(1, [])
    workers = given(own)
    with workers.lend() as loan, workers.lend() as other:
        assert loan.executor(1, {"numpy"}) is own
        assert other.executor(5, {"pandas"}) is own
        loan.spoilt = True
    workers.close()
    assert not own.closed
