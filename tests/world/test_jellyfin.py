"""The world's Jellyfin answers the real client as Jellyfin does."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from jellyfin_apiclient_python.client import JellyfinClient

from .fixtures import AUDIO_CACHE
from .servers.jellyfin import JellyfinServer
from .world import World


def jellyfin_client(server: JellyfinServer) -> JellyfinClient:
    """Log in with the real client, as the engine does. Blocking."""
    client = JellyfinClient()
    client.config.app("world-test", "0", "test", "world-test")
    client.config.data["auth.ssl"] = True
    client.config.data["http.max_retries"] = 0
    servers = [{"AccessToken": server.api_key, "address": server.url}]
    state = client.authenticate({"Servers": servers}, discover=False)
    assert str(state["State"]) == "CONNECTION_STATE.SignedIn"
    return client


@pytest.mark.parametrize("version", ["10.11.11", "12.0.0"])
async def test_jellyfin_has_an_album_that_lidarr_calls_missing(tmp_path: Path, version: str) -> None:
    async with World(
        tmp_path, seed=False, only={"jellyfin"}, audio_cache=AUDIO_CACHE, jellyfin_version=version
    ) as world:
        client = await asyncio.to_thread(jellyfin_client, world.jellyfin)
        asked = {"includeItemTypes": "MusicAlbum", "recursive": True, "fields": "ProviderIds,Path", "limit": 50}
        albums = await asyncio.to_thread(client.jellyfin.items, params=asked)
        assert [album["Name"] for album in albums["Items"]] == ["Copper Almanac"]
        wanted = world.catalogue.album("copper-almanac")
        assert wanted in world.lidarr.library.missing()
        assert albums["Items"][0]["ProviderIds"]["MusicBrainzReleaseGroup"] == wanted.release_group_id
        tracks = await asyncio.to_thread(
            client.jellyfin.items,
            params={"parentId": albums["Items"][0]["Id"], "includeItemTypes": "Audio", "sortBy": "IndexNumber"},
        )
        assert [track["Name"] for track in tracks["Items"]] == ["January Metal", "Verdigris", "Foundling Summer"]
        assert "Path" not in tracks["Items"][0]


async def test_jellyfin_sees_new_files_after_a_refresh_and_not_before(quiet_world: World) -> None:
    client = await asyncio.to_thread(jellyfin_client, quiet_world.jellyfin)
    torrent = quiet_world.torrent("harbour-songs-mp3")
    assert torrent.save_path is not None
    placed = quiet_world.music_folder / "Copper Almanac" / "Harbour Songs (2015)"
    (torrent.save_path / torrent.release.folder).copy(placed)
    assert quiet_world.jellyfin.library.counts()["AlbumCount"] == 1
    await asyncio.to_thread(client.jellyfin.refresh_library)
    await quiet_world.jellyfin.scanned()
    assert quiet_world.jellyfin.refreshes == 1
    counts = quiet_world.jellyfin.library.counts()
    assert (counts["AlbumCount"], counts["SongCount"], counts["ArtistCount"]) == (2, 8, 1)
    assert await asyncio.to_thread(client.jellyfin.sessions) == []


@pytest.mark.parametrize(
    ("version", "accepted"),
    [("10.11.11", {"header", "ApiKey", "X-Emby-Token", "api_key"}), ("12.0.0", {"header", "ApiKey"})],
)
async def test_jellyfin_12_refuses_the_older_ways_to_send_a_key(
    tmp_path: Path, http: aiohttp.ClientSession, version: str, accepted: set[str]
) -> None:
    async with World(
        tmp_path, seed=False, only={"jellyfin"}, audio_cache=AUDIO_CACHE, jellyfin_version=version
    ) as world:
        key, url = world.jellyfin.api_key, f"{world.jellyfin.url}/System/Info"
        ways: dict[str, dict[str, Any]] = {
            "header": {"headers": {"Authorization": f'MediaBrowser Token="{key}"'}},
            "ApiKey": {"params": {"ApiKey": key}},
            "X-Emby-Token": {"headers": {"X-Emby-Token": key}},
            "api_key": {"params": {"api_key": key}},
            "none": {},
        }
        seen = set()
        for way, members in ways.items():
            async with http.get(url, **members) as response:
                assert response.status in {200, 401}
                if response.status == 200:
                    seen.add(way)
        assert seen == accepted
        async with http.get(f"{world.jellyfin.url}/Users/Me", **ways["header"]) as response:
            assert response.status == 400
