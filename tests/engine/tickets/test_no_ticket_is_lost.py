"""Whatever is decided, and wherever the power goes: no ticket is lost, none downloads twice, the journal is true."""

import json
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from custom_components.trusttune.engine.errors import EngineError, TransitionError
from custom_components.trusttune.engine.journal import entry as journal
from custom_components.trusttune.engine.journal.journal import Writer
from custom_components.trusttune.engine.storage.database import open_connection
from custom_components.trusttune.engine.tickets import store
from custom_components.trusttune.engine.tickets.state import State, is_allowed
from custom_components.trusttune.engine.tickets.ticket import Priority, Requester

from .chaos import ALBUMS, DIED, step


def assert_all_is_well(connection: sqlite3.Connection, told: set[str]) -> None:
    """Hold what must hold at any moment, after any history."""
    assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    entries = journal.read(connection, limit=1_000_000)
    assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1)), "a sequence number is missing"
    tickets = store.list_tickets(connection, limit=10_000)
    assert journal.replay(entries) == {ticket.id: ticket.state for ticket in tickets}
    assert told <= {ticket.id for ticket in tickets}, "a ticket that was promised is gone"
    moves = [entry for entry in entries if entry.from_state is not None and entry.to_state is not None]
    assert all(is_allowed(entry.from_state, entry.to_state) for entry in moves if entry.from_state and entry.to_state)
    begun = Counter((entry.ticket_id, entry.data["begun"]) for entry in moves if "begun" in entry.data)
    assert all(times == 1 for times in begun.values()), "a release was downloaded twice for one ticket"
    open_keys = Counter((ticket.wanted.key, ticket.is_dry_run) for ticket in tickets if not ticket.is_terminal)
    assert all(times == 1 for times in open_keys.values()), "an album has two open tickets"


@pytest.fixture(scope="module")
def chaos() -> Iterator[subprocess.Popen[str]]:
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.engine.tickets.chaos"],
        cwd=root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()
        process.wait(10)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lives=st.lists(st.tuples(st.integers(0, 2**32), st.integers(1, 400)), min_size=1, max_size=5))
def test_a_process_killed_at_any_statement_loses_nothing(
    lives: list[tuple[int, int]], chaos: subprocess.Popen[str]
) -> None:
    assert chaos.stdin is not None
    assert chaos.stdout is not None
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "tickets.sqlite"
        told: set[str] = set()
        for seed, dies_at in lives:
            life = {"database": str(database), "seed": seed, "steps": 40, "dies_at": dies_at}
            chaos.stdin.write(json.dumps(life) + "\n")
            chaos.stdin.flush()
            answer = json.loads(chaos.stdout.readline())
            assert answer["status"] in {0, DIED}
            told |= set(answer["told"])
            with closing(open_connection(database)) as connection:
                assert_all_is_well(connection, told)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_random_decisions_leave_tickets_and_journal_in_step(seed: int) -> None:
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder, closing(open_connection(Path(folder) / "t.sqlite")) as connection:
        for _ in range(60):
            connection.execute("BEGIN IMMEDIATE")
            try:
                step(Writer(connection, time.time()), chance)
            except EngineError, sqlite3.IntegrityError:
                connection.execute("ROLLBACK")
            else:
                connection.execute("COMMIT")
        assert_all_is_well(connection, set())


@given(current=st.sampled_from(State), following=st.sampled_from(State))
@settings(max_examples=225, deadline=None)
def test_exactly_the_moves_of_the_table_are_made(current: State, following: State) -> None:
    with tempfile.TemporaryDirectory() as folder, closing(open_connection(Path(folder) / "t.sqlite")) as connection:
        writer = Writer(connection, 1.0)
        ticket, _ = store.request_ticket(
            writer, ALBUMS[0], Requester("Ada"), priority=Priority.NORMAL, is_dry_run=False
        )
        connection.execute("UPDATE tickets SET state = ? WHERE id = ?", (current, ticket.id))
        before = journal.last_seq(connection)
        if is_allowed(current, following):
            assert store.move_ticket(writer, ticket.id, following, who="x", why="y").state is following
            assert journal.last_seq(connection) == before + 1
        else:
            with pytest.raises(TransitionError):
                store.move_ticket(writer, ticket.id, following, who="x", why="y")
            assert store.get_ticket(connection, ticket.id).state is current
            assert journal.last_seq(connection) == before


def test_the_journal_cannot_be_rewritten(tmp_path: Path) -> None:
    with closing(open_connection(tmp_path / "t.sqlite")) as connection:
        store.request_ticket(
            Writer(connection, 1.0), ALBUMS[0], Requester("Ada"), priority=Priority.NORMAL, is_dry_run=False
        )
        for statement in ("UPDATE journal SET who = 'nobody'", "DELETE FROM journal"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(statement)


def test_a_ticket_that_is_being_cancelled_goes_nowhere_else(tmp_path: Path) -> None:
    with closing(open_connection(tmp_path / "t.sqlite")) as connection:
        writer = Writer(connection, 1.0)
        ticket, _ = store.request_ticket(
            writer, ALBUMS[0], Requester("Ada"), priority=Priority.NORMAL, is_dry_run=False
        )
        store.request_cancel(writer, ticket.id, who="Ada")
        with suppress(TransitionError):
            store.move_ticket(writer, ticket.id, State.ACQUIRING, who="x", why="y")
        assert store.get_ticket(connection, ticket.id).state is State.PENDING
        assert store.move_ticket(writer, ticket.id, State.CANCELLED, who="x", why="y").is_terminal
