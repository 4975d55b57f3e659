"""Where releases are found: one adapter an indexer kind, and the fan-out over them."""
