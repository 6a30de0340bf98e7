"""Runs that the browser began: they go on when nobody looks, and whoever looks again sees where they are."""

import asyncio
import atexit
import json
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pivot_jupyter.protocol import Change, Failed, RunView, Snapshot, StageView
from pivot_jupyter.server.command import Refusal, ask, begin, end, refusal
from pivot_jupyter.server.place import Place
from pivot_jupyter.server.states import stages_after, summary, with_run

INTERVAL = 0.25
"""Seconds between two messages to one browser."""

_STDERR = 2**16  # bytes of what a run tells beside its events that are kept


class ProjectRun:
    """One run of ``pivot repro --json``, and where its stages are.

    Args:
        known: the stages of the project as they were told last; the summary is of all.

    Attributes:
        view: of the run.
    """

    def __init__(self, process: Process, known: Mapping[str, StageView]) -> None:
        self._process = process
        self._states = dict(known)
        self.view = RunView("", going=True, summary="")
        self._failure: Refusal | None = None
        self._ended = False
        self._changed: dict[str, int] = {}  # stage → the step in which its state changed
        self._step = 0
        self._news = asyncio.Condition()
        self._work = asyncio.create_task(self._follow())

    @property
    def states(self) -> dict[str, StageView]:
        """Where its stages are, by name."""
        return {name: self._states[name] for name in self._changed}

    @property
    def going(self) -> bool:
        """Whether it is under way."""
        return self.view.going

    async def messages(self) -> AsyncIterator[Change | Failed]:
        """What changes, from where it is now to its end; several changes in a short time are one."""
        seen, told = -1, 0
        while True:
            going = self.going
            stages = tuple(self._states[name] for name, step in self._changed.items() if step > seen)
            seen, told = self._step, told + 1
            yield Change(told, stages, self.view, summary(self._states.values()))
            if not going:
                break
            await self._later(seen)
            await asyncio.sleep(INTERVAL)
        if self._failure is not None:
            yield Failed(0, self._failure.message, self._failure.hint)

    async def stop(self, place: Place) -> None:
        """Ends it in an orderly way; gives back at once."""
        told = await ask(place, "stop") if self.view.run else None
        if told is None or not told.text.startswith("asked to stop"):
            self.end()  # it has not begun with a stage

    def end(self) -> None:
        """Ends it by a signal."""
        self._ended = True
        end(self._process, signal.SIGTERM)

    async def _later(self, seen: int) -> None:
        async with self._news:
            await self._news.wait_for(lambda: self._step > seen or not self.going)

    async def _follow(self) -> None:
        out, err = self._process.stdout, self._process.stderr
        assert out is not None
        assert err is not None
        saying = asyncio.create_task(_last(err))
        try:
            async for line in out:
                await self._take(json.loads(line))
            said, code = await saying, await self._process.wait()
            if code != 0 and not self.view.summary and not self._ended:
                self._failure = refusal(said, code)
        except ValueError as error:
            self._failure = Refusal(f"what the run says cannot be read: {error}", "look at: pivot history")
            self.end()
        finally:
            saying.cancel()
            async with self._news:
                self.view = RunView(self.view.run, going=False, summary=self.view.summary)
                self._news.notify_all()

    async def _take(self, event: dict[str, Any]) -> None:
        async with self._news:
            self._step += 1
            for stage in stages_after(event, self._states):
                self._states[stage.name] = stage
                self._changed[stage.name] = self._step
            if event["event"] == "RunStarted":
                self.view = RunView(event["run"], going=True, summary="")
            elif event["event"] == "RunFinished":
                told = ", ".join(f"{count} {outcome}" for outcome, count in event["counts"].items())
                self.view = RunView(event["run"], going=True, summary=told or "nothing to do")
            self._news.notify_all()


class Runs:
    """The last run of each project that this server began, if any."""

    def __init__(self) -> None:
        self._runs: dict[Path, ProjectRun] = {}
        self._known: dict[Path, dict[str, StageView]] = {}
        atexit.register(self.close)

    def close(self) -> None:
        """Ends all that are under way, in an orderly way."""
        for run in self._runs.values():
            run.end()

    def of(self, place: Place) -> ProjectRun | None:
        """That of a project."""
        return self._runs.get(place.folder)

    def look(self, place: Place, snapshot: Snapshot) -> Snapshot:
        """Keeps in mind what is known of a project's stages; gives it with the run that is under way, if one is."""
        self._known[place.folder] = {stage.name: stage for stage in snapshot.stages}
        run = self.of(place)
        return with_run(snapshot, run.states, run.view) if run is not None and run.going else snapshot

    async def start(self, place: Place, targets: Sequence[str], *, force: bool, single: bool) -> None:
        """Begins a run.

        Raises:
            Refusal: one is under way, or the project's Python does not fit.
        """
        former = self.of(place)
        if former is not None and former.going:
            raise Refusal("a run is under way already", "wait for its end, or stop it", 409)
        words = ["repro", "--json", *(["--force"] if force else []), *(["--single-stage"] if single else [])]
        self._runs[place.folder] = ProjectRun(
            await begin(place, *words, "--", *targets), self._known.get(place.folder, {})
        )


async def _last(stream: asyncio.StreamReader) -> str:
    """The end of what is written to a stream."""
    kept = b""
    while chunk := await stream.read(_STDERR):
        kept = (kept + chunk)[-_STDERR:]
    return kept.decode(errors="replace")
