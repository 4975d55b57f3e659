"""Tickets, candidates and journal rows as plain values for people: actions, websocket, diagnostics. No secrets."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..journal.entry import Entry
from ..storage.codec import findings_to_list, mapping_to_dict, wanted_to_dict
from ..textbrain.candidate import Candidate
from .ticket import StoredCandidate, Ticket


def ticket_to_dict(ticket: Ticket, progress: float | None = None) -> dict[str, Any]:
    """Give a ticket; `progress` (0 to 1) is there while it downloads."""
    return {
        "id": ticket.id,
        "kind": "music",
        "artist": ticket.wanted.artist,
        "album": ticket.wanted.title,
        "year": ticket.wanted.year,
        "state": ticket.state.value,
        "reason": ticket.reason,
        "priority": ticket.priority.value,
        "requesters": [{"name": each.name, "source": each.source.value} for each in ticket.requesters],
        "created_at": ticket.created_at,
        "updated_at": ticket.updated_at,
        "can_retry": ticket.retry_state is not None,
        "attempts": ticket.attempts,
        "is_dry_run": ticket.is_dry_run,
        "is_cancelling": ticket.is_cancelling,
        "chosen": ticket.chosen,
        "info_hash": ticket.info_hash,
        "progress": progress,
        "tracks": len(ticket.wanted.tracks),
    }


def candidate_to_dict(
    candidate: Candidate, indexer_names: Mapping[str, str], number: int | None = None
) -> dict[str, Any]:
    """Give a candidate with its findings; the link stays behind, it may carry a key."""
    release = candidate.release
    return {
        "number": number,
        "title": release.title,
        "indexer": indexer_names.get(release.indexer_id, release.indexer_id),
        "size_bytes": release.size_bytes,
        "seeders": release.seeders,
        "licence": release.licence,
        "format": candidate.format,
        "confidence": round(candidate.confidence, 4),
        "is_refused": candidate.is_refused,
        "explanation": candidate.explanation,
        "findings": findings_to_list(candidate),
        "mapping": mapping_to_dict(candidate.mapping),
    }


def candidates_to_list(candidates: Sequence[StoredCandidate], indexer_names: Mapping[str, str]) -> list[dict[str, Any]]:
    """Give a ticket's listed candidates, best first."""
    return [candidate_to_dict(stored.candidate, indexer_names, stored.number) for stored in candidates]


def wanted_summary(ticket: Ticket) -> dict[str, Any]:
    """Give all that is known of the wanted album."""
    return wanted_to_dict(ticket.wanted)


def entry_to_dict(entry: Entry) -> dict[str, Any]:
    """Give a row of the journal."""
    return {
        "seq": entry.seq,
        "at": entry.at,
        "ticket_id": entry.ticket_id,
        "event": entry.event.value,
        "from_state": entry.from_state.value if entry.from_state else None,
        "to_state": entry.to_state.value if entry.to_state else None,
        "who": entry.who,
        "why": entry.why,
        "data": dict(entry.data),
    }
