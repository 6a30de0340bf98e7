"""Cells and looks at the session take turns."""

import queue
import threading

from pivot_jupyter.turns import Turns


def test_nobody_looks_while_a_cell_runs():
    turns = Turns()
    turns.cell_begins()
    with turns.look(0.01) as free:
        assert not free
    turns.cell_ends()
    with turns.look(0.01) as free:
        assert free


def test_a_cell_waits_for_a_look_to_end():
    turns, steps, looking = Turns(), queue.SimpleQueue(), threading.Event()

    def cell():
        looking.wait(10)
        turns.cell_begins()
        steps.put("cell")

    thread = threading.Thread(target=cell)
    thread.start()
    with turns.look() as free:
        looking.set()
        thread.join(0.05)  # it may come as far as it likes: not past the look
        steps.put(f"look {free}")
    thread.join(10)
    assert [steps.get(timeout=1), steps.get(timeout=1)] == ["look True", "cell"]


def test_a_look_that_fails_lets_others_go_on():
    turns = Turns()
    try:
        with turns.look():
            raise RuntimeError
    except RuntimeError:
        pass
    turns.cell_begins()
    turns.cell_ends()
    with turns.look(0.01) as free:
        assert free
