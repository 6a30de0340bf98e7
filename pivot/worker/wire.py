"""Messages between the driver and a worker: eight bytes that say how long it is, then the message itself."""

import os
import struct
from collections.abc import Callable

_HEAD = struct.Struct("!Q")
_PIECE = 1 << 20


def send(fd: int, message: bytes) -> None:
    """Send a message; blocks until the other side has taken (most of) it.

    Raises:
        OSError: nobody is there any more.
    """
    rest = memoryview(_HEAD.pack(len(message)) + message)
    while rest:
        rest = rest[os.write(fd, rest) :]


def receive(fd: int, ready: Callable[[], None]) -> bytes:
    """The next message.

    Args:
        ready: called before each read; may wait, and raise what ends the waiting.

    Raises:
        EOFError: there will be none.
        OSError: nobody is there any more.
    """
    (size,) = _HEAD.unpack(_exactly(fd, _HEAD.size, ready))
    return _exactly(fd, size, ready)


def _exactly(fd: int, size: int, ready: Callable[[], None]) -> bytes:
    pieces: list[bytes] = []
    while size:
        ready()
        piece = os.read(fd, min(size, _PIECE))
        if not piece:
            raise EOFError
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)
