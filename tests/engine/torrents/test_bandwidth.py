"""Bandwidth rules change the real client's limits in their window and put its own back afterwards."""

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from custom_components.trusttune.engine.config import BandwidthRule, ClientConfig
from custom_components.trusttune.engine.journal.journal import Journal
from custom_components.trusttune.engine.storage.database import Database
from custom_components.trusttune.engine.torrents.bandwidth import Bandwidth
from custom_components.trusttune.engine.torrents.client import Limits
from custom_components.trusttune.engine.torrents.qbittorrent import QBittorrentClient
from tests.torrent_clients import CLIENTS, ClientName, torrent_client

DUBLIN = ZoneInfo("Europe/Dublin")
EVENING = BandwidthRule("evening", "Evening", "0 18 * * *", "0 23 * * *", 512_000, 102_400)
FILM = BandwidthRule("film", "Film", "0 20 * * *", "0 22 * * *", 0, 51_300)
OWN = Limits(3_072_000, 1_024_000)


class Clock:
    """A clock that stands at an hour of one day."""

    def __init__(self) -> None:
        self.hour = 12

    def __call__(self) -> float:
        return datetime(2026, 3, 4, self.hour, 30, tzinfo=DUBLIN).timestamp()


@pytest.fixture(params=CLIENTS)
async def client(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[QBittorrentClient]:
    name: ClientName = request.param
    async with torrent_client(name, tmp_path / "client") as running:
        client = QBittorrentClient(ClientConfig(running.url, running.username, running.password))
        await client.connect()
        await client.set_limits(OWN)
        yield client
        await client.close()


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    database = Database(tmp_path / "trusttune.sqlite")
    await database.open()
    yield Journal(database)
    await database.close()


async def test_limits_hold_in_the_window_and_are_lifted_to_what_was_before(
    client: QBittorrentClient, journal: Journal
) -> None:
    clock = Clock()

    def restarted(*rules: BandwidthRule) -> Bandwidth:
        return Bandwidth(rules, client, journal, DUBLIN, clock)

    await restarted(EVENING, FILM).apply()
    assert await client.limits() == OWN, "no window is open at noon"
    clock.hour = 18
    await restarted(EVENING, FILM).apply()
    assert await client.limits() == Limits(512_000, 102_400)
    clock.hour = 20
    await restarted(EVENING, FILM).apply()
    assert await client.limits() == Limits(512_000, 51_200), "the stricter of two rules, in whole KiB"
    await restarted(EVENING, FILM).apply()
    clock.hour = 22
    await restarted(EVENING, FILM).apply()
    assert await client.limits() == Limits(512_000, 102_400)
    clock.hour = 23
    await restarted(EVENING, FILM).apply()
    assert await client.limits() == OWN, "what the household had set itself, not unlimited"


async def test_a_rule_that_was_deleted_in_its_window_leaves_nothing_behind(
    client: QBittorrentClient, journal: Journal
) -> None:
    clock = Clock()
    clock.hour = 19
    await Bandwidth((EVENING,), client, journal, DUBLIN, clock).apply()
    assert await client.limits() == Limits(512_000, 102_400)
    await Bandwidth((), client, journal, DUBLIN, clock).apply()
    assert await client.limits() == OWN
