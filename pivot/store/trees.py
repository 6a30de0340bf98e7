"""Digests of folders by the names and stats of their files: worked out anew only where a file may have changed.

    files, sorted ──► pieces of some 500, cut where a name says so ──► key of each: names and stats
                                                                          │
          digest of the folder ◄── known by the keys of all pieces ◄──────┤
                               ◄── text of each piece, known by its key ◄─┘  else its files are looked up one by one

A file that comes, goes or changes is in one piece; the cuts beside it stay where they were.
"""

import os
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from stat import S_IXUSR
from zlib import crc32

import xxhash

from pivot.model.digest import Digest, digest_bytes, digest_parts
from pivot.model.tree import TreeEntry, tree_text
from pivot.store.index import INODE, StatIndex, Versions, is_young, young_after

_PIECE = 512
"""So many files are in a piece, on average."""

_Piece = list[tuple[str, str]]  # absolute path, path in the folder


def digest_by_pieces(
    index: StatIndex, files: Mapping[str, str], entries: Callable[[Versions], Iterable[TreeEntry]]
) -> Digest:
    """The digest of a folder with these files, worked out only as far as one of them may have changed.

    Args:
        files: absolute path → path in the folder, sorted by the latter.
        entries: gives what some of them hold by their versions.

    Raises:
        StoreError: one cannot be read.
    """
    now = index.now()
    pieces = list(_pieces(files))
    keys = [_key(piece, [index.at(place) for place, _ in piece], now)[0] for piece in pieces]
    known = index.trees.load(_whole(keys))
    if known is not None:
        return Digest(known.decode("ascii"))
    texts = [
        _load(index, piece, key) if len(pieces) > 1 else None for piece, key in zip(pieces, keys, strict=True)
    ]
    lacking = [number for number, text in enumerate(texts) if text is None]
    versions = index.versions([place for number in lacking for place, _ in pieces[number]])
    are_settled = True
    for number in lacking:
        piece = pieces[number]
        of_piece = {place: versions[place] for place, _ in piece}
        texts[number] = text = tree_text(entries(of_piece)).encode()
        # under the very versions that it is of: whoever writes to one meanwhile gives it another stat
        stats = [None if found is None else found[1] for found in of_piece.values()]
        keys[number], is_settled = _key(piece, stats, now)
        are_settled = are_settled and is_settled
        if is_settled and len(pieces) > 1:
            index.trees.save(_name(piece), keys[number].encode("ascii") + text)
    found = digest_bytes(b"".join(text for text in texts if text is not None))
    if are_settled:
        index.trees.save(_whole(keys), found.encode("ascii"))
    return found


def _pieces(files: Mapping[str, str]) -> Iterator[_Piece]:
    piece: _Piece = []
    for one in files.items():
        piece.append(one)
        if crc32(one[1].encode("utf-8", "surrogatepass")) % _PIECE == 0:
            yield piece
            piece = []
    if piece:
        yield piece


def _name(piece: _Piece) -> Digest:
    """Under what the text of a piece is kept: what it held before makes room."""
    return digest_parts(["piece", *piece[0]])


def _whole(keys: Sequence[Digest]) -> Digest:
    return keys[0] if len(keys) == 1 else digest_parts(keys)


def _load(index: StatIndex, piece: _Piece, key: Digest) -> bytes | None:
    """The text of a piece, if it is known for this very key."""
    known = index.trees.load(_name(piece))
    begin = key.encode("ascii")
    return known[len(begin) :] if known is not None and known.startswith(begin) else None


def _key(piece: _Piece, stats: Sequence[os.stat_result | None], now: int) -> tuple[Digest, bool]:
    """The digest of the names and stats of some files; whether no later write can give them the same ones."""
    oldest_young = young_after(now)
    names: list[str] = []
    numbers: list[int] = []
    is_settled = True
    for (_, path), found in zip(piece, stats, strict=True):
        if found is not None:
            written, changed = found.st_mtime_ns, found.st_ctime_ns
            names.append(path)
            numbers += (found.st_size, written, changed, found.st_ino & INODE, found.st_mode & S_IXUSR)
            if written > oldest_young and is_young(written, changed, now):
                is_settled = False
    # no name is empty or holds a NUL: two of them end the names
    state = xxhash.xxh3_128("\0".join(names).encode("utf-8", "surrogatepass"))
    state.update(b"\0\0")
    state.update(array("q", numbers))
    return Digest(state.hexdigest()), is_settled
