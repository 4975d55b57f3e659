"""The adapter against real clients: torrentd, qBittorrent 5.3 and qBittorrent 4.5."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from custom_components.trusttune.engine.config import ClientConfig
from custom_components.trusttune.engine.errors import (
    CredentialsError,
    NotReachableError,
    TorrentClientError,
    UnexpectedReplyError,
)
from custom_components.trusttune.engine.torrents.client import Limits, Progress, Torrent
from custom_components.trusttune.engine.torrents.qbittorrent import QBittorrentClient
from tests.torrent_clients import RunningClient

from .conftest import config_of, make_album, make_hybrid

_TAGS = frozenset({"ticket:17"})


async def _until(client: QBittorrentClient, info_hash: str, *states: Progress) -> Torrent:
    """Wait, at most 15 s, until a torrent is in one of the states."""
    async with asyncio.timeout(15):
        while (torrent := (await client.torrents()).get(info_hash)) is None or torrent.state not in states:
            await asyncio.sleep(0.05)
    return torrent


async def test_connect_gives_the_version(client: QBittorrentClient) -> None:
    assert re.match(r"v?\d+\.\d+", await client.connect())


async def test_an_added_torrent_is_listed_with_its_tag_and_files(client: QBittorrentClient, tmp_path: Path) -> None:
    album = make_album(tmp_path / "seed")
    await client.add(album.raw, info_hash=album.info_hash, tags=_TAGS, stopped=True)
    torrents = await client.torrents()
    assert torrents[album.info_hash].tags == _TAGS
    torrent = await _until(client, album.info_hash, Progress.STOPPED)
    assert torrent.name == "Lumen Vale - Tidal Glass"
    assert [(file.index, file.path) for file in await client.files(album.info_hash)] == [
        (0, "Lumen Vale - Tidal Glass/01 - Harbour.flac"),
        (1, "Lumen Vale - Tidal Glass/02 - Ebb.flac"),
    ]
    assert torrent.content_path.endswith("Lumen Vale - Tidal Glass")


async def test_adding_again_only_adds_the_new_tag(client: QBittorrentClient, tmp_path: Path) -> None:
    album = make_album(tmp_path / "seed")
    await client.add(album.raw, info_hash=album.info_hash, tags=_TAGS, stopped=True)
    await client.add(album.raw, info_hash=album.info_hash, tags={"ticket:18"}, stopped=True)
    await client.add(album.magnet, info_hash=album.info_hash, tags={"ticket:18"}, stopped=True)
    torrents = await client.torrents()
    assert torrents.keys() == {album.info_hash}
    assert torrents[album.info_hash].tags == {"ticket:17", "ticket:18"}


async def test_a_torrent_of_another_category_is_left_to_whoever_added_it(
    client: QBittorrentClient, tmp_path: Path
) -> None:
    album = make_album(tmp_path / "seed")
    await client.add(album.raw, info_hash=album.info_hash, tags=(), category="films", stopped=True)
    assert album.info_hash not in await client.torrents()
    with pytest.raises(TorrentClientError, match="in films"):
        await client.add(album.raw, info_hash=album.info_hash, tags=_TAGS, stopped=True)
    assert album.info_hash not in await client.torrents()


async def test_a_magnet_without_peers_has_no_files_and_no_export(client: QBittorrentClient) -> None:
    info_hash = "5" * 40
    await client.add(f"magnet:?xt=urn:btih:{info_hash}", info_hash=info_hash, tags=_TAGS)
    await _until(client, info_hash, Progress.METADATA)
    assert await client.files(info_hash) == ()
    assert await client.export(info_hash) is None
    with pytest.raises(TorrentClientError, match="not known yet"):
        await client.select_files(info_hash, {0})


async def test_only_selected_files_count_and_what_is_there_completes(
    client: QBittorrentClient, running: RunningClient, tmp_path: Path
) -> None:
    album = make_album(tmp_path / "seed")
    folder = running.download_folder / "Lumen Vale - Tidal Glass"
    folder.mkdir(parents=True)
    source = album.folder / "Lumen Vale - Tidal Glass"
    (folder / "01 - Harbour.flac").write_bytes((source / "01 - Harbour.flac").read_bytes())
    await client.add(album.raw, info_hash=album.info_hash, tags=_TAGS, stopped=True)
    await client.select_files(album.info_hash, {0})
    await client.start(album.info_hash)
    torrent = await _until(client, album.info_hash, Progress.COMPLETE)
    assert torrent.size_bytes == (source / "01 - Harbour.flac").stat().st_size
    await client.stop(album.info_hash)
    exported = await client.export(album.info_hash)
    assert exported is not None
    assert album.raw[8:-1] in exported
    with pytest.raises(TorrentClientError, match="does not hold"):
        await client.select_files(album.info_hash, {2})


async def test_a_torrent_of_both_versions_is_known_by_its_first_hash(
    client: QBittorrentClient, running: RunningClient, tmp_path: Path
) -> None:
    album = make_hybrid()
    await client.add(album.raw, info_hash=album.info_hash, tags=_TAGS, stopped=True)
    # After a restart nothing is known of it but the first hash.
    later = QBittorrentClient(config_of(running))
    assert [(file.index, file.path) for file in await later.files(album.info_hash)] == [(0, "Kite/01"), (1, "Kite/02")]
    assert (await later.torrents())[album.info_hash].tags == _TAGS
    await later.delete(album.info_hash, with_files=True)
    assert await later.torrents() == {}
    await later.close()


async def test_deleting_removes_files_and_one_that_is_gone_is_fine(
    client: QBittorrentClient, running: RunningClient, tmp_path: Path
) -> None:
    album = make_album(running.download_folder)
    await client.add(album.raw, info_hash=album.info_hash, tags=_TAGS)
    await _until(client, album.info_hash, Progress.COMPLETE)
    await client.delete(album.info_hash, with_files=True)
    assert album.info_hash not in await client.torrents()
    async with asyncio.timeout(10):
        while list(running.download_folder.rglob("*.flac")):
            await asyncio.sleep(0.05)
    await client.delete(album.info_hash, with_files=True)
    with pytest.raises(TorrentClientError):
        await client.files(album.info_hash)


async def test_limits_hold_and_are_lifted(client: QBittorrentClient) -> None:
    await client.set_limits(Limits(download_bps=512 * 1024, upload_bps=64 * 1024))
    assert await client.limits() == Limits(download_bps=512 * 1024, upload_bps=64 * 1024)
    await client.set_limits(Limits(0, 0))
    assert await client.limits() == Limits(0, 0)
    assert (await client.rates()).download_bps == 0
    assert (await client.free_space_bytes() or 0) > 0


async def test_what_is_no_torrent_is_refused(client: QBittorrentClient, tmp_path: Path) -> None:
    with pytest.raises(TorrentClientError):
        await client.add(b"<html>log in</html>", info_hash="6" * 40, tags=())
    with pytest.raises(TorrentClientError, match="Only"):
        await client.add("http://127.0.0.1/a.torrent", info_hash="6" * 40, tags=())
    for not_a_hash in ("all", f"{'6' * 40}|{'7' * 40}", ""):
        with pytest.raises(TorrentClientError, match="not an info hash"):
            await client.delete(not_a_hash, with_files=True)


async def test_a_client_that_was_killed_is_not_reachable_and_is_found_again_with_its_torrents(
    client: QBittorrentClient, running: RunningClient, tmp_path: Path
) -> None:
    album = make_album(tmp_path / "seed")
    await client.add(album.raw, info_hash=album.info_hash, tags=_TAGS, stopped=True)
    # An orderly end writes what a kill would lose.
    await running.restart()
    assert (await client.torrents())[album.info_hash].tags == _TAGS
    await running.kill()
    with pytest.raises(NotReachableError):
        await client.torrents()
    await running.restart()
    assert (await client.torrents())[album.info_hash].tags == _TAGS


async def test_a_wrong_password_is_tried_once(running: RunningClient) -> None:
    wrong = QBittorrentClient(replace(config_of(running), password="wrong"))
    with pytest.raises(CredentialsError) as first:
        await wrong.connect()
    for _ in range(10):
        with pytest.raises(CredentialsError):
            await wrong.torrents()
    assert "wrong" not in repr(first.value)
    # Five wrong passwords ban an address: this one is not banned.
    right = QBittorrentClient(config_of(running))
    assert await right.connect()
    await right.close()


async def test_cancelled_callers_leave_the_client_usable(client: QBittorrentClient) -> None:
    await client.connect()
    calls = [asyncio.create_task(client.torrents()) for _ in range(20)]
    await calls[0]
    were_cancelled = [call.cancel() for call in calls]
    await asyncio.wait(calls)
    assert any(were_cancelled)
    assert [call.cancelled() for call in calls] == were_cancelled
    assert await client.torrents() == {}


@pytest.fixture
async def login_page() -> AsyncIterator[str]:
    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<!doctype html><title>Sign in</title>", content_type="text/html")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", page)
    async with TestServer(app, host="127.0.0.1") as server:
        yield str(server.make_url("/")).rstrip("/")


async def test_a_login_page_is_not_taken_for_wrong_credentials(login_page: str) -> None:
    client = QBittorrentClient(ClientConfig(url=login_page, username="a", password="b"))
    with pytest.raises(UnexpectedReplyError, match="web page"):
        await client.connect()


async def test_nobody_at_the_address_is_not_reachable(unused_tcp_port: int) -> None:
    client = QBittorrentClient(ClientConfig(url=f"http://127.0.0.1:{unused_tcp_port}", username="a", password="b"))
    with pytest.raises(NotReachableError):
        await client.connect()
    await client.close()
