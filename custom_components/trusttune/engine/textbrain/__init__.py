"""Understanding releases: parse, identify, score, map files, explain."""
