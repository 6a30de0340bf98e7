"""``pivot repro --watch``: run, wait for what a person saves, run again."""

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from pivot.cli.opened import named_file
from pivot.errors import PivotError, StoreError, UsageError
from pivot.model.event import Event, Outcome, RunFinished, RunStarted, StageFinished
from pivot.model.run import Run
from pivot.paths import ProjectPath

if TYPE_CHECKING:
    from pivot.engine.watch import Sight
    from pivot.project import Project

MOST_STREAK = 3
"""So many runs in a row may follow because the same files changed while the one before was going on."""

QUIET = 0.3
"""Seconds of quiet after a change, where the settings cannot be read."""

_FOUNDING = ("config.yaml", "pivot.yaml", "pivot.yml", "pipeline.py")  # a project is opened with them

Once = Callable[["Project", bool, Callable[[Event], None]], Run]
"""Runs once: the project, whether this is the first time, and who hears of events before they are shown."""


class Announcer:
    """Says what changed, as late as possible: together with what comes of it.

    Args:
        as_json: write JSON objects.
        summary: prints how a run ended.
    """

    def __init__(self, as_json: bool, summary: Callable[[Run], None]) -> None:
        self._json = as_json
        self._summary = summary
        self._changed: tuple[ProjectPath, ...] = ()
        self._told = True
        self._live = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        self._replaced = False  # the last line on the terminal is one that the next may replace

    def begin(self, changed: Sequence[ProjectPath]) -> None:
        """A round begins because of these files."""
        self._changed = tuple(changed)
        self._told = not changed

    def __call__(self, event: Event) -> None:
        """Take an event of the run."""
        quiet = isinstance(event, RunStarted | RunFinished) or (
            isinstance(event, StageFinished) and event.outcome is Outcome.UNCHANGED
        )
        if not quiet or self._json:
            self.tell()

    def tell(self) -> None:
        """Say now what changed, if it has not been said."""
        if self._told:
            return
        self._told = True
        if self._json:
            click.echo(json.dumps({"schema": 1, "event": "FilesChanged", "paths": list(self._changed)}))
            return
        self._line(f"{_clock()} {_named(self._changed)} changed", stays=True)

    def end(self, run: Run | None, sight: "Sight") -> None:
        """A round is over: how it ended, and what is waited for."""
        if self._json:
            click.echo(json.dumps({"schema": 1, "event": "Waiting", "files": len(sight.files)}))
            return
        if run is not None and all(end.outcome is Outcome.UNCHANGED for end in run.stages.values()):
            why = f"{_named(self._changed)} changed: " if self._changed else ""
            rest = "nothing to run; waiting (Ctrl-C ends)"
            if self._live and len(why) + len(rest) + 10 > _columns():
                why = ""
            self._line(f"{_clock()} {why}{rest}", stays=False)
            return
        if run is not None:
            if run.with_outcome(Outcome.FAILED):
                click.echo()  # apart from the failed stages' tracebacks
            self._summary(run)
        self._line(f"waiting for changes of {_counted(sight)} (Ctrl-C ends)", stays=False)

    def cancelled(self, run: Run) -> None:
        """A run was interrupted; nothing follows."""
        if not self._json:
            self._summary(run)

    def over(self) -> None:
        """The person has ended it."""
        if sys.stdout.isatty():
            click.echo()  # after the ^C

    def _line(self, text: str, *, stays: bool) -> None:
        if self._live:
            text = text[: _columns() - 1]  # a wrapped line could not be taken back
            if self._replaced:
                click.echo("\x1b[1A\x1b[2K", nl=False)
        click.echo(text)
        self._replaced = self._live and not stays


def keep_running(session: "Session") -> int:
    """Run, wait, run again, until a person ends it; gives the exit code.

    Raises:
        UsageError: the targets are wrong from the start.
        KeyboardInterrupt: a run was interrupted before its first stage began.
    """
    changed: tuple[ProjectPath, ...] = ()
    try:
        while True:
            run = session.run(changed)
            if run is not None and run.cancelled:
                return 130
            try:
                changed = session.wait(run)
            except KeyboardInterrupt:
                session.announcer.over()
                return 0
    finally:
        session.close()


class Session:
    """What is kept from one run to the next.

    Whatever is wrong with the definitions, the code or the data is told, and waited for to be mended.

    Args:
        once: runs once.
        announcer: tells what changed and what is waited for.
        targets, single_stage: of the runs.
        debounce: seconds; ``None`` for the setting.
        params: values over those of the files, see `Project`.
    """

    def __init__(
        self,
        once: Once,
        announcer: Announcer,
        *,
        targets: Sequence[str],
        single_stage: bool,
        debounce: float | None,
        params: Mapping[str, object],
    ) -> None:
        from pivot.core.interest import Interest

        self._once = once
        self.announcer = announcer
        self._targets = targets
        self._single_stage = single_stage
        self._debounce = debounce
        self._params = params
        self._path = named_file()
        self._project: Project | None = None
        self._root = os.getcwd()
        self._quiet = QUIET if debounce is None else debounce
        self._interest = Interest()
        self._before: Sight | None = None  # until the first run
        self._streak: tuple[ProjectPath, ...] = ()  # what changed during each of the last runs
        self._streaks = 0

    def run(self, changed: tuple[ProjectPath, ...]) -> Run | None:
        """Run, because these files changed; ``None`` if the run could not begin, which has been told."""
        from pivot.engine.watch import look

        first = self._before is None
        self._before = look(self._root, self._interest)
        self.announcer.begin(changed)
        if any(os.path.basename(path) in _FOUNDING for path in changed) or not os.path.isdir(
            os.path.join(self._root, ".pivot")
        ):
            self.close()
        run = None
        try:
            run = self._once(self._open(), first, self.announcer)
        except PivotError as error:
            if first and isinstance(error, UsageError):
                raise
            self.announcer.tell()
            _report(error)
            if isinstance(error, StoreError):
                self.close()  # what is on disk may not be what it was opened with
        if run is not None and run.cancelled:
            self.announcer.cancelled(run)
        return run

    def wait(self, run: Run | None) -> tuple[ProjectPath, ...]:
        """Sleep until files that matter are saved; gives them.

        Raises:
            KeyboardInterrupt: a person pressed Ctrl-C.
        """
        from pivot.engine.watch import changes, look, settle, wait

        if self._project is not None:
            with contextlib.suppress(PivotError):  # told by the run, or by the next
                self._interest = self._project.interest(self._targets, single_stage=self._single_stage)
            self._tell_notices()
        now = look(self._root, self._interest)
        changed = changes(self._before or now, now)  # while it ran
        self.announcer.end(run, now)
        self._streaks = self._streaks + 1 if changed == self._streak else 1
        self._streak = changed
        if changed and self._streaks < MOST_STREAK:
            settle(self._root, now, self._quiet)
            return changed
        if changed:
            what = f"{_named(changed)} changed during {MOST_STREAK} runs in a row"
            click.echo(f"{what}: does a stage write its own dep?", err=True)
        return changes(now, wait(self._root, now, self._quiet))

    def close(self) -> None:
        """End the workers."""
        if self._project is not None:
            self._tell_notices()
            self._project.close()
            self._project = None

    def _open(self) -> "Project":
        from pivot.project import Project  # lazy: start-up time

        if self._project is None:
            self._project = Project(self._path, params=self._params)
            self._root = self._project.root
            if self._debounce is None:
                self._quiet = self._project.settings.debounce
        return self._project

    def _tell_notices(self) -> None:
        for text in self._project.notices() if self._project else ():
            click.echo(text, err=True)


def _report(error: PivotError) -> None:
    from pivot.cli.commands import report

    report(error)


def _columns() -> int:
    import shutil

    return shutil.get_terminal_size().columns


def _clock() -> str:
    return time.strftime("%H:%M:%S")


def _named(paths: Sequence[ProjectPath]) -> str:
    """``a.py``, ``a.py and b.csv``, ``a.py and 3 more``."""
    if len(paths) == 2:
        return f"{paths[0]} and {paths[1]}"
    return f"{paths[0]} and {len(paths) - 1} more" if len(paths) > 2 else "".join(paths)


def _counted(sight: "Sight") -> str:
    from pivot.cli.words import plural
    from pivot.core.interest import DEFINING

    code = sum(path.endswith(DEFINING) for path in sight.files)
    return f"{plural(code, 'code file')} and {plural(len(sight.files) - code, 'data file')}"
