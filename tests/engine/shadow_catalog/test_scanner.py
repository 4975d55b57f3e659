"""The scan makes tickets of gaps within what the household allows."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from custom_components.trusttune.engine.config import ScanConfig
from custom_components.trusttune.engine.journal.journal import Journal
from custom_components.trusttune.engine.schedule import Schedule
from custom_components.trusttune.engine.shadow_catalog.scanner import JOB, Scanner, is_quiet
from custom_components.trusttune.engine.storage.database import Database
from custom_components.trusttune.engine.tickets import store
from custom_components.trusttune.engine.tickets.state import State
from custom_components.trusttune.engine.tickets.ticket import Priority, Source
from custom_components.trusttune.engine.wanted.album import WantedAlbum

DUBLIN = ZoneInfo("Europe/Dublin")
NOON = datetime(2026, 3, 4, 12, 0, tzinfo=DUBLIN).timestamp()
DAY = 86400.0


class Shelf:
    """A library with gaps, a day that passes, and torrents that take room."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.now = NOON
        self.gaps: list[WantedAlbum] = [WantedAlbum("Nora Quill", f"Tide {number}") for number in range(7)]
        self.catalogue_bytes = 0

    async def find_gaps(self) -> Sequence[WantedAlbum]:
        return self.gaps

    async def find_catalogue_bytes(self) -> int:
        return self.catalogue_bytes

    def scanner(self, config: ScanConfig) -> Scanner:
        return Scanner(
            config,
            self.journal,
            DUBLIN,
            lambda: self.now,
            find_gaps=self.find_gaps,
            catalogue_bytes=self.find_catalogue_bytes,
        )


@pytest.fixture
async def shelf(tmp_path: Path) -> AsyncIterator[Shelf]:
    database = Database(tmp_path / "trusttune.sqlite")
    await database.open()
    shelf: Shelf
    journal = Journal(database, lambda: shelf.now)
    shelf = Shelf(journal)
    yield shelf
    await database.close()


async def test_no_more_tickets_a_day_than_allowed_and_the_rest_the_next_day(shelf: Shelf) -> None:
    scanner = shelf.scanner(ScanConfig(max_new_tickets_per_day=3))
    assert (await scanner.scan(who="Ada")).created == 3
    shelf.now += 3600
    again = await scanner.scan(who="Ada")
    assert again.created == 0
    assert "Tide 6 by Nora Quill: enough new tickets today" in again.skipped
    shelf.now += DAY
    assert (await scanner.scan(who="Ada")).created == 3


async def test_a_full_storage_budget_stops_new_tickets(shelf: Shelf) -> None:
    scanner = shelf.scanner(ScanConfig(storage_budget_bytes=1000))
    shelf.catalogue_bytes = 1000
    report = await scanner.scan(who="Ada")
    assert report.created == 0
    assert report.skipped[0] == "Tide 0 by Nora Quill: the storage budget is used up"
    shelf.catalogue_bytes = 999
    assert (await scanner.scan(who="Ada")).created == 5


async def test_the_scans_tickets_wait_behind_peoples(shelf: Shelf) -> None:
    await shelf.scanner(ScanConfig()).scan(who="schedule")
    tickets = await shelf.journal.read(store.list_tickets)
    assert {ticket.priority for ticket in tickets} == {Priority.LOW}
    assert {each.source for ticket in tickets for each in ticket.requesters} == {Source.SCAN}


async def test_what_somebody_cancelled_is_left_alone(shelf: Shelf) -> None:
    shelf.gaps = shelf.gaps[:1]
    scanner = shelf.scanner(ScanConfig())
    await scanner.scan(who="Ada")
    (ticket,) = await shelf.journal.read(store.list_tickets)
    await shelf.journal.write(
        lambda writer: store.move_ticket(writer, ticket.id, State.CANCELLED, who="Ada", why="not this")
    )
    assert (await scanner.scan(who="schedule")).skipped == ("Tide 0 by Nora Quill: somebody cancelled it before",)


async def test_the_last_scan_and_the_switch_survive_a_restart(shelf: Shelf) -> None:
    schedule = Schedule(DUBLIN)
    before = shelf.scanner(ScanConfig())
    await before.start(schedule)
    await before.scan(who="Ada")
    await before.enable(False, who="Ada")
    after = shelf.scanner(ScanConfig())
    await after.start(schedule)
    assert not after.is_enabled
    assert after.last is not None
    assert (after.last.at, after.last.gaps, after.last.created) == (NOON, 7, 5)


async def test_the_schedule_scans_when_on_and_not_in_quiet_hours(shelf: Shelf) -> None:
    scanner = shelf.scanner(ScanConfig(quiet_start="11:00", quiet_end="13:00"))
    await scanner._scan_on_schedule()
    assert scanner.last is None, "it is noon: quiet"
    shelf.now += 2 * 3600
    await scanner.enable(False, who="Ada")
    await scanner._scan_on_schedule()
    assert scanner.last is None, "it is switched off"
    await scanner.enable(True, who="Ada")
    await scanner._scan_on_schedule()
    assert scanner.last is not None


async def test_the_next_scan_is_known_once_the_schedule_runs(shelf: Shelf) -> None:
    schedule = Schedule(DUBLIN)
    await shelf.scanner(ScanConfig(cron="30 3 * * *")).start(schedule)
    schedule.start()
    try:
        following = schedule.next_run(JOB)
        assert following is not None
        assert datetime.fromtimestamp(following, DUBLIN).strftime("%H:%M") == "03:30"
    finally:
        schedule.stop()


@pytest.mark.parametrize(
    ("start", "end", "now", "quiet"),
    [
        ("22:00", "07:00", "23:30", True),
        ("22:00", "07:00", "06:59", True),
        ("22:00", "07:00", "07:00", False),
        ("22:00", "07:00", "12:00", False),
        ("09:00", "17:00", "09:00", True),
        ("09:00", "17:00", "17:00", False),
        ("", "", "12:00", False),
    ],
)
def test_quiet_hours_may_reach_over_midnight(start: str, end: str, now: str, quiet: bool) -> None:
    assert is_quiet(ScanConfig(quiet_start=start, quiet_end=end), time.fromisoformat(now)) is quiet
