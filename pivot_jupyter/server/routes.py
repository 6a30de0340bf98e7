"""The addresses under ``/pivot/`` that the panel asks."""

import asyncio
import json
import os
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado import web
from tornado.iostream import StreamClosedError

from pivot_jupyter.protocol import to_json
from pivot_jupyter.server.command import Refusal, ask, suitable_interpreter
from pivot_jupyter.server.interpreter import own_version
from pivot_jupyter.server.place import Place, find_place
from pivot_jupyter.server.runs import Runs
from pivot_jupyter.server.states import detail_of, empty_snapshot, snapshot_of

RUNS = 40
"""How many past runs are listed at most."""

_NO_PROJECT = Refusal("no pipeline is defined in this folder or one above it", "", 404)

Method = Callable[[Any], Awaitable[None]]


def add_routes(app: Any) -> None:
    """Gives a server the routes; each is for those only who are logged in, and `_Start` and `_Stop` alone change
    something.
    """
    given = {"runs": Runs()}
    routes = {
        "project": _Project,
        "events": _Events,
        "detail": _Detail,
        "history": _History,
        "past": _Past,
        "compare": _Compare,
        "metrics": _Metrics,
        "plots": _Plots,
        "gallery": _Gallery,
        "run": _Start,
        "stop": _Stop,
    }
    base = app.web_app.settings["base_url"]
    app.web_app.add_handlers(
        ".*$",
        [(url_path_join(base, "pivot", name), handler, given) for name, handler in routes.items()],
    )


def _told(method: Method) -> Method:
    """A method whose refusals are answers: ``{"message", "hint"}``."""

    @wraps(method)
    async def told(self: "_Route") -> None:
        try:
            await method(self)
        except Refusal as refusal:
            self.set_status(refusal.status)
            self.finish(json.dumps({"message": refusal.message, "hint": refusal.hint}))

    return told


class _Route(APIHandler):
    """What all have in common: the folder that a request is about, and JSON as the answer."""

    auth_resource = "pivot"

    def initialize(self, runs: Runs) -> None:
        """Called by tornado."""
        self.runs = runs

    def find(self, path: str | None = None) -> Place | None:
        """The project of the folder that is asked for."""
        asked = self.get_query_argument("path", "") if path is None else path
        return find_place(self.settings["server_root_dir"], asked)

    def place(self, path: str | None = None) -> Place:
        """The same, where there must be one."""
        found = self.find(path)
        if found is None:
            raise _NO_PROJECT
        return found

    def word(self, name: str, default: str = "") -> str:
        """A word for the command line that can be no option of it."""
        return _plain(self.get_query_argument(name, default))

    def give(self, data: Mapping[str, Any]) -> None:
        """Answers."""
        self.set_header("Cache-Control", "no-store")
        self.finish(json.dumps(data))


class _Project(_Route):
    """The states of a folder's stages: ``{"project", "title", "python", "fresh", "notices", "snapshot"}``.

    A project in which Pivot was never used is not looked at unless ``look`` says so: that may run its code.
    """

    @web.authenticated
    @authorized
    @_told
    async def get(self) -> None:
        place = self.find()
        if place is None or not place.defined:
            self.give({"project": place.path if place else None, "defined": False, "snapshot": None})
            return
        told: dict[str, Any] = {
            "project": place.path,
            "defined": True,
            "title": place.folder.name,
            "python": "",
            "notices": [],
        }
        if not place.known and not self.get_query_argument("look", ""):
            self.give({**told, "fresh": True, "snapshot": None})
            return
        try:
            python = suitable_interpreter(place)
            told |= {"python": python.title, "notices": [python.notice] if python.notice else []}
            written = await ask(place, "status", "--json")
            snapshot = self.runs.look(place, snapshot_of(written.data, own_version()))
            told["notices"] += written.notices
        except Refusal as refusal:
            problem = "\n".join(filter(None, (refusal.message, refusal.hint)))
            snapshot = empty_snapshot(own_version(), problem)
        self.give({**told, "fresh": False, "snapshot": to_json(snapshot)})


class _Events(_Route):
    """What changes in the run that is under way, a message a line, until it is over."""

    @web.authenticated
    @authorized
    @_told
    async def get(self) -> None:
        run = self.runs.of(self.place())
        self.set_header("Content-Type", "application/x-ndjson")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Accel-Buffering", "no")
        if run is None:
            self.finish()
            return
        try:
            async for message in run.messages():
                self.write(json.dumps(to_json(message)) + "\n")
                await self.flush()
        except StreamClosedError:
            return  # nobody looks any more
        self.finish()


class _Detail(_Route):
    @web.authenticated
    @authorized
    @_told
    async def get(self) -> None:
        place, stage = self.place(), self.word("stage")
        status, log = await asyncio.gather(
            ask(place, "status", stage, "--explain", "--json"), ask(place, "log", stage)
        )
        self.give(to_json(detail_of(status.data, log.text, place)))


class _History(_Route):
    @web.authenticated
    @authorized
    @_told
    async def get(self) -> None:
        self.give((await ask(self.place(), "history", "-n", str(RUNS), "--json")).data)


class _Past(_Route):
    """What became of each stage in a run."""

    @web.authenticated
    @authorized
    @_told
    async def get(self) -> None:
        self.give((await ask(self.place(), "show", self.word("run"), "--json")).data)


class _Compare(_Route):
    """The stages and the metrics that differ between two runs or revisions."""

    @web.authenticated
    @authorized
    @_told
    async def get(self) -> None:
        place, sides = self.place(), (self.word("old"), self.word("new"))
        stages, metrics = await asyncio.gather(
            ask(place, "diff", *sides, "--json"), ask(place, "metrics", "diff", *sides, "--json")
        )
        self.give({**stages.data, "metrics": metrics.data["metrics"], "notices": stages.notices})


class _Metrics(_Route):
    """The metrics as they are now, with those of git's HEAD where there are some."""

    @web.authenticated
    @authorized
    @_told
    async def get(self) -> None:
        place = self.place()
        now = _now(place)
        try:
            found = await ask(place, "metrics", "diff", "HEAD", now, "--all", "--json")
        except Refusal as refusal:
            alone = await ask(place, "metrics", "diff", now, now, "--all", "--json")
            notices = (*alone.notices, f"not compared: {refusal.message}")
            self.give({**alone.data, "compared": False, "notices": notices})
        else:
            self.give({**found.data, "compared": True, "notices": found.notices})


class _Plots(_Route):
    """The plots as they are now; ``url_path`` of one is where the server's contents have it, or ``null``."""

    @web.authenticated
    @authorized
    @_told
    async def get(self) -> None:
        place = self.place()
        found = await ask(place, "plots", "show", _now(place), "--json")
        plots = [
            {**plot, "served": _served(place, plot["file"], found.data["root"])}
            for plot in found.data["plots"]
        ]
        self.give({"plots": plots, "notices": found.notices})


class _Gallery(_Route):
    """One page with all plots, of one side or of two next to each other: ``{"html"}``."""

    @web.authenticated
    @authorized
    @_told
    async def get(self) -> None:
        place, old = self.place(), self.word("old")
        new = self.word("new") or _now(place)
        words = ("diff", old, new) if old else ("show", new)
        with tempfile.TemporaryDirectory() as folder:
            page = os.path.join(folder, "plots.html")
            written = await ask(place, "plots", *words, "--out", page)
            html = await asyncio.to_thread(_text, page)
        if html is None:
            raise Refusal(written.text.strip())
        self.give({"html": html})


class _Start(_Route):
    @web.authenticated
    @authorized
    @_told
    async def post(self) -> None:
        asked = self.get_json_body() or {}
        targets = [_plain(str(target)) for target in asked.get("targets", ())]
        await self.runs.start(
            self.place(str(asked.get("path", ""))),
            targets,
            force=bool(asked.get("force")),
            single=bool(asked.get("single")),
        )
        self.give({})


class _Stop(_Route):
    @web.authenticated
    @authorized
    @_told
    async def post(self) -> None:
        asked = self.get_json_body() or {}
        path, named = str(asked.get("path", "")), _plain(str(asked.get("run", "")))
        place = self.place(path)
        stages = [_plain(str(stage)) for stage in asked.get("stages", ())]
        run = self.runs.of(place)
        if named:  # of a kernel that is too busy to hear: it works in the notebook's own folder
            await ask(place.within(path), "stop", "--run", named, "--", *stages)
        elif run is not None and run.going and not stages:
            await run.stop(place)
        else:
            await ask(place, "stop", "--", *stages)  # also one that a terminal began
        self.give({})


def _text(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None


def _plain(word: str) -> str:
    if word.startswith("-"):
        raise Refusal(f"{word!r} is no name of a stage, a run or a revision", "", 400)
    return word


def _now(place: Place) -> str:
    """What stands for the present: of a notebook that was not exported the server knows no stages, but runs."""
    return "workspace" if place.defined else "last"


def _served(place: Place, path: str, root: str) -> str | None:
    file = place.inside(path, root)
    return file.relative_to(place.root).as_posix() if file is not None and file.is_file() else None
