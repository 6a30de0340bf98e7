"""Everything under ``.pivot/``; ``docs/reference/files.md`` holds the bytes."""
