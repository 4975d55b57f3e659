"""The websocket commands that cards and panels follow tickets with."""

from typing import Any

import voluptuous as vol
from homeassistant.components import websocket_api
from homeassistant.components.websocket_api import ActiveConnection
from homeassistant.const import ATTR_CONFIG_ENTRY_ID
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import service

from .const import ATTR_TICKET_ID, DOMAIN
from .coordinator import TrustTuneConfigEntry, TrustTuneRuntime
from .engine.journal.entry import Entry
from .engine.tickets.ticket import Ticket
from .engine.tickets.view import entry_to_dict, ticket_to_dict
from .errors import translated_errors
from .ticket_details import ticket_details


@callback
def async_setup_websocket_api(hass: HomeAssistant) -> None:
    """Register the commands."""
    websocket_api.async_register_command(hass, subscribe_tickets)
    websocket_api.async_register_command(hass, get_ticket)


@websocket_api.websocket_command(
    {vol.Required("type"): "trusttune/tickets/subscribe", vol.Optional(ATTR_CONFIG_ENTRY_ID): str}
)
@websocket_api.async_response
async def subscribe_tickets(hass: HomeAssistant, connection: ActiveConnection, msg: dict[str, Any]) -> None:
    """Send a snapshot with the sequence number it is true at, then every later row of the journal with its own."""
    runtime = _runtime(hass, msg)
    following = _Following(runtime, connection, msg["id"])
    connection.subscriptions[msg["id"]] = runtime.feed.async_subscribe(following.entry_written)
    try:
        with translated_errors():
            snapshot = await runtime.engine.tickets()
    except HomeAssistantError:
        connection.subscriptions.pop(msg["id"])()
        raise
    connection.send_result(msg["id"])
    connection.send_event(
        msg["id"],
        {
            "type": "snapshot",
            "seq": snapshot.seq,
            "tickets": [ticket_to_dict(ticket, runtime.engine.progress(ticket)) for ticket in snapshot.tickets],
        },
    )
    following.go_on_after(snapshot.seq)


@websocket_api.websocket_command(
    {
        vol.Required("type"): "trusttune/ticket",
        vol.Required(ATTR_TICKET_ID): str,
        vol.Optional(ATTR_CONFIG_ENTRY_ID): str,
    }
)
@websocket_api.async_response
async def get_ticket(hass: HomeAssistant, connection: ActiveConnection, msg: dict[str, Any]) -> None:
    """Send everything about one ticket."""
    runtime = _runtime(hass, msg)
    with translated_errors():
        details = await ticket_details(runtime.engine, msg[ATTR_TICKET_ID])
    connection.send_result(msg["id"], details)


class _Following:
    """One subscriber: holds back what happens until its snapshot was sent, then sends each row once."""

    def __init__(self, runtime: TrustTuneRuntime, connection: ActiveConnection, message_id: int) -> None:
        self._runtime = runtime
        self._connection = connection
        self._message_id = message_id
        self._held_back: list[tuple[Entry, Ticket | None]] | None = []
        self._sent_seq = 0

    @callback
    def entry_written(self, entry: Entry, ticket: Ticket | None) -> None:
        """Send a row, or keep it until the snapshot is out."""
        if self._held_back is not None:
            self._held_back.append((entry, ticket))
        else:
            self._send(entry, ticket)

    @callback
    def go_on_after(self, seq: int) -> None:
        """Send what came while the snapshot was read and is not in it; from now on send at once."""
        self._sent_seq = seq
        held_back, self._held_back = self._held_back or [], None
        for entry, ticket in held_back:
            self._send(entry, ticket)

    def _send(self, entry: Entry, ticket: Ticket | None) -> None:
        if entry.seq <= self._sent_seq:
            return
        self._sent_seq = entry.seq
        progress = self._runtime.engine.progress(ticket) if ticket else None
        self._connection.send_event(
            self._message_id,
            {
                "type": "entry",
                "seq": entry.seq,
                "entry": entry_to_dict(entry),
                "ticket": ticket_to_dict(ticket, progress) if ticket else None,
            },
        )


def _runtime(hass: HomeAssistant, msg: dict[str, Any]) -> TrustTuneRuntime:
    entry: TrustTuneConfigEntry = service.async_get_config_entry(hass, DOMAIN, msg.get(ATTR_CONFIG_ENTRY_ID))
    return entry.runtime_data
