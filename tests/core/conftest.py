"""Stages made of a few words, for tests that care about paths and names only."""

from collections.abc import Callable, Sequence

import pytest

from pivot.model.digest import Digest, digest_text
from pivot.model.fingerprint import Part, PartKind
from pivot.model.observation import Observation
from pivot.model.place import Place
from pivot.model.record import DeclaredOut, Inputs
from pivot.model.stage import LoaderRef, ObjectRef, OutKind, Returns, Stage, StageDep, StageOut
from pivot.paths import ProjectPath

ROOT = ProjectPath(".")
LOADER = LoaderRef("pivot.loaders.Text", "", 1, b"")


def make_stage(
    name: str,
    deps: Sequence[str] = (),
    outs: Sequence[str] = (),
    *,
    metrics: Sequence[str] = (),
    uncached: Sequence[str] = (),
    mutex: Sequence[str] = (),
    line: int = 1,
) -> Stage:
    return Stage(
        name=name,
        function=ObjectRef("stages", name),
        deps=tuple(StageDep(path, ProjectPath(path), LOADER, None) for path in deps),
        outs=tuple(
            StageOut(
                path,
                ProjectPath(path),
                OutKind.METRIC if path in metrics else OutKind.OUT,
                LOADER,
                cache,
                False,
            )
            for paths, cache in ((outs, True), ((*metrics, *uncached), False))
            for path in paths
        ),
        returns=Returns.MAPPING,
        params=None,
        mutex=tuple(mutex),
        folder=ROOT,
        place=Place("stages.py", line),
        roots=(ROOT,),
    )


def make_part(key: str, text: str, place: str = "stages.py:1", detail: str = "") -> Part:
    kind, _, name = key.partition(":")
    file, _, line = place.partition(":")
    where = None if kind == "package" else Place(file, int(line or 0))
    return Part(PartKind(kind), name, digest_text(text), where, detail)


def make_inputs(
    code: str = "code",
    parts: Sequence[Part] = (),
    params: dict[str, str] | None = None,
    deps: dict[str, str] | None = None,
    loaders: dict[str, str] | None = None,
    outs: Sequence[str] = (),
    settings: dict[str, str] | None = None,
    observed: Observation | None = None,
) -> Inputs:
    return Inputs(
        code=digest_text(code),
        parts=tuple(parts),
        params=params or {},
        deps={ProjectPath(path): digest_text(text) for path, text in (deps or {}).items()},
        loaders={name: digest_text(text) for name, text in (loaders or {}).items()},
        outs=tuple(DeclaredOut(ProjectPath(path), OutKind.OUT, True, LOADER.digest) for path in outs),
        settings=settings or {},
        observed=observed or Observation(),
    )


@pytest.fixture(scope="session")
def stage() -> Callable[..., Stage]:
    """Makes a Stage from a name, deps and outs."""
    return make_stage


@pytest.fixture(scope="session")
def part() -> Callable[..., Part]:
    """Makes a Part from ``func:name``, its text and its place."""
    return make_part


@pytest.fixture(scope="session")
def inputs() -> Callable[..., Inputs]:
    """Makes Inputs; code, deps and loaders are texts of which the digests are taken."""
    return make_inputs


@pytest.fixture(scope="session")
def digest() -> Callable[[str], Digest]:
    """The digest of a text."""
    return digest_text
