"""Where a command begins: `pivot repro` when there is nothing to do ends here, before anything else is imported."""

import gc
import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pivot.executors.ahead import Ahead

_FLAGS = ("-k", "--keep-going", "-s", "--single-stage")
"""What may stand beside targets for the answer "nothing to do" to be the same line of text."""
_COLLECTED_AFTER = 10_000
"""New objects after which Python looks for garbage. Nearly all that a command makes lives as long as it does: with
Python's own 700 an eighth of the time of a check of 10,000 stages goes into looking at it again and again.
"""
_RUNNING = (*_FLAGS, "-f", "--force")
"""What may stand beside targets for a run to be certain where nothing is known."""
_LONGEST = 9.95
"""Seconds that are written with a decimal, see `pivot.core.state.duration`."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave the process with the right exit code.

    0 all is well, 1 something failed (or nobody reads the output any more, which click sees to), 2 wrong words or
    definitions, 130 interrupted.
    """
    _open_streams()
    try:
        if told_nothing_to_do(sys.argv[1:] if arguments is None else arguments):
            sys.exit(0)
    except KeyboardInterrupt:
        sys.exit(130)
    gc.set_threshold(_COLLECTED_AFTER)
    sys.exit(_run(arguments, begun_ahead(sys.argv[1:] if arguments is None else arguments)))


def begun_ahead(words: list[str]) -> "Ahead | None":
    """The fork server of a project's first run, where the words ask for one: what it imports takes longest."""
    if words[:1] != ["repro"] or any(word.startswith("-") and word not in _RUNNING for word in words):
        return None
    # lazy: other commands do without
    from pivot.define.glance import first_run_libraries

    try:
        libraries = first_run_libraries(os.getcwd())
        if libraries is None:
            return None
        from pivot.executors.ahead import Ahead
        from pivot.executors.cores import cores

        return Ahead(cores(), libraries)
    except OSError:  # no folder, no room for another process: whoever needs it says so
        return None


def _run(arguments: list[str] | None, ahead: "Ahead | None") -> int:
    # lazy: start-up time
    from pivot.cli.commands import run

    if ahead is None:
        return run(arguments)
    from pivot.executors.warm import Workers

    workers = Workers(ahead.executor)
    try:
        return run(arguments, workers)
    finally:
        workers.close()
        ahead.close()


def told_nothing_to_do(words: list[str]) -> bool:
    """Whether the words are a plain ``repro``, the manifest says that there is nothing to do, and that has been said.

    If not, nothing has been written, and the command is to be run as any other.
    """
    began = time.monotonic()
    targets = [word for word in words[1:] if word not in _FLAGS]
    if words[:1] != ["repro"] or any(word.startswith("-") for word in targets):
        return False
    # lazy: other commands do without
    from pivot.store.manifest import is_wanted, load, question
    from pivot.store.root import find_root

    if not is_wanted(os.environ):
        return False
    try:
        here = os.getcwd()
        root = find_root(here)
        if root is None:
            return False
        single_stage = "-s" in words or "--single-stage" in words
        manifest = load(question(root, here, targets, single_stage), root)
        if manifest is None or not manifest.stands(os.environ):
            return False
        seconds = time.monotonic() - began
        if seconds >= _LONGEST:
            return False
        text = f"0 stages run, {len(manifest.ends)} unchanged ({seconds:.1f} s)\n"
        sys.stdout.flush()
        # past Python's buffer: what could not be written must not be there when the command is run in full
        return os.write(sys.stdout.fileno(), text.encode("ascii")) == len(text)
    except (OSError, ValueError):  # no folder, a closed or full output: whoever runs in full says so
        return False


def _open_streams() -> None:
    """Where a stream is closed (``pivot … >&-``), what is written goes nowhere, and into no file opened later."""
    for fd, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != fd:
                os.dup2(nowhere, fd)
                os.close(nowhere)
            os.set_inheritable(fd, True)  # for the workers
            setattr(sys, name, open(fd, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
