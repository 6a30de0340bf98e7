"""What a running stage says of how far it is, read from the file beside its log."""

import contextlib
import json
import math
import os

from pivot.model.event import StageProgress
from pivot.worker.report import progress_file


class ProgressTail:
    """Follows what a stage says. Nobody needs to know where it was, so only the newest word counts.

    Args:
        log: absolute path of the stage's log; the file that is followed need never be there.
    """

    def __init__(self, stage: str, log: str) -> None:
        self._stage = stage
        self._path = progress_file(log)
        self._offset = 0
        self._rest = b""

    def newest(self) -> StageProgress | None:
        """How far the stage is, if it said anything since the last look."""
        try:
            with open(self._path, "rb", buffering=0) as file:
                file.seek(self._offset)
                data = file.read()
        except OSError:
            return None
        self._offset += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        said = (_event(self._stage, line) for line in reversed(lines))
        return next((event for event in said if event is not None), None)

    def discard(self) -> None:
        """Remove the file, once the stage is over."""
        with contextlib.suppress(OSError):
            os.unlink(self._path)


def _event(stage: str, line: bytes) -> StageProgress | None:
    try:
        match json.loads(line):
            case {
                "done": int() | float() as done,
                "total": int() | float() | None as total,
                "text": str(text),
            }:
                if math.isfinite(done) and (total is None or math.isfinite(total)):
                    return StageProgress(stage, done, total, text)
    except ValueError:  # a stage may write there, too
        return None
    return None
