"""What a worker saw, as what the next check looks at again; and that next look.

Paths become project paths, code becomes definitions. What is declared is left out: deps and outs are compared anyway.
"""

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from pivot.core.graph import Graph
from pivot.errors import DefinitionErrors, PivotError
from pivot.fingerprint.stage import Fingerprinter
from pivot.model.context import EXECUTOR, is_param_of, run_context, states_now
from pivot.model.fingerprint import Fingerprint
from pivot.model.observation import (
    ABSENT,
    FOLDER,
    PRESENT,
    Observation,
    Seen,
    environment_state,
    is_link,
    is_listing,
    left_by_stage,
)
from pivot.model.stage import Stage
from pivot.paths import ProjectPath, absolute, is_folder, relative_to_folder, relative_to_root
from pivot.store.states import DigestOf, state_now

MOST_HINTS = 5
"""Undeclared files that are named one by one."""


@dataclass(frozen=True, slots=True)
class Reader:
    """What must be known to read what a worker saw.

    Attributes:
        root: the project's, absolute.
        static: the stage's fingerprint before it ran.
        strict: whether reading an undeclared file is an error.
    """

    root: str
    graph: Graph
    stage: Stage
    static: Fingerprint
    fingerprinter: Fingerprinter
    strict: bool

    def named_files(self, digest: DigestOf) -> dict[ProjectPath, str]:
        """Files that literals in the stage's reach name, with their content now: native code may read them unseen."""
        modules = {module.filename for module in self.static.modules}
        found: dict[ProjectPath, str] = {}
        for text in self.static.strings:
            for folder in dict.fromkeys((absolute(self.stage.folder, self.root), self.root)):
                path = os.path.normpath(os.path.join(folder, text))
                if not path.startswith(self.root + os.sep) or path in modules or not os.path.isfile(path):
                    continue
                name = relative_to_root(path, self.root)
                state = None if self._is_declared(name) else digest(path)
                if state is not None and not _is_ours(name):
                    found[name] = state
                break
        return found

    def _is_declared(self, path: ProjectPath) -> bool:
        """Whether a file is a dep or out, or lies in a folder that is one."""
        declared = (*self.stage.dep_paths(), *self.stage.out_paths())
        return any(path == one or (is_folder(one) and path.startswith(one)) for one in declared)

    def observation(self, seen: Seen, named: Mapping[ProjectPath, str]) -> Observation:
        """What is kept of all that.

        Args:
            named: of `named_files`, before the stage ran.
        """
        written = {relative_to_root(path, self.root) for path in seen.written}
        read = {relative_to_root(path, self.root): state for path, state in seen.files.items()}
        named = {path: state for path, state in named.items() if path not in written}
        known_by_name = {path for path in named if read.get(path, PRESENT) == PRESENT}
        files = {**named, **{path: state for path, state in read.items() if path not in known_by_name}}
        names = {module.filename: module.name for module in self.static.modules}
        names |= {file: name for name, file in seen.imported.items()}
        complete = seen.calls and not seen.started_process
        ran = set(self.static.weak)
        if complete and ran:
            # what an import called without acting on anything in reach is not the stage's business
            ran.intersection_update(self._beyond(seen.import_code, names))
        ran.update(self._beyond(seen.code, names))
        known = {module.name for module in self.static.modules}
        return Observation(
            files=dict(sorted(files.items())),
            environment=dict(sorted(seen.environment.items())),
            context=self._asked(seen.context),
            ran=tuple(sorted(ran)),
            imported=tuple(sorted(set(seen.imported) - known)),
            missing=tuple(sorted(set(seen.missing))),
            complete=complete,
            keys=dict(sorted(seen.keys.items())),
        )

    def _asked(self, context: Mapping[str, str]) -> dict[str, str]:
        """What was asked of the run context, without the stage's own params: those are compared anyway."""
        own = json.loads(self.stage.params.values) if self.stage.params else {}
        return {at: state for at, state in context.items() if not is_param_of(own, at)}

    def _beyond(self, code: Iterable[tuple[str, int]], names: Mapping[str, str]) -> tuple[str, ...]:
        """The definitions beyond the stage's certain reach that some code stands in."""
        places = [(names[file], line) for file, line in code if file in names]
        loaders = [name for loader in self.stage.loaders() for name in loader.code]
        return self.fingerprinter.beyond(self.stage.function, places, loaders=loaders)

    def require_declared(self, seen: Seen) -> list[str]:
        """Hints on files that were read without being declared.

        Raises:
            PivotError: another stage writes one of them, so that nothing orders the two, or the project is strict;
                all such files are named.
        """
        errors: list[PivotError] = []
        hints: list[str] = []
        for path, state in sorted(seen.files.items()):
            if _is_look(state) or is_listing(state) or left_by_stage(state) is not None:
                continue
            name = relative_to_root(path, self.root)
            line = f'Dep("{relative_to_folder(name, self.stage.folder)}")'
            makers = [maker for maker in self.graph.producers(name) if maker != self.stage.name]
            if makers:
                what = f"read {name}, which stage '{makers[0]}' writes, without declaring it"
                hint = (
                    f"declare it, so that the two run in order: add a parameter with {line} to its annotation"
                )
                errors.append(PivotError(f"stage '{self.stage.name}': {what} ({self.stage.place})", hint))
            elif self.strict:
                what = f"read {name}, which it does not declare"
                hint = f"add a parameter with {line} to its annotation, or set strict: false"
                errors.append(PivotError(f"stage '{self.stage.name}': {what} ({self.stage.place})", hint))
            else:
                hints.append(f"reads {name}, which it does not declare: {line} would")
        if errors:
            raise errors[0] if len(errors) == 1 else DefinitionErrors(errors)
        more = len(hints) - MOST_HINTS
        return [
            *hints[:MOST_HINTS],
            *([f"reads {more} more files that it does not declare"] if more > 0 else []),
        ]


def look_again(
    stage: Stage,
    before: Observation,
    *,
    root: str,
    environment: Mapping[str, str],
    executor: Callable[[], str],
    digest: DigestOf,
) -> Observation:
    """What was observed in a run, with the states that all of it but the code has now.

    Args:
        executor: gives where the stage would run.
    """

    def declared() -> list[str]:
        return [absolute(path, root) for path in (*stage.dep_paths(), *stage.out_paths())]

    files = {
        path: state_now(absolute(path, root), state, declared, digest) for path, state in before.files.items()
    }
    variables = {
        name: environment_state(stage.key, name, environment.get(name)) for name in before.environment
    }
    asked: Mapping[str, str] = {}
    if before.context:
        own = stage.params.values if stage.params else None
        kind = executor() if EXECUTOR in before.context else ""
        now = run_context(stage.context, own, stage=stage.name, executor=kind)
        asked = states_now(stage.key, before.context, now)
    return replace(before, files=files, environment=variables, context=asked)


def _is_look(state: str) -> bool:
    """Whether only this much was asked: what is there, and where a link leads."""
    return state in (ABSENT, PRESENT, FOLDER) or is_link(state)


def _is_ours(path: ProjectPath) -> bool:
    return path.split("/", 1)[0] == ".pivot"
