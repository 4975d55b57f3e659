"""What entities and subscribers are fed with: the engine pushes, nothing here polls."""

import logging
from dataclasses import dataclass

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.debounce import Debouncer
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed

from .const import DOMAIN
from .engine import Engine, EngineStatus
from .engine.errors import EngineError
from .engine.journal.entry import Entry
from .engine.textbrain.candidate import Candidate
from .engine.tickets.state import State
from .engine.tickets.ticket import Ticket
from .feed import TicketFeed

_LOGGER = logging.getLogger(__name__)

type TrustTuneConfigEntry = ConfigEntry[TrustTuneRuntime]


@dataclass(frozen=True, slots=True)
class TrustTuneRuntime:
    """What belongs to a loaded entry."""

    engine: Engine
    feed: TicketFeed
    status: StatusCoordinator
    approvals: ApprovalsCoordinator


@dataclass(frozen=True, slots=True)
class Approval:
    """A ticket that waits for a person, and the candidate that approving takes."""

    ticket: Ticket
    best: Candidate | None


class StatusCoordinator(DataUpdateCoordinator[EngineStatus]):
    """Holds the engine's status."""

    config_entry: TrustTuneConfigEntry

    def __init__(self, hass: HomeAssistant, entry: TrustTuneConfigEntry, engine: Engine) -> None:
        super().__init__(hass, _LOGGER, config_entry=entry, name=f"{DOMAIN} status")
        self._engine = engine
        self.data = engine.status

    def listen(self) -> CALLBACK_TYPE:
        """Follow the engine; the answer ends it."""
        return self._engine.subscribe_status(self._status_changed)

    @callback
    def _status_changed(self, status: EngineStatus) -> None:
        # The engine tells after every poll of the client; most polls change nothing.
        if status != self.data:
            self.async_set_updated_data(status)

    async def _async_update_data(self) -> EngineStatus:
        return self._engine.status


class ApprovalsCoordinator(DataUpdateCoordinator[tuple[Approval, ...]]):
    """Holds the tickets that wait for a person; read again when the journal says that one came or went."""

    config_entry: TrustTuneConfigEntry

    def __init__(self, hass: HomeAssistant, entry: TrustTuneConfigEntry, engine: Engine) -> None:
        super().__init__(
            hass,
            _LOGGER,
            config_entry=entry,
            name=f"{DOMAIN} approvals",
            # A scan moves many tickets in one moment: one reading serves them all.
            request_refresh_debouncer=Debouncer(hass, _LOGGER, cooldown=0.3, immediate=True),
        )
        self._engine = engine

    def listen(self) -> CALLBACK_TYPE:
        """Follow the journal; the answer ends it."""
        return self._engine.subscribe(self._entry_written)

    @callback
    def _entry_written(self, entry: Entry) -> None:
        if State.NEEDS_APPROVAL in {entry.from_state, entry.to_state}:
            self.config_entry.async_create_task(self.hass, self.async_request_refresh())

    async def _async_update_data(self) -> tuple[Approval, ...]:
        try:
            waiting = await self._engine.tickets(states={State.NEEDS_APPROVAL})
            details = [await self._engine.ticket(ticket.id) for ticket in waiting.tickets]
        except EngineError as error:
            raise UpdateFailed(
                translation_domain=DOMAIN,
                translation_key="engine_failed",
                translation_placeholders={"error": str(error)},
            ) from error
        return tuple(
            Approval(
                each.ticket,
                next((stored.candidate for stored in each.candidates if not stored.candidate.is_refused), None),
            )
            for each in details
            if each.ticket.state is State.NEEDS_APPROVAL
        )
