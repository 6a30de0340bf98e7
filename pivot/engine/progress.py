"""What a running stage says of how far it is, read from the file beside its log."""

import contextlib
import os

from pivot.model.event import StageProgress
from pivot.worker.report import progress_file, read_record


class ProgressTail:
    """Follows what a stage says. Nobody needs to know where it was, so only the newest word counts.

    Args:
        log: absolute path of the stage's log; the file that is followed need never be there.
    """

    def __init__(self, stage: str, log: str) -> None:
        self._stage = stage
        self._path = progress_file(log)
        self._known = b""

    def newest(self) -> StageProgress | None:
        """How far the stage is, if it said anything since the last look."""
        try:
            with open(self._path, "rb", buffering=0) as file:
                data = file.read()
        except OSError:
            return None
        said = read_record(data) if data != self._known else None
        if said is None:
            return None
        self._known = data
        return StageProgress(self._stage, said.done, said.total, said.text)

    def discard(self) -> None:
        """Remove the file, once the stage is over."""
        with contextlib.suppress(OSError):
            os.unlink(self._path)
