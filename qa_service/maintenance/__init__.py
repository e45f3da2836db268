"""The care of a data directory: audit and repair, backups, and the move to another embedding model."""
