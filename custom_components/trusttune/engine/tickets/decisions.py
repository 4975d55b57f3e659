"""What moves a ticket, one function a decision, each inside a transaction; only the orchestrator calls them."""

from collections.abc import Mapping
from typing import Any

from ..acquisition import Found, release_names
from ..config import BrainConfig
from ..errors import TicketError
from ..indexers.metainfo import parse_magnet
from ..indexers.release import IndexedRelease
from ..journal.entry import Event
from ..journal.journal import Writer
from ..textbrain.candidate import Candidate, Finding, Verdict
from . import store
from .state import State
from .ticket import StoredCandidate, Ticket

WHO = "trusttune"
"""Who decides where no person does."""


def approve(writer: Writer, ticket_id: str, number: int | None, who: str) -> Ticket:
    """Approve a candidate by its number, or the best one. Raises TicketError."""
    ticket = store.get_ticket(writer.connection, ticket_id)
    listed = store.get_candidates(writer.connection, ticket_id)
    fitting = [each for each in listed if (number is None and not each.candidate.is_refused) or each.number == number]
    stored = fitting[0] if fitting else None
    if stored is None:
        what = f"no candidate {number}" if number is not None else "no candidate"
        raise TicketError(f"{ticket.wanted.title} has {what} that could be approved")
    bad = store.quarantined(writer.connection, ticket_id)
    for name in (*release_names(stored.candidate.release), stored.info_hash or ""):
        if name in bad:
            raise TicketError(f"This release was tried before: {bad[name]}")
    return store.move_ticket(
        writer,
        ticket_id,
        State.APPROVED,
        expected=State.NEEDS_APPROVAL,
        who=who,
        why=f"{who} approved {stored.candidate.release.title}",
        chosen=stored.number,
        data=_choice(stored, stored.number),
    )


def reject(writer: Writer, ticket_id: str, who: str, why: str) -> Ticket:
    """End the ticket because nothing that was found is wanted. Raises TicketError."""
    return store.move_ticket(writer, ticket_id, State.REJECTED, who=who, why=why or f"{who} rejected it")


def retry(writer: Writer, ticket_id: str, who: str) -> Ticket:
    """Go on with a failed ticket where it was last safe, or search again. Raises TicketError."""
    ticket = store.get_ticket(writer.connection, ticket_id)
    following = State.PENDING if ticket.state is State.ACQUISITION_FAILED else ticket.retry_state
    if following is None or ticket.state not in {State.ACQUISITION_FAILED, State.FAILED}:
        raise TicketError(f"A ticket that is {ticket.state} has nothing to retry")
    return store.move_ticket(writer, ticket_id, following, who=who, why=f"{who} asked to try again")


def force_search(writer: Writer, ticket_id: str, who: str) -> Ticket:
    """Begin again with the search. Raises TicketError."""
    _leave_torrent(writer, ticket_id, f"{who} asked for a new search")
    return store.move_ticket(
        writer, ticket_id, State.PENDING, who=who, why=f"{who} asked for a new search", chosen=None, info_hash=None
    )


def force_magnet(writer: Writer, ticket_id: str, magnet: str, who: str) -> Ticket:
    """Approve a torrent that a person brought along. Raises MetainfoError, TicketError."""
    magnet = "magnet:" + magnet.strip().partition(":")[2]
    parsed = parse_magnet(magnet)
    if store.get_ticket(writer.connection, ticket_id).is_dry_run:
        raise TicketError("This ticket is a dry run: it downloads nothing")
    release = IndexedRelease(
        "person", parsed.info_hash, parsed.name or parsed.info_hash, magnet, info_hash=parsed.info_hash
    )
    finding = Finding("person", Verdict.PASSED, f"{who} chose this torrent by hand")
    stored = StoredCandidate(
        0, Candidate(release, 1.0, (finding,), f"Chosen by hand by {who}."), parsed.info_hash, magnet
    )
    if parsed.info_hash in store.grabbed(writer.connection, ticket_id):
        raise TicketError("This torrent was downloaded for this ticket before")
    _leave_torrent(writer, ticket_id, f"{who} gave another torrent")
    number = store.add_candidate(writer, ticket_id, stored)
    return store.move_ticket(
        writer,
        ticket_id,
        State.APPROVED,
        who=who,
        why=f"{who} gave a magnet link",
        chosen=number,
        data=_choice(stored, number),
    )


def conclude_search(writer: Writer, ticket: Ticket, found: Found, brain: BrainConfig) -> Ticket:
    """Keep what a search found and decide what it means: nothing, ask a person, or take the best."""
    kept = found.candidates[: store.MAX_CANDIDATES]
    numbers = store.list_candidates(writer, ticket.id, kept)
    for note in found.notes:
        writer.record(Event.NOTE, ticket_id=ticket.id, who=WHO, why=note)
    usable = [(number, stored) for number, stored in zip(numbers, kept, strict=True) if not stored.candidate.is_refused]
    about: dict[str, Any] = {
        "queries": found.queries,
        "failures": found.failures,
        "found": len(found.candidates),
        "usable": len(usable),
    }
    if not usable:
        return _conclude(writer, ticket, State.ACQUISITION_FAILED, _why_nothing(found), about)
    number, best = usable[0]
    about |= _choice(best, number)
    is_sure = _is_sure(best.candidate, brain)
    if ticket.is_dry_run:
        verdict = "would be taken" if is_sure else "would need approval"
        why = f"Dry run: {best.candidate.release.title} {verdict}"
        return _conclude(writer, ticket, State.DRY_RUN_COMPLETE, why, about, chosen=number)
    if is_sure:
        why = best.candidate.explanation
        return _conclude(writer, ticket, State.AUTO_APPROVED, why, about, chosen=number)
    return _conclude(writer, ticket, State.NEEDS_APPROVAL, best.candidate.explanation, about)


def set_aside(writer: Writer, ticket: Ticket, why: str, data: Mapping[str, Any] | None = None) -> Ticket:
    """Remember the chosen release as bad for this ticket and look for the next one."""
    _quarantine_chosen(writer, ticket, why)
    return store.move_ticket(
        writer,
        ticket.id,
        State.ACQUIRING,
        expected=ticket.state,
        who=WHO,
        why=why,
        data=data,
        chosen=None,
        info_hash=None,
    )


def removed_by_a_person(writer: Writer, ticket: Ticket) -> Ticket:
    """Fail because the torrent was taken out of the client by hand; it is not brought back."""
    why = "It was removed from the torrent client. Retry looks for another release."
    _quarantine_chosen(writer, ticket, why)
    return store.move_ticket(
        writer,
        ticket.id,
        State.FAILED,
        expected=State.DOWNLOADING,
        who=WHO,
        why=why,
        retry_state=State.PENDING,
        chosen=None,
        info_hash=None,
    )


def _leave_torrent(writer: Writer, ticket_id: str, why: str) -> None:
    """Give up the torrent a failed ticket may still have in the client; the watch removes it."""
    ticket = store.get_ticket(writer.connection, ticket_id)
    if ticket.info_hash is not None:
        _quarantine_chosen(writer, ticket, why)


def _quarantine_chosen(writer: Writer, ticket: Ticket, why: str) -> None:
    number = ticket.chosen
    stored = store.get_candidate(writer.connection, ticket.id, number) if number is not None else None
    names = {ticket.info_hash} if ticket.info_hash else set()
    title = ""
    if stored is not None:
        title = stored.candidate.release.title
        names |= {*release_names(stored.candidate.release), *([stored.info_hash] if stored.info_hash else [])}
    store.quarantine(writer, ticket.id, names, title=title, reason=why)


def _is_sure(candidate: Candidate, brain: BrainConfig) -> bool:
    """Whether nobody needs to be asked: confident enough, and every track was seen in the list of files."""
    mapping = candidate.mapping
    return (
        not brain.always_ask
        and candidate.confidence >= brain.auto_approve_threshold
        and mapping is not None
        and bool(mapping.files)
        and not mapping.missing
    )


def _conclude(
    writer: Writer, ticket: Ticket, following: State, why: str, data: Mapping[str, Any], **changes: Any
) -> Ticket:
    return store.move_ticket(
        writer, ticket.id, following, expected=State.ACQUIRING, who=WHO, why=why, data=data, **changes
    )


def _choice(stored: StoredCandidate, number: int) -> dict[str, Any]:
    release = stored.candidate.release
    return {
        "candidate": number,
        "title": release.title,
        "indexer": release.indexer_id,
        "confidence": round(stored.candidate.confidence, 4),
        "licence": release.licence,
        "explanation": stored.candidate.explanation,
    }


def _why_nothing(found: Found) -> str:
    if found.failures and not found.candidates:
        failed = "; ".join(f"{name}: {why}" for name, why in found.failures.items())
        return f"No indexer could be asked: {failed}"
    if not found.candidates:
        return "No indexer lists it"
    nearest = found.candidates[0].candidate.explanation
    return f"None of {len(found.candidates)} releases is right; the nearest: {nearest}"
