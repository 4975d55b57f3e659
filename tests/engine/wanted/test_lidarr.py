"""Lidarr over real HTTP: what it misses, and what it says when something is wrong."""

from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from custom_components.trusttune.engine.config import LidarrConfig
from custom_components.trusttune.engine.errors import (
    CredentialsError,
    EngineError,
    NotReachableError,
    UnexpectedReplyError,
)
from custom_components.trusttune.engine.wanted import lidarr as lidarr_module
from custom_components.trusttune.engine.wanted.album import WantedTrack
from custom_components.trusttune.engine.wanted.lidarr import LidarrLibrary
from custom_components.trusttune.engine.wanted.lidarr_records import album_of, tracks_of
from tests.world.world import World

from .conftest import http_client


async def test_check_gives_the_version(lidarr: LidarrLibrary) -> None:
    assert (await lidarr.check()).startswith("3.")


async def test_missing_albums_are_the_monitored_ones_that_came_out(lidarr: LidarrLibrary, wanted_world: World) -> None:
    missing = {album.lidarr_album_id: album async for album in lidarr.missing_albums()}
    expected = {
        album.id for album in wanted_world.lidarr.library.missing() if album.monitored and album.artist.monitored
    }
    assert missing.keys() == expected
    lanterns = missing[21]
    assert (lanterns.artist, lanterns.title, lanterns.year) == ("Мирна Заря", "Polar Lanterns", 2018)
    assert lanterns.release_group_id == next(a for a in wanted_world.catalogue.albums if a.id == 21).release_group_id


async def test_every_page_is_read_and_no_album_twice(
    lidarr: LidarrLibrary, wanted_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = [album.key async for album in lidarr.missing_albums()]
    monkeypatch.setattr(lidarr_module, "_PAGE", 2)
    assert [album.key async for album in lidarr.missing_albums()] == whole
    assert len(set(whole)) == len(whole) > 2


async def test_tracks_come_with_disc_number_and_length(lidarr: LidarrLibrary, wanted_world: World) -> None:
    missing = {album.lidarr_album_id: album async for album in lidarr.missing_albums()}
    full = await lidarr.with_tracks(missing[21])
    known = next(a for a in wanted_world.catalogue.albums if a.id == 21)
    assert [(t.disc, t.number, t.title, t.duration_s) for t in full.tracks] == [
        (t.disc, t.number, t.title, float(t.duration_s)) for t in known.tracks
    ]


async def test_albums_lidarr_fetches_itself_are_known(lidarr: LidarrLibrary, wanted_world: World) -> None:
    assert await lidarr.queued_album_ids() == frozenset()
    wanted_world.lidarr.queue += [{"id": 1, "artistId": 1, "albumId": 11, "title": "x"}, {"id": 2, "title": "unknown"}]
    assert await lidarr.queued_album_ids() == {11}


async def test_an_album_is_found_by_its_folded_names(lidarr: LidarrLibrary) -> None:
    album = await lidarr.find_album("the tin  MERIDIANS", "glass meridian")
    assert album is not None
    assert album.lidarr_album_id == 41
    assert len(album.tracks) == 3
    assert await lidarr.find_album("The Tin Meridians", "Nothing") is None


async def test_files_that_were_placed_are_no_longer_missing_after_a_rescan(
    lidarr: LidarrLibrary, wanted_world: World
) -> None:
    album = next(a for a in wanted_world.catalogue.albums if a.key == "copper-almanac")
    assert album.id in [a.lidarr_album_id async for a in lidarr.missing_albums()]
    artist = await lidarr.artist_path(album.id)
    assert Path(artist.path).name == "Copper Almanac"
    await lidarr.rescan(artist.path, artist.artist_id)
    assert album.id not in [a.lidarr_album_id async for a in lidarr.missing_albums()]


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        ("error_500", NotReachableError, "500"),
        ("garbage", UnexpectedReplyError, "understood"),
        ("login_page", UnexpectedReplyError, "login page"),
        ("reset", NotReachableError, "reached"),
        ("starting_503", NotReachableError, "still starting"),
        ("rate_limited_429", NotReachableError, "busy"),
    ],
)
async def test_each_fault_is_told_for_what_it_is_and_passes(
    lidarr: LidarrLibrary, wanted_world: World, fault: str, error: type[EngineError], words: str
) -> None:
    wanted_world.faults.set("lidarr", fault)
    with pytest.raises(error, match=words) as caught:
        await lidarr.check()
    assert wanted_world.lidarr.api_key not in str(caught.value)
    wanted_world.faults.clear()
    assert await lidarr.check()


async def test_a_wrong_key_is_a_wrong_key(wanted_world: World) -> None:
    library = LidarrLibrary(LidarrConfig(url=wanted_world.lidarr.url, api_key="0" * 32), http_client)
    with pytest.raises(CredentialsError):
        await library.check()
    await library.close()


@pytest.mark.parametrize("url", ["", "lidarr:8686", "ftp://127.0.0.1", "http://", "http://127.0.0.1:1"])
async def test_a_wrong_address_is_told(url: str) -> None:
    library = LidarrLibrary(LidarrConfig(url=url, api_key="0" * 32), http_client)
    with pytest.raises((NotReachableError, UnexpectedReplyError)):
        await library.check()
    await library.close()


async def test_another_program_of_its_kind_is_not_lidarr() -> None:
    async def status(_: web.Request) -> web.Response:
        return web.json_response({"appName": "Radarr", "version": "5"})

    app = web.Application()
    app.router.add_get("/base/api/v1/system/status", status)
    async with TestServer(app, host="127.0.0.1") as server:
        library = LidarrLibrary(LidarrConfig(url=f"{server.make_url('/base/')}", api_key="0" * 32), http_client)
        with pytest.raises(UnexpectedReplyError, match="not Lidarr"):
            await library.check()
        await library.close()


def test_vinyl_sides_are_numbered_by_place() -> None:
    rows = [
        {"trackNumber": "B1", "absoluteTrackNumber": 3, "mediumNumber": 1, "title": "c", "duration": 0},
        {"trackNumber": "A1", "absoluteTrackNumber": 1, "mediumNumber": 1, "title": "a", "duration": 61500},
        {"trackNumber": "A2", "absoluteTrackNumber": 2, "mediumNumber": 1, "title": "b"},
    ]
    assert tracks_of(rows) == (
        WantedTrack(1, 1, "a", 61.5),
        WantedTrack(1, 2, "b", None),
        WantedTrack(1, 3, "c", None),
    )


_anything = st.none() | st.integers() | st.text() | st.lists(st.integers()) | st.floats()
_names = ["trackNumber", "absoluteTrackNumber", "mediumNumber", "title", "duration", "artist", "releaseDate", "id"]


@given(st.lists(st.dictionaries(st.sampled_from(_names), _anything), max_size=4))
def test_no_record_makes_reading_raise(rows: list[dict[str, object]]) -> None:
    tracks = tracks_of(rows)
    assert len({(track.disc, track.number) for track in tracks}) == len(rows)
    for row in rows:
        album_of(row)
        album_of({"artist": {"artistName": "A"}, "title": "B", **row})
