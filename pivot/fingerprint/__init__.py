"""Source → hashes: what code a stage can reach, found without importing any of it."""
