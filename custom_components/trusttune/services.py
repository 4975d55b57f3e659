"""The actions: what people, automations and cards can ask of TrustTune."""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any, cast

import voluptuous as vol
from homeassistant.const import ATTR_CONFIG_ENTRY_ID
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers import service

from .const import (
    ATTR_ALBUM,
    ATTR_ARTIST,
    ATTR_CANDIDATE,
    ATTR_DRY_RUN,
    ATTR_LIMIT,
    ATTR_MAGNET,
    ATTR_PRIORITY,
    ATTR_STATES,
    ATTR_TICKET_ID,
    ATTR_WHY,
    ATTR_YEAR,
    DOMAIN,
)
from .coordinator import TrustTuneConfigEntry
from .engine import Engine
from .engine.tickets.state import State
from .engine.tickets.ticket import Priority, Ticket
from .engine.tickets.view import candidate_to_dict, ticket_to_dict
from .errors import translated_errors
from .requester import requester_of
from .ticket_details import ticket_details


class Action(StrEnum):
    """The names of the actions."""

    REQUEST_ALBUM = "request_album"
    SEARCH = "search"
    APPROVE = "approve"
    REJECT = "reject"
    CANCEL = "cancel"
    RETRY = "retry"
    FORCE_SEARCH = "force_search"
    FORCE_MAGNET = "force_magnet"
    GET_TICKETS = "get_tickets"
    SCAN_NOW = "scan_now"


def _name(value: Any) -> str:
    """Accept text that says something and is no novel."""
    name = " ".join(cv.string(value).split())
    if not 1 <= len(name) <= 300:
        raise vol.Invalid("must have 1 to 300 characters")
    return name


_ENTRY = {vol.Optional(ATTR_CONFIG_ENTRY_ID): str}
_TICKET = _ENTRY | {vol.Required(ATTR_TICKET_ID): _name}
_ALBUM = _ENTRY | {
    vol.Required(ATTR_ARTIST): _name,
    vol.Required(ATTR_ALBUM): _name,
    vol.Optional(ATTR_YEAR): vol.All(vol.Coerce(int), vol.Range(min=1000, max=9999)),
}

REQUEST_ALBUM_SCHEMA = vol.Schema(
    _ALBUM
    | {
        vol.Optional(ATTR_PRIORITY, default=Priority.NORMAL): vol.Coerce(Priority),
        vol.Optional(ATTR_DRY_RUN, default=False): cv.boolean,
    }
)
SEARCH_SCHEMA = vol.Schema(_ALBUM)
TICKET_SCHEMA = vol.Schema(_TICKET)
APPROVE_SCHEMA = vol.Schema(_TICKET | {vol.Optional(ATTR_CANDIDATE): vol.All(vol.Coerce(int), vol.Range(min=1))})
REJECT_SCHEMA = vol.Schema(_TICKET | {vol.Optional(ATTR_WHY, default=""): vol.All(cv.string, vol.Length(max=500))})
FORCE_MAGNET_SCHEMA = vol.Schema(_TICKET | {vol.Required(ATTR_MAGNET): vol.All(cv.string, vol.Length(max=8192))})
GET_TICKETS_SCHEMA = vol.Schema(
    _ENTRY
    | {
        vol.Optional(ATTR_TICKET_ID): _name,
        vol.Optional(ATTR_STATES): vol.All(cv.ensure_list, [vol.Coerce(State)]),
        vol.Optional(ATTR_LIMIT, default=100): vol.All(vol.Coerce(int), vol.Range(min=1, max=500)),
    }
)
SCAN_NOW_SCHEMA = vol.Schema(_ENTRY)


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions."""
    optional, only = SupportsResponse.OPTIONAL, SupportsResponse.ONLY
    for action, function, schema, supports_response in (
        (Action.REQUEST_ALBUM, _request_album, REQUEST_ALBUM_SCHEMA, optional),
        (Action.SEARCH, _search, SEARCH_SCHEMA, only),
        (Action.APPROVE, _approve, APPROVE_SCHEMA, optional),
        (Action.REJECT, _reject, REJECT_SCHEMA, optional),
        (Action.CANCEL, _cancel, TICKET_SCHEMA, optional),
        (Action.RETRY, _retry, TICKET_SCHEMA, optional),
        (Action.FORCE_SEARCH, _force_search, TICKET_SCHEMA, optional),
        (Action.FORCE_MAGNET, _force_magnet, FORCE_MAGNET_SCHEMA, optional),
        (Action.GET_TICKETS, _get_tickets, GET_TICKETS_SCHEMA, only),
        (Action.SCAN_NOW, _scan_now, SCAN_NOW_SCHEMA, optional),
    ):
        hass.services.async_register(DOMAIN, action, function, schema=schema, supports_response=supports_response)


def _engine(call: ServiceCall) -> Engine:
    entry: TrustTuneConfigEntry = service.async_get_config_entry(call.hass, DOMAIN, call.data.get(ATTR_CONFIG_ENTRY_ID))
    return entry.runtime_data.engine


async def _who(call: ServiceCall) -> str:
    return (await requester_of(call.hass, call.context)).name


async def _request_album(call: ServiceCall) -> ServiceResponse:
    """Ask for an album; one that was asked for already is the same ticket."""
    engine = _engine(call)
    requester = await requester_of(call.hass, call.context)
    with translated_errors():
        ticket, is_new = await engine.request(
            call.data[ATTR_ARTIST],
            call.data[ATTR_ALBUM],
            year=call.data.get(ATTR_YEAR),
            requester=requester,
            priority=call.data[ATTR_PRIORITY],
            is_dry_run=call.data[ATTR_DRY_RUN],
        )
    return {"ticket": ticket_to_dict(ticket), "is_new": is_new}


async def _search(call: ServiceCall) -> ServiceResponse:
    """Look for an album without asking for it."""
    engine = _engine(call)
    with translated_errors():
        candidates = await engine.search(call.data[ATTR_ARTIST], call.data[ATTR_ALBUM], year=call.data.get(ATTR_YEAR))
    return {"candidates": [candidate_to_dict(candidate, engine.indexer_names) for candidate in candidates]}


async def _move(call: ServiceCall, move: Callable[[Engine, str, str], Awaitable[Ticket]]) -> ServiceResponse:
    engine, who = _engine(call), await _who(call)
    with translated_errors():
        ticket = await move(engine, call.data[ATTR_TICKET_ID], who)
    return {"ticket": ticket_to_dict(ticket, engine.progress(ticket))}


async def _approve(call: ServiceCall) -> ServiceResponse:
    """Take a candidate of a ticket, the best one if none is named."""
    candidate = call.data.get(ATTR_CANDIDATE)
    return await _move(call, lambda engine, ticket_id, who: engine.approve(ticket_id, candidate=candidate, who=who))


async def _reject(call: ServiceCall) -> ServiceResponse:
    """Want none of a ticket's candidates."""
    why = call.data[ATTR_WHY]
    return await _move(call, lambda engine, ticket_id, who: engine.reject(ticket_id, who=who, why=why))


async def _cancel(call: ServiceCall) -> ServiceResponse:
    """Stop a ticket wherever it is."""
    return await _move(call, lambda engine, ticket_id, who: engine.cancel(ticket_id, who=who))


async def _retry(call: ServiceCall) -> ServiceResponse:
    """Take a failed ticket up again where it was last safe."""
    return await _move(call, lambda engine, ticket_id, who: engine.retry(ticket_id, who=who))


async def _force_search(call: ServiceCall) -> ServiceResponse:
    """Search again for a ticket."""
    return await _move(call, lambda engine, ticket_id, who: engine.force_search(ticket_id, who=who))


async def _force_magnet(call: ServiceCall) -> ServiceResponse:
    """Give a ticket the torrent to download."""
    magnet = call.data[ATTR_MAGNET]
    return await _move(call, lambda engine, ticket_id, who: engine.force_magnet(ticket_id, magnet, who=who))


async def _get_tickets(call: ServiceCall) -> ServiceResponse:
    """Give tickets, or everything about one."""
    engine = _engine(call)
    with translated_errors():
        if ticket_id := call.data.get(ATTR_TICKET_ID):
            return cast(ServiceResponse, await ticket_details(engine, ticket_id))
        snapshot = await engine.tickets(states=call.data.get(ATTR_STATES), limit=call.data[ATTR_LIMIT])
    return {
        "seq": snapshot.seq,
        "tickets": [ticket_to_dict(ticket, engine.progress(ticket)) for ticket in snapshot.tickets],
    }


async def _scan_now(call: ServiceCall) -> ServiceResponse:
    """Look for missing albums at once."""
    engine, who = _engine(call), await _who(call)
    with translated_errors():
        report = await engine.scan_now(who=who)
    return {"gaps": report.gaps, "created": report.created, "skipped": list(report.skipped), "at": report.at}
