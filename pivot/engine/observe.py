"""What the stages rest on right now: code, files, params. One observer holds one snapshot of the code."""

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from pivot.config.ignore import ignored
from pivot.core.decide import decide, is_incremental
from pivot.core.graph import Graph
from pivot.engine.deps import DepReader, Known, last_digests
from pivot.engine.keys import Keys, known_puts
from pivot.engine.observation import look_again
from pivot.errors import DefinitionErrors, PivotError
from pivot.fingerprint.sources import Sources
from pivot.fingerprint.stage import Fingerprinter
from pivot.model.decision import Decision, Verdict
from pivot.model.digest import Digest
from pivot.model.executor import LOCAL
from pivot.model.fingerprint import Beside, Fingerprint, ModuleText, ProjectModule
from pivot.model.observation import Observation
from pivot.model.record import DeclaredOut, Inputs, OutputState, StageRecord
from pivot.model.stage import Returns, Stage
from pivot.model.tree import TreeEntry
from pivot.paths import ProjectPath, absolute, is_folder, relative_to_folder
from pivot.store.objects import MissingObjectError
from pivot.store.store import Store

NOTHING = Observation()
"""Of a stage that never ran."""

_Reached = tuple[str, tuple[ProjectPath, ...], *tuple[tuple[str, ...], ...]]

NO_OUTPUTS: Known = {}
"""Nothing that stages upstream will put in place: the workspace alone counts."""


class Observer:
    """Finds out what the result of a stage rests on.

    Args:
        store: where records and the memory of file digests are.
        texts: project modules that exist only as text, by name.
        environment: of the stages, complete.
        seed: the setting ``seed``; ``None`` leaves random generators alone.
        executor: gives where the stages would run: ``local``, ``dask`` or ``ray``.
    """

    def __init__(
        self,
        store: Store,
        texts: Mapping[str, ModuleText],
        environment: Mapping[str, str],
        seed: int | None,
        executor: Callable[[], str] = lambda: LOCAL.kind,
    ) -> None:
        self._store = store
        self._executor = executor
        self._environment = environment
        self._texts = texts
        self._settings = {"seed": "off" if seed is None else str(seed)}
        self._snapshots: dict[tuple[ProjectPath, ...], Sources] = {}
        self._fingerprinters: dict[tuple[ProjectPath, ...], Fingerprinter] = {}
        self._fingerprints: dict[_Reached, Fingerprint] = {}
        self._frozen = False
        self._deps = DepReader(store, ignored(store.root))

    def fingerprint(self, stage: Stage, observed: Observation = NOTHING) -> Fingerprint:
        """All code in reach of a stage, with what was seen to run or be imported.

        Raises:
            CodeError: code that it reaches cannot be read.
        """
        key = (stage.name, stage.roots, observed.ran, observed.imported, observed.missing)
        found = self._fingerprints.get(key)
        if found is None:
            found = self._fingerprints[key] = self.fingerprinter(stage.roots).stage(
                stage.function, beside(stage, observed)
            )
        return found

    def libraries(self, roots: tuple[ProjectPath, ...], modules: Iterable[str]) -> tuple[str, ...]:
        """The libraries that some project modules import, for preloading; none if their code cannot be read."""
        try:
            return self.fingerprinter(roots).libraries(modules)
        except PivotError:
            return ()  # whoever needs the code will say what is wrong with it

    def fingerprinter(self, roots: tuple[ProjectPath, ...]) -> Fingerprinter:
        """What reads the code that is imported from some folders; one for all stages that share them."""
        found = self._fingerprinters.get(roots)
        if found is None:
            found = self._fingerprinters[roots] = Fingerprinter(self._snapshot(roots), self._store.sources)
        return found

    def looked_at(self) -> dict[str, bool]:
        """All paths that the fingerprints so far rest on, each with whether it was surely there."""
        found: dict[str, bool] = {}
        for fingerprinter in self._fingerprinters.values():
            found.update(fingerprinter.looked_at())
        return found

    def texts(self, stage: Stage) -> tuple[ModuleText, ...]:
        """The modules that running a stage executes, with the texts that its fingerprint is of.

        The first call freezes them.

        Raises:
            CodeError: as of `freeze`.
        """
        if not self._frozen:
            self.freeze()
        sources = self._snapshot(stage.roots)
        return tuple(sources.text(module) for module in self.fingerprint(stage).modules)

    def freeze(self) -> None:
        """Reads the code of all stages that were looked at: edits from now on are for the next run.

        Raises:
            CodeError: some was edited since the look.
        """
        self._frozen = True
        for (_, roots, *_), fingerprint in self._fingerprints.items():
            for module in fingerprint.modules:
                self._snapshot(roots).text(module)

    def text(self, stage: Stage, module: ProjectModule) -> ModuleText:
        """The text of one module that the stage's code is in, as it is now.

        Raises:
            CodeError: it was edited since it was looked at.
        """
        return self._snapshot(stage.roots).text(module)

    def _snapshot(self, roots: tuple[ProjectPath, ...]) -> Sources:
        found = self._snapshots.get(roots)
        if found is None:
            found = self._snapshots[roots] = Sources(
                self._store.root,
                roots,
                self._texts,
                digest=self._store.file_digest,
                names=self._store.names,
            )
        return found

    def require_readable(self, stages: Iterable[Stage]) -> None:
        """Find every stage whose code or last record this Pivot cannot read, or that has a folder for a file.

        Raises:
            DefinitionErrors: all of them at once.
        """
        errors: list[PivotError] = []
        files: list[ProjectPath] = []
        for stage in stages:
            try:
                self.fingerprint(stage)
                lock = self._store.lock(stage.key)
                files += (
                    *stage.dep_paths(),
                    *stage.out_paths(),
                    *(lock.inputs.observed.files if lock else ()),
                )
            except PivotError as error:
                if str(error) not in map(str, errors):
                    errors.append(error)
            errors.extend(self._wrong_kinds(stage))
        if errors:
            raise DefinitionErrors(errors)
        self._store.expect(files)

    def _wrong_kinds(self, stage: Stage) -> Iterator[PivotError]:
        """Folders where a file is declared, and the other way round."""
        for paths, what in ((stage.dep_paths(), "dep"), (stage.out_paths(), "output")):
            for path in paths:
                place = absolute(path, self._store.root).rstrip("/")
                if os.path.isdir(place) == is_folder(path) or not os.path.exists(place):
                    continue
                is_, other = ("file", path.rstrip("/")) if is_folder(path) else ("folder", f"{path}/")
                message = f"stage '{stage.name}': {what} {path} is a {is_} ({stage.place})"
                written = f"write '{relative_to_folder(ProjectPath(other), stage.folder)}'"
                yield PivotError(message, written if what == "dep" else f"move the {is_} away")

    def dep_digest(self, path: ProjectPath, graph: Graph, known: Known = NO_OUTPUTS) -> Digest | None:
        """The digest of a dep now; ``None`` if it is nowhere.

        Args:
            known: outputs that stages upstream wrote or will restore.
        """
        return self._deps.digest(path, graph.outs_read(path), known)

    def dep_entries(self, folder: ProjectPath, graph: Graph) -> tuple[TreeEntry, ...]:
        """The files of a folder that count as a dep now."""
        return self._deps.entries(folder, graph.outs_read(folder), NO_OUTPUTS) or ()

    def inputs(
        self,
        stage: Stage,
        deps: Mapping[ProjectPath, Digest],
        observed: Observation,
        *,
        graph: Graph,
        known: Known = NO_OUTPUTS,
    ) -> Inputs:
        """What the result of a stage rests on now.

        Args:
            observed: in some earlier run; the same things are looked at again.
            graph: all stages.
            known: what stages upstream wrote or will restore.
        """
        fingerprint = self.fingerprint(stage, observed)
        now = look_again(
            stage,
            observed,
            root=self._store.root,
            environment=self._environment,
            executor=self._executor,
            digest=self._store.file_digest,
        )
        return Inputs(
            code=self.fingerprint(stage).digest,
            parts=fingerprint.parts,
            params=stage.compared_params(),
            deps=deps,
            loaders={
                dep.name if dep.index is None else f"{dep.name}[{dep.index}]": dep.loader.digest
                for dep in stage.deps
            },
            outs=tuple(DeclaredOut(out.path, out.kind, out.cache, out.loader.digest) for out in stage.outs),
            settings=self._settings,
            observed=replace(
                now,
                keys=Keys(self._store.layout, stage, graph, known).states(observed.keys),
                code=fingerprint.digest if observed.has_code else None,
            ),
            names=_names(stage),
        )

    def last(self, stage: Stage) -> StageRecord | None:
        """The stage's last result."""
        return self._store.lock(stage.key)

    def missing(self, stage: Stage, made: Collection[ProjectPath]) -> tuple[ProjectPath, ...]:
        """The deps that are not there and not among those that are `made`."""
        return tuple(
            path
            for path in stage.dep_paths()
            if path not in made and not os.path.exists(absolute(path, self._store.root))
        )

    def decide(
        self,
        stage: Stage,
        *,
        graph: Graph,
        known: Known,
        upstream: Sequence[tuple[str, Verdict]] = (),
        unknown: Collection[ProjectPath] = (),
        force: bool = False,
        allow_missing: bool = False,
    ) -> Decision:
        """The verdict on a stage, from what is on disk now.

        Args:
            graph: all stages.
            known: what stages upstream wrote or will restore.
            upstream: verdicts on the stages directly upstream that have not ended.
            unknown: deps that those will write.
            allow_missing: deps and outs that are not there count as they were in the last run.
        """
        lock = self._store.lock(stage.key)
        absent = last_digests(lock) if allow_missing else {}

        def dep(path: ProjectPath) -> Digest | None:
            try:
                return self.dep_digest(path, graph, known) or absent.get(path)
            except MissingObjectError:  # of a folder upstream nobody can say which files it has
                if not allow_missing:
                    raise
                return absent.get(path)

        found = {path: dep(path) for path in stage.dep_paths() if path not in unknown}
        deps = {path: digest for path, digest in found.items() if digest is not None}
        missing = tuple(path for path in found if path not in deps)
        observed = lock.inputs.observed if lock else NOTHING
        inputs = None if missing else self.inputs(stage, deps, observed, graph=graph, known=known)
        settled = inputs if not unknown else None
        verdict = partial(
            decide,
            stage,
            inputs,
            workspace={p: self._store.digest(p) or absent.get(p) for p in stage.out_paths()}
            if settled
            else {},
            available=self._store.obtainable,
            upstream=upstream,
            missing=missing,
            force=force,
            placed=self._store.puts(stage.key) if settled else {},
        )
        decision = verdict(lock=lock, cached=None)
        if decision.verdict is not Verdict.RUN or settled is None or force:
            return decision
        # the run cache is asked last: it is a folder to read for each stage
        if is_incremental(stage):
            return verdict(lock=self._store.whole_lock(stage.key), cached=None)
        cached = self._cached(stage, settled, graph, known)
        return decision if cached is None else verdict(lock=lock, cached=cached)

    def _cached(self, stage: Stage, inputs: Inputs, graph: Graph, known: Known) -> StageRecord | None:
        """A record of the run cache for these inputs for which all that was observed is now as it was then."""
        for record in self._store.cached(stage.key, inputs.declared_key):
            if record.inputs.observed.has_state:
                continue  # it rests on the results before it, which are others by now
            now = self.inputs(stage, inputs.deps, record.inputs.observed, graph=graph, known=known)
            if now.agrees(record.inputs):
                return replace(record, inputs=now)  # it may stem from before a move of its helpers
        return None


def _names(stage: Stage) -> dict[str, str]:
    """Which paths each parameter gets the values of, and each output's value goes to, in order."""
    table: dict[str, list[ProjectPath]] = {}
    for dep in stage.deps:
        if dep.argument is not None:
            table.setdefault(f"dep {dep.argument}", []).append(dep.path)
    for out in stage.outs:
        if stage.returns is not Returns.NOTHING:
            table.setdefault(f"out {out.name}", []).append(out.path)
    return {name: ", ".join(map(repr, paths)) for name, paths in table.items()}


def beside(stage: Stage, observed: Observation = NOTHING) -> Beside:
    """What, beside its function, decides which code a stage reaches."""
    loaders = stage.loaders()
    return Beside(
        ran=observed.ran,
        imported=observed.imported,
        missing=observed.missing,
        loaders=tuple(dict.fromkeys(name for loader in loaders for name in loader.code)),
        libraries=tuple(sorted({name for loader in loaders for name in loader.libraries})),
    )


def assess(
    observer: Observer,
    graph: Graph,
    names: Sequence[str],
    *,
    force: bool = False,
    allow_missing: bool = False,
) -> tuple[Decision, ...]:
    """The verdicts on some stages, in their order, before anything runs.

    A stage whose upstream will be restored is judged by the bytes that will be there then.
    """
    chosen = graph.among(names)
    verdicts: dict[str, Verdict] = {}
    known: dict[ProjectPath, OutputState] = {}
    decisions: list[Decision] = []
    for name, feeders in chosen.items():
        stage = graph.stage(name)
        pending = [f for f in feeders if verdicts[f] in (Verdict.RUN, Verdict.WAITS)]
        decision = observer.decide(
            stage,
            graph=graph,
            known=known,
            upstream=[(feeder, verdicts[feeder]) for feeder in pending],
            unknown=made_by(graph, pending, stage),
            force=force,
            allow_missing=allow_missing,
        )
        verdicts[name] = decision.verdict
        if decision.record is not None:
            known.update(decision.record.outputs)
            known.update(known_puts(decision.record, observer.last(stage)))
        decisions.append(decision)
    return tuple(decisions)


def made_by(graph: Graph, upstream: Iterable[str], stage: Stage) -> frozenset[ProjectPath]:
    """The deps of a stage that some stages upstream make."""
    makers = frozenset(upstream)
    return frozenset(path for path in stage.dep_paths() if makers.intersection(graph.producers(path)))
