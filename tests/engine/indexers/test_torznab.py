"""A Torznab indexer over real HTTP, in all its moods, and the fan-out over several."""

import asyncio
import contextlib

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from custom_components.trusttune.engine.config import IndexerConfig
from custom_components.trusttune.engine.errors import (
    CredentialsError,
    EngineError,
    IndexerError,
    NotReachableError,
    RateLimitedError,
    UnexpectedReplyError,
)
from custom_components.trusttune.engine.indexers.fanout import search_all
from custom_components.trusttune.engine.indexers.query import Query
from custom_components.trusttune.engine.indexers.release import IndexedRelease
from custom_components.trusttune.engine.indexers.torznab import TorznabIndexer
from custom_components.trusttune.engine.indexers.torznab_xml import clean_title, parse_caps, parse_releases
from tests.world.world import World

from .conftest import Serve

_QUERY = Query("Velvet Parallax", "Glass Meridian", 2019, "Velvet Parallax Glass Meridian")
_CAPS = (
    '<caps><server title="W"/><searching><search available="yes" supportedParams="q"/>'
    '<music-search available="yes" supportedParams="q"/></searching></caps>'
)


def _config(url: str, key: str = "s3cr3t", indexer_id: str = "one") -> IndexerConfig:
    return IndexerConfig(id=indexer_id, name=f"Indexer {indexer_id}", url=url, api_key=key)


async def test_a_search_gives_the_rows_of_the_indexer(indexers_world: World, session: aiohttp.ClientSession) -> None:
    torznab = indexers_world.torznab
    indexer = TorznabIndexer(_config(torznab.url, torznab.api_key), session)
    releases = await indexer.search(_QUERY)
    wanted = indexers_world.torrent("glass-meridian-flac")
    found = next(release for release in releases if release.link == torznab.link(wanted.release))
    assert found.title == wanted.release.title
    assert found.size_bytes == wanted.size_bytes
    assert found.seeders == wanted.release.seeders
    assert torznab.api_key not in repr(releases)


async def test_unknown_seeders_are_none_and_not_zero(indexers_world: World, session: aiohttp.ClientSession) -> None:
    torznab = indexers_world.torznab
    releases = await TorznabIndexer(_config(torznab.url, torznab.api_key), session).search(Query("", "", None, ""))
    told = {torznab.link(release): release.seeders for release in indexers_world.catalogue.releases}
    assert releases
    for release in releases:
        assert release.seeders == told[release.link]


@pytest.mark.parametrize(
    ("supported", "text", "expected"),
    [
        (("q",), _QUERY.text, {"t", "q"}),
        (("q", "artist"), _QUERY.text, {"t", "q"}),
        (("q", "artist", "album"), _QUERY.text, {"t", "artist", "album"}),
        (("q", "artist", "album"), "Velvet Parallax discography", {"t", "q"}),
    ],
)
async def test_artist_and_album_are_sent_only_where_both_are_understood(
    indexers_world: World, session: aiohttp.ClientSession, supported: tuple[str, ...], text: str, expected: set[str]
) -> None:
    torznab = indexers_world.torznab
    torznab.music_parameters = supported
    query = Query("Velvet Parallax", "Glass Meridian", 2019, text)
    await TorznabIndexer(_config(torznab.url, torznab.api_key), session).search(query)
    sent = indexers_world.requests.to("torznab")[-1].query_names
    assert sent & {"t", "q", "artist", "album"} == expected


async def test_caps_are_fetched_once_a_day(indexers_world: World, session: aiohttp.ClientSession) -> None:
    torznab, now = indexers_world.torznab, 1000.0
    indexer = TorznabIndexer(_config(torznab.url, torznab.api_key), session, clock=lambda: now)
    for _ in range(3):
        assert (await indexer.caps()).title == "Jackett"
    assert len(indexers_world.requests.to("torznab")) == 1
    now += 24 * 3600
    await indexer.caps()
    assert len(indexers_world.requests.to("torznab")) == 2


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("error_500", NotReachableError),
        ("garbage", UnexpectedReplyError),
        ("login_page", UnexpectedReplyError),
        ("reset", NotReachableError),
        ("starting_503", NotReachableError),
        ("rate_limited_429", RateLimitedError),
        ("error_in_200", IndexerError),
    ],
)
async def test_each_fault_is_told_for_what_it_is_and_passes(
    indexers_world: World, session: aiohttp.ClientSession, fault: str, error: type[EngineError]
) -> None:
    torznab, now = indexers_world.torznab, 0.0
    indexer = TorznabIndexer(_config(torznab.url, torznab.api_key), session, clock=lambda: now)
    indexers_world.faults.set("torznab", fault)
    with pytest.raises(error) as caught:
        await indexer.search(_QUERY)
    assert torznab.api_key not in str(caught.value)
    assert caught.value.__cause__ is None
    indexers_world.faults.clear()
    now += 2
    assert await indexer.search(_QUERY)


async def test_a_wrong_key_answered_with_200_is_a_wrong_key(
    indexers_world: World, session: aiohttp.ClientSession
) -> None:
    with pytest.raises(CredentialsError) as caught:
        await TorznabIndexer(_config(indexers_world.torznab.url, "wr0ng"), session).caps()
    assert "wr0ng" not in str(caught.value)


async def test_an_indexer_that_asks_to_wait_is_left_alone_until_then(
    indexers_world: World, session: aiohttp.ClientSession
) -> None:
    torznab, now = indexers_world.torznab, 0.0
    indexer = TorznabIndexer(_config(torznab.url, torznab.api_key), session, clock=lambda: now)
    indexers_world.faults.set("torznab", "rate_limited_429", retry_after_s=90, times=1)
    with pytest.raises(RateLimitedError):
        await indexer.search(_QUERY)
    now += 60
    with pytest.raises(RateLimitedError) as caught:
        await indexer.search(_QUERY)
    assert caught.value.retry_after_s == 30
    assert len(indexers_world.requests.to("torznab")) == 1
    now += 30
    assert await indexer.search(_QUERY)


async def test_one_failing_indexer_never_ends_a_search(
    indexers_world: World, session: aiohttp.ClientSession, serve: Serve, unused_tcp_port: int
) -> None:
    async def silent(_: web.Request) -> web.Response:
        await asked.wait()
        return web.Response()

    class Broken:
        id, name = "broken", "Broken"

        async def search(self, query: Query) -> tuple[IndexedRelease, ...]:
            raise ZeroDivisionError("http://127.0.0.1/?apikey=s3cr3t")

    asked = asyncio.Event()
    torznab = indexers_world.torznab
    async with serve(silent) as silent_url:
        report = await search_all(
            [
                TorznabIndexer(_config(torznab.url, torznab.api_key, "good"), session),
                TorznabIndexer(_config(torznab.url, torznab.api_key, "twin"), session),
                TorznabIndexer(_config(silent_url, indexer_id="silent"), session),
                TorznabIndexer(_config(f"http://127.0.0.1:{unused_tcp_port}", indexer_id="gone"), session),
                Broken(),
            ],
            _QUERY,
            timeout_s=2,
        )
        asked.set()
    assert report.failures.keys() == {"silent", "gone", "broken"}
    assert "s3cr3t" not in str(report.failures)
    hashes = [release.info_hash for release in report.releases if release.info_hash]
    assert hashes
    assert len(hashes) == len(set(hashes))


async def test_an_endless_answer_is_not_read_to_its_end(serve: Serve, session: aiohttp.ClientSession) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(64):
            await response.write(b" " * 2**20)
        return response

    async with serve(handler) as url:
        with pytest.raises(UnexpectedReplyError, match="more than 8 MiB"):
            await TorznabIndexer(_config(url), session).caps()


async def test_a_redirect_is_not_followed_with_the_key(serve: Serve, session: aiohttp.ClientSession) -> None:
    asked = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=302, headers={"Location": "/login"})

    async with serve(handler) as url:
        with pytest.raises(UnexpectedReplyError, match="login page"):
            await TorznabIndexer(_config(f"{url}/feed"), session).caps()
    assert asked == ["/feed"]


def _rss(rows: str, prefix: str = "torznab") -> bytes:
    return (f'<rss xmlns:{prefix}="http://torznab.com/schemas/2015/feed"><channel>{rows}</channel></rss>').encode()


def test_attributes_are_found_by_namespace_and_in_any_case() -> None:
    rows = (
        "<item><title>A</title><link>http://a/1</link>"
        f'<x:attr name="Seeders" value="3"/><x:attr name="infoHash" value="{"AB" * 20}"/>'
        '<x:attr name="category" value="3040"/><category>3000</category><category>x</category></item>'
    )
    (release,) = parse_releases(_rss(rows, "x"), "one")
    assert (release.seeders, release.info_hash, release.categories) == (3, "ab" * 20, (3000, 3040))
    assert release.size_bytes is None


def test_a_guid_never_carries_the_links_key() -> None:
    row = "<item><title>A</title><guid>{0}</guid><link>http://a/1?apikey=s3cr3t</link></item>"
    for guid in ("", "http://a/1?apikey=s3cr3t", "http://a/2?x=s3cr3t"):
        (release,) = parse_releases(_rss(row.format(guid)), "one", secret="s3cr3t")
        assert "s3cr3t" not in release.guid
        assert len(release.guid) == 32


@pytest.mark.parametrize("link", ["file:///etc/passwd", "", "ftp://a/b"])
def test_a_row_without_a_link_that_may_be_followed_is_left_out(link: str) -> None:
    assert parse_releases(_rss(f"<item><title>A</title><link>{link}</link></item>"), "one") == ()


def test_rows_end_at_five_hundred() -> None:
    rows = "<item><title>A</title><link>http://a/1</link></item>" * 600
    assert len(parse_releases(_rss(rows), "one")) == 500


def test_titles_lose_double_escapes_and_what_cannot_be_seen() -> None:
    assert clean_title("Kite &amp;amp; Sons\u200b \u202e[FLAC]\n ") == "Kite & Sons [FLAC]"


@pytest.mark.parametrize(
    "body",
    [
        b'<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;">]><rss><channel>&b;</channel></rss>',
        b'<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]><rss><channel>&a;</channel></rss>',
        b'<?xml version="1.0" encoding="no-such"?><rss/>',
        b"<rss/>",
        b"<caps/>",
        b"",
    ],
)
def test_entities_and_other_shapes_are_refused(body: bytes) -> None:
    for parse in (lambda body: parse_releases(body, "one"), parse_caps):
        with pytest.raises(UnexpectedReplyError):
            parse(body)


@given(st.binary() | st.text().map(lambda text: _rss(f"<item><title>{text}</title></item>")) | st.just(_CAPS.encode()))
def test_parsing_raises_nothing_but_an_unexpected_reply(body: bytes) -> None:
    for parse in (lambda body: parse_releases(body, "one"), parse_caps):
        with contextlib.suppress(UnexpectedReplyError):
            parse(body)
