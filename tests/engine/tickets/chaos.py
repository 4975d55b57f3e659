"""Drives random decisions on tickets, and dies at a chosen SQL statement.

Run as a program it reads one line of JSON a life, {"database", "seed", "steps", "dies_at"}, forks,
lets the child live it, and answers with the child's exit status and what the child had been told
was committed. It is one small process of its own, because a fork wants a process without threads.
"""

import json
import os
import random
import sqlite3
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from custom_components.trusttune.engine.acquisition import Found
from custom_components.trusttune.engine.config import BrainConfig
from custom_components.trusttune.engine.errors import EngineError
from custom_components.trusttune.engine.indexers.release import IndexedRelease
from custom_components.trusttune.engine.journal.journal import Writer
from custom_components.trusttune.engine.storage.database import open_connection
from custom_components.trusttune.engine.textbrain.candidate import Candidate, FileMapping
from custom_components.trusttune.engine.tickets import decisions, store
from custom_components.trusttune.engine.tickets.state import ALLOWED, State
from custom_components.trusttune.engine.tickets.ticket import Priority, Requester, StoredCandidate, Ticket
from custom_components.trusttune.engine.wanted.album import WantedAlbum

ALBUMS = tuple(WantedAlbum("Nora Quill", title) for title in ("Low Tide", "High Tide", "Slack Water"))
DIED = 9


def _found(chance: random.Random) -> Found:
    candidates = []
    for _ in range(chance.randrange(4)):
        info_hash = f"{chance.randrange(30):040x}"
        release = IndexedRelease("world", info_hash, f"Release {info_hash[-1]}", "http://127.0.0.1/x")
        mapping = FileMapping({(1, 1): 0}) if chance.random() < 0.7 else None
        candidate = Candidate(release, chance.random(), mapping=mapping)
        candidates.append(StoredCandidate(0, candidate, info_hash, b"torrent"))
    return Found(tuple(candidates), {})


def step(writer: Writer, chance: random.Random) -> str | None:
    """Take one random decision, legal or not; give the ticket it was about. Raises EngineError."""
    tickets = [ticket for ticket in store.list_tickets(writer.connection) if not ticket.is_terminal]
    if not tickets or chance.random() < 0.1:
        requester = Requester(chance.choice(["Ada", "Ben", "scan"]))
        priority = chance.choice(list(Priority))
        ticket, _ = store.request_ticket(
            writer, chance.choice(ALBUMS), requester, priority=priority, is_dry_run=chance.random() < 0.1
        )
        return ticket.id
    ticket = chance.choice(tickets)
    if chance.random() < 0.7:
        go_on(writer, ticket, chance)
        return ticket.id
    match chance.randrange(12):
        case 0:
            decisions.approve(writer, ticket.id, chance.choice([None, 1, 2, 3, 99]), "Ada")
        case 1:
            decisions.reject(writer, ticket.id, "Ada", "")
        case 2:
            decisions.retry(writer, ticket.id, "Ada")
        case 3:
            decisions.force_search(writer, ticket.id, "Ada")
        case 4:
            decisions.force_magnet(writer, ticket.id, f"magnet:?xt=urn:btih:{chance.randrange(6):040x}", "Ada")
        case 5 | 6:
            decisions.conclude_search(writer, ticket, _found(chance), BrainConfig())
        case 7:
            decisions.set_aside(writer, ticket, "stalled")
        case 8:
            decisions.removed_by_a_person(writer, ticket)
        case 9:
            store.request_cancel(writer, ticket.id, who="Ada")
        case 10:
            begin_download(writer, ticket)
        case _:
            store.move_ticket(writer, ticket.id, chance.choice(list(State)), who="chance", why="by chance")
    return ticket.id


def go_on(writer: Writer, ticket: Ticket, chance: random.Random) -> None:
    """Take the decision that usually comes next. Raises EngineError."""
    match ticket.state:
        case State.ACQUIRING:
            decisions.conclude_search(writer, ticket, _found(chance), BrainConfig(auto_approve_threshold=0.5))
        case State.NEEDS_APPROVAL:
            decisions.approve(writer, ticket.id, None, "Ada")
        case State.APPROVED | State.AUTO_APPROVED:
            begin_download(writer, ticket)
        case State.DOWNLOADING | State.VERIFYING if chance.random() < 0.4:
            decisions.set_aside(writer, ticket, "stalled")
        case State.FAILED | State.ACQUISITION_FAILED:
            decisions.retry(writer, ticket.id, "Ada")
        case _:
            following = sorted(ALLOWED[ticket.state] - {State.CANCELLED, State.FAILED})
            store.move_ticket(writer, ticket.id, chance.choice(following), who="chance", why="by chance")


def begin_download(writer: Writer, ticket: Ticket) -> None:
    """Begin a download the way the orchestrator does."""
    stored = store.get_candidate(writer.connection, ticket.id, ticket.chosen or 0)
    if stored is None or stored.info_hash is None or not store.begin_grab(writer, ticket.id, stored.info_hash):
        decisions.set_aside(writer, ticket, "nothing was chosen, or it was downloaded before")
        return
    store.move_ticket(
        writer,
        ticket.id,
        State.DOWNLOADING,
        who="chance",
        why="begins",
        info_hash=stored.info_hash,
        data={"begun": stored.info_hash},
    )


def live(database: Path, seed: int, steps: int, dies_at: int, told: int) -> None:
    """Take `steps` decisions, each in a transaction; die without a word at the given SQL statement."""
    chance = random.Random(seed)
    connection = open_connection(database)
    statements = 0

    def count(statement: str) -> None:
        nonlocal statements
        statements += 1
        if statements == dies_at:
            os._exit(DIED)

    connection.set_trace_callback(count)
    for _ in range(steps):
        connection.execute("BEGIN IMMEDIATE")
        ticket_id = None
        try:
            ticket_id = step(Writer(connection, time.time()), chance)
        except EngineError, sqlite3.IntegrityError:
            connection.execute("ROLLBACK")
            continue
        connection.execute("COMMIT")
        if ticket_id is not None:
            os.write(told, f"{ticket_id}\n".encode())


def main() -> None:
    """Live and die as the lines on standard input say."""
    for line in sys.stdin:
        life: dict[str, Any] = json.loads(line)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            with suppress(KeyboardInterrupt):
                live(Path(life["database"]), life["seed"], life["steps"], life["dies_at"], writing)
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            told = sorted(set(pipe.read().split()))
        _, status = os.waitpid(child, 0)
        print(json.dumps({"status": os.waitstatus_to_exitcode(status), "told": told}), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
