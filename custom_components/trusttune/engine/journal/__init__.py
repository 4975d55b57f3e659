"""The append-only record of everything the engine does."""
