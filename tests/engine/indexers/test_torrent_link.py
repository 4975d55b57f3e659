"""Following download links to torrents, over real HTTP."""

import aiohttp
import pytest
from aiohttp import web

from custom_components.trusttune.engine.errors import (
    CredentialsError,
    EngineError,
    MetainfoError,
    NotReachableError,
    RateLimitedError,
)
from custom_components.trusttune.engine.indexers.torrent_link import MAX_HOPS, resolve
from tests.world.catalogue import LinkKind
from tests.world.world import World

from .conftest import Handler, Serve

_MAGNET = f"magnet:?xt=urn:btih:{'a' * 40}"
_SECRET = "s3cr3t"


def _redirect(to: str, status: int = 302) -> Handler:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=status, headers={"Location": to})

    return handler


async def test_every_link_of_the_indexer_is_resolved_or_refused(
    indexers_world: World, session: aiohttp.ClientSession
) -> None:
    refused = {LinkKind.FILE_REDIRECT, LinkKind.OVERSIZED, LinkKind.NOT_BENCODED}
    seen = set()
    for release in indexers_world.catalogue.releases:
        seen.add(release.link)
        link = indexers_world.torznab.link(release)
        if release.link in refused:
            with pytest.raises(MetainfoError) as error:
                await resolve(session, link)
            assert indexers_world.torznab.api_key not in str(error.value)
        else:
            torrent = await resolve(session, link)
            assert torrent.info_hash == indexers_world.torrent(release.key).info_hash
            is_magnet = release.link in {LinkKind.MAGNET_301, LinkKind.MAGNET_302}
            assert isinstance(torrent.source, str) is is_magnet
    assert seen == set(LinkKind)


async def test_a_magnet_link_asks_nobody(session: aiohttp.ClientSession) -> None:
    assert (await resolve(session, _MAGNET)).info_hash == "a" * 40


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/a", "javascript:1", "data:,x", ""])
async def test_a_redirect_to_anything_else_is_refused(
    serve: Serve, session: aiohttp.ClientSession, target: str
) -> None:
    async with serve(_redirect(target)) as url:
        with pytest.raises(MetainfoError):
            await resolve(session, f"{url}/dl?apikey={_SECRET}")


async def test_redirects_end_after_a_few(serve: Serve, session: aiohttp.ClientSession) -> None:
    asked = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=302, headers={"Location": f"/{len(asked)}"})

    async with serve(handler) as url:
        with pytest.raises(MetainfoError, match="without end"):
            await resolve(session, url)
    assert len(asked) == MAX_HOPS + 1


@pytest.mark.parametrize(
    ("status", "headers", "body", "error"),
    [
        (200, {"Content-Type": "text/html"}, b"<!doctype html>Sign in", MetainfoError),
        (200, {"Content-Type": "application/x-bittorrent"}, b"<html>Just a moment", MetainfoError),
        (404, {}, b"", MetainfoError),
        (401, {}, b"", CredentialsError),
        (503, {}, b"", NotReachableError),
        (429, {"Retry-After": "77"}, b"", RateLimitedError),
    ],
)
async def test_a_refusal_is_told_without_the_links_query(
    serve: Serve,
    session: aiohttp.ClientSession,
    status: int,
    headers: dict[str, str],
    body: bytes,
    error: type[EngineError],
) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=status, headers=headers, body=body)

    async with serve(handler) as url:
        with pytest.raises(error) as caught:
            await resolve(session, f"{url}/dl?apikey={_SECRET}")
    assert _SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    if isinstance(caught.value, RateLimitedError):
        assert caught.value.retry_after_s == 77


async def test_an_endless_body_is_not_read_to_its_end(serve: Serve, session: aiohttp.ClientSession) -> None:
    sent = 0

    async def handler(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse(headers={"Content-Type": "application/x-bittorrent"})
        await response.prepare(request)
        while sent < 200 * 1024**2:
            await response.write(b"d4:info" + b"0" * 2**20)
            sent += 2**20
        return response

    async with serve(handler) as url:
        with pytest.raises(MetainfoError, match="larger than 10 MiB"):
            await resolve(session, url)
    assert sent < 100 * 1024**2


@pytest.mark.parametrize("link", ["http://[::1/a", "http://", "http:///x", "nonsense", "", "http://127.0.0.1:99999/"])
async def test_what_is_no_address_is_refused(session: aiohttp.ClientSession, link: str) -> None:
    with pytest.raises((MetainfoError, NotReachableError)):
        await resolve(session, link)


async def test_nobody_at_the_address_is_not_reachable(session: aiohttp.ClientSession, unused_tcp_port: int) -> None:
    with pytest.raises(NotReachableError) as caught:
        await resolve(session, f"http://127.0.0.1:{unused_tcp_port}/dl?apikey={_SECRET}")
    assert _SECRET not in str(caught.value)
