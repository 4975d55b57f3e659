"""What a person can attach to a bug report: no secrets, no addresses, nobody's name."""

from dataclasses import asdict
from typing import Any

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.const import CONF_API_KEY, CONF_PASSWORD, CONF_URL, CONF_USERNAME
from homeassistant.core import HomeAssistant

from .const import CONF_OLLAMA_URL
from .coordinator import TrustTuneConfigEntry
from .engine.tickets.view import ticket_to_dict

# Addresses too: an indexer's may carry a key. Messages may repeat an address.
TO_REDACT = {
    CONF_API_KEY,
    CONF_OLLAMA_URL,
    CONF_PASSWORD,
    CONF_URL,
    CONF_USERNAME,
    "info_hash",
    "message",
    "requesters",
    "title",
    "unique_id",
}


async def async_get_config_entry_diagnostics(hass: HomeAssistant, entry: TrustTuneConfigEntry) -> dict[str, Any]:
    """Give the configuration, the status and the newest tickets."""
    runtime = entry.runtime_data
    snapshot = await runtime.engine.tickets(limit=100)
    status = asdict(runtime.engine.status)
    return {
        "entry": async_redact_data(entry.as_dict(), TO_REDACT),
        "status": async_redact_data(
            status
            | {
                "failing_indexers": len(status["failing_indexers"]),
                "tickets": {str(state): count for state, count in status["tickets"].items()},
                "problems": list(status["problems"]),
            },
            TO_REDACT,
        ),
        "seq": snapshot.seq,
        "tickets": [async_redact_data(ticket_to_dict(ticket), TO_REDACT) for ticket in snapshot.tickets],
    }
