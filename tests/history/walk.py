"""Walks the releases of real libraries: does a fingerprint change exactly when the code that a call executes does?

For each step from one release to the next and each call of `libraries`, plain Python tells which definitions the call
executes and what it gives (`executed`), Pivot tells the fingerprint of a stage that makes the call.

    python tests/history/walk.py --cache FOLDER [--json] [DISTRIBUTION ...]
"""

import argparse
import json
import os
import subprocess
import sys
import sysconfig
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from fetch import releases
from libraries import ALL, Library

from pivot.errors import CodeError
from pivot.fingerprint.sources import Sources
from pivot.fingerprint.stage import Fingerprinter
from pivot.model.fingerprint import Fingerprint
from pivot.model.stage import ObjectRef
from pivot.paths import ProjectPath

TRACE = Path(__file__).with_name("executed.py")


@dataclass(frozen=True)
class Call:
    """One call in one release.

    Attributes:
        result: what it gave, as text.
        executed: (name, digest) of each definition that ran for it.
        fingerprint: the stage's digest; a message where Pivot gave none.
        parts: key → digests of the definitions that the fingerprint counts.
    """

    result: str
    executed: frozenset[tuple[str, str]]
    fingerprint: str
    refused: bool
    parts: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Step:
    """One call in two successive releases.

    Attributes:
        ran_otherwise: names of executed definitions that changed, appeared or disappeared.
        result_changed: whether plain Python gave another result.
        fingerprint_changed: whether the stage would run again.
        parts: keys of the parts of the fingerprint that changed.
    """

    library: str
    versions: str
    stage: str
    ran_otherwise: tuple[str, ...]
    result_changed: bool
    fingerprint_changed: bool
    refused: bool
    parts: tuple[str, ...]

    @property
    def is_stale(self) -> bool:
        """Whether a changed call would be served from the cache."""
        return bool(self.ran_otherwise or self.result_changed) and not self.fingerprint_changed

    @property
    def is_needless(self) -> bool:
        """Whether the stage would run though the call executes the same code."""
        return not self.ran_otherwise and not self.result_changed and self.fingerprint_changed


def main() -> None:
    """Walk, print the table or JSON; fail where a call would be stale or is refused."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = {library.distribution: library for library in ALL}
    parser.add_argument("distributions", nargs="*", metavar="DISTRIBUTION", help=f"of {', '.join(known)}")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir(), "pivot-history"))
    parser.add_argument("--json", action="store_true", help="print every step as JSON")
    chosen = parser.parse_args()
    walked = {}
    for name in chosen.distributions or known:
        folders = releases(known[name], chosen.cache.resolve())
        walked[name] = list(walk(known[name], folders))
        if not chosen.json:
            print("\n".join(summary(name, len(folders), walked[name])), flush=True)
    if chosen.json:
        found = {name: [asdict(step) for step in steps] for name, steps in walked.items()}
        print(json.dumps(found))
    elif any(step.is_stale or step.refused for steps in walked.values() for step in steps):
        sys.exit(1)


def walk(library: Library, folders: dict[str, Path]) -> Iterator[Step]:
    """All steps through the releases that could be had."""
    with ThreadPoolExecutor(1) as pool:  # one process traces ahead while this one fingerprints
        traced = dict(zip(folders, pool.map(trace, folders.values()), strict=True))
        calls = {version: inspect(library, folder, traced[version]) for version, folder in folders.items()}
    for before, after in zip(list(folders)[:-1], list(folders)[1:], strict=True):
        for stage in calls[before]:
            yield compare(f"{before} → {after}", library, stage, calls[before][stage], calls[after][stage])


def trace(folder: Path) -> dict[str, dict]:
    """What each stage gives and executes, by plain Python in a process of its own."""
    command = [sys.executable, "-W", "ignore", str(TRACE)]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    ended = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    if ended.returncode:
        sys.exit(f"{folder}: {ended.stderr}")
    return json.loads(ended.stdout)


def inspect(library: Library, folder: Path, traced: dict[str, dict]) -> dict[str, Call]:
    """Each stage's call in one release."""
    sources = Sources(str(folder), [ProjectPath(".")], search=[sysconfig.get_paths()["purelib"]])
    fingerprinter = Fingerprinter(sources)
    calls = {}
    for number in range(len(library.calls)):
        stage = library.stage(number)
        found = fingerprint(fingerprinter, stage)
        executed = frozenset((name, digest) for name, digest in traced[stage]["executed"])
        refused = isinstance(found, str)
        calls[stage] = Call(
            traced[stage]["result"],
            executed,
            found if refused else found.digest,
            refused,
            {} if refused else parts_of(found),
        )
    return calls


def fingerprint(fingerprinter: Fingerprinter, stage: str) -> Fingerprint | str:
    """The fingerprint of a stage, or the message that says why there is none."""
    try:
        return fingerprinter.stage(ObjectRef("stages", stage))
    except CodeError as error:
        return str(error)


def parts_of(found: Fingerprint) -> dict[str, tuple[str, ...]]:
    """The digests of the parts by key; names occur more than once."""
    parts: dict[str, tuple[str, ...]] = {}
    for part in found.parts:
        parts[part.key] = tuple(sorted((*parts.get(part.key, ()), part.digest)))
    return parts


def compare(versions: str, library: Library, stage: str, before: Call, after: Call) -> Step:
    """What changed from one release to the next."""
    return Step(
        library.distribution,
        versions,
        stage,
        tuple(sorted({name for name, _ in before.executed ^ after.executed})),
        before.result != after.result,
        before.fingerprint != after.fingerprint,
        before.refused or after.refused,
        tuple(sorted(k for k in before.parts | after.parts if before.parts.get(k) != after.parts.get(k))),
    )


def summary(name: str, count: int, steps: list[Step]) -> list[str]:
    """The figures of one library, and every step that breaks a law."""
    same = [step for step in steps if not step.ran_otherwise and not step.result_changed]
    kept = sum(not step.fingerprint_changed for step in same)
    stale = [step for step in steps if step.is_stale]
    refused = [step for step in steps if step.refused]
    lines = [
        f"{name}: {count} releases, {len(steps)} calls in two successive ones",
        f"  executed code or result changed: {len(steps) - len(same):5}, fingerprint kept: {len(stale)} (stale)",
        f"  executed code and result same:   {len(same):5}, fingerprint kept: {kept} ({kept / len(same):.1%})"
        if same
        else "  nothing was compared",
        f"  refused: {len(refused)}",
    ]
    lines += [
        f"  STALE {s.versions} {s.stage}: {', '.join(s.ran_otherwise) or 'another result'}" for s in stale
    ]
    lines += [f"  REFUSED {s.versions} {s.stage}" for s in refused]
    needless = [step for step in steps if step.is_needless]
    causes = Counter((s.versions, s.parts) for s in needless)
    lines += [f"  needless {n} x {versions}: {', '.join(parts)}" for (versions, parts), n in causes.most_common()]
    return lines


if __name__ == "__main__":
    main()
