"""The private SQLite database."""
