"""What files look like in a few lines, and how large they are."""

import base64
import mimetypes
from pathlib import Path

from pivot_jupyter.protocol import Preview

_BYTES = 2_000_000
_LINES = 12
_PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml"})
_TEXTS = (".csv", ".tsv", ".json", ".jsonl", ".txt", ".md", ".yaml", ".yml")


def preview(path: str, file: Path) -> Preview | None:
    """A small picture, or the first lines of a text; ``None`` for all else.

    Args:
        path: under which it is shown.
    """
    mime = mimetypes.guess_type(file.name)[0] or ""
    try:
        if not file.is_file() or file.stat().st_size > _BYTES:
            return None
        if mime in _PICTURES:
            data = base64.b64encode(file.read_bytes()).decode()
            return Preview(path, mime, f"data:{mime};base64,{data}")
        if file.suffix in _TEXTS:
            with file.open(encoding="utf-8", errors="replace") as text:
                lines = [line for _, line in zip(range(_LINES), text, strict=False)]
            return Preview(path, "text/plain", "".join(lines))
    except OSError:
        return None
    return None


def size_text(path: Path) -> str:
    """``3.4 MB``, of a folder ``12 files``, of nothing ``missing``."""
    try:
        if path.is_dir():
            return counted(sum(1 for file in path.rglob("*") if file.is_file()), "file")
        return human_size(path.stat().st_size)
    except OSError:
        return "missing"


def counted(number: int, noun: str) -> str:
    """``1 file``, ``12 files``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def human_size(size: float) -> str:
    """``512 B``, ``12 KB``, ``3.4 MB``; of 1,000 each."""
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 10 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
