"""The journal as it is written, each row with the ticket it changed: feeds the event entity and the websocket."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable

from homeassistant.core import CALLBACK_TYPE, callback

from .engine import Engine
from .engine.errors import EngineError
from .engine.journal.entry import Entry
from .engine.tickets.ticket import Ticket

_LOGGER = logging.getLogger(__name__)

# Beyond this the oldest rows are dropped; a subscriber sees the gap in the sequence and asks again.
MAX_WAITING = 5000

type Listener = Callable[[Entry, Ticket | None], None]


class TicketFeed:
    """Reads the ticket of every journal row, outside of the subscriber's call, and keeps the order."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._waiting: deque[Entry] = deque(maxlen=MAX_WAITING)
        self._has_waiting = asyncio.Event()
        self._listeners: list[Listener] = []

    @callback
    def async_subscribe(self, listener: Listener) -> CALLBACK_TYPE:
        """Call `listener` with every row from now on; the answer ends it."""
        self._listeners.append(listener)

        def unsubscribe() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return unsubscribe

    async def run(self) -> None:
        """Follow the journal until cancelled."""
        unsubscribe = self._engine.subscribe(self._entry_written)
        try:
            while True:
                await self._has_waiting.wait()
                self._has_waiting.clear()
                await self._publish_waiting()
        finally:
            unsubscribe()

    @callback
    def _entry_written(self, entry: Entry) -> None:
        if self._listeners:
            self._waiting.append(entry)
            self._has_waiting.set()

    async def _publish_waiting(self) -> None:
        entries = list(self._waiting)
        self._waiting.clear()
        tickets: dict[str, Ticket | None] = {}
        for ticket_id in {entry.ticket_id for entry in entries if entry.ticket_id}:
            try:
                tickets[ticket_id] = (await self._engine.ticket(ticket_id)).ticket
            except EngineError as error:
                _LOGGER.debug("Cannot read ticket %s: %s", ticket_id, error)
        for entry in entries:
            ticket = tickets.get(entry.ticket_id) if entry.ticket_id else None
            for listener in tuple(self._listeners):
                try:
                    listener(entry, ticket)
                except Exception:
                    _LOGGER.exception("A listener failed on row %s of the journal", entry.seq)
