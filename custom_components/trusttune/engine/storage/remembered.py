"""Single values that must survive a restart, by name."""

import json
import sqlite3
from typing import Any


def remember(connection: sqlite3.Connection, name: str, value: Any) -> None:
    """Keep a JSON value; None forgets it."""
    if value is None:
        connection.execute("DELETE FROM remembered WHERE name = ?", (name,))
    else:
        connection.execute("INSERT OR REPLACE INTO remembered VALUES (?,?)", (name, json.dumps(value)))


def recall(connection: sqlite3.Connection, name: str) -> Any:
    """Give the value, or None."""
    row = connection.execute("SELECT value FROM remembered WHERE name = ?", (name,)).fetchone()
    return json.loads(row["value"]) if row is not None else None
