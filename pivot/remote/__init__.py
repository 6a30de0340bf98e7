"""The same objects and records elsewhere."""
