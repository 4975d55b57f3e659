"""The Internet Archive over real HTTP: only what everybody may copy."""

import aiohttp
import pytest
from aiohttp import web

from custom_components.trusttune.engine.errors import EngineError, NotReachableError, UnexpectedReplyError
from custom_components.trusttune.engine.indexers.internet_archive import InternetArchiveIndexer
from custom_components.trusttune.engine.indexers.query import Query
from custom_components.trusttune.engine.indexers.torrent_link import resolve
from tests.world.world import World

from .conftest import Serve

_FREE = Query("Copper Almanac", "Harbour Songs", 2015, "Copper Almanac Harbour Songs")
_UNKNOWN = Query("Velvet Parallax", "Glass Meridian", 2019, "Velvet Parallax Glass Meridian")


async def test_a_free_album_is_listed_with_its_licence_and_its_torrent_can_be_fetched(
    indexers_world: World, session: aiohttp.ClientSession
) -> None:
    (release,) = await InternetArchiveIndexer(session, indexers_world.internet_archive.url).search(_FREE)
    assert release.title == "Copper Almanac - Harbour Songs (2015)"
    assert release.licence == "http://creativecommons.org/publicdomain/zero/1.0/"
    assert release.seeders is None
    assert release.link.endswith("_archive.torrent")
    torrent = await resolve(session, release.link)
    assert torrent.info_hash == release.info_hash
    assert torrent.metainfo is not None
    assert torrent.metainfo.total_bytes == release.size_bytes


async def test_an_album_without_a_licence_is_not_listed(indexers_world: World, session: aiohttp.ClientSession) -> None:
    assert await InternetArchiveIndexer(session, indexers_world.internet_archive.url).search(_UNKNOWN) == ()


@pytest.mark.parametrize("licence", ["", "https://example.invalid/creativecommons.org/licenses/by/4.0/", None, 7])
async def test_a_licence_is_judged_here_and_not_by_the_search(
    serve: Serve, session: aiohttp.ClientSession, licence: object
) -> None:
    async def handler(_: web.Request) -> web.Response:
        row = {"identifier": "a", "title": "A", "licenseurl": licence}
        return web.json_response({"response": {"docs": [row, {**row, "identifier": "../../a"}]}})

    async with serve(handler) as url:
        assert await InternetArchiveIndexer(session, url).search(_FREE) == ()


@pytest.mark.parametrize("name", ['AC"DC', "a\\", 'x" OR mediatype:(movies) OR "', "((", "!!!"])
async def test_names_cannot_change_the_search(serve: Serve, session: aiohttp.ClientSession, name: str) -> None:
    asked = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(request.query["q"])
        return web.json_response({"response": {"docs": []}})

    async with serve(handler) as url:
        await InternetArchiveIndexer(session, url).search(Query(name, name, None, name))
    assert asked[0].count('"') == 4
    assert "\\" not in asked[0]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("error_500", NotReachableError),
        ("garbage", UnexpectedReplyError),
        ("login_page", UnexpectedReplyError),
        ("reset", NotReachableError),
        ("rate_limited_429", EngineError),
    ],
)
async def test_each_fault_is_told(
    indexers_world: World, session: aiohttp.ClientSession, fault: str, error: type[EngineError]
) -> None:
    indexers_world.faults.set("internet_archive", fault)
    with pytest.raises(error):
        await InternetArchiveIndexer(session, indexers_world.internet_archive.url).search(_FREE)
