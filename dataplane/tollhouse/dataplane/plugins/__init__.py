"""Features, one per file. Being here is being registered; names that start with ``_`` are not looked at."""
