"""Digests: xxh3-128 in hexadecimal. They detect change; they are no defence against an attacker."""

from collections.abc import Iterable
from typing import NewType

import xxhash

Digest = NewType("Digest", str)
"""32 lower-case hexadecimal characters."""

HASH_NAME = "xxh3-128"

_SIZES = tuple(size.to_bytes(8, "little") for size in range(256))


def digest_bytes(data: bytes | bytearray | memoryview) -> Digest:
    """The digest of some bytes."""
    return Digest(xxhash.xxh3_128_hexdigest(data))


def digest_text(text: str) -> Digest:
    """The digest of a text's UTF-8 bytes (lone surrogates, as in undecodable file names, are kept apart)."""
    return digest_bytes(text.encode("utf-8", "surrogatepass"))


def digest_parts(parts: Iterable[str]) -> Digest:
    """The digest of a sequence of texts; ``["ab", "c"]`` and ``["a", "bc"]`` differ."""
    pieces: list[bytes] = []
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        size = len(data)
        pieces += (_SIZES[size] if size < len(_SIZES) else size.to_bytes(8, "little"), data)
    return digest_bytes(b"".join(pieces))
