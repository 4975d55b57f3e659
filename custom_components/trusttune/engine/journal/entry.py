"""A row of the journal, and how the journal is read back."""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ..tickets.state import State


class Event(StrEnum):
    """What a row of the journal is about."""

    CREATED = "created"
    MERGED = "merged"
    MOVED = "moved"
    CANCEL_REQUESTED = "cancel_requested"
    ENRICHED = "enriched"
    ADDED_TO_CLIENT = "added_to_client"
    QUARANTINED = "quarantined"
    NOTE = "note"
    SCAN = "scan"
    BANDWIDTH = "bandwidth"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened: who did it, why, and to which ticket. `at` is seconds since the epoch."""

    seq: int
    at: float
    ticket_id: str | None
    event: Event
    who: str
    why: str
    from_state: State | None = None
    to_state: State | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


def last_seq(connection: sqlite3.Connection) -> int:
    """Give the sequence number of the newest row, 0 for an empty journal."""
    row = connection.execute("SELECT max(seq) FROM journal").fetchone()
    return row[0] or 0


def read(
    connection: sqlite3.Connection, *, ticket_id: str | None = None, after: int = 0, limit: int = 1000
) -> tuple[Entry, ...]:
    """Give rows in order, of one ticket or of all."""
    where, values = ("AND ticket_id = ?", [ticket_id]) if ticket_id else ("", [])
    rows = connection.execute(
        f"SELECT * FROM journal WHERE seq > ? {where} ORDER BY seq LIMIT ?",  # noqa: S608 - `where` is ours
        [after, *values, limit],
    )
    return tuple(
        Entry(
            seq=row["seq"],
            at=row["at"],
            ticket_id=row["ticket_id"],
            event=Event(row["event"]),
            who=row["who"],
            why=row["why"],
            from_state=State(row["from_state"]) if row["from_state"] else None,
            to_state=State(row["to_state"]) if row["to_state"] else None,
            data=json.loads(row["data"]),
        )
        for row in rows
    )


def replay(entries: Iterable[Entry]) -> dict[str, State]:
    """Follow the journal from its first row and give where every ticket stands after the last."""
    states: dict[str, State] = {}
    for entry in entries:
        if entry.ticket_id is not None and entry.to_state is not None:
            if states.get(entry.ticket_id) is not entry.from_state:
                raise ValueError(f"Row {entry.seq} moves ticket {entry.ticket_id} from where it was not")
            states[entry.ticket_id] = entry.to_state
    return states
