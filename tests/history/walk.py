"""Walks the releases of real libraries: does a fingerprint change exactly when the code that a call executes does?

For each step from one release to the next and each call of `libraries`, plain Python tells which definitions the call
executes and what it gives (`executed`), Pivot tells the fingerprint of a stage that makes the call, once as on
Python 3.12 and later, where it sees which functions run, and once as on 3.11.

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
from dataclasses import asdict, dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from fetch import releases
from libraries import ALL, Library

from pivot.errors import CodeError
from pivot.fingerprint.sources import Sources
from pivot.fingerprint.stage import Fingerprinter
from pivot.model.fingerprint import Beside, Fingerprint
from pivot.model.stage import ObjectRef
from pivot.paths import ProjectPath

TRACE = Path(__file__).with_name("executed.py")


@dataclass(frozen=True)
class Release:
    """One release: what plain Python executes, and who tells fingerprints.

    Attributes:
        imports: module and first line of each function that ran because of the imports.
        stages: name → what the stage gave, what it executed (names and digests), and the lines of all that ran.
    """

    imports: list[tuple[str, int]]
    stages: dict[str, dict]
    fingerprinter: Fingerprinter
    _unseen: dict[str, tuple[tuple[str, ...], str]] = field(default_factory=dict)

    def unseen(self, stage: str) -> tuple[tuple[str, ...], str]:
        """The stage's weak definitions, and its digest where nothing tells which of them run."""
        if stage not in self._unseen:
            function = ObjectRef("stages", stage)
            weak = self.fingerprinter.stage(function).weak
            self._unseen[stage] = weak, self.fingerprinter.stage(function, Beside(ran=weak)).digest
        return self._unseen[stage]


@dataclass(frozen=True)
class Step:
    """One call in two successive releases.

    Attributes:
        ran_otherwise: names of executed definitions that changed, appeared or disappeared.
        result_changed: whether plain Python gave another result.
        other_changed: whether a class of which a method was executed changed in another method, or a function changed that
            the imports executed.
        fingerprint_changed: whether the stage would run again, where Pivot sees which functions run.
        changed_unseen: the same where it does not (Python 3.11).
        refused: why there is no fingerprint; empty where there is one.
        parts: keys of the parts of the fingerprint that changed.
    """

    library: str
    versions: str
    stage: str
    ran_otherwise: tuple[str, ...]
    result_changed: bool
    other_changed: bool
    fingerprint_changed: bool = True
    changed_unseen: bool = True
    refused: str = ""
    parts: tuple[str, ...] = ()

    @property
    def is_the_same(self) -> bool:
        """Whether the call executes functions of the same code and gives the same result."""
        return not self.ran_otherwise and not self.result_changed

    @property
    def is_quiet(self) -> bool:
        """Whether no definition changed that the call or its imports execute; a class is one definition."""
        return self.is_the_same and not self.other_changed

    @property
    def is_stale(self) -> bool:
        """Whether a changed call would be served from the cache."""
        return not self.is_the_same and not (self.fingerprint_changed and self.changed_unseen)


def main() -> None:
    """Walk, print the table or JSON; fail where a call would be stale or is refused."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
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
    with ThreadPoolExecutor(2) as pool:
        traced = dict(zip(folders, pool.map(trace, folders.values()), strict=True))
    stages = [library.stage(number) for number in range(len(library.calls))]
    before: Release | None = None
    previous = ""
    for version, folder in folders.items():
        sources = Sources(str(folder), [ProjectPath(".")], search=[sysconfig.get_paths()["purelib"]])
        found = traced[version]
        after = Release(found["imports"], found["stages"], Fingerprinter(sources))
        if before is not None:
            for stage in stages:
                yield compare(library, f"{previous} → {version}", stage, before, after)
        before, previous = after, version


def trace(folder: Path) -> dict[str, Any]:
    """What each stage gives and executes, by plain Python in a process of its own."""
    command = [sys.executable, "-W", "ignore", str(TRACE)]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    ended = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    if ended.returncode:
        sys.exit(f"{folder}: {ended.stderr}")
    return json.loads(ended.stdout)


def compare(library: Library, versions: str, stage: str, before: Release, after: Release) -> Step:
    """What changed from one release to the next, for a stage that ran in the first."""
    old, new = before.stages[stage], after.stages[stage]
    executed = {tuple(each[:2]) for each in old["executed"]} ^ {tuple(each[:2]) for each in new["executed"]}
    classes = {each[2] for each in old["executed"]} ^ {each[2] for each in new["executed"]}
    imports = {each[1] for each in old["executed_by_imports"]} ^ {
        each[1] for each in new["executed_by_imports"]
    }
    step = Step(
        library.distribution,
        versions,
        stage,
        tuple(sorted({name for name, _ in executed})),
        old["result"] != new["result"],
        bool(classes or imports),
    )
    function = ObjectRef("stages", stage)
    first, second = before.fingerprinter, after.fingerprinter
    try:
        ran = {*first.beyond(function, [tuple(each) for each in old["ran"]])}
        imported = first.beyond(function, [tuple(each) for each in (*before.imports, *old["imports"])])
        ran.update({*imported} & {*before.unseen(stage)[0]})  # else it acts on nothing in reach
        beside = Beside(ran=tuple(sorted(ran)))
        seen, checked = first.stage(function, beside), second.stage(function, beside)
        changed_unseen = before.unseen(stage)[1] != after.unseen(stage)[1]
    except CodeError as error:
        return replace(step, refused=str(error))
    was, now = parts_of(seen), parts_of(checked)
    return replace(
        step,
        fingerprint_changed=seen.digest != checked.digest,
        changed_unseen=changed_unseen,
        parts=tuple(sorted(key for key in was | now if was.get(key) != now.get(key))),
    )


def parts_of(found: Fingerprint) -> dict[str, tuple[str, ...]]:
    """The digests of the parts by key; names occur more than once."""
    parts: dict[str, tuple[str, ...]] = {}
    for part in found.parts:
        parts[part.key] = tuple(sorted((*parts.get(part.key, ()), part.digest)))
    return parts


def kept_of(steps: list[Step]) -> str:
    """How many steps kept their fingerprint."""
    kept = sum(not step.fingerprint_changed for step in steps)
    unseen = sum(not step.changed_unseen for step in steps)
    count = max(1, len(steps))
    return f"fingerprint kept {kept} ({kept / count:.1%}), on Python 3.11 {unseen} ({unseen / count:.1%})"


def summary(name: str, releases: int, steps: list[Step]) -> list[str]:
    """The figures of one library, every step that breaks a law, and what changed in steps that changed nothing."""
    same = [step for step in steps if step.is_the_same]
    quiet = [step for step in steps if step.is_quiet]
    stale = [step for step in steps if step.is_stale]
    refused = [step for step in steps if step.refused]
    needless = [step for step in quiet if step.fingerprint_changed]
    lines = [
        f"{name}: {releases} releases, {len(steps)} calls in two successive ones",
        f"  executed functions changed: {len(steps) - len(same):5}, of which stale {len(stale)}",
        f"  executed functions equal:   {len(same):5}, {kept_of(same)}",
        f"    classes, imports too:     {len(quiet):5}, {kept_of(quiet)}",
        f"  refused: {len(refused)}",
    ]
    lines += [f"  STALE {s.versions} {s.stage}: {', '.join(s.ran_otherwise) or 'a result'}" for s in stale]
    lines += [f"  REFUSED {s.versions} {s.stage}: {s.refused}" for s in refused]
    for versions, steps_of in groupby(needless, key=lambda step: step.versions):
        changed = Counter(part for step in steps_of for part in step.parts or ("?",)).most_common(6)
        lines.append(f"  needless {versions}: {', '.join(f'{n} x {part}' for part, n in changed)}")
    return lines


if __name__ == "__main__":
    main()
