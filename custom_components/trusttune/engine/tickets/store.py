"""Tickets in the database: every function works inside a transaction that somebody else has begun."""

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ..errors import TicketError, TransitionError, UnknownTicketError
from ..journal.entry import Event
from ..journal.journal import Writer
from ..storage.codec import decode_candidate, decode_wanted, encode_candidate, encode_wanted, wanted_to_dict
from ..textbrain.candidate import Candidate
from ..wanted.album import WantedAlbum
from .state import TERMINAL, State, is_allowed
from .ticket import Priority, Requester, Source, StoredCandidate, Ticket, new_ticket_id

MAX_CANDIDATES = 50
"""So many candidates of a search are kept; the rest were refused, or nobody would look that far."""


def request_ticket(
    writer: Writer, wanted: WantedAlbum, requester: Requester, *, priority: Priority, is_dry_run: bool
) -> tuple[Ticket, bool]:
    """Give the open ticket for this album, new (True) or the one that is there (False).

    A second requester joins the open ticket; the higher priority holds.
    """
    row = writer.connection.execute(
        "SELECT id FROM tickets WHERE wanted_key = ? AND is_dry_run = ? AND is_terminal = 0",
        (wanted.key, is_dry_run),
    ).fetchone()
    if row is not None:
        ticket = get_ticket(writer.connection, row["id"])
        if ticket.is_cancelling:
            raise TicketError("This album is being cancelled at this moment: ask again when that is done")
        return _join(writer, ticket, requester, priority), False
    ticket_id = new_ticket_id()
    writer.connection.execute(
        "INSERT INTO tickets (id, wanted_key, wanted, state, priority, rank, created_at, updated_at, is_dry_run)"
        " VALUES (?,?,?,?,?,?,?,?,?)",
        (
            ticket_id,
            wanted.key,
            encode_wanted(wanted),
            State.PENDING,
            priority,
            priority.rank,
            writer.now,
            writer.now,
            is_dry_run,
        ),
    )
    _add_requester(writer.connection, ticket_id, requester)
    writer.record(
        Event.CREATED,
        ticket_id=ticket_id,
        to_state=State.PENDING,
        who=requester.name,
        why=f"{wanted.title} by {wanted.artist} was asked for",
        data={"wanted": wanted_to_dict(wanted), "source": requester.source, "priority": priority},
    )
    return get_ticket(writer.connection, ticket_id), True


def _join(writer: Writer, ticket: Ticket, requester: Requester, priority: Priority) -> Ticket:
    is_sooner = priority.rank > ticket.priority.rank
    if requester in ticket.requesters and not is_sooner:
        return ticket
    _add_requester(writer.connection, ticket.id, requester)
    if is_sooner:
        writer.connection.execute(
            "UPDATE tickets SET priority = ?, rank = ? WHERE id = ?", (priority, priority.rank, ticket.id)
        )
    writer.record(
        Event.MERGED,
        ticket_id=ticket.id,
        who=requester.name,
        why="The album was asked for again",
        data={"source": requester.source, "priority": priority if is_sooner else ticket.priority},
    )
    return get_ticket(writer.connection, ticket.id)


def _add_requester(connection: sqlite3.Connection, ticket_id: str, requester: Requester) -> None:
    connection.execute("INSERT OR IGNORE INTO requesters VALUES (?,?,?)", (ticket_id, requester.name, requester.source))


def move_ticket(
    writer: Writer,
    ticket_id: str,
    following: State,
    *,
    who: str,
    why: str,
    expected: State | None = None,
    data: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Ticket:
    """Move a ticket, with its journal row; `changes` are further columns of its row.

    Raises TransitionError when the table does not allow it, or the ticket is not where the caller
    saw it (`expected`).
    """
    ticket = get_ticket(writer.connection, ticket_id)
    if not is_allowed(ticket.state, following) or (expected is not None and ticket.state is not expected):
        raise TransitionError(f"A ticket that is {ticket.state} cannot become {following}")
    if ticket.is_cancelling and following is not State.CANCELLED:
        raise TransitionError("The ticket is being cancelled")
    columns = {
        "retry_state": None,
        **changes,
        "state": following,
        "reason": why,
        "updated_at": writer.now,
        "is_terminal": following in TERMINAL,
    }
    assignments = ", ".join(f"{column} = ?" for column in columns)
    writer.connection.execute(
        f"UPDATE tickets SET {assignments} WHERE id = ?",  # noqa: S608 - column names are ours
        (*columns.values(), ticket_id),
    )
    writer.record(
        Event.MOVED,
        ticket_id=ticket_id,
        from_state=ticket.state,
        to_state=following,
        who=who,
        why=why,
        data=data,
    )
    return get_ticket(writer.connection, ticket_id)


def get_ticket(connection: sqlite3.Connection, ticket_id: str) -> Ticket:
    """Give one ticket. Raises UnknownTicketError."""
    row = connection.execute("SELECT * FROM tickets WHERE id = ?", (ticket_id,)).fetchone()
    if row is None:
        raise UnknownTicketError(f"There is no ticket {ticket_id!r}")
    return _read_ticket(connection, row)


def list_tickets(
    connection: sqlite3.Connection,
    *,
    states: Collection[State] | None = None,
    limit: int = 500,
    with_cancelling: bool = True,
) -> tuple[Ticket, ...]:
    """Give tickets, those whose turn comes first in front; on wish without those that are being cancelled."""
    chosen = tuple(states) if states is not None else tuple(State)
    marks = ",".join("?" * len(chosen))
    also = "" if with_cancelling else "AND is_cancelling = 0"
    rows = connection.execute(
        f"SELECT * FROM tickets WHERE state IN ({marks}) {also} "  # noqa: S608 - both are ours
        "ORDER BY rank DESC, created_at, id LIMIT ?",
        (*chosen, limit),
    ).fetchall()
    return tuple(_read_ticket(connection, row) for row in rows)


def cancelling_tickets(connection: sqlite3.Connection) -> tuple[Ticket, ...]:
    """Give the tickets that were cancelled while their torrent could not be stopped."""
    rows = connection.execute("SELECT * FROM tickets WHERE is_cancelling = 1").fetchall()
    return tuple(_read_ticket(connection, row) for row in rows)


def unwanted_torrents(connection: sqlite3.Connection, ours: Mapping[str, Collection[str]]) -> tuple[str, ...]:
    """Of torrents in the client (info hash to ticket ids), give those that no ticket of theirs wants any more.

    A torrent of a ticket that is not known here is somebody else's: it is left alone.
    """

    def is_unwanted(info_hash: str, ticket_id: str) -> bool:
        row = connection.execute("SELECT state FROM tickets WHERE id = ?", (ticket_id,)).fetchone()
        if row is None:
            return False
        is_ended = row["state"] in {State.CANCELLED, State.REJECTED}
        return is_ended or info_hash in quarantined(connection, ticket_id)

    return tuple(
        info_hash
        for info_hash, ticket_ids in ours.items()
        if all(is_unwanted(info_hash, each) for each in ticket_ids) and not is_shared(connection, info_hash, "")
    )


def is_shared(connection: sqlite3.Connection, info_hash: str, ticket_id: str) -> bool:
    """Whether another ticket that is not cancelled or rejected uses this torrent too."""
    row = connection.execute(
        "SELECT 1 FROM tickets WHERE info_hash = ? AND id <> ? AND state NOT IN (?, ?) LIMIT 1",
        (info_hash, ticket_id, State.CANCELLED, State.REJECTED),
    ).fetchone()
    return row is not None


def count_tickets(connection: sqlite3.Connection) -> dict[State, int]:
    """Give how many tickets are in each state."""
    rows = connection.execute("SELECT state, count(*) AS number FROM tickets GROUP BY state")
    return {State(row["state"]): row["number"] for row in rows}


def _read_ticket(connection: sqlite3.Connection, row: sqlite3.Row) -> Ticket:
    requesters = connection.execute("SELECT name, source FROM requesters WHERE ticket_id = ?", (row["id"],))
    return Ticket(
        id=row["id"],
        wanted=decode_wanted(row["wanted"]),
        state=State(row["state"]),
        priority=Priority(row["priority"]),
        requesters=tuple(Requester(each["name"], Source(each["source"])) for each in requesters),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        reason=row["reason"],
        retry_state=State(row["retry_state"]) if row["retry_state"] else None,
        attempts=row["attempts"],
        is_dry_run=bool(row["is_dry_run"]),
        is_cancelling=bool(row["is_cancelling"]),
        chosen=row["chosen"],
        info_hash=row["info_hash"],
    )


def enrich_wanted(writer: Writer, ticket_id: str, wanted: WantedAlbum) -> None:
    """Keep what was learnt about the wanted album; its key stays that of the request."""
    writer.connection.execute("UPDATE tickets SET wanted = ? WHERE id = ?", (encode_wanted(wanted), ticket_id))
    writer.record(
        Event.ENRICHED,
        ticket_id=ticket_id,
        who="trusttune",
        why=f"Found its {len(wanted.tracks)} tracks" if wanted.tracks else "Found it, but no list of its tracks",
        data={"wanted": wanted_to_dict(wanted)},
    )


def request_cancel(writer: Writer, ticket_id: str, *, who: str) -> Ticket:
    """Note that a ticket is to be cancelled, before its torrent is stopped: a crash in between finishes it."""
    ticket = get_ticket(writer.connection, ticket_id)
    if not is_allowed(ticket.state, State.CANCELLED):
        raise TransitionError(f"A ticket that is {ticket.state} cannot be cancelled")
    if not ticket.is_cancelling:
        writer.connection.execute("UPDATE tickets SET is_cancelling = 1 WHERE id = ?", (ticket_id,))
        writer.record(Event.CANCEL_REQUESTED, ticket_id=ticket_id, who=who, why="Somebody cancelled it")
    return get_ticket(writer.connection, ticket_id)


def list_candidates(writer: Writer, ticket_id: str, candidates: Sequence[StoredCandidate]) -> tuple[int, ...]:
    """Put a search's candidates in place of those listed before, and give their numbers.

    A number keeps its meaning for the life of the ticket: earlier candidates stay stored, unlisted and
    without their torrents. `candidates` carry any number; each of the best MAX_CANDIDATES gets its own.
    """
    writer.connection.execute(
        "UPDATE candidates SET is_listed = 0, metainfo = NULL, magnet = NULL WHERE ticket_id = ?", (ticket_id,)
    )
    return tuple(add_candidate(writer, ticket_id, candidate) for candidate in candidates[:MAX_CANDIDATES])


def add_candidate(writer: Writer, ticket_id: str, stored: StoredCandidate) -> int:
    """List one more candidate and give its number."""
    row = writer.connection.execute(
        "SELECT coalesce(max(number), 0) + 1 AS next FROM candidates WHERE ticket_id = ?", (ticket_id,)
    ).fetchone()
    number: int = row["next"]
    writer.connection.execute(
        "INSERT INTO candidates (ticket_id, number, candidate) VALUES (?,?,?)",
        (ticket_id, number, encode_candidate(stored.candidate)),
    )
    keep_torrent(writer, ticket_id, number, stored.candidate, stored.info_hash, stored.torrent)
    return number


def keep_torrent(
    writer: Writer,
    ticket_id: str,
    number: int,
    candidate: Candidate,
    info_hash: str | None,
    torrent: bytes | str | None,
) -> None:
    """Keep what was fetched for a candidate, so that just this is downloaded and nothing is fetched twice."""
    writer.connection.execute(
        "UPDATE candidates SET candidate = ?, info_hash = ?, metainfo = ?, magnet = ? "
        "WHERE ticket_id = ? AND number = ?",
        (
            encode_candidate(candidate),
            info_hash,
            torrent if isinstance(torrent, bytes) else None,
            torrent if isinstance(torrent, str) else None,
            ticket_id,
            number,
        ),
    )


def get_candidates(connection: sqlite3.Connection, ticket_id: str) -> tuple[StoredCandidate, ...]:
    """Give the listed candidates of a ticket, best first."""
    rows = connection.execute(
        "SELECT * FROM candidates WHERE ticket_id = ? AND is_listed = 1 ORDER BY number", (ticket_id,)
    )
    return tuple(_read_candidate(row) for row in rows)


def get_candidate(connection: sqlite3.Connection, ticket_id: str, number: int) -> StoredCandidate | None:
    """Give one candidate by its number, listed or not."""
    row = connection.execute(
        "SELECT * FROM candidates WHERE ticket_id = ? AND number = ?", (ticket_id, number)
    ).fetchone()
    return _read_candidate(row) if row is not None else None


def _read_candidate(row: sqlite3.Row) -> StoredCandidate:
    torrent = row["metainfo"] if row["metainfo"] is not None else row["magnet"]
    return StoredCandidate(row["number"], decode_candidate(row["candidate"]), row["info_hash"], torrent)


def begin_grab(writer: Writer, ticket_id: str, info_hash: str) -> bool:
    """Note that a release begins to be downloaded; False where this ticket had it before."""
    cursor = writer.connection.execute(
        "INSERT OR IGNORE INTO grabs (ticket_id, info_hash, begun_at) VALUES (?,?,?)",
        (ticket_id, info_hash, writer.now),
    )
    return cursor.rowcount == 1


def note_added(writer: Writer, ticket_id: str, info_hash: str) -> None:
    """Note that the torrent client has the torrent."""
    cursor = writer.connection.execute(
        "UPDATE grabs SET added_at = ? WHERE ticket_id = ? AND info_hash = ? AND added_at IS NULL",
        (writer.now, ticket_id, info_hash),
    )
    if cursor.rowcount:
        writer.record(
            Event.ADDED_TO_CLIENT,
            ticket_id=ticket_id,
            who="trusttune",
            why="The torrent client has it",
            data={"info_hash": info_hash},
        )


def was_added(connection: sqlite3.Connection, ticket_id: str, info_hash: str) -> bool:
    """Whether the torrent client has ever had this release for this ticket."""
    row = connection.execute(
        "SELECT added_at FROM grabs WHERE ticket_id = ? AND info_hash = ?", (ticket_id, info_hash)
    ).fetchone()
    return row is not None and row["added_at"] is not None


def grabbed(connection: sqlite3.Connection, ticket_id: str) -> frozenset[str]:
    """Give the info hashes this ticket has ever begun to download."""
    return frozenset(
        row["info_hash"] for row in connection.execute("SELECT info_hash FROM grabs WHERE ticket_id = ?", (ticket_id,))
    )


def quarantine(writer: Writer, ticket_id: str, releases: Collection[str], *, title: str, reason: str) -> None:
    """Remember a release as bad for this ticket, under every name it is known by."""
    for release in releases:
        writer.connection.execute("INSERT OR IGNORE INTO quarantine VALUES (?,?,?)", (ticket_id, release, reason))
    writer.record(
        Event.QUARANTINED,
        ticket_id=ticket_id,
        who="trusttune",
        why=reason,
        data={"releases": sorted(releases), "title": title},
    )


def quarantined(connection: sqlite3.Connection, ticket_id: str) -> Mapping[str, str]:
    """Give the releases that are bad for this ticket, each with its reason."""
    rows = connection.execute("SELECT release, reason FROM quarantine WHERE ticket_id = ?", (ticket_id,))
    return {row["release"]: row["reason"] for row in rows}


def keep_placement(writer: Writer, ticket_id: str, placement: Mapping[str, Any]) -> None:
    """Keep what was placed where, so that it can be undone."""
    writer.connection.execute(
        "INSERT OR REPLACE INTO placements VALUES (?,?)", (ticket_id, json.dumps(placement, ensure_ascii=False))
    )


def get_placement(connection: sqlite3.Connection, ticket_id: str) -> dict[str, Any] | None:
    """Give what was placed for a ticket, or None."""
    row = connection.execute("SELECT placement FROM placements WHERE ticket_id = ?", (ticket_id,)).fetchone()
    placement: dict[str, Any] | None = json.loads(row["placement"]) if row is not None else None
    return placement


def wanted_files(connection: sqlite3.Connection, info_hash: str) -> frozenset[int]:
    """Give the indexes of the files that any ticket wants of a torrent."""
    rows = connection.execute(
        "SELECT candidate FROM tickets JOIN candidates ON ticket_id = id AND number = chosen "
        "WHERE tickets.info_hash = ? AND state NOT IN (?, ?)",
        (info_hash, State.CANCELLED, State.REJECTED),
    )
    mappings = [decode_candidate(row["candidate"]).mapping for row in rows]
    return frozenset(index for mapping in mappings if mapping is not None for index in mapping.files.values())


def ended_for_album(connection: sqlite3.Connection, wanted: WantedAlbum) -> State | None:
    """Give how the newest ticket for this album ended, or None where there is none or it is open."""
    row = connection.execute(
        "SELECT state FROM tickets WHERE wanted_key = ? AND is_dry_run = 0 ORDER BY created_at DESC, id LIMIT 1",
        (wanted.key,),
    ).fetchone()
    state = State(row["state"]) if row is not None else None
    return state if state in TERMINAL else None
