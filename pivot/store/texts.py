"""The texts of modules that ran, compressed, to show later what has changed since. Nothing rests on them."""

import contextlib
import os
import zlib
from collections.abc import Iterable

from pivot.errors import StoreError
from pivot.model.digest import Digest
from pivot.model.fingerprint import ModuleText
from pivot.store import atomic
from pivot.store.layout import Layout


def keep_texts(layout: Layout, modules: Iterable[ModuleText]) -> None:
    """Keeps the texts that are not there yet; one that cannot be kept is done without."""
    for module in modules:
        path = layout.source_file(module.digest)
        if not os.path.exists(path):
            data = zlib.compress(module.text.encode("utf-8", "surrogatepass"))
            with contextlib.suppress(StoreError, OSError):
                atomic.replace_unflushed(path, data, layout.cache_scratch)


def read_text(layout: Layout, digest: Digest) -> str | None:
    """A text that was kept, or ``None``."""
    try:
        with open(layout.source_file(digest), "rb") as file:
            return zlib.decompress(file.read()).decode("utf-8", "surrogatepass")
    except (OSError, zlib.error, UnicodeDecodeError):
        return None
