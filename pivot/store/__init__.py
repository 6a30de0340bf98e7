"""Everything under ``.pivot/``; ``docs/reference/files.md`` holds the bytes.

As ``pivot.store.put`` and the like it is also the object store that stages and people use.
The public names are imported when first used: a command that has nothing to do needs none of them.
"""

TYPE_CHECKING = False  # typing's own takes longer to import than all of this

if TYPE_CHECKING:
    from pivot.errors import NoSuchKeyError as NoSuchKeyError
    from pivot.store.named import delete as delete
    from pivot.store.named import exists as exists
    from pivot.store.named import get as get
    from pivot.store.named import keys as keys
    from pivot.store.named import put as put

_HOMES = {
    "NoSuchKeyError": "pivot.errors",
    "delete": "pivot.store.named",
    "exists": "pivot.store.named",
    "get": "pivot.store.named",
    "keys": "pivot.store.named",
    "put": "pivot.store.named",
}

__all__ = [*_HOMES]  # noqa: PLE0604 - the table above is the one list


def __getattr__(name: str) -> object:
    if name in _HOMES:
        from importlib import import_module  # lazy: start-up time

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'pivot.store' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
