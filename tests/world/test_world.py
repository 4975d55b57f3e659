"""Torrents of the world's swarm really download, and nothing of the world is left when it ends."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import aiohttp
import pytest
import qbittorrentapi

from tests.torrent_clients import CLIENTS, ClientName, RunningClient, torrent_client

from .fixtures import AUDIO_CACHE
from .world import World

_PROJECT = Path(__file__).parents[2]
_FOLDERS = {"qbittorrent-5.3": "debian", "qbittorrent-4.5": "qbittorrent-4.5"}


async def eventually[T](look: Callable[[], T], bound_s: float = 20.0) -> T:
    """Wait until a blocking look at another program gives something true."""
    async with asyncio.timeout(bound_s):
        while not (seen := await asyncio.to_thread(look)):
            await asyncio.sleep(0.05)
    return seen


def api(client: RunningClient) -> qbittorrentapi.Client:
    return qbittorrentapi.Client(client.url, username=client.username, password=client.password)


def is_whole(client: qbittorrentapi.Client, info_hash: str) -> bool:
    found = client.torrents_info(torrent_hashes=info_hash)
    return bool(found) and found[0].amount_left == 0 and found[0].state in {"stalledUP", "uploading", "queuedUP"}


@pytest.mark.parametrize("name", CLIENTS)
async def test_a_real_client_downloads_from_the_swarm(world: World, tmp_path: Path, name: ClientName) -> None:
    if name in _FOLDERS and not (_PROJECT / ".cache" / _FOLDERS[name]).exists():
        pytest.skip(f"{name} is not set up: scripts/setup --qbittorrent")
    by_file, by_magnet = world.torrent("harbour-songs-flac"), world.torrent("night-ledger-iii-mp3")
    async with torrent_client(name, tmp_path / "client") as running:
        client = await asyncio.to_thread(api, running)
        await asyncio.to_thread(client.torrents_add, torrent_files=by_file.metainfo(world.tracker.url))
        await asyncio.to_thread(client.torrents_add, urls=by_magnet.magnet(world.tracker.url))
        for torrent in (by_file, by_magnet):
            await eventually(partial(is_whole, client, torrent.info_hash), 40)
            assert torrent.save_path is not None
            for name_in_torrent, size in torrent.files:
                downloaded = running.download_folder / torrent.release.folder / name_in_torrent
                original = torrent.save_path / torrent.release.folder / name_in_torrent
                assert downloaded.read_bytes() == original.read_bytes()
                assert downloaded.stat().st_size == size
        assert (await world.seeder.status())[by_file.info_hash].uploaded_bytes >= by_file.size_bytes


async def test_a_download_is_held_by_the_seeders_limit_and_goes_on_after_it(world: World, tmp_path: Path) -> None:
    torrent = world.torrent("polar-lanterns-flac")
    async with torrent_client("torrentd", tmp_path / "client") as running:
        client = await asyncio.to_thread(api, running)

        def completed() -> int:
            found = client.torrents_info(torrent_hashes=torrent.info_hash)
            return int(found[0].completed) if found else 0

        await world.seeder.limit(150_000)
        await asyncio.to_thread(client.torrents_add, torrent_files=torrent.metainfo(world.tracker.url))
        await eventually(completed)
        assert await asyncio.to_thread(completed) < torrent.size_bytes
        await world.seeder.stop(torrent.info_hash)
        await world.seeder.limit(0)
        assert torrent.info_hash not in await world.seeder.status()
        assert not await asyncio.to_thread(is_whole, client, torrent.info_hash)
        await world.seeder.start(torrent.info_hash)
        await eventually(lambda: is_whole(client, torrent.info_hash), 40)


def is_running(pid: int) -> bool:
    """Say whether a process lives; one that has ended and waits to be noticed does not."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


async def test_nothing_runs_and_nothing_listens_after_the_world_has_ended(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    async with World(tmp_path, audio_cache=AUDIO_CACHE) as world:
        pid = world.seeder.pid
        assert pid is not None
        assert is_running(pid)
    assert not is_running(pid)
    for service in world.services():
        with pytest.raises(aiohttp.ClientConnectionError):
            await http.get(service.url)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_the_command_prints_where_everything_is_and_leaves_no_process_however_it_ends(
    tmp_path: Path, how: signal.Signals, http: aiohttp.ClientSession
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.world", "--folder", str(tmp_path), "--json", str(tmp_path / "world.json"),
        cwd=_PROJECT, stdout=asyncio.subprocess.PIPE, limit=1024**2,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            text = await process.stdout.readuntil(b"\n}\n")
        document = json.loads(text)
        assert (tmp_path / "world.json").stat().st_mode & 0o777 == 0o600
        async with http.get(f"{document['lidarr']['url']}/ping") as response:
            assert response.status == 200
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert len(children) == 1
    finally:
        os.kill(process.pid, how)
        await process.wait()
    await eventually(lambda: not is_running(int(children[0])), 10)
    if how is signal.SIGTERM:
        assert process.returncode == 0
        assert not (tmp_path / "world.json").exists()
