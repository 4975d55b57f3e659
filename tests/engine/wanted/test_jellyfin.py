"""Jellyfin 10.11 and 12 over real HTTP: what is there, and telling it to look again."""

import logging
import threading

import pytest

from custom_components.trusttune.engine.config import JellyfinConfig
from custom_components.trusttune.engine.errors import (
    CredentialsError,
    EngineError,
    NotReachableError,
    UnexpectedReplyError,
)
from custom_components.trusttune.engine.wanted.album import WantedAlbum
from custom_components.trusttune.engine.wanted.gaps import find_gaps
from custom_components.trusttune.engine.wanted.jellyfin import JellyfinLibrary
from custom_components.trusttune.engine.wanted.lidarr import LidarrLibrary
from tests.world.world import World


async def test_check_gives_the_version(jellyfin_version: str, jellyfin: JellyfinLibrary) -> None:
    assert await jellyfin.check() == jellyfin_version


async def test_albums_are_known_by_release_group_or_by_their_folded_names(
    jellyfin_version: str, jellyfin: JellyfinLibrary, wanted_world: World
) -> None:
    album = next(a for a in wanted_world.catalogue.albums if a.in_library)
    index = await jellyfin.albums()
    assert index.has(WantedAlbum("COPPER  almanac", "copper almanac"))
    assert index.has(WantedAlbum("Somebody", "Copper Almanac", artist_aliases=("Copper Almanac",)))
    assert not index.has(WantedAlbum("Velvet Parallax", "Glass Meridian"))
    assert index.has(WantedAlbum("x", "y", release_group_id=album.release_group_id.upper())) == bool(
        index.release_groups
    )


async def test_a_refresh_makes_jellyfin_scan(
    jellyfin_version: str, jellyfin: JellyfinLibrary, wanted_world: World
) -> None:
    await jellyfin.refresh()
    assert wanted_world.jellyfin.refreshes == 1
    await wanted_world.jellyfin.scanned()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("error_500", NotReachableError),
        ("garbage", UnexpectedReplyError),
        ("login_page", UnexpectedReplyError),
        ("reset", NotReachableError),
        ("starting_503", NotReachableError),
    ],
)
async def test_each_fault_is_told_for_what_it_is_and_passes(
    jellyfin: JellyfinLibrary, wanted_world: World, fault: str, error: type[EngineError]
) -> None:
    wanted_world.faults.set("jellyfin", fault)
    for ask in (jellyfin.check, jellyfin.albums):
        with pytest.raises(error) as caught:
            await ask()
        assert wanted_world.jellyfin.api_key not in str(caught.value)
    if fault != "garbage":
        with pytest.raises(error):
            await jellyfin.refresh()
    wanted_world.faults.clear()
    assert await jellyfin.check()


async def test_a_wrong_key_is_a_wrong_key_each_time(wanted_world: World) -> None:
    library = JellyfinLibrary(JellyfinConfig(url=wanted_world.jellyfin.url, api_key="wr0ng"))
    for _ in range(2):
        with pytest.raises(CredentialsError):
            await library.check()


@pytest.mark.parametrize("url", ["", "jellyfin:8096", "http://", "http://127.0.0.1:1", "http://127.0.0.1:99999"])
async def test_a_wrong_address_is_told(url: str) -> None:
    with pytest.raises((NotReachableError, UnexpectedReplyError)):
        await JellyfinLibrary(JellyfinConfig(url=url, api_key="key")).check()


async def test_the_token_reaches_no_log_and_no_websocket_runs(
    jellyfin: JellyfinLibrary, wanted_world: World, caplog: pytest.LogCaptureFixture
) -> None:
    await jellyfin.check()
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, logger="Jellyfin"):
        await jellyfin.check()
        await jellyfin.albums()
    assert caplog.records
    assert wanted_world.jellyfin.api_key not in caplog.text
    assert not [thread for thread in threading.enumerate() if "jellyfin" in type(thread).__module__]


async def test_gaps_are_missing_and_neither_played_nor_being_fetched(
    lidarr: LidarrLibrary, jellyfin: JellyfinLibrary, wanted_world: World
) -> None:
    wanted_world.lidarr.queue.append({"id": 1, "artistId": 1, "albumId": 11, "title": "x"})
    missing = {album.lidarr_album_id async for album in lidarr.missing_albums()}
    assert {11, 32} <= missing
    gaps = await find_gaps(lidarr, jellyfin)
    assert {album.lidarr_album_id for album in gaps} == missing - {11, 32}
    assert {album.lidarr_album_id for album in await find_gaps(lidarr, None)} == missing - {11}
