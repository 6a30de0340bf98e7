"""What the items of mapped stages gave, here and elsewhere: ledgers, joined in both directions.

On a remote a ledger is a folder. Each push adds a file with what nobody had pushed, under the digest of its text:
nothing is written over, so that no two pushes at once lose anything.
"""

import io
from collections.abc import Iterable, Iterator, Mapping

from pivot.errors import PivotError
from pivot.model.digest import digest_text
from pivot.remote.transfer import Failed, Link, Transferred, Wanted, whole
from pivot.store.ledger import Entry, Ledger, entries_text, read_entries


def push_items(link: Link, ledgers: Mapping[str, Ledger]) -> Transferred:
    """Bring what items gave to the other side, as far as this side has the bytes.

    Args:
        ledgers: by the names of their stages.
    """
    done = Transferred()
    for stage, ledger in ledgers.items():
        found = (one for one in ledger.entries() if all(map(link.objects.has, one.objects)))
        here = {one.identity: one for one in found}
        if not here:
            continue
        there = {one.identity for one in _elsewhere(link, ledger)}
        entries = [one for identity, one in here.items() if identity not in there]
        moved = link.push(_wanted(stage, here.values()))
        done += moved
        lost = {failure.digest for failure in moved.failed}
        if text := entries_text(one for one in entries if lost.isdisjoint(one.objects)):
            data = (text + "\n").encode()
            link.backend.write(f"{_folder(link, ledger)}{digest_text(text)}.jsonl", io.BytesIO(data))
            done += Transferred(moved=1, size=len(data))
    return done


def pull_items(link: Link, stage: str, ledger: Ledger) -> Transferred:
    """Bring what items of a stage gave to this side, with the bytes: none of them need run."""
    here = {one.identity for one in ledger.entries()}
    there = {one.identity: one for one in _elsewhere(link, ledger)}
    done = link.pull(_wanted(stage, there.values()))
    lost = {failure.digest for failure in done.failed}
    new = [one for key, one in there.items() if key not in here and lost.isdisjoint(one.objects)]
    if new:
        try:
            ledger.join(new)
        except PivotError as error:
            return done + Transferred(failed=(Failed(f"stage '{stage}': its items", error),))
    return done


def _elsewhere(link: Link, ledger: Ledger) -> Iterator[Entry]:
    for key in sorted(link.backend.list(_folder(link, ledger))):
        with link.backend.read(key) as source:
            yield from read_entries(whole(source).decode(errors="replace"))


def _folder(link: Link, ledger: Ledger) -> str:
    return link.key(ledger.path).removesuffix(".jsonl") + "/"


def _wanted(stage: str, entries: Iterable[Entry]) -> Iterator[Wanted]:
    return (Wanted(digest, f"stage '{stage}': an item") for one in entries for digest in one.objects)
