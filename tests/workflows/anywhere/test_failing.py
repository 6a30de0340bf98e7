"""Stages that fail, are killed or interrupted, and drivers that die: what is told, and what the next run finds."""

import os
import signal

import psutil
import pytest

FETCH = """
def cities() -> list:
    return [{"city": n} for n in range(100)]

def fetch(city: dict):
    if city["city"] == 37 and os.path.exists("../bad"):
        raise ValueError("no such city")
    called(f"fetch{city['city']}")
    return city["city"] * 2

def total(values):
    called("total")
    return sum(values)
"""
STAGES = """
cities: {python: st.cities}
fetch: {python: st.fetch, map: cities}
total: {python: st.total, depends_on: fetch}
"""


def test_one_failing_item_of_a_hundred_leaves_the_others_cached(flow):
    flow.write(FETCH, STAGES)
    (flow.path.parent / "bad").touch()
    assert flow.run() == {"cities": "ran", "fetch": "failed", "total": "blocked"}
    assert flow.result.exit_code == 1
    end = flow.result.stages["fetch"]
    assert end.reason.startswith("1 of 100 items failed: [37] ValueError: no such city (st.py:")
    assert "raise ValueError" in end.traceback
    assert len(flow.calls()) == 99
    assert set(flow.failed("fetch")) == {0, 1}
    assert flow.failed("fetch")[-1] == 1
    (flow.path.parent / "bad").unlink()
    assert flow.run() == {"cities": "unchanged", "fetch": "ran", "total": "ran"}
    assert flow.calls() == ["fetch37", "total"]
    assert flow.progress("fetch")[0] == (99, 100)
    assert flow.progress("fetch")[-1] == (100, 100)
    assert flow.value("total") == 9900


DIES = """
def fine():
    return 1

def dies(x):
    if os.path.exists("../bad"):
        os._exit(3)
    return x + 1
"""


def test_after_a_worker_that_ended_itself_the_next_run_works(flow):
    flow.write(DIES, "fine: {python: st.fine}\ndies: {python: st.dies, depends_on: fine}\n")
    (flow.path.parent / "bad").touch()
    assert flow.run() == {"fine": "ran", "dies": "failed"}
    assert flow.result.stages["dies"].reason.startswith("worker exited with code 3")
    (flow.path.parent / "bad").unlink()
    assert flow.run() == {"fine": "unchanged", "dies": "ran"}
    assert flow.value("dies") == 2


def test_a_command_whose_stage_fails_ends_with_1_and_shows_what_a_person_needs(flow):
    flow.write("def fails():\n    raise ValueError('not today')\n", "fails: {python: st.fails}\n")
    code, out, err = flow.pivot("repro")
    assert (code, "1 stage run, 1 failed" in out) == (1, True), out + err
    assert "fails" in out
    assert "ValueError: not today (st.py:" in out


SLOW = """
def quick():
    called("quick")
    return 1

def slow(x):
    with open("../pids.new", "w") as file:
        file.write(f"{os.getpid()} {os.getppid()}")
    os.rename("../pids.new", "../pids")
    while os.path.exists("../bad"):
        time.sleep(0.01)
    return x + 1
"""


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)], ids=["kill -9", "Ctrl-C"]
)
def test_a_driver_that_is_stopped_leaves_no_process_no_lock_and_all_that_was_finished(
    flow, until, gone, number, code
):
    flow.write(SLOW, "quick: {python: st.quick}\nslow: {python: st.slow, depends_on: quick}\n")
    (flow.path.parent / "bad").touch()
    driver = flow.start("repro")
    until((flow.path.parent / "pids").exists)
    at_work = map(int, (flow.path.parent / "pids").read_text().split())  # the stage and its fork server
    left = {*at_work, *(child.pid for child in psutil.Process(driver.pid).children(recursive=True))}
    os.kill(driver.pid, number)
    assert driver.wait(60) == code
    until(lambda: all(map(gone, left)))
    assert flow.calls() == ["quick"]
    (flow.path.parent / "bad").unlink()
    assert flow.run() == {"quick": "unchanged", "slow": "ran"}
    assert (flow.value("slow"), flow.calls()) == (2, [])


@pytest.mark.parametrize("kind", ["ray"], indirect=True, scope="package")
def test_a_cluster_that_asks_for_a_token_says_so(flow, monkeypatch):
    flow.write("def one():\n    return 1\n", "one: {python: st.one}\n")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setenv("RAY_NUM_REDIS_GET_RETRIES", "1")  # Ray asks 20 times, a second apart
    code, _, err = flow.pivot("repro")
    assert code == 1
    assert "takes nobody in without its token" in err
    assert "RAY_AUTH_MODE=token" in err
