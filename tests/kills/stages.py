"""The stages of the project whose commands are killed: all that a stage can declare."""

import subprocess
import time
from pathlib import Path
from typing import Annotated, TypedDict

import pivot
from pivot.loaders import JSON, PathOnly, Text

SCALE = 2


class Params(pivot.StageParams):
    loud: bool = False


class Halves(TypedDict):
    halves: Annotated[list[str], pivot.Out(["half/a.txt", "half/b.txt"], Text())]
    count: Annotated[dict, pivot.Metric("count.json")]


def split(text: Annotated[str, pivot.Dep("data.txt", Text())]) -> Halves:
    middle = len(text) // 2
    return {"halves": [text[:middle] * SCALE, text[middle:] * SCALE], "count": {"n": len(text) * SCALE}}


def shard(
    params: Params, halves: Annotated[list[str], pivot.Dep(["half/a.txt", "half/b.txt"], Text())]
) -> Annotated[dict[str, str], pivot.DirectoryOut("shards/", Text())]:
    whole = "".join(halves)
    pieces = [whole[i : i + 700] for i in range(0, len(whole), 700)]
    return {f"{n % 2}/{n}.txt": piece.upper() if params.loud else piece for n, piece in enumerate(pieces)}


class Own(TypedDict):
    file: Annotated[Path, pivot.Out("own/raw.txt", PathOnly())]
    folder: Annotated[Path, pivot.DirectoryOut("own/tree/", PathOnly())]


def own(text: Annotated[str, pivot.Dep("half/a.txt", Text())]) -> Own:
    """Writes its outputs itself, piece by piece, with the help of a program."""
    for place in ("own/raw.txt", "own/tree/deep/1.txt", "own/tree/2.txt"):
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        with open(place, "w") as file:
            for start in range(0, len(text), 400):
                file.write(text[start : start + 400])
                file.flush()
                time.sleep(0.003)
    subprocess.run(["sleep", "0.03"], check=True)
    return {"file": Path("own/raw.txt"), "folder": Path("own/tree")}


Seen = Annotated[list, pivot.IncrementalOut("seen.json", JSON())]


def remember(seen: Seen, text: Annotated[str, pivot.Dep("data.txt", Text())]) -> Seen:
    return [*seen, text.split()[0]]


Ledger = Annotated[Path, pivot.IncrementalOut("ledger.txt", PathOnly())]


def enter(ledger: Ledger, text: Annotated[str, pivot.Dep("data.txt", Text())]) -> Ledger:
    with open(ledger, "a") as file:
        file.write(text.split()[0])
        file.flush()
        time.sleep(0.01)
        file.write("\n")
    return ledger


class Report(TypedDict):
    text: Annotated[str, pivot.Out("report.txt", Text())]
    loose: Annotated[dict[str, str], pivot.DirectoryOut("loose/", Text(), cache=False)]
    score: Annotated[dict, pivot.Metric("score.json")]


def report(
    shards: Annotated[dict[str, str], pivot.Dep("shards/", Text())],
    tree: Annotated[Path, pivot.Dep("own/tree/", PathOnly())],
    raw: Annotated[str, pivot.Dep("own/raw.txt", Text())],
    ledger: Annotated[str, pivot.Dep("ledger.txt", Text())],
    seen: Annotated[list, pivot.Dep("seen.json", JSON())],
) -> Report:
    text = "|".join(shards[name] for name in sorted(shards)) + raw + (tree / "deep/1.txt").read_text()
    return {
        "text": text + ledger,
        "loose": {"last.txt": seen[-1], "all.txt": ledger},
        "score": {"s": len(seen)},
    }
