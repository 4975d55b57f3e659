"""The world's indexer answers as Jackett does."""

import hashlib
from pathlib import Path
from typing import Any

import aiohttp
import defusedxml.ElementTree as DefusedET
import pytest

from .catalogue import LinkKind
from .fixtures import AUDIO_CACHE
from .world import World


async def feed(world: World, http: aiohttp.ClientSession, **query: str) -> Any:
    async with http.get(world.torznab.url, params={"apikey": world.torznab.api_key, **query}) as response:
        assert response.status == 200
        return DefusedET.fromstring(await response.read())


async def test_torznab_finds_what_has_every_word_whatever_the_accents_and_case(
    quiet_world: World, http: aiohttp.ClientSession
) -> None:
    rows = (await feed(quiet_world, http, t="search", q="TIN meridians gläss", cat="3000")).findall(".//item")
    assert rows
    assert all("Tin Meridians" in (row.findtext("title") or "") for row in rows)
    assert not (await feed(quiet_world, http, t="search", q="tin meridians nowhere")).findall(".//item")


async def test_torznab_ignores_parameters_its_caps_do_not_name(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    asked = {"t": "music", "artist": "Copper Almanac", "album": "Harbour Songs"}
    titles = []
    for parameters in (("q",), ("q", "artist", "album")):
        async with World(
            tmp_path, seed=False, only={"torznab"}, audio_cache=AUDIO_CACHE, music_parameters=parameters
        ) as world:
            caps = await feed(world, http, t="caps")
            supported = caps.find("searching/music-search").get("supportedParams")
            assert supported == ",".join(parameters)
            rows = (await feed(world, http, **asked)).findall(".//item")
            titles.append([row.findtext("title") or "" for row in rows])
    newest, found = titles
    assert any("Night Ledger" in title for title in newest)
    assert found
    assert not any("Night Ledger" in title for title in found)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"apikey": "wrong", "t": "search"}, "100"),
        ({}, "200"),
        ({"t": "search", "cat": "x"}, "201"),
        ({"t": "sing"}, "202"),
    ],
)
async def test_torznab_answers_errors_with_http_200(
    quiet_world: World, http: aiohttp.ClientSession, query: dict[str, str], code: str
) -> None:
    error = await feed(quiet_world, http, **query)
    assert (error.tag, error.get("code")) == ("error", code)


async def test_torznab_links_lead_to_torrents_magnets_and_where_none_may_lead(
    quiet_world: World, http: aiohttp.ClientSession
) -> None:
    seen: dict[LinkKind, tuple[int, str]] = {}
    for release in quiet_world.catalogue.releases:
        if release.link in seen:
            continue
        async with http.get(quiet_world.torznab.link(release), allow_redirects=False) as response:
            body = await response.read()
            seen[release.link] = (response.status, response.headers.get("Location", ""))
            if release.link is LinkKind.TORRENT:
                torrent = quiet_world.torrent(release.key)
                info = body[body.index(b"4:info") + 6 : -1]
                assert hashlib.sha1(info, usedforsecurity=False).hexdigest() == torrent.info_hash
            elif release.link is LinkKind.OVERSIZED:
                assert len(body) > 10 * 1024**2
            elif release.link is LinkKind.NOT_BENCODED:
                assert body.startswith(b"<html>")
    assert set(seen) == set(LinkKind)
    assert seen[LinkKind.MAGNET_302][0] == 302
    assert seen[LinkKind.MAGNET_301][0] == 301
    assert seen[LinkKind.MAGNET_301][1].startswith("magnet:?xt=urn:btih:")
    assert seen[LinkKind.FILE_REDIRECT][1].startswith("file:///")
    assert seen[LinkKind.HTTP_REDIRECT][1].startswith("http://127.0.0.1:")
