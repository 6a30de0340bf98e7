"""Messages between the driver and a worker."""

import os
import struct
import threading

import pytest

from pivot.worker.wire import receive, send


def nothing() -> None:
    pass


@pytest.mark.parametrize("size", [0, 1, 1 << 16, 3 << 20], ids=str)
def test_a_message_arrives_whole_whatever_its_size(size):
    source, target = os.pipe()
    message = os.urandom(size)
    sender = threading.Thread(target=send, args=(target, message))
    sender.start()
    assert receive(source, nothing) == message
    sender.join()
    os.close(source)
    os.close(target)


def test_a_message_that_breaks_off_is_no_message():
    source, target = os.pipe()
    os.write(target, struct.pack("!Q", 9) + b"half")
    os.close(target)
    with pytest.raises(EOFError):
        receive(source, nothing)
    os.close(source)


def test_whoever_waits_may_give_up_in_the_middle_of_a_message_though_the_other_end_is_open():
    source, target = os.pipe()
    os.write(target, struct.pack("!Q", 9) + b"half")
    asked = []

    def ready() -> None:
        asked.append(1)
        if len(asked) == 3:  # the length, the half that is there
            raise EOFError

    with pytest.raises(EOFError):
        receive(source, ready)
    os.close(source)
    os.close(target)
