"""The journal as a live thing: what is recorded is committed first and then told to every subscriber, in order."""

import asyncio
import json
import logging
import sqlite3
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ..storage.database import Database
from ..tickets.state import State
from .entry import Entry, Event

_LOGGER = logging.getLogger(__name__)

T = TypeVar("T")
Subscriber = Callable[[Entry], None]


class Writer:
    """A transaction that is under way: its connection, its time, and the rows it adds to the journal."""

    __slots__ = ("connection", "entries", "now")

    def __init__(self, connection: sqlite3.Connection, now: float) -> None:
        self.connection = connection
        self.now = now
        self.entries: list[Entry] = []

    def record(
        self,
        event: Event,
        *,
        who: str,
        why: str,
        ticket_id: str | None = None,
        from_state: State | None = None,
        to_state: State | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> Entry:
        """Add a row to the journal, in this transaction."""
        cursor = self.connection.execute(
            "INSERT INTO journal (at, ticket_id, event, from_state, to_state, who, why, data) VALUES (?,?,?,?,?,?,?,?)",
            (self.now, ticket_id, event, from_state, to_state, who, why, json.dumps(data or {}, ensure_ascii=False)),
        )
        seq = cursor.lastrowid
        assert seq is not None
        entry = Entry(seq, self.now, ticket_id, event, who, why, from_state, to_state, data or {})
        self.entries.append(entry)
        return entry


class Journal:
    """Runs transactions that record what they do, and tells subscribers after each commit.

    Subscribers are called on the event loop, in the order of the sequence numbers, each entry once.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock
        self._subscribers: list[Subscriber] = []

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call `subscriber` with every entry from now on; the answer ends it."""
        self._subscribers.append(subscriber)

        def unsubscribe() -> None:
            if subscriber in self._subscribers:
                self._subscribers.remove(subscriber)

        return unsubscribe

    async def write(self, work: Callable[[Writer], T]) -> T:
        """Run `work` in one transaction with its journal rows."""
        loop = asyncio.get_running_loop()
        writers: list[Writer] = []

        def transaction(connection: sqlite3.Connection) -> T:
            writer = Writer(connection, self._clock())
            writers.append(writer)
            return work(writer)

        def committed() -> None:
            # From here and not from the awaiting caller, who may have been cancelled meanwhile.
            if writers[0].entries:
                loop.call_soon_threadsafe(self._publish, writers[0].entries)

        return await self._database.run(transaction, committed)

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` on one consistent view."""
        return await self._database.run(work)

    def _publish(self, entries: list[Entry]) -> None:
        for entry in entries:
            for subscriber in tuple(self._subscribers):
                try:
                    subscriber(entry)
                except Exception:
                    _LOGGER.exception("A subscriber of the journal failed on row %s", entry.seq)
