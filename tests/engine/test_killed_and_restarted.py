"""An engine killed (-9) at every state of a ticket and started again: nothing is lost, nothing comes twice."""

import asyncio
import json
import os
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from custom_components.trusttune.engine.config import ClientConfig
from custom_components.trusttune.engine.journal import entry as journal
from custom_components.trusttune.engine.storage.database import open_connection
from custom_components.trusttune.engine.tickets import store
from custom_components.trusttune.engine.tickets.state import State
from custom_components.trusttune.engine.torrents.qbittorrent import QBittorrentClient
from tests.household import files_below
from tests.torrent_clients import RunningClient
from tests.world.world import World

ROOT = Path(__file__).parents[2]


async def live(configuration: Path, dies_at: State | None) -> int:
    """Run an engine until it dies or its ticket has ended; give its exit status."""
    arguments = [] if dies_at is None else [dies_at.value]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name("engine_process.py")),
        str(configuration),
        *arguments,
        # Embedded under a name of its own, the engine needs nothing of Home Assistant.
        env={**os.environ, "PYTHONPATH": str(ROOT / "custom_components" / "trusttune")},
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(60):
            return await process.wait()
    except BaseException:
        process.kill()
        await process.wait()
        raise


@pytest.mark.parametrize(
    "dies_at",
    [
        State.PENDING,
        State.ACQUIRING,
        State.NEEDS_APPROVAL,
        State.AUTO_APPROVED,
        State.APPROVED,
        State.DOWNLOADING,
        State.VERIFYING,
        State.CONVERTING,
        State.PLACING,
        State.COMPLETED,
    ],
)
async def test_a_ticket_survives_being_killed_at(
    dies_at: State, world: World, torrentd: RunningClient, tmp_path: Path
) -> None:
    configuration = tmp_path / "household.json"
    database = tmp_path / "trusttune.sqlite"
    values = {
        "database": str(database),
        "music_folder": str(world.music_folder),
        "client": {"url": torrentd.url, "username": torrentd.username, "password": torrentd.password},
        "lidarr": {"url": world.lidarr.url, "api_key": world.lidarr.api_key},
        "jellyfin": {"url": world.jellyfin.url, "api_key": world.jellyfin.api_key},
        "indexer": {"url": world.torznab.url, "api_key": world.torznab.api_key},
        "album": ["Velvet Parallax", "Night Ledger III"],
        "always_ask": dies_at in {State.NEEDS_APPROVAL, State.APPROVED},
    }
    configuration.write_text(json.dumps(values))

    if dies_at is State.APPROVED:
        assert await live(configuration, State.NEEDS_APPROVAL) == -signal.SIGKILL
    assert await live(configuration, dies_at) == -signal.SIGKILL
    if dies_at is not State.COMPLETED:
        assert await live(configuration, None) == 0

    with closing(open_connection(database)) as connection:
        assert_whole(connection)
    assert files_below(world.music_folder / "Velvet Parallax" / "Night Ledger III (2023)") == {
        "01 - Third Entry.flac",
        "02 - Salt Arithmetic.flac",
        "03 - The Auditor Sleeps.flac",
    }
    assert not [name for name in files_below(world.music_folder) if "staging" in name]
    client = QBittorrentClient(ClientConfig(torrentd.url, torrentd.username, torrentd.password))
    assert len(await client.torrents()) == 1
    await client.close()


def assert_whole(connection: sqlite3.Connection) -> None:
    """Hold that there is one ticket, completed, which downloaded one release once."""
    (ticket,) = store.list_tickets(connection)
    assert ticket.state is State.COMPLETED
    entries = journal.read(connection)
    assert journal.replay(entries) == {ticket.id: State.COMPLETED}
    assert [entry.to_state for entry in entries].count(State.DOWNLOADING) == 1
    assert [entry.event for entry in entries].count(journal.Event.ADDED_TO_CLIENT) == 1
