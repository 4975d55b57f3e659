"""Everything about one ticket, for the action and the websocket command that ask for it."""

from typing import Any

from .engine import Engine
from .engine.tickets.view import candidates_to_list, entry_to_dict, ticket_to_dict, wanted_summary


async def ticket_details(engine: Engine, ticket_id: str) -> dict[str, Any]:
    """Give a ticket with its candidates, best first, and its journal. Raises UnknownTicketError."""
    details = await engine.ticket(ticket_id)
    return {
        "seq": details.seq,
        "ticket": ticket_to_dict(details.ticket, engine.progress(details.ticket)),
        "wanted": wanted_summary(details.ticket),
        "candidates": candidates_to_list(details.candidates, engine.indexer_names),
        "journal": [entry_to_dict(entry) for entry in details.journal],
    }
