"""What happens to tickets, as events for automations."""

from homeassistant.components.event import EventEntity
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import TrustTuneConfigEntry
from .engine.journal.entry import Entry, Event
from .engine.tickets.state import State
from .engine.tickets.ticket import Ticket
from .entity import device_info

PARALLEL_UPDATES = 0

# What an automation may want to act on: a ticket's way as its states, and what is not a state.
REQUESTED = "requested"
REQUESTED_AGAIN = "requested_again"
QUARANTINED = "quarantined"
EVENT_TYPES = [
    REQUESTED,
    REQUESTED_AGAIN,
    QUARANTINED,
    *(state.value for state in State if state not in {State.PENDING, State.CONVERTING}),
]
_TYPE_OF_EVENT = {
    Event.CREATED: REQUESTED,
    Event.MERGED: REQUESTED_AGAIN,
    Event.QUARANTINED: QUARANTINED,
}


async def async_setup_entry(
    hass: HomeAssistant, entry: TrustTuneConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the event entity of an entry."""
    async_add_entities([TicketEvents(entry)])


class TicketEvents(EventEntity):
    """The newest thing that happened to a ticket."""

    _attr_has_entity_name = True
    _attr_should_poll = False
    _attr_translation_key = "tickets"
    _attr_event_types = EVENT_TYPES

    def __init__(self, entry: TrustTuneConfigEntry) -> None:
        self._attr_unique_id = f"{entry.entry_id}_tickets"
        self._attr_device_info = device_info(entry)
        self._feed = entry.runtime_data.feed

    async def async_added_to_hass(self) -> None:
        """Follow the tickets."""
        await super().async_added_to_hass()
        self.async_on_remove(self._feed.async_subscribe(self._entry_written))

    @callback
    def _entry_written(self, entry: Entry, ticket: Ticket | None) -> None:
        event_type = event_type_of(entry)
        if event_type is None or ticket is None:
            return
        self._trigger_event(
            event_type,
            {
                "ticket_id": ticket.id,
                "artist": ticket.wanted.artist,
                "album": ticket.wanted.title,
                "year": ticket.wanted.year,
                "who": entry.who,
                "why": entry.why,
                "requesters": [requester.name for requester in ticket.requesters],
            },
        )
        self.async_write_ha_state()


def event_type_of(entry: Entry) -> str | None:
    """Give how automations know this row of the journal; None for what is no event for them."""
    if entry.event in _TYPE_OF_EVENT:
        return _TYPE_OF_EVENT[entry.event]
    if entry.event is Event.MOVED and entry.to_state is not None and entry.to_state.value in EVENT_TYPES:
        return entry.to_state.value
    return None
